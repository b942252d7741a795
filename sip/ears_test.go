package sip

import (
	"sync/atomic"
	"testing"

	"zvonar/internal/calls"
	"zvonar/media"
	"zvonar/sip/trunk"
)

// loudEars report every packet as a busy tone.
type loudEars struct {
	report func(calls.Heard)
	heard  atomic.Int64
}

func (e *loudEars) Hear(s media.Sound) {
	if e.heard.Add(1); len(s.PCM) > 0 {
		e.report(calls.Heard{Kind: calls.HeardBusy})
	}
}

func TestSoundBeforeTheAnswerIsListenedToUntilTheAnswer(t *testing.T) {
	t.Parallel()
	made := make(chan *loudEars, 1)
	a, p := withRaw(t, func(_ *trunk.Config, c *Config) {
		c.Ears = func(req calls.DialRequest, report func(calls.Heard)) media.Analyser {
			if req.Trunk != "peer" || req.Role != calls.RoleCustomer {
				t.Errorf("ears for %+v", req)
			}
			e := &loudEars{report: report}
			made <- e
			return e
		}
	})
	k := a.dial(t, func(r *calls.DialRequest) { r.Role = calls.RoleCustomer })
	invite := p.read("INVITE")
	r := newRTPPeer(t, "127.0.0.1")
	p.respond(invite, 183, "far", r.sdp("8"))
	k.until(calls.LegEarlyMedia)
	r.aim(invite.Body())
	r.say(0x2A)
	if ev := k.until(calls.LegHeard); ev.Heard.Kind != calls.HeardBusy {
		t.Errorf("heard %+v", ev.Heard)
	}
	p.respond(invite, 200, "far", r.sdp("8 101", "a=rtpmap:101 telephone-event/8000"))
	p.read("ACK")
	k.until(calls.LegAnswered)
	ears := <-made
	before := ears.heard.Load()
	for range 5 {
		r.say(0x2A)
	}
	r.press(101, 4)
	for ev := range k.ch { // the key is behind what was said
		if ev.Kind == calls.LegHeard {
			t.Error("something is heard after the answer")
		}
		if ev.Kind == calls.LegDigit {
			break
		}
	}
	if n := ears.heard.Load(); n > before+1 {
		t.Errorf("%d packets were listened to after the answer", n-before)
	}
	leave(k, p)
}
