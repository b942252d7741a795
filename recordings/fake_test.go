package recordings

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"zvonar/internal/calls"
)

// memory is a store of recordings and events for tests: a unit that fails leaves
// nothing behind.
type memory struct {
	calls.Store // what the library does not use is not there

	mu     sync.Mutex
	state  state
	failAt string // operation that fails
}

type state struct {
	calls      []calls.Call
	recordings []calls.Recording
	events     []calls.Event
	audit      []calls.AuditEntry
	versions   []calls.ClipVersion
	lastID     int64
}

var errDisk = errors.New("disk full")

func (m *memory) Update(_ context.Context, fn func(calls.Tx) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := &memTx{failAt: m.failAt, state: state{slices.Clone(m.state.calls), slices.Clone(m.state.recordings), slices.Clone(m.state.events), slices.Clone(m.state.audit), slices.Clone(m.state.versions), m.state.lastID}}
	if err := fn(t); err != nil {
		return err
	}
	m.state = t.state
	return nil
}

func (m *memory) View(_ context.Context, fn func(calls.ReadTx) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return fn(&memTx{state: m.state})
}

type memTx struct {
	calls.Tx
	state
	failAt string
}

func (t *memTx) fail(op string) error {
	if t.failAt == op {
		return errDisk
	}
	return nil
}

func (t *memTx) find(match func(*calls.Recording) bool) (*calls.Recording, error) {
	for i := range t.recordings {
		if match(&t.recordings[i]) {
			r := t.recordings[i]
			return &r, nil
		}
	}
	return nil, calls.ErrNotFound
}

func (t *memTx) Recording(account, id string) (*calls.Recording, error) {
	return t.find(func(r *calls.Recording) bool { return r.ID == id && (account == "" || r.Account == account) })
}

func (t *memTx) RecordingByRecordID(account string, n int64) (*calls.Recording, error) {
	return t.find(func(r *calls.Recording) bool { return r.RecordID != nil && *r.RecordID == n && r.Account == account })
}

func (t *memTx) Recordings(f calls.RecordingFilter) (page []*calls.Recording, err error) {
	all := slices.Clone(t.recordings)
	slices.SortFunc(all, func(a, b calls.Recording) int { return cmp.Compare(b.ID, a.ID) })
	if f.Oldest {
		slices.Reverse(all)
	}
	for _, r := range all {
		if (f.Account == "" || r.Account == f.Account) && (f.State == "" || r.State == f.State) && (f.TextKey == "" || r.TextKey() == f.TextKey) && (f.Cursor == "" || r.ID < f.Cursor) && len(page) < f.Limit {
			page = append(page, &r)
		}
	}
	return page, nil
}

func (t *memTx) Call(_, id string) (*calls.Call, error) {
	for _, c := range t.calls {
		if c.ID == id {
			return &c, nil
		}
	}
	return nil, calls.ErrNotFound
}

func (t *memTx) ContentCondemned(string) (bool, error) { return false, nil }

func (t *memTx) RecordingVersion(account, id string, version int) (*calls.ClipVersion, error) {
	for _, v := range t.versions {
		if v.RecordingID == id && v.Version == version {
			return &v, nil
		}
	}
	if r, err := t.Recording(account, id); err != nil || r.Version == version {
		return r.Upload(), err
	}
	return nil, calls.ErrNotFound
}

func (t *memTx) PutRecordingVersion(v *calls.ClipVersion) error {
	t.versions = slices.DeleteFunc(t.versions, func(o calls.ClipVersion) bool { return o.RecordingID == v.RecordingID && o.Version == v.Version })
	t.versions = append(t.versions, *v)
	return t.fail("version")
}

func (t *memTx) InsertRecording(r *calls.Recording) error {
	r.Versions = max(r.Versions, r.Version) // as the store reads it
	t.recordings = append(t.recordings, *r)
	return t.fail("insert")
}

func (t *memTx) UpdateRecording(r *calls.Recording) error {
	for i := range t.recordings {
		if t.recordings[i].ID == r.ID {
			t.recordings[i] = *r
		}
	}
	return t.fail("update")
}

func (t *memTx) NextRecordID(first int64) (int64, error) {
	t.lastID = max(t.lastID+1, first)
	return t.lastID, nil
}

func (t *memTx) AppendEvent(e *calls.Event) error {
	e.Seq = 1
	for _, other := range t.events {
		if other.Subject == e.Subject {
			e.Seq++
		}
	}
	e.Pos = int64(len(t.events) + 1)
	t.events = append(t.events, *e)
	return t.fail("event")
}

func (t *memTx) Audit(a calls.AuditEntry) error {
	t.audit = append(t.audit, a)
	return t.fail("audit")
}

func containsAll(s string, parts ...string) bool {
	return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(s, p) })
}
