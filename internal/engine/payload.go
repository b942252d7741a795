package engine

import "zvonar/internal/calls"

// The data objects of the events of DESIGN 4.4, one type each.

type queuedData struct {
	To        string              `json:"to"`
	From      string              `json:"from,omitempty"`
	Recording *calls.RecordingRef `json:"recording,omitempty"`
	DueAt     calls.Stamp         `json:"due_at"`
}

type dialingData struct {
	Attempt string `json:"attempt"`
	N       int    `json:"n"`
	Trunk   string `json:"trunk"`
	Target  string `json:"target"`
	From    string `json:"from"`
}

// retryData is call.held of a call that was tried and is tried again.
type retryData struct {
	calls.HoldView
	Outcome calls.Outcome `json:"outcome"`
	Reason  calls.Reason  `json:"reason,omitempty"`
	Attempt int           `json:"attempt"`
}

type ringingData struct {
	Attempt string `json:"attempt,omitempty"`
	SIPCode int    `json:"sip_code"`
}

type answeredData struct {
	Attempt string     `json:"attempt,omitempty"`
	Leg     calls.Role `json:"leg"`
	Codec   string     `json:"codec"`
	RingMS  int64      `json:"ring_ms"`
}

type playbackData struct {
	RecordingID string           `json:"recording_id"`
	RecordID    int64            `json:"record_id"`
	PlayedMS    *int64           `json:"played_ms,omitempty"`
	Reason      calls.PlayReason `json:"reason,omitempty"`
}

type digitData struct {
	Digit string     `json:"digit"`
	Leg   calls.Role `json:"leg"`
	Via   string     `json:"via"`
}

type attentionData struct {
	Why string `json:"why"`
}

type bridgingData struct {
	Leg     calls.Role `json:"leg"`
	To      string     `json:"to"`
	Attempt string     `json:"attempt,omitempty"`
	Trunk   string     `json:"trunk,omitempty"`
	Via     string     `json:"via,omitempty"` // refer: by the trunk itself
	// Employee is whose telephone it is, where one was asked for.
	Employee string `json:"employee,omitempty"`
}

type unbridgedData struct {
	By     calls.Party  `json:"by"`
	Reason calls.Reason `json:"reason"`
	TalkMS int64        `json:"talk_ms"`
}

type transferredData struct {
	To      string `json:"to"`
	Attempt string `json:"attempt,omitempty"`
	Via     string `json:"via,omitempty"`  // refer: by the trunk itself; join: two calls became one
	Call    string `json:"call,omitempty"` // join: the other one
}

// transferredOf tells who took over.
func transferredOf(to string, p *party) transferredData {
	d := transferredData{To: to, Attempt: p.attempt.ID, Call: p.joined}
	if p.joined != "" {
		d.Via = viaJoin
	}
	return d
}

type routedData struct {
	Router string      `json:"router"`
	Result routeResult `json:"result"`
	Target string      `json:"target,omitempty"` // who is rung; "": the flow runs
	MS     int64       `json:"ms"`               // how long the caller waited for it
	Error  string      `json:"error,omitempty"`
}

type smsData struct {
	ID   string `json:"id"`
	To   string `json:"to"`
	Text string `json:"text"`
}

type blockData struct {
	Number    string      `json:"number"`
	Scope     string      `json:"scope,omitempty"` // account, campaign:ID, number:LINE
	Reason    string      `json:"reason"`
	Source    string      `json:"source"`
	ExpiresAt calls.Stamp `json:"expires_at"`
	Digit     string      `json:"digit,omitempty"`
}

type providerData struct {
	Provider       string `json:"provider"`
	State          string `json:"state"` // requested, accepted, failed, unknown, claimed, resumed, foreign
	Extension      string `json:"extension,omitempty"`
	ProviderCallID string `json:"provider_call_id,omitempty"`
	Error          string `json:"error,omitempty"`
}
