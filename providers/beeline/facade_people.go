package beeline

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"zvonar/internal/calls"
)

var noAbonent = &Refusal{http.StatusNotFound, "AbonentNotFound", "there is no employee with this user id, number or extension"}

// userID is how an employee is called in the portal's world.
func userID(e *calls.Employee, domain string) string {
	if digits, ok := ten(e.Phone); ok && domain != "" {
		return digits + "@" + domain
	}
	return e.ID
}

func (f *facade) abonent(e *calls.Employee) Abonent {
	first, last, _ := strings.Cut(e.Name, " ")
	phone, _ := ten(e.Phone)
	return Abonent{UserID: userID(e, f.settings.UserDomain), Phone: phone, FirstName: first, LastName: strings.TrimSpace(last), Extension: e.Extension}
}

// staff lists the employees of an account.
func (f *facade) staff(ctx context.Context, account string) (list []*calls.Employee, err error) {
	err = f.house.Store.View(ctx, func(tx calls.ReadTx) error {
		list, err = staffOf(tx, account)
		return err
	})
	return list, err
}

func staffOf(tx calls.ReadTx, account string) (list []*calls.Employee, err error) {
	after := ""
	for {
		page, err := tx.Employees(account, after, 500)
		if err != nil || len(page) == 0 {
			return list, err
		}
		list = append(list, page...)
		after = page[len(page)-1].ID
	}
}

// who finds the employee that a pattern means: user id, number or extension.
func (f *facade) who(ctx context.Context, account, pattern string) (*calls.Employee, error) {
	list, err := f.staff(ctx, account)
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		if pattern != "" && (pattern == e.ID || pattern == e.Extension || pattern == e.Subscriber || strings.EqualFold(pattern, userID(e, f.settings.UserDomain))) {
			return e, nil
		}
	}
	for _, e := range list {
		if sameNumber(pattern, e.Phone) {
			return e, nil
		}
	}
	return nil, noAbonent
}

func (f *facade) listAbonents(a *asked) (any, error) {
	list, err := f.staff(a.Context(), a.account())
	if err != nil {
		return nil, err
	}
	out := make([]Abonent, len(list))
	for i, e := range list {
		out[i] = f.abonent(e)
	}
	return out, nil
}

func (f *facade) showAbonent(a *asked) (any, error) {
	e, err := f.who(a.Context(), a.account(), a.PathValue("p"))
	if err != nil {
		return nil, err
	}
	return f.abonent(e), nil
}

// marks are what the portal keeps of a subscriber and our house does not.
type marks struct {
	Agent     string `json:"agent,omitempty"`     // ONLINE, OFFLINE, BREAK
	Recording bool   `json:"recording,omitempty"` // the talks that are asked for by the facade are written down
}

// marksName names the document of an employee's marks among the credentials.
func marksName(employee string) string { return "beeline/facade/" + employee }

func marksOf(tx calls.ReadTx, e *calls.Employee) (m marks, err error) {
	c, err := tx.Credential(e.Account, marksName(e.ID))
	if errors.Is(err, calls.ErrNotFound) {
		return m, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(c.Doc), &m)
	}
	return m, err
}

// mark changes the marks of whom the path names; change may be nil.
func (f *facade) mark(a *asked, change func(*marks)) (m marks, err error) {
	e, err := f.who(a.Context(), a.account(), a.PathValue("p"))
	if err != nil {
		return m, err
	}
	if change == nil {
		err = f.house.Store.View(a.Context(), func(tx calls.ReadTx) error {
			m, err = marksOf(tx, e)
			return err
		})
		return m, err
	}
	err = f.house.Store.Update(a.Context(), func(tx calls.Tx) error {
		if m, err = marksOf(tx, e); err != nil {
			return err
		}
		change(&m)
		doc, err := json.Marshal(m)
		if err != nil {
			return err
		}
		return tx.PutCredential(calls.Credential{Account: e.Account, Name: marksName(e.ID), Doc: string(doc), UpdatedAt: f.house.Clock.Now()})
	})
	return m, err
}

func (f *facade) agent(a *asked) (any, error) {
	m, err := f.mark(a, nil)
	if m.Agent == "" {
		m.Agent = "ONLINE"
	}
	return m.Agent, err
}

func (f *facade) setAgent(a *asked) (any, error) {
	var in struct{ Status string }
	if err := a.body(&in); err != nil {
		return nil, err
	}
	if in.Status == "" {
		in.Status = a.URL.Query().Get("status")
	}
	if !oneOf(in.Status, []string{"ONLINE", "OFFLINE", "BREAK"}) {
		return nil, &Refusal{http.StatusBadRequest, "ParameterInvalid", "status is ONLINE, OFFLINE or BREAK"}
	}
	m, err := f.mark(a, func(m *marks) { m.Agent = in.Status })
	return m.Agent, err
}

func onOff(on bool) string {
	if on {
		return "ON"
	}
	return "OFF"
}

func (f *facade) recording(a *asked) (any, error) {
	m, err := f.mark(a, nil)
	return onOff(m.Recording), err
}

func (f *facade) recordingOn(a *asked) (any, error) {
	m, err := f.mark(a, func(m *marks) { m.Recording = true })
	return onOff(m.Recording), err
}

func (f *facade) recordingOff(a *asked) (any, error) {
	m, err := f.mark(a, func(m *marks) { m.Recording = false })
	return onOff(m.Recording), err
}

// Line is a number of the PBX.
type Line struct {
	NumberID string `json:"numberId"`
	Phone    string `json:"phone"`
}

// lines are the caller numbers of an account: those of its trunks, and its own.
func (f *facade) lines(ctx context.Context, account string) (list []Line, err error) {
	seen := map[string]bool{}
	add := func(n string) {
		if digits, _ := ten(n); digits != "" && !seen[n] {
			seen[n] = true
			list = append(list, Line{NumberID: n, Phone: digits})
		}
	}
	if f.house.TrunkNumbers != nil {
		for _, n := range f.house.TrunkNumbers(account) {
			add(n)
		}
	}
	err = f.house.Store.View(ctx, func(tx calls.ReadTx) error {
		for after := ""; ; {
			page, err := tx.Numbers(account, after, 500)
			if err != nil || len(page) == 0 {
				return err
			}
			for _, n := range page {
				if n.State == calls.NumberConfirmed {
					add(n.Number)
				}
			}
			after = page[len(page)-1].Number
		}
	})
	return list, err
}

func (f *facade) listNumbers(a *asked) (any, error) {
	list, err := f.lines(a.Context(), a.account())
	return append([]Line{}, list...), err
}

func (f *facade) showNumber(a *asked) (any, error) {
	list, err := f.lines(a.Context(), a.account())
	if err != nil {
		return nil, err
	}
	for _, l := range list {
		if sameNumber(l.NumberID, a.PathValue("p")) {
			return l, nil
		}
	}
	return nil, &Refusal{http.StatusNotFound, "NumberNotFound", "there is no such number here"}
}
