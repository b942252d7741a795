package store

import "zvonar/internal/calls"

// The texts by which an erasure finds a number among people; all go by an index.
const (
	attentionOfCall   = `UPDATE attention SET number = CASE WHEN number = '' THEN '' ELSE 'erased' END, note = CASE WHEN note = '' THEN '' ELSE 'erased' END WHERE call_id = ?`
	attentionOfNumber = `UPDATE attention SET number = 'erased', note = CASE WHEN note = '' THEN '' ELSE 'erased' END WHERE account = ? AND number = ? AND number <> ''`
	employeesByPhone  = `SELECT doc FROM employees WHERE account = ? AND phone = ? AND phone <> ''`
	bindingsOfNumber  = `DELETE FROM sip_bindings WHERE account = ? AND sip_user = ?`
	daysOfNumber      = `DELETE FROM number_days WHERE account = ? AND number = ?`
)

// callAttention erases whom a call that needs a person was with.
func (x *erasure) callAttention(id string, whole bool) error {
	if !whole {
		return nil
	}
	n, err := x.t.exec(attentionOfCall, id)
	x.n.Others += int(n)
	return err
}

// people erases the number where it is not that of a call: an employee loses his
// telephone, a caller number is forgotten with its counts.
func (x *erasure) people() error {
	n, err := x.t.exec(attentionOfNumber, x.Account, x.Number)
	if err != nil {
		return err
	}
	x.n.Others += int(n)
	staff, err := many(x.t, readDoc[calls.Employee], employeesByPhone, x.Account, x.Number)
	for _, e := range staff {
		if err == nil {
			e.Phone, e.CRMUser, e.Subscriber = "", x.clean(e.CRMUser), x.clean(e.Subscriber)
			e.Name = x.clean(e.Name)
			x.n.Others++
			err = x.t.PutEmployee(e)
		}
	}
	if err != nil {
		return err
	}
	gone, err := x.t.DeleteNumber(x.Account, x.Number)
	if err != nil {
		return err
	}
	x.n.Others += flag(gone)
	bindings, err := x.t.exec(bindingsOfNumber, x.Account, x.Number)
	x.n.Others += int(bindings)
	if err != nil {
		return err
	}
	days, err := x.t.exec(daysOfNumber, x.Account, x.Number)
	x.n.Others += int(days)
	return err
}
