package trunk

import (
	"strings"
	"testing"

	"zvonar/internal/calls"
)

func TestNumbersAreRewrittenByTheFirstRuleThatFits(t *testing.T) {
	t.Parallel()
	rules := []Rule{{Prefix: "8800"}, {Prefix: "8", Length: 11, Strip: 1, Add: "7"}, {Prefix: "+", Strip: 1}, {Prefix: "00", Strip: 2}}
	for in, want := range map[string]string{
		"89161234567":  "79161234567",
		"88005553535":  "88005553535",
		"+79161234567": "79161234567",
		"0049301234":   "49301234",
		"8916":         "8916",
		"201":          "201",
		"":             "",
	} {
		if got := Rewrite(rules, in); got != want {
			t.Errorf("%s becomes %s, want %s", in, got, want)
		}
	}
	if got := Rewrite([]Rule{{Strip: 20}}, "123"); got != "123" {
		t.Errorf("more is stripped than there is: %q", got)
	}
}

func TestRulesThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]Config{
		"letters":           {Formats: Numbers{ToOut: []Rule{{Add: "x"}}}},
		"negative":          {Formats: Numbers{FromIn: []Rule{{Strip: -1}}}},
		"too many":          {Formats: Numbers{ToIn: make([]Rule, maxRules+1)}},
		"identity":          {CallerID: CallerID{Identity: "x"}},
		"domain":            {CallerID: CallerID{Domain: "a b"}},
		"no username":       {CallerID: CallerID{FromUsername: true}},
		"no refusal":        {Outcomes: map[int]calls.Result{200: {Outcome: calls.OutcomeBusy}}},
		"an answer":         {Outcomes: map[int]calls.Result{486: {Outcome: calls.OutcomeAnswered}}},
		"registers with us": {URI: "registered:a", Register: true, Username: "u"},
		"nobody":            {URI: "registered:"},
	} {
		c.Name = "n"
		if c.URI == "" {
			c.URI = "sip:192.0.2.1"
		}
		if _, err := NewSet([]Config{c}); calls.CodeOf(err) != calls.CodeInvalidField || err == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzRewrite(f *testing.F) {
	f.Add("8", "7", "89161234567", 11, 1)
	f.Fuzz(func(t *testing.T, prefix, add, number string, length, strip int) {
		if strip < 0 || length < 0 {
			return
		}
		got := Rewrite([]Rule{{prefix, length, strip, add}}, number)
		if got != number && !strings.HasPrefix(got, add) {
			t.Errorf("%q", got)
		}
	})
}
