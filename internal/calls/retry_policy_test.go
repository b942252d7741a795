package calls

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestAPolicyIsReadInAllItsSpellings(t *testing.T) {
	t.Parallel()
	got, err := ParseRetry(json.RawMessage(`{"max_attempts":4,"max_attempts_per_day":2,
		"outcomes":{"busy":"5m","machine":"18:30","no_answer":{"after":"1h","at":"10:00","times":2}}}`), "body.retry")
	if err != nil {
		t.Fatal(err)
	}
	want := &RetryPolicy{MaxAttempts: 4, MaxAttemptsPerDay: 2, Outcomes: map[Outcome]RetryRule{
		OutcomeBusy: {After: Duration(5 * time.Minute)}, OutcomeMachine: {At: "18:30"},
		OutcomeNoAnswer: {After: Duration(time.Hour), At: "10:00", Times: 2}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, want %+v", got, want)
	}
	stored, _ := json.Marshal(got)
	var again *RetryPolicy
	if err := json.Unmarshal(stored, &again); err != nil || !reflect.DeepEqual(again, want) {
		t.Errorf("stored as %s, read back as %+v (%v)", stored, again, err)
	}
	for raw, attempts := range map[string]int{`{}`: 1, `{"outcomes":{"busy":"1m"}}`: 3} {
		if p, err := ParseRetry(json.RawMessage(raw), ""); err != nil || p.MaxAttempts != attempts {
			t.Errorf("%s: %+v %v, want %d attempts", raw, p, err, attempts)
		}
	}
	if p, err := ParseRetry(nil, ""); p != nil || err != nil {
		t.Errorf("nothing is read as %+v, %v", p, err)
	}
}

func TestEveryFaultOfAPolicyIsNamedWhereItStands(t *testing.T) {
	t.Parallel()
	for raw, places := range map[string]string{
		`[]`:                                     "retry",
		`{"max_attempts":0}`:                     "retry.max_attempts",
		`{"max_attempts":16}`:                    "retry.max_attempts",
		`{"attempts":2}`:                         "retry.attempts",
		`{"outcomes":{"answered":"5m"}}`:         "retry.outcomes.answered",
		`{"outcomes":{"busy":{}}}`:               "retry.outcomes.busy",
		`{"outcomes":{"busy":"5s"}}`:             "retry.outcomes.busy",
		`{"outcomes":{"busy":"25:00"}}`:          "retry.outcomes.busy",
		`{"outcomes":{"busy":5}}`:                "retry.outcomes.busy",
		`{"outcomes":{"busy":{"at":"9:00"}}}`:    "retry.outcomes.busy.at",
		`{"outcomes":{"busy":{"after":"900h"}}}`: "retry.outcomes.busy.after",
		`{"max_attempts":"2","outcomes":{"busy":"1m","lost":"1m","fax":{"when":"x"}}}`: "retry.max_attempts retry.outcomes.lost retry.outcomes.fax.when",
	} {
		_, err := ParseRetry(json.RawMessage(raw), "retry")
		if err == nil {
			t.Errorf("%s was accepted", raw)
			continue
		}
		var got []string
		for _, f := range err.Fields {
			got = append(got, f.Location)
		}
		if strings.Join(got, " ") != places || err.Code != CodeInvalidField {
			t.Errorf("%s: %s at %q, want %q", raw, err.Code, got, places)
		}
	}
}

func TestAPolicyEndsWhereItSaysSo(t *testing.T) {
	t.Parallel()
	p := &RetryPolicy{MaxAttempts: 4, Outcomes: map[Outcome]RetryRule{
		OutcomeBusy: {After: 1}, OutcomeMachine: {At: "18:30", Times: 1}, OutcomeTrunkError: {After: 2}}}
	for _, tc := range []struct {
		name    string
		outcome Outcome
		tries   Tries
		again   bool
	}{
		{"first busy", OutcomeBusy, Tries{1, 1}, true},
		{"third busy", OutcomeBusy, Tries{3, 3}, true},
		{"no attempt left", OutcomeBusy, Tries{4, 1}, false},
		{"no rule", OutcomeNoAnswer, Tries{1, 1}, false},
		{"reached", OutcomeAnswered, Tries{1, 1}, false},
		{"first machine", OutcomeMachine, Tries{2, 1}, true},
		{"second machine", OutcomeMachine, Tries{3, 2}, false},
		{"trunk, nothing charged", OutcomeTrunkError, Tries{0, 5}, true},
		{"trunk, too often", OutcomeTrunkError, Tries{0, 6}, false},
	} {
		if _, again := p.Next(tc.outcome, tc.tries); again != tc.again {
			t.Errorf("%s: again %v", tc.name, again)
		}
	}
	if _, again := (*RetryPolicy)(nil).Next(OutcomeBusy, Tries{1, 1}); again {
		t.Error("a call without a policy is tried again")
	}
}

func FuzzParseRetry(f *testing.F) {
	f.Add([]byte(`{"max_attempts":4,"outcomes":{"busy":"5m","machine":{"at":"18:30","times":1}}}`))
	f.Add([]byte(`{"outcomes":{"busy":[]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := ParseRetry(raw, "retry")
		if err != nil || p == nil {
			return
		}
		if p.MaxAttempts < 1 || p.MaxAttempts > MaxRetryAttempts {
			t.Fatalf("%d attempts", p.MaxAttempts)
		}
		for o, r := range p.Outcomes {
			if r.After == 0 && r.At == "" || r.After < 0 {
				t.Fatalf("%s: %+v", o, r)
			}
		}
	})
}
