package sip

import (
	"context"
	"testing"

	"zvonar/internal/calls"
)

func TestDialRefusesWhatMustNotReachAHeader(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	good := calls.DialRequest{SIPCallID: "id@x", Trunk: "peer", To: "79991234567", From: "78005553535"}
	for name, change := range map[string]func(*calls.DialRequest){
		"unknown trunk":       func(r *calls.DialRequest) { r.Trunk = "other" },
		"CRLF in the number":  func(r *calls.DialRequest) { r.To = "7999\r\nX: y" },
		"URI in the number":   func(r *calls.DialRequest) { r.To = "7999@evil" },
		"parameter in number": func(r *calls.DialRequest) { r.To = "7999;x=y" },
		"empty number":        func(r *calls.DialRequest) { r.To = "" },
		"blank in the caller": func(r *calls.DialRequest) { r.From = "7 8" },
		"control in the name": func(r *calls.DialRequest) { r.FromName = "a\x00b" },
		"CRLF in the name":    func(r *calls.DialRequest) { r.FromName = "a\r\nVia: x" },
		"no Call-ID":          func(r *calls.DialRequest) { r.SIPCallID = "" },
		"CRLF in the Call-ID": func(r *calls.DialRequest) { r.SIPCallID = "a\r\nb" },
		"header of ours":      func(r *calls.DialRequest) { r.Headers = map[string]string{"vIa": "x"} },
		"identity header":     func(r *calls.DialRequest) { r.Headers = map[string]string{"P-Asserted-Identity": "x"} },
		"too many hops":       func(r *calls.DialRequest) { r.Hops = calls.MaxForwards + 1 },
		"CRLF in a header":    func(r *calls.DialRequest) { r.Headers = map[string]string{"X-A": "x\r\nVia: y"} },
		"header name":         func(r *calls.DialRequest) { r.Headers = map[string]string{"X A": "x"} },
	} {
		req := good
		change(&req)
		if _, err := a.ua.Dial(req, func(calls.LegEvent) { t.Errorf("%s: an event came", name) }); err == nil {
			t.Errorf("%s: dialled", name)
		}
	}
	k := newTaker(t)
	if _, err := a.ua.Dial(good, k.on); err != nil {
		t.Fatal(err)
	}
	if _, err := a.ua.Dial(good, k.on); calls.CodeOf(err) != calls.CodeOverloaded {
		// The tags differ, so the second one is a dialog of its own.
		if err != nil {
			t.Errorf("a second call: %v", err)
		} else {
			p.respond(p.read("INVITE"), 486, "x", "")
		}
	}
	p.respond(p.read("INVITE"), 486, "x", "")
	k.end()
}

func TestStopEndsEveryLeg(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	ringing := a.dial(t, nil)
	invite := p.read("INVITE")
	p.respond(invite, 180, "x", "")
	ringing.until(calls.LegRinging)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.ua.Stop(ctx) }()
	p.read("CANCEL") // nobody answers it
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := ringing.end(); got.By != calls.ByZvonar || !got.Canceled {
		t.Errorf("ending %+v", got)
	}
	if err := a.ua.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := a.ua.Dial(calls.DialRequest{SIPCallID: "x", Trunk: "peer", To: "1"}, nil); calls.CodeOf(err) != calls.CodeOverloaded {
		t.Errorf("dialling after Stop: %v", err)
	}
}
