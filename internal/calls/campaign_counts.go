package calls

import "strings"

// CampaignCounts are the sums of a campaign, by name. They change in the unit of
// work that changes what they count, so they are right at any moment, also right
// after a crash.
type CampaignCounts map[string]int64

// The names of counts. Those of outcomes are CountOutcome + the outcome.
const (
	CountTotal      = "total"   // contacts
	CountCalling    = "calling" // with a call that is not over
	CountDone       = "done"
	CountSkipped    = "skipped"
	CountFailed     = "failed"
	CountLines      = "lines"      // that were imported, the following two included
	CountInvalid    = "invalid"    // lines that are no contact
	CountDuplicates = "duplicates" // lines whose contact was there already
	CountDialed     = "dialed"     // somebody's line was asked for
	CountRang       = "rang"
	CountAnswered   = "answered"
	CountPeople     = "people"  // answered by no machine
	CountPressed    = "pressed" // a digit
	CountBridged    = "bridged" // talked to a manager
	CountAttempts   = "attempts"
	CountTalkMS     = "talk_ms"
	CountBillableMS = "billable_ms"
	CountOutcome    = "outcome:"
	CountNext       = "next" // the last N that was given
)

// Waiting is the number of contacts in line.
func (c CampaignCounts) Waiting() int64 {
	return c[CountTotal] - c[CountCalling] - c[CountDone] - c[CountSkipped] - c[CountFailed]
}

// ByOutcome are the counts of finished calls by outcome.
func (c CampaignCounts) ByOutcome() map[Outcome]int64 {
	m := map[Outcome]int64{}
	for name, n := range c {
		if o, ok := strings.CutPrefix(name, CountOutcome); ok {
			m[Outcome(o)] = n
		}
	}
	return m
}

// SettledCounts are what a call that is over adds to the counts of its campaign.
func SettledCounts(c *Call) CampaignCounts {
	r := ResultOf(c)
	counts := CampaignCounts{CountCalling: -1, CountDone: 1, CountOutcome + string(c.Outcome): 1,
		CountAttempts: int64(r.Attempts), CountTalkMS: c.TalkMS, CountBillableMS: c.BillableMS}
	person := c.Verdict == VerdictNone || c.Verdict == VerdictHuman || c.Verdict == VerdictUnknown
	bridged := false
	for _, l := range c.Legs {
		bridged = bridged || l.Role == RoleManager
	}
	for name, is := range map[string]bool{
		CountDialed: len(c.Attempts) > 0, CountRang: c.RingingAt != nil || c.AnsweredAt != nil, CountAnswered: c.AnsweredAt != nil,
		CountPeople: c.AnsweredAt != nil && person, CountPressed: r.Digits != "", CountBridged: c.AnsweredAt != nil && bridged,
	} {
		if is {
			counts[name] = 1
		}
	}
	for name, n := range counts {
		if n == 0 {
			delete(counts, name)
		}
	}
	return counts
}
