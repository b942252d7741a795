package trace

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"zvonar/internal/calls"
)

// mostMessages bounds what is read of one call.
const mostMessages = 5000

// dialog is one leg of a call.
type dialog struct{ id, role string }

// Read gives the SIP messages of a call that was dialled or came between two
// times, as far as they are kept on this node, in the order of time.
func (r *Recorder) Read(ctx context.Context, call string, from, to time.Time) (list []calls.SIPMessage, err error) {
	var where []view
	if err := r.ask(ctx, func() error { where = r.shelf.views(from, to); return nil }); err != nil {
		return nil, err
	}
	dialogs, err := dialogsOf(ctx, where, call)
	for _, d := range dialogs {
		if err != nil {
			return nil, err
		}
		err = each(ctx, where, []byte(d.id), func(_ *os.File, _ int64, rec record) error {
			if rec.kind == kindMessage && len(list) < mostMessages {
				list = append(list, calls.SIPMessage{At: rec.at, Sent: rec.sent, Network: rec.network, Local: rec.local, Remote: rec.remote,
					SIPCallID: d.id, Role: calls.Role(d.role), Text: string(rec.data)})
			}
			return nil
		})
	}
	slices.SortStableFunc(list, func(a, b calls.SIPMessage) int { return a.At.Compare(b.At) })
	return list, err
}

// dialogsOf finds the dialogs of a call.
func dialogsOf(ctx context.Context, where []view, call string) (list []dialog, err error) {
	err = each(ctx, where, []byte(call), func(_ *os.File, _ int64, rec record) error {
		if rec.kind == kindBind {
			_, id, role := bound(rec)
			if d := (dialog{id, role}); !slices.Contains(list, d) {
				list = append(list, d)
			}
		}
		return nil
	})
	return list, err
}

// each goes over the records with a key. A segment that has gone meanwhile has
// nothing.
func each(ctx context.Context, list []view, key []byte, do func(f *os.File, at int64, rec record) error) error {
	for _, v := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := v.each(key, do)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (v view) each(key []byte, do func(f *os.File, at int64, rec record) error) error {
	hash := hashOf(key)
	places := v.places
	if places == nil {
		var err error
		if places, err = readIndex(v.index(), hash); err != nil {
			return err
		}
	}
	var f *os.File
	defer func() {
		if f != nil {
			_ = f.Close()
		}
	}()
	for _, p := range places {
		if p.hash != hash {
			continue
		}
		if f == nil {
			var err error
			if f, err = os.OpenFile(v.path, os.O_RDWR, 0); err != nil {
				return err
			}
		}
		rec, err := readRecord(f, int64(p.at))
		if errors.Is(err, errTorn) {
			continue
		}
		if err != nil {
			return err
		}
		if rec.kind != kindErased && bytes.Equal(rec.key, key) {
			if err := do(f, int64(p.at), rec); err != nil {
				return err
			}
		}
	}
	return nil
}

// readRecord reads the record at an offset.
func readRecord(f *os.File, at int64) (record, error) {
	head := make([]byte, headSize+2048)
	n, err := f.ReadAt(head, at)
	if n < headSize {
		return record{}, errors.Join(errTorn, err)
	}
	rec, _, err := parse(head[:n])
	if err == nil {
		return rec, nil
	}
	whole := make([]byte, headSize+maxData+tailSize)
	n, _ = f.ReadAt(whole, at)
	rec, _, err = parse(whole[:n])
	return rec, err
}

// bound reads a record of kindBind.
func bound(rec record) (call, dialog, role string) {
	f := bytes.SplitN(rec.data, []byte{0}, 3)
	if len(f) != 3 {
		return "", "", ""
	}
	return string(f[0]), string(f[1]), string(f[2])
}

// Erase takes everything that is kept of a call off the disk of this node: its
// bytes are overwritten.
func (r *Recorder) Erase(ctx context.Context, call string, from, to time.Time) error {
	return r.ask(ctx, func() error {
		where := r.shelf.views(from, to)
		dialogs, err := dialogsOf(ctx, where, call)
		if err != nil {
			return err
		}
		for _, key := range append(dialogs, dialog{id: call}) {
			if err := each(ctx, where, []byte(key.id), overwrite); err != nil {
				return err
			}
		}
		return nil
	})
}

// overwrite empties a record; its length stays.
func overwrite(f *os.File, at int64, rec record) error {
	if _, err := f.WriteAt([]byte{byte(kindErased)}, at+2); err != nil {
		return err
	}
	if _, err := f.WriteAt(make([]byte, 36), at+24); err != nil { // the addresses
		return err
	}
	if _, err := f.WriteAt(make([]byte, len(rec.data)), at+headSize); err != nil {
		return err
	}
	return f.Sync()
}
