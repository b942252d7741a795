package store

import (
	"encoding/json"
	"fmt"
	"time"

	"zvonar/internal/calls"
)

// The stored form of a call. The published JSON of calls.Call leaves fields out
// and may bend others to the taste of the API, so what the store keeps is
// spelled here: plain types without the methods of the domain, with the fields
// that JSON hides added, and the attempts, which have a table, left out.

type plainCall calls.Call

type plainFlow calls.Flow

type callDoc struct {
	plainCall
	Attempts    *struct{}     `json:"attempts,omitempty"`
	Flow        flowDoc       `json:"flow"`
	RingTimeout time.Duration `json:"ring_timeout_ns,omitempty"`
	MaxDuration time.Duration `json:"max_duration_ns,omitempty"`
	TokenID     string        `json:"token_id,omitempty"`
	BodyHash    string        `json:"body_hash,omitempty"`
	Dialog      []byte        `json:"dialog,omitempty"`
}

type flowDoc struct {
	plainFlow
	Digits [][]actionDoc `json:"digits"`
}

type actionDoc struct {
	Kind   calls.ActionKind `json:"k"`
	Value  string           `json:"v"`
	Digits [][]actionDoc    `json:"d"` // null: the same map; []: none
}

func packCall(c *calls.Call) (string, error) {
	d := callDoc{plainCall: plainCall(*c), Flow: flowDoc{plainFlow: plainFlow(c.Flow), Digits: packDigits(c.Flow.Digits)},
		RingTimeout: c.RingTimeout, MaxDuration: c.MaxDuration, TokenID: c.TokenID, BodyHash: c.BodyHash, Dialog: c.Dialog}
	d.Digits = append([]calls.DigitPress(nil), c.Digits...)
	callTimes(&d.plainCall)
	b, err := json.Marshal(d)
	if err != nil {
		return "", fmt.Errorf("store: call %s cannot be written: %w", c.ID, err)
	}
	return string(b), nil
}

func unpackCall(doc string) (*calls.Call, error) {
	var d callDoc
	if err := json.Unmarshal([]byte(doc), &d); err != nil {
		return nil, err
	}
	c := calls.Call(d.plainCall)
	c.Flow = calls.Flow(d.Flow.plainFlow)
	c.Flow.Digits = unpackDigits(d.Flow.Digits)
	c.RingTimeout, c.MaxDuration, c.TokenID, c.BodyHash, c.Dialog = d.RingTimeout, d.MaxDuration, d.TokenID, d.BodyHash, d.Dialog
	if string(c.Metadata) == "null" {
		c.Metadata = nil
	}
	return &c, nil
}

// callTimes brings every time of c to UTC and microseconds. The pointers are
// replaced, never written through: they belong to the caller's call.
func callTimes(c *plainCall) {
	for _, p := range []*time.Time{&c.CreatedAt, &c.DueAt} {
		*p = stored(*p)
	}
	for _, p := range []**time.Time{&c.NotAfter, &c.RingingAt, &c.AnsweredAt, &c.EndedAt, &c.ReportedAt} {
		*p = storedPtr(*p)
	}
	for i := range c.Digits {
		c.Digits[i].At = stored(c.Digits[i].At)
	}
	if c.Consent != nil {
		a := *c.Consent
		a.At = storedPtr(a.At)
		c.Consent = &a
	}
	if c.Hold != nil {
		h := *c.Hold
		h.Until = storedPtr(h.Until)
		c.Hold = &h
	}
}

// stored is t as it comes back from the store.
func stored(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func storedPtr(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	v := stored(*t)
	return &v
}

func packDigits(m calls.DigitMap) [][]actionDoc {
	if m == nil {
		return nil
	}
	out := make([][]actionDoc, len(m))
	for i, list := range m {
		for _, a := range list {
			out[i] = append(out[i], actionDoc{Kind: a.Kind, Value: a.Value, Digits: packDigits(a.Digits)})
		}
	}
	return out
}

func unpackDigits(m [][]actionDoc) calls.DigitMap {
	if m == nil {
		return nil
	}
	out := make(calls.DigitMap, len(m))
	for i, list := range m {
		for _, a := range list {
			out[i] = append(out[i], calls.Action{Kind: a.Kind, Value: a.Value, Digits: unpackDigits(a.Digits)})
		}
	}
	return out
}
