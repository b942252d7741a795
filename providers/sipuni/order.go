package sipuni

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// extensionOf is the internal number that events of a call must tell of; "" where
// they may tell of any.
func (c *Client) extensionOf(r calls.PlaceRequest) string {
	switch {
	case r.Flow.Bridge != nil:
		sip, _ := c.colleague(r)
		return sip
	case c.set.Method == "call_number":
		return c.ours(r)
	}
	return ""
}

// ours is the internal number at which our user agent is registered.
func (c *Client) ours(r calls.PlaceRequest) string {
	if c.set.SIPNumber != "" {
		return c.set.SIPNumber
	}
	return r.Extension
}

// order makes the request that places a call: its method and its parameters. An
// error says why there is none.
func (c *Client) order(ctx context.Context, r calls.PlaceRequest) (path string, p params, err error) {
	switch {
	case r.Flow.Bridge != nil:
		return c.join(r)
	case c.set.Method == "voicecall":
		p, err = c.voiceOf(ctx, r)
		return methodVoice, p, err
	}
	sip := c.ours(r)
	if sip == "" {
		return "", nil, errors.New("there is no internal number to ring: set extension of the provider, or sipnumber of its settings")
	}
	switch c.set.Method {
	case "call_tree":
		p = params{"phone": r.To, "reverse": flag(c.set.Reverse), "sipnumber": sip, "tree": c.set.Tree}
		if c.set.AttemptTime > 0 {
			p["callAttemptTime"] = strconv.Itoa(int(c.set.AttemptTime / time.Second))
		}
		if c.set.Anonymous {
			p["antiaon"] = "1"
		}
		return methodTree, p, nil
	case "call_external":
		first, second := c.set.PhoneFrom, r.To
		if c.set.Reverse {
			first, second = second, first
		}
		return methodExternal, params{"phoneFrom": first, "phoneTo": second, "sipnumber": sip, "sipnumber2": c.set.SIPNumber2}, nil
	}
	return methodNumber, params{"antiaon": flag(c.set.Anonymous), "phone": r.To, "reverse": flag(c.set.Reverse), "sipnumber": sip}, nil
}

// join places a call between two parties: an internal number and the client, or two
// outside numbers.
func (c *Client) join(r calls.PlaceRequest) (string, params, error) {
	b := r.Flow.Bridge
	sip, phone := c.colleague(r)
	switch {
	case sip != "":
		return methodNumber, params{"antiaon": flag(b.Anonymous), "phone": r.To, "reverse": flag(b.Order == calls.ClientFirst), "sipnumber": sip}, nil
	case phone == "":
		return "", nil, errors.New("who is to be joined has neither an internal number at the service nor a telephone")
	case b.Anonymous:
		return "", nil, errors.New("the service hides no number in calls between two outside numbers")
	case c.ours(r) == "":
		return "", nil, errors.New("calls between two outside numbers need an internal number that makes them: set sipnumber")
	}
	first, second := phone, r.To
	if b.Order == calls.ClientFirst {
		first, second = second, first
	}
	return methodExternal, params{"phoneFrom": first, "phoneTo": second, "sipnumber": c.ours(r), "sipnumber2": c.set.SIPNumber2}, nil
}

// colleague is whom a call joins with the client: his internal number at the
// service, or else an outside number.
func (c *Client) colleague(r calls.PlaceRequest) (sip, phone string) {
	const longest = 6 // no number of any plan is that short
	who := r.Flow.Bridge.Manager
	if subscriber, of, ok := strings.Cut(who, "@"); ok && of == c.name {
		return subscriber, ""
	}
	if e := r.Employee; e != nil {
		switch {
		case e.Subscriber != "" && (e.Provider == "" || e.Provider == c.name):
			return e.Subscriber, ""
		case e.Phone != "":
			return "", e.Phone
		}
		return e.Extension, ""
	}
	who = strings.TrimPrefix(who, "employee:")
	switch {
	case strings.Trim(who, "0123456789") != "" || who == "":
		return "", ""
	case len(who) <= longest:
		return who, ""
	}
	return "", who
}

// voiceOf reads the client's clip to the service as text: its own voice says it.
func (c *Client) voiceOf(ctx context.Context, r calls.PlaceRequest) (params, error) {
	if !r.Flow.Digits.Empty() {
		return nil, errors.New("a voice message of the service hears no digits: leave them out, or use another method")
	}
	ref, pinned := r.Flow.Clips[r.Flow.Record]
	if !pinned {
		return nil, errors.New("the call has no clip")
	}
	if ref.Text != "" { // with the call's variables in it
		return c.spoken(r, ref.Text)
	}
	var rec *calls.Recording
	err := c.house.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		rec, err = tx.Recording(r.Account, ref.RecordingID)
		return err
	})
	switch {
	case err != nil:
		return nil, errors.New("the clip cannot be read")
	case rec.Text == "" || rec.Version != max(ref.Version, 1):
		return nil, errors.New("the service speaks texts only: the clip must be one that a voice reads, in its newest version")
	}
	return c.spoken(r, rec.Text)
}

func (c *Client) spoken(r calls.PlaceRequest, text string) (params, error) {
	if c.ours(r) == "" {
		return nil, errors.New("there is no internal number that calls out: set sipnumber")
	}
	return params{"message": text, "phone": r.To, "sipnumber": c.ours(r), "voice": c.set.Voice}, nil
}

func flag(on bool) string {
	if on {
		return "1"
	}
	return "0"
}

// readOrder reads the answer to an order: its id, or a *calls.PlaceRefused with the
// service's words, or a *calls.PlaceUnknown. The answer may say that it is text/html.
func readOrder(a *providers.Answer) (string, error) {
	read := providers.Reading{SuccessPath: "success", ErrorPath: "message"}
	v, err := providers.ParseJSON(a.Body)
	if err == nil {
		if _, has := providers.Lookup(v, "message"); !has {
			read.ErrorPath = "msg"
		}
		if said, _ := providers.Lookup(v, "success"); said == "1" {
			read.SuccessEquals = "1"
		}
	}
	if _, err := read.Read(a); err != nil {
		return "", err
	}
	for _, path := range []string{"id", "callbackId", "callId"} {
		if id, has := providers.Lookup(v, path); has && id != "" && id != "null" {
			return calls.Clean(id, 200), nil
		}
	}
	return "", nil
}
