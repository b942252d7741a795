package mango

import (
	"errors"
	"slices"
	"strconv"

	"zvonar/internal/calls"
)

// page is how many rows are read at a time, and maxPages how often.
const (
	page     = 200
	maxPages = 50
)

// pages reads lists page by page; next gives the rows after a cursor and the new cursor.
func pages[T any](next func(after string) ([]T, error), cursor func(T) string) (all []T, err error) {
	after := ""
	for range maxPages {
		rows, err := next(after)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
		if len(rows) < page {
			break
		}
		after = cursor(rows[len(rows)-1])
	}
	return all, nil
}

// view reads the store for a request.
func (f *facade) view(q *query, read func(tx calls.ReadTx, account string) error) error {
	return f.house.Store.View(q.r.Context(), func(tx calls.ReadTx) error { return read(tx, q.key.Account) })
}

// userNumber is one telephone of an employee.
type userNumber struct {
	Number   string `json:"number"`
	Protocol string `json:"protocol"`
	Order    int    `json:"order"`
	Wait     int    `json:"wait_sec"`
	Status   string `json:"status"`
}

// user is an employee.
type user struct {
	General struct {
		Name       string `json:"name"`
		Email      string `json:"email"`
		Department string `json:"department"`
		Position   string `json:"position"`
	} `json:"general"`
	Telephony struct {
		Extension string       `json:"extension"`
		Outgoing  string       `json:"outgoingline"`
		Numbers   []userNumber `json:"numbers"`
	} `json:"telephony"`
}

// waitSeconds is how long a telephone of an employee rings, as users are told.
const waitSeconds = 25

func userOf(e *calls.Employee) user {
	var u user
	u.General.Name, u.Telephony.Extension, u.Telephony.Outgoing = e.Name, e.Extension, e.Caller
	u.Telephony.Numbers = []userNumber{}
	add := func(number, protocol string) {
		if number != "" {
			u.Telephony.Numbers = append(u.Telephony.Numbers, userNumber{number, protocol, len(u.Telephony.Numbers), waitSeconds, "on"})
		}
	}
	add(e.SIPUser, "sip")
	if e.Trunk != "" && e.Extension != "" {
		add(e.Extension+"@"+e.Trunk, "sip")
	}
	add(e.Phone, "tel")
	return u
}

// users is config/users/request.
func (f *facade) users(q *query) outcome {
	var b struct {
		Extension text `json:"extension"`
	}
	if err := q.form.parse(&b); err != nil {
		return refused(codeBadJSON, "json cannot be read")
	}
	list := []user{}
	err := f.view(q, func(tx calls.ReadTx, account string) error {
		if b.Extension != "" {
			e, err := tx.EmployeeByExtension(account, string(b.Extension))
			if err == nil {
				list = append(list, userOf(e))
			}
			if errors.Is(err, calls.ErrNotFound) {
				return nil
			}
			return err
		}
		all, err := pages(func(after string) ([]*calls.Employee, error) { return tx.Employees(account, after, page) },
			func(e *calls.Employee) string { return e.ID })
		for _, e := range all {
			list = append(list, userOf(e))
		}
		return err
	})
	return outcome{more: map[string]any{"users": list}, err: err}
}

// groups lists the groups, with the extensions of their members.
func (f *facade) groups(q *query) outcome {
	list := []map[string]any{}
	err := f.view(q, func(tx calls.ReadTx, account string) error {
		all, err := pages(func(after string) ([]*calls.Group, error) { return tx.Groups(account, after, page) },
			func(g *calls.Group) string { return g.Name })
		for i, g := range all {
			members := []string{}
			for _, id := range g.Members {
				if e, err := tx.Employee(account, id); err == nil && e.Extension != "" {
					members = append(members, e.Extension)
				}
			}
			list = append(list, map[string]any{"group_id": i + 1, "name": g.Name, "extension": g.Name, "operators": members})
		}
		return err
	})
	return outcome{more: map[string]any{"groups": list}, err: err}
}

// lines is incominglines: the account's numbers and those of trunks that it may show.
func (f *facade) lines(q *query) outcome {
	var numbers []string
	titles := map[string]string{}
	err := f.view(q, func(tx calls.ReadTx, account string) error {
		all, err := pages(func(after string) ([]*calls.Number, error) { return tx.Numbers(account, after, page) },
			func(n *calls.Number) string { return n.Number })
		for _, n := range all {
			if n.State == calls.NumberConfirmed {
				numbers, titles[n.Number] = append(numbers, n.Number), n.Title
			}
		}
		return err
	})
	if f.house.TrunkNumbers != nil {
		numbers = append(numbers, f.house.TrunkNumbers(q.key.Account)...)
	}
	slices.Sort(numbers)
	list := []map[string]any{}
	for i, n := range slices.Compact(numbers) {
		list = append(list, map[string]any{"line_id": i + 1, "number": n, "name": titles[n], "comment": "", "region": "sip", "schema_id": 0, "schema_name": ""})
	}
	return outcome{more: map[string]any{"lines": list}, err: err}
}

// files lists the clips that play/start may name.
func (f *facade) files(q *query) outcome {
	list := []map[string]any{}
	err := f.view(q, func(tx calls.ReadTx, account string) error {
		all, err := pages(func(after string) ([]*calls.Recording, error) {
			return tx.Recordings(calls.RecordingFilter{Account: account, State: calls.RecordingIsApproved, Cursor: after, Limit: page})
		}, func(r *calls.Recording) string { return r.ID })
		for _, r := range all {
			if r.RecordID != nil {
				list = append(list, map[string]any{"id": *r.RecordID, "name": r.Title})
			}
		}
		return err
	})
	return outcome{more: map[string]any{"audiofiles": list}, err: err}
}

// balance is account/balance. There is no money here: it is what is configured.
func (f *facade) balance(*query) outcome {
	return outcome{more: map[string]any{"balance": f.set.Balance, "currency": f.set.Currency, "response_at": stamp(f.house.Clock.Now())}}
}

// clipOf is the clip that internal_id names.
func clipOf(n number) calls.ClipID { return calls.ClipID(strconv.FormatInt(int64(n), 10)) }
