package beeline

import (
	"net/http"

	"zvonar/internal/calls"
	"zvonar/internal/engine"
)

// call rings the employee and then the client, as POST /v1/bridges does.
func (f *facade) call(a *asked) (any, error) {
	id, err := f.place(a)
	return id, err
}

// callV2 is the same; what the portal answers is not known, so it is configured.
func (f *facade) callV2(a *asked) (any, error) {
	id, err := f.place(a)
	if err == nil && f.settings.CallAnswer == "object" {
		return map[string]string{"callId": id, "externalTrackingId": id}, nil
	}
	return id, err
}

func (f *facade) place(a *asked) (string, error) {
	to, err := f.phoneNumber(a, &struct{ PhoneNumber text }{})
	if err != nil {
		return "", err
	}
	e, err := f.who(a.Context(), a.account(), a.PathValue("p"))
	if err != nil {
		return "", err
	}
	var m marks
	if err := f.house.Store.View(a.Context(), func(tx calls.ReadTx) error {
		m, err = marksOf(tx, e)
		return err
	}); err != nil {
		return "", err
	}
	r := engine.CallRequest{Account: a.account(), TokenID: a.token.ID, To: to, ToAt: "phoneNumber", From: e.Caller, ManagerAt: "pattern",
		Employee: e.ID, Capture: m.Recording, Bridge: &calls.Bridge{Manager: "employee:" + e.ID, Order: calls.ManagerFirst}}
	if e.Extension == "" && e.Phone == "" && e.SIPUser == "" && e.Subscriber != "" {
		r.Provider = e.Provider // nobody but his provider can ring him
	}
	call, _, err := f.house.Once(a.Context(), f.settings.RepeatWindow, r, a.token.ID, "call", e.ID, to)
	if err != nil {
		return "", err
	}
	return call.ID, nil
}

// text is a string that some clients send as a number.
type text string

// UnmarshalJSON reads either.
func (t *text) UnmarshalJSON(b []byte) error {
	*t = text(bare(b))
	return nil
}

// phoneNumber is the number of a request, in its body or its query, as we write it.
func (f *facade) phoneNumber(a *asked, in *struct{ PhoneNumber text }) (string, error) {
	if err := a.body(in); err != nil {
		return "", err
	}
	return f.number(string(in.PhoneNumber), a)
}

func (f *facade) number(said string, a *asked) (string, error) {
	if said == "" {
		said = a.URL.Query().Get("phoneNumber")
	}
	n := numberOf(said)
	if n == "" {
		return "", &Refusal{http.StatusBadRequest, "PhoneNumberInvalid", "phoneNumber is needed: ten digits"}
	}
	return n, nil
}

func (f *facade) transfer(a *asked) (any, error) {
	var in struct{ CallID, PhoneNumber text }
	if err := a.body(&in); err != nil {
		return nil, err
	}
	id := string(in.CallID)
	if id == "" {
		id = a.URL.Query().Get("callId")
	}
	to, err := f.number(string(in.PhoneNumber), a)
	if err != nil {
		return nil, err
	}
	if _, err := f.who(a.Context(), a.account(), a.PathValue("p")); err != nil {
		return nil, err
	}
	if id == "" {
		return nil, &Refusal{http.StatusBadRequest, "ParameterInvalid", "callId is needed"}
	}
	if len(to) < 10 { // a colleague
		e, err := f.who(a.Context(), a.account(), to)
		if err != nil {
			return nil, err
		}
		to = "employee:" + e.ID
	}
	if _, err := f.house.Engine.Transfer(a.Context(), a.account(), id, to); err != nil {
		return nil, err
	}
	return "OK", nil
}
