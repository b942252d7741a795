package sip

import (
	"testing"

	"zvonar/internal/calls"
)

func TestACallIsAnsweredAndHungUp(t *testing.T) {
	t.Parallel()
	a, r, b := pair(t, nil, nil)
	out := a.dial(t, func(req *calls.DialRequest) {
		req.FromName = `A "B"`
		req.Headers = map[string]string{"X-Call-ID": "42"}
	})
	in := b.arrived(t)
	if in.inv.From != "78005553535" || in.inv.To != "79991234567" || in.inv.Trunk != "peer" || in.inv.SIPCallID == "" {
		t.Errorf("the callee was told %+v", in.inv)
	}
	if got := in.leg.ReceivedHeader("X-Call-ID"); got != "42" {
		t.Errorf("X-Call-ID = %q", got)
	}
	in.leg.Ring()
	if ev := out.until(calls.LegRinging); ev.Code != 180 {
		t.Errorf("ringing with %d", ev.Code)
	}
	in.leg.Answer()
	ans := out.until(calls.LegAnswered)
	if ans.Codec != "PCMA" || len(ans.Dialog) == 0 {
		t.Errorf("answered with %q, %d bytes of dialog", ans.Codec, len(ans.Dialog))
	}
	in.until(calls.LegAnswered)
	out.until(calls.LegFirstAudio)
	in.until(calls.LegFirstAudio)
	out.leg.Hangup(16)
	got, far := out.end(), in.end()
	if !got.Answered || got.By != calls.ByZvonar || got.Code != 200 || got.Canceled || got.Timeout || !got.Rang {
		t.Errorf("caller's ending %+v", got)
	}
	if !far.Answered || far.By != calls.ByCustomer || far.Q850 != 16 {
		t.Errorf("callee's ending %+v", far)
	}
	if n := r.total("BYE"); n != 1 {
		t.Errorf("%d BYE", n)
	}
}
