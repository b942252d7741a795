package engine

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"zvonar/internal/calls"
)

// memStore is a calls.Store in memory: units run at once, one after another.
// Methods of Tx that the engine does not use are left nil.
type memStore struct {
	calls.Tx
	mu       sync.Mutex
	rows     map[string]*calls.Call
	attempts map[string]calls.Attempt
	events   []calls.Event
	blocked  map[string]calls.BlockEntry
	numbers  map[string]calls.Number
	staff    map[string]calls.Employee
	groups   map[string]calls.Group
	sms      []calls.SMS
	idem     map[string]calls.IdempotencyRecord
	webhooks []*calls.Webhook
	stream   chan calls.Event
	names    map[string]string // of calls at providers
	fail     error             // what every unit of work returns while set
}

func newMemStore() *memStore {
	return &memStore{rows: map[string]*calls.Call{}, attempts: map[string]calls.Attempt{}, blocked: map[string]calls.BlockEntry{}, names: map[string]string{},
		idem: map[string]calls.IdempotencyRecord{}, stream: make(chan calls.Event, 1000)}
}

func (m *memStore) Update(_ context.Context, fn func(calls.Tx) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	rows, attempts, events := maps.Clone(m.rows), maps.Clone(m.attempts), len(m.events)
	err := fn(m)
	if err != nil {
		m.rows, m.attempts, m.events = rows, attempts, m.events[:events]
	}
	return err
}

// hold keeps every unit of work waiting until release.
func (m *memStore) hold() { m.mu.Lock() }

func (m *memStore) release() { m.mu.Unlock() }

func (m *memStore) Observe(fn func(calls.Tx) error, done func(error)) {
	err := m.Update(context.Background(), fn)
	if done != nil {
		done(err)
	}
}

func (m *memStore) Note(fn func(calls.Tx) error, done func(error)) { m.Observe(fn, done) }

func (m *memStore) View(_ context.Context, fn func(calls.ReadTx) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return fn(m)
}

func (m *memStore) Changed() <-chan struct{} { return nil }

func (m *memStore) Call(_, id string) (*calls.Call, error) {
	if c, ok := m.rows[id]; ok {
		return c.Clone(), nil
	}
	return nil, calls.ErrNotFound
}

func (m *memStore) Calls(f calls.CallFilter) (out []*calls.Call, _ error) {
	for _, c := range m.rows {
		if f.Live && c.Over() || f.Series != "" && c.Series != f.Series || f.Ref != "" && c.Ref != f.Ref {
			continue
		}
		out = append(out, c.Clone())
	}
	slices.SortFunc(out, func(a, b *calls.Call) int { return strings.Compare(b.ID, a.ID) })
	return out, nil
}

func (m *memStore) Unfinished() ([]*calls.Call, error) {
	return m.Calls(calls.CallFilter{Live: true})
}

func (m *memStore) UnfinishedOf(node, after string, limit int) (page []*calls.Call, _ error) {
	all, _ := m.Unfinished()
	slices.Reverse(all)
	for _, c := range all {
		if c.ID > after && len(page) < limit && (node == "" || c.Node == node) {
			page = append(page, c)
		}
	}
	return page, nil
}

func (m *memStore) LiveCallByRef(_, ref string) (*calls.Call, error) {
	for _, c := range m.rows {
		if c.Ref == ref && !c.Over() {
			return c.Clone(), nil
		}
	}
	return nil, calls.ErrNotFound
}

func (m *memStore) Idempotent(_, key string) (*calls.IdempotencyRecord, error) {
	if r, ok := m.idem[key]; ok {
		return &r, nil
	}
	return nil, calls.ErrNotFound
}

func (m *memStore) PutIdempotent(r calls.IdempotencyRecord) error { m.idem[r.Key] = r; return nil }

func (m *memStore) Tokens() ([]*calls.Token, error) {
	return []*calls.Token{{ID: "tok_1", WebhookSecret: "whsec_abc"}}, nil
}

func (m *memStore) PutWebhook(w *calls.Webhook) error       { m.webhooks = append(m.webhooks, w); return nil }
func (m *memStore) Token(_, _ string) (*calls.Token, error) { return nil, calls.ErrNotFound }

func (m *memStore) InsertCall(c *calls.Call) error {
	if m.rows[c.ID] != nil {
		return errors.New("the call is there already")
	}
	m.rows[c.ID] = c.Clone()
	return nil
}

func (m *memStore) UpdateCall(c *calls.Call) error {
	if m.rows[c.ID] == nil {
		return calls.ErrNotFound
	}
	if m.rows[c.ID].Over() && !c.Over() {
		return calls.Errorf(calls.CodeWrongState, "the call is over")
	}
	m.rows[c.ID] = c.Clone()
	return nil
}

func (m *memStore) InsertAttempt(a *calls.Attempt) error { m.attempts[a.ID] = *a; return nil }

func (m *memStore) UpdateAttempt(a *calls.Attempt) error {
	if _, ok := m.attempts[a.ID]; !ok {
		return calls.ErrNotFound
	}
	m.attempts[a.ID] = *a
	return nil
}

func (m *memStore) AppendEvent(e *calls.Event) error {
	if e.Type == calls.CallCompleted && slices.ContainsFunc(m.events, func(o calls.Event) bool { return o.Type == e.Type && o.Subject == e.Subject }) {
		return calls.Errorf(calls.CodeWrongState, "completed already")
	}
	e.Pos = int64(len(m.events) + 1)
	m.events = append(m.events, *e)
	if m.stream != nil {
		m.stream <- *e
	}
	return nil
}

func (m *memStore) Events(f calls.EventFilter) (out []calls.Event, _ error) {
	for _, e := range m.events {
		if e.Subject == f.Subject && (len(f.Types) == 0 || slices.Contains(f.Types, e.Type)) {
			out = append(out, e)
		}
	}
	return out, nil
}

func (m *memStore) Blocked(_, number string) (*calls.BlockEntry, error) {
	if b, ok := m.blocked[number]; ok {
		return &b, nil
	}
	return nil, calls.ErrNotFound
}

func (m *memStore) Block(b calls.BlockEntry) (bool, error) {
	_, there := m.blocked[b.Number]
	m.blocked[b.Number] = b
	return !there, nil
}

func (m *memStore) BlockedFor(q calls.BlockQuery) (*calls.BlockEntry, error) {
	return m.Blocked(q.Account, q.Number)
}

func (m *memStore) UnblockScope(_, number, _ string) (bool, error) {
	_, there := m.blocked[number]
	delete(m.blocked, number)
	return there, nil
}

func (m *memStore) InsertSMS(s *calls.SMS) error { m.sms = append(m.sms, *s); return nil }

func (m *memStore) broken(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}

func (m *memStore) Number(_, number string) (*calls.Number, error) {
	if n, ok := m.numbers[number]; ok {
		return &n, nil
	}
	return nil, calls.ErrNotFound
}

func (m *memStore) PoolNumbers(_, pool string) (out []*calls.Number, _ error) {
	for _, key := range slices.Sorted(maps.Keys(m.numbers)) {
		if n := m.numbers[key]; n.Pool == pool && n.State == calls.NumberConfirmed {
			out = append(out, &n)
		}
	}
	return out, nil
}

func (m *memStore) Employee(_, id string) (*calls.Employee, error) {
	if e, ok := m.staff[id]; ok {
		return &e, nil
	}
	return nil, calls.ErrNotFound
}

func (m *memStore) EmployeeByExtension(_, extension string) (*calls.Employee, error) {
	for _, e := range m.staff {
		if e.Extension == extension {
			return &e, nil
		}
	}
	return nil, calls.ErrNotFound
}

func (m *memStore) Group(_, name string) (*calls.Group, error) {
	if g, ok := m.groups[name]; ok {
		return &g, nil
	}
	return nil, calls.ErrNotFound
}

func (m *memStore) LastTo(_, callee, line string) (last *calls.Call, _ error) {
	for _, c := range m.rows {
		if c.Direction == calls.Out && c.To == callee && c.From == line && (last == nil || c.ID > last.ID) {
			last = c.Clone()
		}
	}
	if last == nil {
		return nil, calls.ErrNotFound
	}
	return last, nil
}

func (m *memStore) ProviderCall(account, provider, id string) (string, error) {
	if call, ok := m.names[account+" "+provider+" "+id]; ok {
		return call, nil
	}
	return "", calls.ErrNotFound
}

func (m *memStore) NameProviderCall(account, provider, id, call string) error {
	if key := account + " " + provider + " " + id; m.names[key] == "" {
		m.names[key] = call
	}
	return nil
}
