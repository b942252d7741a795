package calls

import (
	"encoding/json"
	"time"
)

// EventType names what happened. The published list is DESIGN 4.4.
type EventType string

// The event types.
const (
	CallQueued           EventType = "call.queued"
	CallHeld             EventType = "call.held"
	CallDialing          EventType = "call.dialing"
	CallRinging          EventType = "call.ringing"
	CallEarlyMedia       EventType = "call.early_media"
	CallAnswered         EventType = "call.answered"
	CallAMD              EventType = "call.amd"
	CallPlaybackStarted  EventType = "call.playback_started"
	CallPlaybackFinished EventType = "call.playback_finished"
	CallDigit            EventType = "call.digit"
	CallAction           EventType = "call.action"
	CallBridging         EventType = "call.bridging"
	CallBridged          EventType = "call.bridged"
	CallUnbridged        EventType = "call.unbridged"
	CallTransferred      EventType = "call.transferred"
	CallRouted           EventType = "call.routed"
	CallRecordingReady   EventType = "call.recording_ready"
	CallNeedsAttention   EventType = "call.needs_attention"
	CallCompleted        EventType = "call.completed"
	SMSQueued            EventType = "sms.queued"
	SMSSent              EventType = "sms.sent"
	SMSDelivered         EventType = "sms.delivered"
	SMSFailed            EventType = "sms.failed"
	NumberBlocked        EventType = "number.blocked"
	NumberUnblocked      EventType = "number.unblocked"
	RecordingStarted     EventType = "recording.started" // on its way in: processing, or a draft that is dictated
	RecordingUploaded    EventType = "recording.uploaded"
	RecordingApproved    EventType = "recording.approved"
	RecordingRejected    EventType = "recording.rejected"
	RecordingRevoked     EventType = "recording.revoked"
	RecordingClaimed     EventType = "recording.claimed"
	RecordingReleased    EventType = "recording.released"
	RecordingEndorsed    EventType = "recording.endorsed" // the first of two approvals
	RecordingUndone      EventType = "recording.undone"   // a decision was taken back
	RecordingWasArchived EventType = "recording.archived"
	RecordingRestored    EventType = "recording.restored" // out of the archive
	RecordingDeleted     EventType = "recording.deleted"  // by retention
	TrunkUp              EventType = "trunk.up"
	TrunkDown            EventType = "trunk.down"
	CampaignStarted      EventType = "campaign.started"
	CampaignPaused       EventType = "campaign.paused"
	CampaignResumed      EventType = "campaign.resumed"
	CampaignFinished     EventType = "campaign.finished"
	ProviderCall         EventType = "provider.call"
	IntegrationAuth      EventType = "integration.auth_failed"
)

// Event is one row of the append-only log. ID and Time are chosen by whoever
// emits it; Pos (order of the whole log) and Seq (order within Subject, from 1)
// are given by the store in the transaction that commits it, so no reader that
// goes by Pos can skip a row.
type Event struct {
	ID        string          `json:"id"` // "evt_" + ULID; stable across retries, also the webhook id
	Pos       int64           `json:"pos"`
	Subject   string          `json:"subject"` // "call:ID", "recording:ID", "number:N", "trunk:NAME"
	Seq       int64           `json:"seq"`
	Type      EventType       `json:"type"`
	Time      time.Time       `json:"time"`
	Timestamp int64           `json:"timestamp"` // Time as Unix milliseconds, filled by the store
	CallID    string          `json:"call_id,omitempty"`
	Ref       string          `json:"ref,omitempty"`
	Account   string          `json:"account"`
	Direction Direction       `json:"direction,omitempty"`
	Line      string          `json:"line,omitempty"`
	Employee  string          `json:"employee,omitempty"`
	Data      json.RawMessage `json:"data"`
}

// MarshalJSON writes the time in UTC with exactly three decimals, so that what
// a webhook signs, what SSE streams and what a list shows are the same bytes.
func (e Event) MarshalJSON() ([]byte, error) {
	type plain Event
	return json.Marshal(struct {
		plain
		Time string `json:"time"`
	}{plain(e), e.Time.UTC().Format("2006-01-02T15:04:05.000Z07:00")})
}

// CallSubject is the subject of everything that happens to a call.
func CallSubject(callID string) string { return "call:" + callID }

// NewEvent builds an event. data must marshal to a JSON object; nil is {}.
func NewEvent(id string, at time.Time, subject string, t EventType, data any) Event {
	raw := json.RawMessage(`{}`)
	if data != nil {
		b, err := json.Marshal(data)
		if err != nil {
			// Event payloads are our own plain structs; one that cannot be
			// marshalled is a programming error that the event must show.
			b, _ = json.Marshal(map[string]string{"error": err.Error()})
		}
		raw = b
	}
	return Event{ID: id, Subject: subject, Type: t, Time: at, Data: raw}
}

// ForCall builds an event about c, carrying the fields every call event has.
func ForCall(id string, at time.Time, c *Call, t EventType, data any) Event {
	e := NewEvent(id, at, CallSubject(c.ID), t, data)
	e.CallID, e.Ref, e.Account = c.ID, c.Ref, c.Account
	e.Direction, e.Line, e.Employee = c.Direction, c.Line, c.Employee
	return e
}
