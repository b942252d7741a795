package calls

import (
	"encoding/json"
	"time"
)

// CampaignState is where a campaign stands.
type CampaignState string

// The states of a campaign.
const (
	CampaignDraft      CampaignState = "draft"    // contacts come in, nobody is called
	CampaignIsRunning  CampaignState = "running"  // contacts become calls
	CampaignIsPaused   CampaignState = "paused"   // nothing is begun; what talks goes on
	CampaignIsStopped  CampaignState = "stopped"  // by a person, for good
	CampaignIsFinished CampaignState = "finished" // nothing is left; more contacts may be added and it be started again
)

// CampaignStates lists them in the order of a campaign's life.
func CampaignStates() []CampaignState {
	return []CampaignState{CampaignDraft, CampaignIsRunning, CampaignIsPaused, CampaignIsStopped, CampaignIsFinished}
}

// CampaignMove is something that is asked of a campaign, or that happens to it.
type CampaignMove string

// The moves.
const (
	CampaignStart  CampaignMove = "start"
	CampaignPause  CampaignMove = "pause"
	CampaignResume CampaignMove = "resume"
	CampaignStop   CampaignMove = "stop"
	CampaignFinish CampaignMove = "finish" // nothing is left
)

// campaignMoves says where a move leads from each state in which it is possible,
// and which event tells of it.
var campaignMoves = map[CampaignMove]struct {
	from []CampaignState
	to   CampaignState
	told EventType
}{
	CampaignStart:  {[]CampaignState{CampaignDraft, CampaignIsFinished}, CampaignIsRunning, CampaignStarted},
	CampaignPause:  {[]CampaignState{CampaignIsRunning}, CampaignIsPaused, CampaignPaused},
	CampaignResume: {[]CampaignState{CampaignIsPaused}, CampaignIsRunning, CampaignResumed},
	CampaignStop:   {[]CampaignState{CampaignDraft, CampaignIsRunning, CampaignIsPaused, CampaignIsFinished}, CampaignIsStopped, CampaignFinished},
	CampaignFinish: {[]CampaignState{CampaignIsRunning}, CampaignIsFinished, CampaignFinished},
}

// Campaign is contacts called with one flow under pace, window and retry rules.
type Campaign struct {
	ID      string
	Account string
	Name    string
	State   CampaignState
	// PauseReason says in words why it is paused: a person's, or what was wrong.
	PauseReason string

	// Flow is what happens on an answered leg; its clips are pinned anew by every
	// call. With Bridge it is a talk of two parties and only Flow.Record counts.
	Flow   Flow
	Bridge *Bridge
	Pace   Pace
	Window *Window
	Retry  *RetryPolicy // nil: as the configuration says
	Trunk  string
	// From are the caller numbers that its calls use in turn, or pools of them
	// ("pool:NAME"); none: the trunk's.
	From     []string
	Priority int
	Weight   int      // share where several campaigns want the same trunk; 0 counts as 1
	Consent  *Consent // why its contacts may be called; a contact may have its own
	// RingTimeout and MaxDuration hold for its calls; 0: the configuration's.
	RingTimeout time.Duration
	MaxDuration time.Duration
	StartAt     *time.Time // is started then
	StopAt      *time.Time // is paused then
	Metadata    json.RawMessage
	TokenID     string // who made it: its calls are asked for in his name

	CreatedBy string
	CreatedAt time.Time
	StartedAt time.Time // first start; zero: never
	EndedAt   time.Time // stopped or finished; zero: neither
}

// Live reports whether its contacts may become calls, now or after a resume.
func (c *Campaign) Live() bool { return c.State == CampaignIsRunning || c.State == CampaignIsPaused }

// Move changes the state and tells the event of it. A move that the state does
// not allow is an Error with CodeWrongState.
func (c *Campaign) Move(m CampaignMove, reason string, now time.Time) (EventType, *Error) {
	rule := campaignMoves[m]
	for _, from := range rule.from {
		if c.State != from {
			continue
		}
		c.State, c.PauseReason, c.EndedAt = rule.to, "", time.Time{}
		switch rule.to {
		case CampaignIsPaused:
			c.PauseReason = reason
		case CampaignIsRunning:
			if c.StartedAt.IsZero() {
				c.StartedAt = now
			}
		default:
			c.EndedAt = now
		}
		return rule.told, nil
	}
	return "", Errorf(CodeWrongState, "the campaign is %s: it cannot %s", c.State, m)
}

// PausedHold is what keeps the calls of a paused campaign back.
func PausedHold(reason string) Hold {
	if reason == "" {
		reason = "the campaign is paused"
	}
	return Hold{Gate: GatePaused, Text: reason}
}

// Hold says what keeps all contacts of a campaign back that wait in its line; ok is
// false while it runs.
func (c *Campaign) Hold() (h Hold, ok bool) {
	switch c.State {
	case CampaignIsRunning:
		return h, false
	case CampaignIsPaused:
		return PausedHold(c.PauseReason), true
	case CampaignDraft:
		return Hold{Gate: GatePaused, Until: c.StartAt, Text: "the campaign is a draft: nobody is called before it is started"}, true
	case CampaignIsFinished:
		return Hold{Gate: GatePaused, Text: "the campaign is finished: who was added since is called once it is started again"}, true
	}
	return Hold{Gate: GatePaused, Text: "the campaign is stopped: nobody in its line is called any more"}, true
}

// Rule is what the dialer must know of it.
func (c *Campaign) Rule() CampaignRule {
	return CampaignRule{Account: c.Account, Pace: c.Pace, Weight: max(1, c.Weight), Paused: c.State != CampaignIsRunning, Reason: c.PauseReason}
}

// CampaignSubject is the subject of everything that happens to a campaign.
func CampaignSubject(id string) string { return "campaign:" + id }
