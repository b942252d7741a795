package calls

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// RetryPolicy says when a call that did not reach its callee is tried again. The
// zero policy never is. Make one from outside with [ParseRetry].
type RetryPolicy struct {
	// MaxAttempts bounds the charged attempts of the call, the first one among them.
	MaxAttempts int `json:"max_attempts"`
	// MaxAttemptsPerDay bounds those of the callee's day; 0: no bound of its own.
	MaxAttemptsPerDay int                   `json:"max_attempts_per_day,omitempty"`
	Outcomes          map[Outcome]RetryRule `json:"outcomes,omitempty"`
}

// RetryRule is when a call is tried again after one outcome. With both After and
// At it is the first At that is After later.
type RetryRule struct {
	After Duration `json:"after,omitempty"` // since the end of the attempt
	At    string   `json:"at,omitempty"`    // time of day at the callee, "18:30"
	Times int      `json:"times,omitempty"` // how often; 0: as MaxAttempts allows
}

// The bounds of a policy.
const (
	MaxRetryAttempts = 15
	minRetryAfter    = 10 * time.Second
	maxRetryAfter    = 30 * 24 * time.Hour
	// trunkErrorTimes bounds what no charged attempt bounds.
	trunkErrorTimes = 5
	// givenAttempts is max_attempts where outcomes are named and it is left out.
	givenAttempts = 3
)

// Retried are the outcomes that can be tried again: nobody, or no person, was
// reached.
func Retried() []Outcome {
	return []Outcome{OutcomeBusy, OutcomeNoAnswer, OutcomeMachine, OutcomeUnreachable, OutcomeRejected, OutcomeAnnouncement, OutcomeFax, OutcomeTrunkError}
}

// Tries counts what a policy looks at.
type Tries struct {
	Charged int // attempts of the call, the last one among them
	Same    int // attempts that ended with the outcome of the last, it among them
}

// Next is the rule by which a call is tried again after an outcome; ok is false
// where it is not.
func (p *RetryPolicy) Next(o Outcome, t Tries) (rule RetryRule, ok bool) {
	if p == nil {
		return RetryRule{}, false
	}
	rule, ok = p.Outcomes[o]
	times := rule.Times
	if o == OutcomeTrunkError && times == 0 {
		times = trunkErrorTimes
	}
	return rule, ok && t.Charged < p.MaxAttempts && (times == 0 || t.Same <= times)
}

// ParseRetry reads a policy from outside: {"max_attempts":3, "max_attempts_per_day":2,
// "outcomes":{"busy":"5m","no_answer":{"after":"1h","times":2},"machine":"18:30"}}. A rule
// that is a text is a duration or a time of day. Faults are placed below location.
func ParseRetry(raw json.RawMessage, location string) (*RetryPolicy, *Error) {
	p := &flowParser{}
	if !p.valid(raw, location) || isNull(raw) {
		return nil, p.err()
	}
	policy := &RetryPolicy{}
	members, _ := p.object(CodeInvalidField, raw, location)
	for _, m := range members {
		where := at(location, m.key)
		switch {
		case isNull(m.raw):
		case m.key == "max_attempts":
			p.number(m.raw, where, MaxRetryAttempts, &policy.MaxAttempts)
		case m.key == "max_attempts_per_day":
			p.number(m.raw, where, MaxRetryAttempts, &policy.MaxAttemptsPerDay)
		case m.key == "outcomes":
			policy.Outcomes = p.retryRules(m.raw, where)
		default:
			p.fault(CodeInvalidField, at(location, shorten(m.key)), "there is no such option; known are max_attempts, max_attempts_per_day, outcomes", nil)
		}
	}
	if policy.MaxAttempts == 0 {
		policy.MaxAttempts = 1
		if len(policy.Outcomes) > 0 {
			policy.MaxAttempts = givenAttempts
		}
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	return policy, nil
}

// number reads a whole number from 1 to most.
func (p *flowParser) number(raw json.RawMessage, location string, most int, into *int) {
	n, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil || n < 1 || n > most {
		p.fault(CodeInvalidField, location, "must be a whole number from 1 to "+strconv.Itoa(most), raw)
		return
	}
	*into = n
}

func (p *flowParser) retryRules(raw json.RawMessage, location string) map[Outcome]RetryRule {
	members, _ := p.object(CodeInvalidField, raw, location)
	rules := make(map[Outcome]RetryRule, len(members))
	for _, m := range members {
		if !slices.Contains(Retried(), Outcome(m.key)) {
			p.fault(CodeInvalidField, at(location, shorten(m.key)), fmt.Sprintf("a call is not tried again after this; it may be after %s", words(Retried())), nil)
			continue
		}
		if rule, ok := p.retryRule(m.raw, at(location, m.key)); ok {
			rules[Outcome(m.key)] = rule
		}
	}
	return rules
}

// retryRule reads {"after","at","times"}, or a text.
func (p *flowParser) retryRule(raw json.RawMessage, location string) (r RetryRule, ok bool) {
	before := len(p.faults) + p.unsaid
	var text string
	if json.Unmarshal(raw, &text) == nil {
		key := "after"
		if strings.Contains(text, ":") {
			key = "at"
		}
		p.retryPart(&r, member{key: key, raw: raw}, location)
	} else {
		members, _ := p.object(CodeInvalidField, raw, location)
		for _, m := range members {
			p.retryPart(&r, m, at(location, m.key))
		}
	}
	if r.After == 0 && r.At == "" && len(p.faults)+p.unsaid == before {
		p.fault(CodeInvalidField, location, `say when: "5m" (so long after the attempt) or "18:30" (the callee's time)`, raw)
	}
	return r, len(p.faults)+p.unsaid == before
}

func (p *flowParser) retryPart(r *RetryRule, m member, location string) {
	switch m.key {
	case "after":
		durationIn(minRetryAfter, maxRetryAfter, &r.After)(p, m.raw, location)
	case "at":
		var s string
		if err := json.Unmarshal(m.raw, &s); err != nil || !TimeOfDay(s) {
			p.fault(CodeInvalidField, location, `must be a time of day, written like "18:30"`, m.raw)
			return
		}
		r.At = s
	case "times":
		p.number(m.raw, location, MaxRetryAttempts, &r.Times)
	default:
		p.fault(CodeInvalidField, location, "there is no such option; known are after, at, times", nil)
	}
}

// durationIn reads a duration from least to most.
func durationIn(least, most time.Duration, into *Duration) func(*flowParser, json.RawMessage, string) {
	return func(p *flowParser, raw json.RawMessage, location string) {
		var s string
		err := json.Unmarshal(raw, &s)
		d, err2 := time.ParseDuration(s)
		if err != nil || err2 != nil || d < least || d > most {
			p.fault(CodeInvalidField, location, fmt.Sprintf(`must be a duration from %s to %s, written like "5m" or "1h30m"`, least, most), raw)
			return
		}
		*into = Duration(d)
	}
}

// TimeOfDay reports whether s is a time of day from "00:00" to "23:59".
func TimeOfDay(s string) bool {
	_, err := time.Parse("15:04", s)
	return err == nil && len(s) == 5
}

func words(list []Outcome) string {
	s := make([]string, len(list))
	for i, o := range list {
		s[i] = string(o)
	}
	return strings.Join(s, ", ")
}
