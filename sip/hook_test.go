package sip

import (
	"testing"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
)

// TestAFinishedLegIsLetGo: the transactions of a call live on after it, and still
// answer what comes late, without keeping the leg.
func TestAFinishedLegIsLetGo(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	k, invite := dialled(t, a, p)
	p.hangup(k)
	eventually(t, func() bool { return k.leg.hook.leg.Load() == nil })

	p.respond(invite, 200, "far", rawSDP) // our ACK was lost
	ack := p.again("ACK")
	if tagOf(ack.To()) != "far" || ack.CSeq().SeqNo != invite.CSeq().SeqNo {
		t.Errorf("the repeated 200 got\n%s", ack)
	}
	p.respond(invite, 200, "another", rawSDP) // a telephone that answered late
	if ack := p.read("ACK"); tagOf(ack.To()) != "another" {
		t.Errorf("the late 200 got an ACK for %q", tagOf(ack.To()))
	}
	bye := p.read("BYE")
	if tagOf(bye.To()) != "another" {
		t.Errorf("BYE for %q", tagOf(bye.To()))
	}
	p.respond(bye, 200, "", "")
}

func TestAFinishedInboundLegIsLetGoAndItsInviteIsNotTakenAgain(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	k, tag := answered(t, a, p, rawSDP)
	p.send(p.request("ACK", "ack", "f", tag, "", 1))
	k.until(calls.LegAnswered)
	// The INVITE's own transaction ends T4 after the ACK: a copy that was on the
	// wire for longer finds none, and is told that it was here before.
	eventually(t, func() bool { return a.ua.load.transactions() == 0 })
	p.send(p.request("BYE", "bye", "f", tag, "", 2))
	p.read("200 BYE")
	k.end()
	eventually(t, func() bool { return k.leg.hook.leg.Load() == nil })
	p.send(p.request("INVITE", "inv", "f", "", rawSDP, 1))
	res := p.read("482 INVITE", "200 INVITE")
	if got := res.(*sipmsg.Response).StatusCode; got != sipmsg.StatusLoopDetected {
		t.Errorf("an old copy of the INVITE got %d", got)
	}
	p.send(p.request("ACK", "inv", "f", tagOf(res.To()), "", 1))
	select {
	case k := <-a.inbound:
		t.Errorf("it made a second call: %+v", k.inv)
	default:
	}
}
