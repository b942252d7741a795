package crash

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/store"
)

// known is what had been acknowledged or shown at one instant: whatever was
// written by then must be in every later copy.
type known struct {
	at           time.Time
	acknowledged []string
	seen         map[string]event
}

func (w *world) known() known {
	w.mu.Lock()
	defer w.mu.Unlock()
	return known{at: time.Now(), acknowledged: w.load.acknowledged(), seen: maps.Clone(w.seen)}
}

// cutPower copies the database of the running daemon twice: as it is, which is
// what kill -9 leaves, and with the write-ahead log cut off (and sometimes
// scrawled over) at a random place behind what was durable a moment earlier,
// which is what a power cut may leave of writes that were not synced yet.
func (w *world) cutPower() {
	early := w.known()
	var begin walEnd
	if !w.frozen(func() { begin = w.wal() }) {
		return
	}
	if w.dead(time.Duration(20+w.rng.IntN(200)) * time.Millisecond) {
		return
	}
	late := w.known()
	whole, torn := filepath.Join(w.dir, fmt.Sprintf("whole-%d", w.tries)), filepath.Join(w.dir, fmt.Sprintf("torn-%d", w.tries))
	var end walEnd
	if !w.frozen(func() {
		end = w.wal()
		w.copyStore(whole)
		w.copyStore(torn)
	}) {
		return
	}
	dialogs := w.readDialogs()
	w.examine(whole, late, dialogs)
	if begin.salt == end.salt && begin.written.Equal(end.written) && end.at > begin.at {
		w.tear(torn, begin.at+w.rng.Int64N(end.at-begin.at))
		w.examine(torn, early, dialogs)
	}
	_ = os.RemoveAll(torn)
}

// frozen runs f while no thread of the daemon runs; false where it died before.
func (w *world) frozen(f func()) bool {
	if w.cmd.Process.Signal(syscall.SIGSTOP) != nil {
		return false
	}
	for !w.dead(0) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", w.cmd.Process.Pid))
		if err != nil {
			return false
		}
		if _, state, _ := strings.Cut(string(stat), ") "); strings.HasPrefix(state, "T") {
			f()
			_ = w.cmd.Process.Signal(syscall.SIGCONT)
			return true
		}
		time.Sleep(time.Millisecond)
	}
	return false
}

// walEnd is where the valid frames of a write-ahead log end, the salt that
// tells one generation of it from the next (sqlite.org/fileformat2.html, 4.1),
// and when the database itself was last written to: a checkpoint syncs the log
// first, so frames that were in it by then cannot be lost.
type walEnd struct {
	salt    string
	at      int64
	written time.Time
}

func (w *world) database() string { return filepath.Join(w.dir, "data", "zvonar.db") }

func (w *world) wal() (end walEnd) {
	const headLen, frameHead = 32, 24
	f, err := os.Open(w.database() + "-wal")
	if err != nil {
		return end
	}
	defer f.Close()
	head := make([]byte, headLen)
	if _, err := io.ReadFull(f, head); err != nil {
		return end
	}
	st, err := os.Stat(w.database())
	if err != nil {
		return end
	}
	page := int64(binary.BigEndian.Uint32(head[8:]))
	end = walEnd{salt: string(head[16:24]), at: headLen, written: st.ModTime()}
	frame := make([]byte, frameHead)
	for {
		if _, err := f.ReadAt(frame, end.at); err != nil || string(frame[8:16]) != end.salt {
			return end
		}
		end.at += frameHead + page
	}
}

func (w *world) copyStore(dir string) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		w.t.Error(err)
	}
	for _, suffix := range []string{"", "-wal"} {
		raw, err := os.ReadFile(w.database() + suffix)
		if os.IsNotExist(err) {
			continue
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "zvonar.db"+suffix), raw, 0o600)
		}
		if err != nil {
			w.t.Error(err)
		}
	}
}

// tear cuts the log of a copy off at, and half the time writes noise there.
func (w *world) tear(dir string, at int64) {
	path := filepath.Join(dir, "zvonar.db-wal")
	err := os.Truncate(path, at)
	if err == nil && w.rng.IntN(2) == 0 {
		noise := make([]byte, w.rng.IntN(8192))
		for i := range noise {
			noise[i] = byte(w.rng.Uint32())
		}
		var f *os.File
		if f, err = os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0); err == nil {
			_, err = f.Write(noise)
			f.Close()
		}
	}
	if err != nil {
		w.t.Error(err)
	}
}

// examine opens a copy and holds it against what was known.
func (w *world) examine(dir string, k known, dialogs map[string]*dialog) {
	broken := func(format string, args ...any) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.copies = append(w.copies, filepath.Base(dir)+": "+fmt.Sprintf(format, args...))
	}
	w.cuts++
	ctx := w.t.Context() // no limit of its own: a busy machine is no fault of the copy
	s, err := store.Open(ctx, store.Config{Path: filepath.Join(dir, "zvonar.db"), Clock: clock.System()})
	if err != nil {
		broken("does not open: %v", err)
		return
	}
	h := &history{Seen: k.seen}
	err = s.View(ctx, func(r calls.ReadTx) error { return readCopy(r, k, dialogs, h, broken) })
	if err == nil {
		err = s.Close(ctx)
	}
	if err != nil {
		broken("cannot be read: %v", err)
	}
	for _, line := range inspect(ctx, filepath.Join(dir, "zvonar.db")) {
		broken("%s", line)
	}
	x := newIndex(h)
	for _, r := range logRules {
		r.find(x, func(subject string, _ time.Time, format string, args ...any) {
			broken("%s: %s: %s", r.name, subject, fmt.Sprintf(format, args...))
		})
	}
	_ = os.RemoveAll(dir)
}

func readCopy(r calls.ReadTx, k known, dialogs map[string]*dialog, h *history, broken func(string, ...any)) error {
	for after := int64(0); ; {
		page, err := r.Events(calls.EventFilter{After: after, Limit: 500})
		if err != nil {
			return err
		}
		for _, e := range page {
			raw, err := json.Marshal(e)
			if err != nil {
				return err
			}
			known, err := parseEvent(raw)
			if err != nil {
				return err
			}
			h.Log = append(h.Log, known)
			after = e.Pos
		}
		if len(page) < 500 {
			break
		}
	}
	for _, id := range k.acknowledged {
		if _, err := r.Call(calls.MainAccount, id); err != nil {
			broken("the acknowledged call %s: %v", id, err)
		}
	}
	attempts := map[string]bool{}
	for _, e := range h.Log {
		if e.Type != "call.dialing" && e.Type != "call.bridging" {
			continue
		}
		c, err := r.Call(calls.MainAccount, e.CallID)
		if err != nil {
			return err
		}
		for _, a := range c.Attempts {
			attempts[a.SIPCallID] = true
		}
	}
	for id, d := range dialogs {
		if !d.Inbound && d.First.Before(k.at) && !attempts[id] {
			broken("%s had been rung (%s), and no attempt says so", d.Number, id)
		}
	}
	return nil
}

// readDialogs reads what the far ends have seen so far.
func (w *world) readDialogs() map[string]*dialog {
	dialogs := map[string]*dialog{}
	w.mu.Lock()
	list := slices.Clone(w.peers)
	w.mu.Unlock()
	for _, p := range list {
		f, err := os.Open(p.trace)
		if os.IsNotExist(err) {
			continue // it never sent a message
		}
		if err == nil {
			err = noteDialogs(f, dialogs)
			f.Close()
		}
		if err != nil {
			w.t.Errorf("%s: %v", p.trace, err)
		}
	}
	return dialogs
}

// inspect is what the store's own check finds in a copy.
func inspect(ctx context.Context, path string) (problems []string) {
	i, err := store.Inspect(ctx, store.Config{Path: path, Clock: clock.System()}, "") // the clips were not copied
	if err != nil {
		return []string{err.Error()}
	}
	defer i.Close()
	found, err := i.Check(ctx)
	if err != nil {
		problems = append(problems, err.Error())
	}
	if found.Checks == 0 {
		problems = append(problems, "the check of the store checked nothing")
	}
	for _, p := range found.Problems {
		problems = append(problems, fmt.Sprintf("check-store: %s: %s (%d, like %v)", p.Check, p.Text, p.Count, p.Examples))
	}
	return problems
}

// checkStore runs `zvonar check-store` on what is left.
func (w *world) checkStore(h *history) {
	out, err := exec.Command(zvonar, "check-store", "--config", filepath.Join(w.dir, "zvonar.yaml")).CombinedOutput()
	if err != nil {
		h.Unchecked = append(h.Unchecked, fmt.Sprintf("%v: %s", err, strings.TrimSpace(string(out))))
	}
}
