package sip

import (
	"fmt"
	"strings"
	"testing"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
)

func TestRequestsInAnEarlyDialogOfOurs(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	k := a.dial(t, nil)
	invite := p.read("INVITE").(*sipmsg.Request)
	p.respond(invite, 180, "one", "")
	p.respond(invite, 183, "two", rawSDP)
	k.until(calls.LegEarlyMedia)
	k.knows(func(l *Leg) bool { return len(l.uac.early) == 2 })
	for i, tc := range []struct{ method, tag, body, want string }{
		{"UPDATE", "one", "", "200 UPDATE"},
		{"UPDATE", "two", rawSDP, "491 UPDATE"}, // our own offer waits for its answer
		{"UPDATE", "three", "", "481 UPDATE"},
		{"BYE", "one", "", "481 BYE"}, // RFC 3261 15: the callee may not
		{"OPTIONS", "two", "", "200 OPTIONS"},
	} {
		p.send(p.reverse(invite, tc.method, tc.tag, tc.body, 10+i))
		p.read(tc.want)
	}
	p.send(p.reverse(invite, "UPDATE", "one", "", 9)) // each telephone counts for itself
	p.read("500 UPDATE")
	p.respond(invite, 200, "two", rawSDP)
	p.read("ACK")
	k.until(calls.LegAnswered)
	p.hangup(k)
}

// reverse writes a request of the called side within the dialog of our INVITE.
func (p *rawPeer) reverse(invite *sipmsg.Request, method, tag, body string, seq int) string {
	text := p.request(method, fmt.Sprint("rev", method, tag, seq), tag, tagOf(invite.From()), body, seq)
	return strings.Replace(text, "Call-ID: "+tag+"@raw", "Call-ID: "+invite.CallID().Value(), 1)
}

// knows waits until the leg knows something: messages that follow one another at
// once may overtake each other.
func (k *taker) knows(cond func(*Leg) bool) {
	k.t.Helper()
	eventually(k.t, func() bool {
		got := make(chan bool, 1)
		k.leg.do(func() { got <- cond(k.leg) })
		return <-got
	})
}

func TestOfSeveralTelephonesTheAnsweredOneIsHeard(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	k := a.dial(t, nil)
	invite := p.read("INVITE").(*sipmsg.Request)
	p.respond(invite, 183, "one", rawSDP)
	k.knows(func(l *Leg) bool { return l.agreed.Codec == "PCMA" })
	p.respond(invite, 183, "two", strings.Replace(rawSDP, "AVP 8", "AVP 0", 1))
	k.knows(func(l *Leg) bool { return l.agreed.Codec == "PCMU" })
	p.respond(invite, 199, "two", "")
	k.knows(func(l *Leg) bool { return l.agreed.Codec == "PCMA" && len(l.uac.early) == 1 })
	p.respond(invite, 200, "one", "") // its 183 said it all
	p.read("ACK")
	if ev := k.until(calls.LegAnswered); ev.Codec != "PCMA" {
		t.Errorf("codec %q: that is the other telephone's", ev.Codec)
	}
	p.hangup(k)
}

func TestAnAnswerWithoutAudioOfItsOwnIsHungUp(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	k := a.dial(t, nil)
	invite := p.read("INVITE").(*sipmsg.Request)
	p.respond(invite, 183, "one", rawSDP)
	k.until(calls.LegEarlyMedia)
	p.respond(invite, 200, "two", "")
	p.read("ACK")
	p.respond(p.read("BYE"), 200, "", "")
	if got := k.end(); !got.Media || got.Answered {
		t.Errorf("ending %+v", got)
	}
}

func TestThe199OfOneTelephoneIsNoRinging(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	k := a.dial(t, nil)
	invite := p.read("INVITE").(*sipmsg.Request)
	p.respond(invite, 199, "one", "")
	k.knows(func(l *Leg) bool { return l.ending.Progress })
	p.respond(invite, 486, "one", "")
	for {
		ev := <-k.ch
		if ev.Kind == calls.LegRinging {
			t.Error("199 counts as ringing")
		}
		if ev.Kind == calls.LegEnded {
			if ev.Ending.Rang || !ev.Ending.Progress || ev.Ending.Code != 486 {
				t.Errorf("ending %+v", ev.Ending)
			}
			return
		}
	}
}
