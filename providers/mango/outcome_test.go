package mango

import (
	"errors"
	"testing"

	"zvonar/internal/calls"
	"zvonar/providers"
)

func TestAnAnswerWithoutAResultRefusesOnlyWhatCannotHaveBegun(t *testing.T) {
	t.Parallel()
	for status, certain := range map[int]bool{400: true, 403: true, 404: true, 408: false, 500: false, 502: false, 200: false} {
		err := asked{answer: &providers.Answer{Status: status}}.outcome()
		var refused *calls.PlaceRefused
		if errors.As(err, &refused) != certain || err == nil {
			t.Errorf("%d: %v", status, err)
		}
	}
}

// A manager who does not come is none of the client's doing, and a summary alone says
// nothing of whose telephone it was.
func TestWhoDidNotComeDecidesTheOutcome(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		rung    *callNotice
		joins   bool
		reason  number
		outcome calls.Outcome
		why     calls.Reason
	}{
		"the manager":            {&callNotice{To: party{Extension: "201"}}, true, 1111, calls.OutcomeCanceled, calls.ReasonManagerNotReached},
		"our user agent":         {&callNotice{To: party{Extension: "201"}}, false, 1111, calls.OutcomeTrunkError, calls.ReasonProviderFailed},
		"the client":             {&callNotice{To: party{Number: "74955404444"}}, true, 1111, calls.OutcomeNoAnswer, ""},
		"busy, by a summary":     {nil, true, 1121, calls.OutcomeBusy, ""},
		"a summary without more": {nil, true, 0, calls.OutcomeNoAnswer, ""},
	} {
		tr := newTracker("74955404444", x.joins)
		if n := x.rung; n != nil {
			n.Entry, n.Call, n.Seq, n.State = "e", "a", 1, legAppeared
			tr.call(*n)
		}
		list := tr.summary(summaryNotice{Entry: "e", Reason: x.reason, Ended: stamp(noon)})
		if end := list[len(list)-1]; end.Outcome != x.outcome || end.Reason != x.why {
			t.Errorf("%s: %s/%s", name, end.Outcome, end.Reason)
		}
	}
}
