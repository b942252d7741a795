package calls

import "time"

// Hold says which gate keeps a queued call back, until when if that is known,
// and in words that an operator can act on.
type Hold struct {
	Gate  Gate       `json:"gate"`
	Until *time.Time `json:"until"`
	Text  string     `json:"text"`
}

// Gate is a condition that must be open before a call is dialled.
type Gate string

// The gates of the dialer.
const (
	GateWindow    Gate = "window"     // outside the callee's calling hours
	GateChannels  Gate = "channels"   // the trunk, or the campaign, carries max_calls
	GateCPS       Gate = "cps"        // the rate of the trunk, or of the campaign, is used up
	GateCap       Gate = "cap"        // this number was called as often as it may be
	GateGap       Gate = "gap"        // too soon after the last attempt to this number
	GateTrunkDown Gate = "trunk_down" // no usable trunk
	GatePaused    Gate = "paused"     // campaign or daemon is paused
	GateRecording Gate = "recording"  // the clip is not approved yet
	GateRetry     Gate = "retry"      // it was tried, and is tried again later
	GateDue       Gate = "due"        // not_before is still to come; never told by call.held
	GateTurn      Gate = "turn"       // others are before it; never told by call.held
	// Only contacts that have no call yet are said to be kept back by these: a call
	// is ended by them.
	GateBlacklist Gate = "blacklist" // the number is on the blacklist
	GateRefused   Gate = "refused"   // no call can be made of it as it is
)
