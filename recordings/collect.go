package recordings

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"zvonar/internal/calls"
	"zvonar/recordings/s3"
)

const (
	// youngContent is left alone: its row may be on its way.
	youngContent = 24 * time.Hour
	// asidePrefix names what is looked at a last time before it is removed.
	asidePrefix = ".clip-aside-"
	// staleMark is the age of a mark that a crash has left.
	staleMark = time.Hour
)

// keyOf reads the key out of the name of a clip's file.
var keyOf = regexp.MustCompile(`^(?:.*/)?(([0-9a-f]{64})(?:-[0-9a-f]{64})?)\.wav$`)

// Collected is what a collection removed.
type Collected struct {
	Files int
	Bytes int64
}

// storedFile is a file that a collection looks at.
type storedFile struct {
	key, narrow string
	size        int64
	modified    time.Time
}

// Collect removes content that no recording of any account has, from the disk
// and, where shared is true, from the remote storage. An upload of the same
// content at the same time is refused for that moment, never lost: the content is
// condemned in the store first, and no version can take it until it is acquitted.
func (l *Library) Collect(ctx context.Context, shared bool) (done Collected, err error) {
	now := l.cfg.Clock.Now()
	if err := l.cfg.Store.Update(ctx, func(tx calls.Tx) error { return tx.AcquitBefore(now.Add(-staleMark)) }); err != nil {
		return done, err
	}
	here, err := l.files.list()
	if err != nil {
		return done, err
	}
	if err := l.sweep(ctx, here, l.files.removeOld, &done); err != nil || !shared || l.files.remote == nil {
		return done, err
	}
	there, err := l.files.listRemote(ctx)
	if err != nil {
		return done, err
	}
	remove := func(f storedFile, _ time.Time) (bool, error) {
		return true, l.files.remote.Delete(ctx, remoteName(f.key))
	}
	return done, l.sweep(ctx, there, remove, &done)
}

// sweep removes those of list that are old and that nobody has.
func (l *Library) sweep(ctx context.Context, list []storedFile, remove func(f storedFile, before time.Time) (bool, error), done *Collected) error {
	before := l.cfg.Clock.Now().Add(-youngContent)
	for _, f := range list {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !f.modified.Before(before) {
			continue
		}
		condemned := false
		err := l.cfg.Store.View(ctx, func(tx calls.ReadTx) error {
			used, err := tx.ContentUsed(f.narrow)
			condemned = !used
			return err
		})
		if err == nil && condemned {
			err = l.cfg.Store.Update(ctx, func(tx calls.Tx) (err error) {
				condemned, err = tx.CondemnContent(f.narrow, l.cfg.Clock.Now())
				return err
			})
		}
		if err != nil {
			return err
		}
		if !condemned {
			continue
		}
		removed, err := remove(f, before)
		// What was condemned must be free again, whoever has gone meanwhile.
		acquit := l.cfg.Store.Update(context.WithoutCancel(ctx), func(tx calls.Tx) error { return tx.AcquitContent(f.narrow) })
		if err := errors.Join(err, acquit); err != nil {
			return err
		}
		if removed {
			done.Files++
			done.Bytes += f.size
			l.cfg.Log.Info("content that no recording has was removed", "file", f.key, "bytes", f.size)
		}
	}
	return nil
}

// list finds every clip on the disk.
func (f files) list() (list []storedFile, err error) {
	names, err := filepath.Glob(filepath.Join(f.dir, "[0-9a-f][0-9a-f]", "*.wav"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		m := keyOf.FindStringSubmatch(filepath.ToSlash(name))
		st, err := os.Stat(name)
		if m == nil || err != nil || !st.Mode().IsRegular() {
			continue // not ours, or gone
		}
		list = append(list, storedFile{key: m[1], narrow: m[2], size: st.Size(), modified: st.ModTime()})
	}
	return list, nil
}

// removeOld removes a file, unless somebody stored the same content anew since it
// was listed. It is put aside for the moment in which that is looked at.
func (f files) removeOld(file storedFile, before time.Time) (bool, error) {
	name := f.path(file.key)
	aside := filepath.Join(f.dir, asidePrefix+file.key)
	if err := os.Rename(name, aside); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	st, err := os.Stat(aside)
	if err != nil {
		return false, err
	}
	if !st.ModTime().Before(before) {
		return false, os.Rename(aside, name)
	}
	return true, os.Remove(aside)
}

// listRemote finds every clip in the remote storage.
func (f files) listRemote(ctx context.Context) (list []storedFile, err error) {
	err = f.remote.List(ctx, func(o s3.Object) error {
		if m := keyOf.FindStringSubmatch(o.Key); m != nil {
			list = append(list, storedFile{key: m[1], narrow: m[2], size: o.Size, modified: o.Modified})
		}
		return nil
	})
	return list, err
}

// putBack undoes what a removal that was killed has left: whether somebody has it
// is asked again.
func (f files) putBack() error {
	left, err := filepath.Glob(filepath.Join(f.dir, asidePrefix+"*"))
	for _, aside := range left {
		key := filepath.Base(aside)[len(asidePrefix):]
		if keyOf.MatchString(key + ".wav") {
			err = errors.Join(err, os.Rename(aside, f.path(key)))
		}
	}
	return err
}
