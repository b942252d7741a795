package zvonobot

import (
	"maps"
	"slices"
	"strings"

	"zvonar/internal/calls"
)

// defaultCauses are the words of hangupCause for our outcomes. Zvonobot publishes no
// list; these are the names that FreeSWITCH gives to the causes of Q.850, of which the
// known example is one. Both directions read this table: the facade writes the first
// word of an outcome, the client finds any of them in hangupCause or comment.
var defaultCauses = []struct {
	outcome calls.Outcome
	words   []string
}{
	{calls.OutcomeAnswered, []string{"NORMAL_CLEARING"}},
	{calls.OutcomeMachine, []string{"NORMAL_CLEARING", "ANSWERING_MACHINE", "MACHINE"}},
	{calls.OutcomeBusy, []string{"USER_BUSY", "BUSY"}},
	{calls.OutcomeNoAnswer, []string{"NO_ANSWER", "NO_USER_RESPONSE", "ALLOTTED_TIMEOUT", "ORIGINATOR_CANCEL"}},
	{calls.OutcomeRejected, []string{"CALL_REJECTED"}},
	{calls.OutcomeUnreachable, []string{"SUBSCRIBER_ABSENT", "DESTINATION_OUT_OF_ORDER", "NETWORK_OUT_OF_ORDER"}},
	{calls.OutcomeInvalidNumber, []string{"UNALLOCATED_NUMBER", "INVALID_NUMBER_FORMAT", "NO_ROUTE_DESTINATION", "NUMBER_CHANGED"}},
	{calls.OutcomeAnnouncement, []string{"SUBSCRIBER_ABSENT"}},
	{calls.OutcomeFax, []string{"NORMAL_CLEARING"}},
	{calls.OutcomeCanceled, []string{"ORIGINATOR_CANCEL"}},
	{calls.OutcomeExpired, []string{"RECOVERY_ON_TIMER_EXPIRE"}},
	{calls.OutcomeMissed, []string{"ORIGINATOR_CANCEL"}},
	{calls.OutcomeBlocked, []string{"BLACKLIST", "BLOCKED"}},
	{calls.OutcomeTrunkError, []string{"NORMAL_TEMPORARY_FAILURE", "NORMAL_CIRCUIT_CONGESTION", "SWITCH_CONGESTION"}},
	{calls.OutcomeLost, []string{"NORMAL_UNSPECIFIED"}},
}

// readable are the outcomes that a provider's word may stand for, in a canceled call.
var readable = []calls.Outcome{calls.OutcomeBusy, calls.OutcomeNoAnswer, calls.OutcomeRejected, calls.OutcomeUnreachable, calls.OutcomeInvalidNumber,
	calls.OutcomeMachine, calls.OutcomeBlocked, calls.OutcomeCanceled, calls.OutcomeTrunkError, calls.OutcomeExpired}

// causeReader finds outcomes in what Zvonobot says of an ending.
type causeReader struct {
	words []causeWord // the longest first
	other calls.Outcome
}

type causeWord struct {
	word    string // folded
	outcome calls.Outcome
}

// newCauseReader reads the built-in words and those of the settings, which go before.
func newCauseReader(own map[string]string, other calls.Outcome) causeReader {
	table := map[string]calls.Outcome{}
	for i := len(defaultCauses) - 1; i >= 0; i-- { // the first of two wins
		d := defaultCauses[i]
		if !slices.Contains(readable, d.outcome) {
			continue
		}
		for _, w := range d.words {
			if w != "NORMAL_CLEARING" { // said of every talk, so it says nothing of a call that was none
				table[foldCause(w)] = d.outcome
			}
		}
	}
	for w, o := range own {
		table[foldCause(w)] = calls.Outcome(o)
	}
	r := causeReader{other: other}
	for _, w := range slices.Sorted(maps.Keys(table)) {
		r.words = append(r.words, causeWord{w, table[w]})
	}
	slices.SortStableFunc(r.words, func(a, b causeWord) int { return len(b.word) - len(a.word) })
	return r
}

// canceled is the outcome of a call that came to no talk.
func (r causeReader) canceled(cause, comment string) calls.Outcome {
	for _, said := range []string{foldCause(cause), foldCause(comment)} {
		for _, w := range r.words {
			if said != "" && strings.Contains(said, w.word) {
				return w.outcome
			}
		}
	}
	return r.other
}

// foldCause makes USER_BUSY, "user busy" and User-Busy the same word.
func foldCause(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return r == '_' || r == '-' || r == ' ' || r == '.' }), " ")
}

// causeOf is the word of hangupCause for an outcome.
func causeOf(own map[string]string, o calls.Outcome) string {
	if w, ok := own[string(o)]; ok {
		return w
	}
	for _, d := range defaultCauses {
		if d.outcome == o {
			return d.words[0]
		}
	}
	return ""
}
