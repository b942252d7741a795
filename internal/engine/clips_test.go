package engine

import (
	"testing"

	"zvonar/internal/calls"
)

func TestACallThatPlaysWhatIsRevokedEnds(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit()
	leg := b.start(c, "main")
	leg.emit(answered)
	b.told(leg, "play 1001")
	b.e.RecordingDecided("1001", 1)
	b.told(leg, "hangup")
	leg.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	if got := b.over(c.ID); got.Outcome != calls.OutcomeAnswered || got.Reason != calls.ReasonRecordingRevoked || got.HangupBy != calls.ByZvonar {
		t.Errorf("%s %s %s", got.Outcome, got.Reason, got.HangupBy)
	}
}

func TestARingingCallWhoseClipIsRevokedIsCanceled(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit()
	leg := b.start(c, "main")
	leg.emit(calls.LegEvent{Kind: calls.LegRinging, Code: 180})
	b.e.RecordingDecided("1001", 1)
	b.told(leg, "hangup")
	leg.end(calls.Ending{Code: 487, Canceled: true, Rang: true})
	if got := b.over(c.ID); got.Outcome != calls.OutcomeCanceled || got.Reason != calls.ReasonRecordingRevoked {
		t.Errorf("%s %s", got.Outcome, got.Reason)
	}
}

func TestAMenuGoesOnWithoutTheClipThatWasRevoked(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit(func(r *CallRequest) {
		r.Digits = digits(map[int]calls.Action{1: {Kind: calls.ActionRecord, Value: "1003"}})
	})
	leg := b.start(c, "main")
	leg.emit(answered)
	b.told(leg, "play 1001")
	b.e.RecordingDecided("1003", 1)
	b.e.RecordingDecided("rec_other", 7)
	leg.emit(press('1'))
	for line := ""; line != "hangup"; line = <-leg.told {
		if line == "play 1003" {
			t.Fatal("what was revoked was played")
		}
	}
	leg.end(calls.Ending{Answered: true, By: calls.ByZvonar})
	if got := b.over(c.ID); got.Reason != calls.ReasonNoClip {
		t.Errorf("%s", got.Reason)
	}
}

func TestACallBegunBesideARevocationRingsNobody(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.submit()
	b.e.RecordingDecided("1001", 1)
	b.release(c, "main")
	if got := b.over(c.ID); got.Outcome != calls.OutcomeCanceled || got.Reason != calls.ReasonRecordingRevoked {
		t.Errorf("%s %s", got.Outcome, got.Reason)
	}
	select {
	case d := <-b.line.dialled:
		t.Errorf("%s was dialled", d.To)
	default:
	}
	b.e.RecordingDecided("1001", 0) // taken back
	b.start(b.submit(), "main").end(calls.Ending{Code: 486, By: calls.ByCustomer})
}
