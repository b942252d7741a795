package calls

import "time"

// CampaignRule says how the dialer may dial what is queued of a campaign. The
// zero value of a limit is none.
type CampaignRule struct {
	Account string
	Pace    Pace
	// Weight is the share of the campaign where several want the same trunk: one
	// of weight 2 is begun twice as often as one of weight 1. 0 counts as 1.
	Weight int
	Paused bool
	Reason string // why it is paused, in words
}

// CampaignLoad is what the dialer has of a campaign on this node.
type CampaignLoad struct {
	Queued  int // due: only pace or a trunk keeps them back
	Waiting int // not due yet: a window, a retry, a cap
	Running int // begun and not over
}

// Pace is how fast a campaign calls.
type Pace struct {
	CPS      float64  `json:"cps"`       // new calls a second; 0: as the trunks allow
	MaxCalls int      `json:"max_calls"` // at the same time; 0: as the trunks allow
	Interval Duration `json:"interval"`  // least time from one call's beginning to the next one's
}

// IntervalTime is Interval as a time.Duration.
func (p Pace) IntervalTime() time.Duration { return time.Duration(p.Interval) }
