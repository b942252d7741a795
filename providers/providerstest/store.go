package providerstest

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"zvonar/internal/calls"
)

// Store keeps the few tables that facades read. Its units are not undone where they
// fail. What it does not have panics, and so tells the test that asked.
type Store struct {
	calls.Store
	mu        sync.Mutex
	CallRows  map[string]*calls.Call
	Employees []*calls.Employee
	Clips     []*calls.Recording
	Audits    []calls.AuditEntry

	GroupRows   []*calls.Group
	NumberRows  []*calls.Number
	WebhookRows []*calls.Webhook
}

// PutCall inserts or replaces a call.
func (s *Store) PutCall(c *calls.Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.CallRows[c.ID] = c.Clone()
}

// CallByID is a copy of a call, or nil.
func (s *Store) CallByID(account, id string) *calls.Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.CallRows[id]; c != nil && (account == "" || c.Account == account) {
		return c.Clone()
	}
	return nil
}

// live is the call of a ref that is not over, or nil.
func (s *Store) live(account, ref string) *calls.Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.CallRows {
		if ref != "" && c.Account == account && c.Ref == ref && !c.Over() {
			return c.Clone()
		}
	}
	return nil
}

// Audited are the entries of the audit log.
func (s *Store) Audited() []calls.AuditEntry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.Audits)
}

// View implements calls.Store.
func (s *Store) View(_ context.Context, fn func(calls.ReadTx) error) error { return fn(unit{s: s}) }

// Update implements calls.Store.
func (s *Store) Update(_ context.Context, fn func(calls.Tx) error) error { return fn(unit{s: s}) }

// unit is one unit of work.
type unit struct {
	calls.Tx
	s *Store
}

// Call implements calls.ReadTx.
func (u unit) Call(account, id string) (*calls.Call, error) {
	if c := u.s.CallByID(account, id); c != nil {
		return c, nil
	}
	return nil, calls.ErrNotFound
}

// Calls implements calls.ReadTx: by account, callee and cursor.
func (u unit) Calls(f calls.CallFilter) (list []*calls.Call, err error) {
	u.s.mu.Lock()
	defer u.s.mu.Unlock()
	for _, c := range u.s.CallRows {
		if c.Account == f.Account && (f.Cursor == "" || c.ID < f.Cursor) && (f.To == "" || c.To == f.To) {
			list = append(list, c.Clone())
		}
	}
	slices.SortFunc(list, func(a, b *calls.Call) int { return cmp.Compare(b.ID, a.ID) })
	return list[:min(len(list), f.Limit)], nil
}

// Employee implements calls.PeopleReads.
func (u unit) Employee(account, id string) (*calls.Employee, error) {
	return u.employee(func(e *calls.Employee) bool { return e.Account == account && e.ID == id })
}

// EmployeeByExtension implements calls.PeopleReads.
func (u unit) EmployeeByExtension(account, extension string) (*calls.Employee, error) {
	return u.employee(func(e *calls.Employee) bool {
		return e.Account == account && e.Extension == extension && extension != ""
	})
}

func (u unit) employee(is func(*calls.Employee) bool) (*calls.Employee, error) {
	i := slices.IndexFunc(u.s.Employees, is)
	if i < 0 {
		return nil, calls.ErrNotFound
	}
	e := *u.s.Employees[i]
	return &e, nil
}

// Employees implements calls.PeopleReads.
func (u unit) Employees(account, after string, limit int) (list []*calls.Employee, err error) {
	for _, e := range u.s.Employees {
		if e.Account == account && e.ID > after && len(list) < limit {
			list = append(list, e)
		}
	}
	return list, nil
}

// Recording implements calls.RecordingReads.
func (u unit) Recording(account, id string) (*calls.Recording, error) {
	for _, r := range u.s.Clips {
		if r.Account == account && r.ID == id {
			return r, nil
		}
	}
	return nil, calls.ErrNotFound
}

// Audit implements calls.Tx.
func (u unit) Audit(a calls.AuditEntry) error {
	u.s.mu.Lock()
	defer u.s.mu.Unlock()
	u.s.Audits = append(u.s.Audits, a)
	return nil
}
