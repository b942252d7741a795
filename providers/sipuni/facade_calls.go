package sipuni

import (
	"errors"
	"strings"

	"zvonar/internal/calls"
	"zvonar/internal/engine"
	"zvonar/providers"
)

// callNumber joins an internal number and a telephone; reverse 1 rings the telephone
// first.
func (f *facade) callNumber(q *request) reply {
	manager, err := f.inside(q, q.p["sipnumber"])
	if err != nil {
		return f.failed(q, err)
	}
	return f.bridge(q, q.p["phone"], manager)
}

// bridge rings two parties in the order that is asked for.
func (f *facade) bridge(q *request, phone, manager string) reply {
	order := calls.ManagerFirst
	if q.p["reverse"] == "1" {
		order = calls.ClientFirst
	}
	return f.submit(q, engine.CallRequest{To: phone, Bridge: &calls.Bridge{Manager: manager, Order: order, Anonymous: q.p["antiaon"] == "1"}})
}

// callTree runs a scheme: its flow is heard by the telephone, whoever of the two
// would be first there; a scheme that leads to people is a talk with them.
func (f *facade) callTree(q *request) reply {
	t, ok := f.set.Trees[q.p["tree"]]
	if !ok || t.Account != "" && t.Account != q.key.Account {
		return no("there is no such scheme")
	}
	if _, err := f.inside(q, q.p["sipnumber"]); err != nil {
		return f.failed(q, err)
	}
	if t.Target != "" {
		return f.bridge(q, q.p["phone"], t.Target)
	}
	if q.p["antiaon"] == "1" {
		return no("a call by a scheme that plays cannot hide its number")
	}
	flow := *t.Flow
	return f.submit(q, engine.CallRequest{To: q.p["phone"], Flow: &flow, Employee: f.employee(q, q.p["sipnumber"])})
}

// callExternal joins two outside numbers: phoneFrom is rung first, in the name of
// sipnumber; phoneTo sees the number of sipnumber2, or of sipnumber where that is
// empty.
func (f *facade) callExternal(q *request) reply {
	second := q.p["sipnumber2"]
	if second == "" {
		second = q.p["sipnumber"]
	}
	for _, sip := range []string{q.p["sipnumber"], second} {
		if f.employee(q, sip) == "" {
			return no("there is no internal number " + calls.Clean(sip, 20))
		}
	}
	return f.submit(q, engine.CallRequest{To: q.p["phoneTo"], Employee: f.employee(q, second),
		Bridge: &calls.Bridge{Manager: q.p["phoneFrom"], Order: calls.ManagerFirst}})
}

// voiceCall reads a text to a telephone. A text that is new waits for a moderator,
// and the call with it.
func (f *facade) voiceCall(q *request) reply {
	voice, known := genderOf(q.p["voice"])
	if !known {
		voice = f.set.Voice
	}
	if voice == "" {
		return no("there is no such voice")
	}
	if _, err := f.inside(q, q.p["sipnumber"]); err != nil {
		return f.failed(q, err)
	}
	return f.submit(q, engine.CallRequest{To: q.p["phone"], Employee: f.employee(q, q.p["sipnumber"]),
		Spoken: &calls.SpokenText{Text: q.p["message"], Voice: voice, Actor: "facade key " + q.key.Name}})
}

// submit asks the engine for a call and answers with its order id.
func (f *facade) submit(q *request, r engine.CallRequest) reply {
	r.Account = q.key.Account
	r.Metadata = meta{User: q.key.Public, Tree: q.p["tree"], SIPNumber: q.short(q.p["sipnumber"])}.raw()
	call, _, err := f.house.Once(q.ctx, f.set.RepeatWindow, r, q.said()...)
	if err != nil {
		return f.failed(q, err)
	}
	providers.Named(q.ctx, providers.Label{Correlation: call.ID})
	return reply{body: map[string]any{"success": true, "id": orderID(call.ID)}}
}

// said is what makes an order the same as another: its signed parameters, whichever way
// they are signed. The signature has no nonce, so this is also what keeps whoever reads an
// order from having it carried out again.
func (q *request) said() []string {
	said := []string{q.key.ID, q.method.path}
	for _, name := range names(q.p) {
		if name != "tree" || q.how != variantTree { // what nobody signed makes no other order
			said = append(said, name, q.p[name])
		}
	}
	return said
}

// short is an internal number without the account's number before it.
func (q *request) short(sip string) string {
	const longest = 6
	if s, ok := strings.CutPrefix(sip, q.key.Public); ok && s != "" && len(sip) > longest {
		return s
	}
	return sip
}

// employee is the id of whoever has an internal number, or "".
func (f *facade) employee(q *request, sip string) (id string) {
	e, err := f.employeeOf(q, sip)
	if err != nil {
		return ""
	}
	return e.ID
}

func (f *facade) employeeOf(q *request, sip string) (e *calls.Employee, err error) {
	err = f.house.Store.View(q.ctx, func(tx calls.ReadTx) (err error) {
		e, err = tx.EmployeeByExtension(q.key.Account, q.short(sip))
		return err
	})
	return e, err
}

// inside is an internal number as the engine names whom it rings: an employee, or an
// extension at the configured trunk.
func (f *facade) inside(q *request, sip string) (target string, err error) {
	e, err := f.employeeOf(q, sip)
	switch {
	case err == nil:
		return "employee:" + e.ID, nil
	case !errors.Is(err, calls.ErrNotFound):
		return "", err
	case f.set.Trunk != "" && sip != "" && strings.Trim(sip, "0123456789") == "":
		return q.short(sip) + "@" + f.set.Trunk, nil
	}
	return "", calls.Errorf(calls.CodeInvalidField, "there is no internal number %s", calls.Clean(sip, 20))
}

// cancel takes an order back that nobody has answered yet.
func (f *facade) cancel(q *request) reply {
	call, err := f.call(q, q.p["callbackId"])
	switch {
	case err != nil:
		return f.failed(q, err)
	case call.Over():
		return no("the call is over")
	case call.AnsweredAt != nil:
		return no("the call was answered; end it with " + methodHangup)
	}
	return f.end(q, call)
}

// hangup ends a call, whatever it is at.
func (f *facade) hangup(q *request) reply {
	call, err := f.call(q, q.p["callId"])
	switch {
	case err != nil:
		return f.failed(q, err)
	case call.Over():
		return no("the call is over")
	}
	return f.end(q, call)
}

func (f *facade) end(q *request, call *calls.Call) reply {
	providers.Named(q.ctx, providers.Label{Correlation: call.ID})
	if _, err := f.house.Engine.Hangup(q.ctx, q.key.Account, call.ID); err != nil {
		return f.failed(q, err)
	}
	return reply{body: map[string]any{"success": true, "id": orderID(call.ID)}}
}

// call finds a call of the account by any of its ids.
func (f *facade) call(q *request, name string) (call *calls.Call, err error) {
	id, ok := callOfID(name)
	if !ok {
		return nil, calls.ErrNotFound
	}
	err = f.house.Store.View(q.ctx, func(tx calls.ReadTx) (err error) {
		call, err = tx.Call(q.key.Account, id)
		return err
	})
	return call, err
}
