package demo

import (
	"strings"
	"testing"

	"zvonar/internal/calls"
	"zvonar/internal/carrier"
)

func TestScenariosCanRun(t *testing.T) {
	t.Parallel()
	over := map[string]bool{}
	withoutRef := 0
	for _, sc := range scenarios() {
		if over[sc.name] || len([]rune(sc.name)) > 32 {
			t.Errorf("%q: the name is not unique or longer than its column", sc.name)
		}
		if !strings.HasPrefix(sc.number, carrier.Prefix) {
			t.Errorf("%q: %s would leave the test carrier", sc.name, sc.number)
		}
		if sc.after != "" && !over[sc.after] {
			t.Errorf("%q waits for %q, which does not come before it", sc.name, sc.after)
		}
		if sc.origin == inbound {
			withoutRef++
		}
		over[sc.name] = true
	}
	if withoutRef > 1 {
		t.Error("two inbound calls could not be told apart: they have no ref")
	}
}

// What issue A promises of the demo: every action, and these outcomes.
func TestScenariosExerciseEveryActionAndOutcome(t *testing.T) {
	t.Parallel()
	var actions strings.Builder
	outcomes, origins := map[calls.Outcome]bool{}, map[origin]bool{}
	for _, sc := range scenarios() {
		actions.WriteString(sc.actions + " ")
		outcomes[sc.outcome], origins[sc.origin] = true, true
	}
	for _, a := range []string{"record:ok", "managerPhone:ok", "managerPhone:failed", "smsText:ok", "needBlock:ok"} {
		if !strings.Contains(actions.String(), a) {
			t.Errorf("no scenario has the action %s", a)
		}
	}
	for _, o := range []calls.Outcome{calls.OutcomeAnswered, calls.OutcomeBusy, calls.OutcomeNoAnswer, calls.OutcomeRejected, calls.OutcomeUnreachable,
		calls.OutcomeInvalidNumber, calls.OutcomeCanceled, calls.OutcomeBlocked, calls.OutcomeTrunkError} {
		if !outcomes[o] {
			t.Errorf("no scenario ends %s", o)
		}
	}
	for _, o := range []origin{byTrunk, byProvider, byZvonobot, inbound, cancelled} {
		if !origins[o] {
			t.Errorf("no scenario of origin %d", o)
		}
	}
}

func TestReportFailsOnAnyFault(t *testing.T) {
	t.Parallel()
	good := result{scenario: scenario{name: "fine"}}
	bad := result{scenario: scenario{name: "broken"}, faults: []string{"outcome busy instead of answered"}}
	for name, tt := range map[string]struct {
		results []result
		hooks   hooks
		want    bool
	}{
		"all well":     {[]result{good}, hooks{}, true},
		"a call":       {[]result{good, bad}, hooks{}, false},
		"the webhooks": {[]result{good}, hooks{faults: []string{"3 events were not delivered"}}, false},
	} {
		var out strings.Builder
		if ok := report(&out, tt.results, tt.hooks, "dir"); ok != tt.want {
			t.Errorf("%s: ok = %v", name, ok)
		}
		for _, r := range tt.results {
			for _, f := range r.faults {
				if !strings.Contains(out.String(), f) {
					t.Errorf("%s: the report does not say %q", name, f)
				}
			}
		}
	}
}
