package calls

import "testing"

func TestAnAttemptIsATalkUnlessItIsKnownThatNobodyTookIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		a    Attempt
		want bool
	}{
		"it rings":                   {Attempt{State: AttemptDialing}, true},
		"it talks":                   {Attempt{State: AttemptAnswered, SIPCode: 200}, true},
		"answered":                   {Attempt{State: AttemptOver, SIPCode: 200, Outcome: OutcomeAnswered}, true},
		"a machine took it":          {Attempt{State: AttemptOver, SIPCode: 200, Outcome: OutcomeMachine}, true},
		"an announcement took it":    {Attempt{State: AttemptOver, SIPCode: 200, Outcome: OutcomeAnnouncement}, true},
		"answered, a provider says":  {Attempt{State: AttemptOver, Outcome: OutcomeAnswered}, true},
		"lost with the process":      {Attempt{State: AttemptLost}, true},
		"over, and nobody can tell":  {Attempt{State: AttemptOver}, true},
		"busy":                       {Attempt{State: AttemptOver, SIPCode: 486, Outcome: OutcomeBusy}, false},
		"no answer":                  {Attempt{State: AttemptOver, SIPCode: 487, Outcome: OutcomeNoAnswer}, false},
		"rejected":                   {Attempt{State: AttemptOver, SIPCode: 603, Outcome: OutcomeRejected}, false},
		"an announcement, no answer": {Attempt{State: AttemptOver, SIPCode: 480, Outcome: OutcomeAnnouncement}, false},
		"taken back while it rang":   {Attempt{State: AttemptOver, SIPCode: 487, Outcome: OutcomeCanceled}, false},
	} {
		if got := c.a.MayHaveTalked(); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
