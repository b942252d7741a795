package sip

import (
	"testing"

	"zvonar/internal/calls"
	"zvonar/sip/trunk"
)

// encrypting makes a side whose trunk has that mode.
func encrypting(mode trunk.SRTP) func(*trunk.Config, *Config) {
	return func(t *trunk.Config, _ *Config) { t.SRTP = mode }
}

func TestACallIsEncryptedWhereBothSidesWantIt(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		caller, callee  trunk.SRTP
		answered, keyed bool
	}{
		{trunk.SRTPRequired, trunk.SRTPRequired, true, true},
		{trunk.SRTPRequired, trunk.SRTPOptional, true, true},
		{trunk.SRTPOptional, trunk.SRTPOptional, true, false},
		{trunk.SRTPRequired, trunk.SRTPOff, false, false},
		{trunk.SRTPOff, trunk.SRTPRequired, false, false},
	} {
		t.Run(string(tc.caller)+" to "+string(tc.callee), func(t *testing.T) {
			t.Parallel()
			r := newRelay(t)
			b := newSide(t, "udp://127.0.0.1:0", encrypting(tc.callee), addrPort(r.right.LocalAddr()))
			r.mu.Lock()
			r.peers[1] = b.ua.Addr("udp")
			r.mu.Unlock()
			a := newSide(t, "udp://127.0.0.1:0", encrypting(tc.caller), addrPort(r.left.LocalAddr()))
			b.onArrival(func(l *Leg) { l.Answer() })
			caller := a.dial(t, nil)
			if !tc.answered {
				if end := caller.end(); end.Code != 488 || !end.Media {
					t.Errorf("ended as %+v", end)
				}
				return
			}
			caller.until(calls.LegAnswered)
			callee := b.arrived(t)
			callee.until(calls.LegAnswered)
			caller.leg.SendDigits("7")
			if ev := callee.until(calls.LegDigit); ev.Digit != '7' {
				t.Errorf("heard %q", ev.Digit)
			}
			callee.leg.Hold(true) // an offer within the dialog keeps the keys
			callee.leg.Hold(false)
			callee.leg.SendDigits("8")
			if ev := caller.until(calls.LegDigit); ev.Digit != '8' {
				t.Errorf("heard %q", ev.Digit)
			}
			caller.leg.Hangup(16)
			if facts := caller.until(calls.LegEnded).Facts; facts.SRTP != tc.keyed {
				t.Errorf("%+v", facts)
			}
			if facts := callee.until(calls.LegEnded).Facts; facts.SRTP != tc.keyed {
				t.Errorf("%+v", facts)
			}
		})
	}
}
