package voximplant

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"zvonar/internal/calls"
	"zvonar/internal/outbox"
)

// echo is what of its custom data comes back to the asker with every report.
type echo struct {
	Call    string `json:"call,omitempty"`
	Attempt string `json:"attempt,omitempty"`
}

// sink tells what becomes of a call in the form in which docs/voximplant/scenario.js
// reports: software that takes callbacks of that scenario takes ours, too.
type sink struct{}

var _ outbox.Sink = sink{}

// Kind implements outbox.Sink.
func (sink) Kind() string { return Kind }

// Rate implements outbox.Sink.
func (sink) Rate(*calls.Webhook) outbox.Rate { return outbox.Rate{PerSecond: 50, Burst: 100} }

// toldFields are what the sink reads of the data of our events.
type toldFields struct {
	Digit      string        `json:"digit"`
	Leg        calls.Role    `json:"leg"`
	Verdict    calls.Verdict `json:"verdict"`
	Confidence float64       `json:"confidence"`
	Action     string        `json:"action"`
	Value      string        `json:"value"`
	Result     string        `json:"result"`
	Error      string        `json:"error"`
	URL        string        `json:"url"`
	Reason     string        `json:"reason"`
	PlayedMS   int64         `json:"played_ms"`
	// Of call.completed.
	Outcome    calls.Outcome `json:"outcome"`
	AnsweredAt *string       `json:"answered_at"`
	TalkMS     int64         `json:"talk_ms"`
	SIPCode    *int          `json:"sip_code"`
	HangupBy   *calls.Party  `json:"hangup_by"`
	Digits     string        `json:"digits"`
}

// reporters say what each of our events is as a report; nil: it is none.
var reporters = map[calls.EventType]func(toldFields) map[string]any{
	calls.CallRinging:  func(toldFields) map[string]any { return map[string]any{"event": eventRinging} },
	calls.CallAnswered: func(toldFields) map[string]any { return map[string]any{"event": eventAnswered} },
	calls.CallAMD:      amdReport,
	calls.CallDigit: func(d toldFields) map[string]any {
		if d.Leg == calls.RoleManager {
			return nil
		}
		return map[string]any{"event": eventTone, "digit": d.Digit}
	},
	calls.CallPlaybackFinished: func(d toldFields) map[string]any { return map[string]any{"event": eventPlayed, "reason": d.Reason} },
	calls.CallAction: func(d toldFields) map[string]any {
		return map[string]any{"event": eventAction, "digit": d.Digit, "action": d.Action, "value": d.Value, "result": d.Result, "reason": d.Error}
	},
	calls.CallBridged:        func(toldFields) map[string]any { return map[string]any{"event": eventJoined} },
	calls.CallRecordingReady: func(d toldFields) map[string]any { return map[string]any{"event": eventRecord, "url": d.URL} },
	calls.CallCompleted:      endReport,
}

// classes are our verdicts in the words of AMD.ResultClass.
var classes = map[calls.Verdict]string{calls.VerdictHuman: "HUMAN", calls.VerdictMachine: "VOICEMAIL", calls.VerdictUnknown: "TIMEOUT"}

func amdReport(d toldFields) map[string]any {
	class, ok := classes[d.Verdict]
	if !ok {
		class = "VOICEMAIL" // fax, announcement, silence: nobody to talk to
	}
	return map[string]any{"event": eventAMD, "class": class, "subtype": "NONE", "confidence": int(100 * d.Confidence)}
}

// endedBy are who ended a call in the words of the scenario.
var endedBy = map[calls.Party]string{calls.ByCustomer: "customer", calls.ByManager: "manager", calls.ByNetwork: "network", calls.ByZvonar: "scenario", calls.ByProvider: "scenario"}

func endReport(d toldFields) map[string]any {
	if d.AnsweredAt == nil {
		code := codeOf(endCodes[d.Outcome])
		if d.SIPCode != nil && *d.SIPCode >= 300 {
			code = *d.SIPCode
		}
		return map[string]any{"event": eventFailed, "code": code, "reason": string(d.Outcome)}
	}
	by := "scenario"
	if d.HangupBy != nil {
		by = endedBy[*d.HangupBy]
	}
	return map[string]any{"event": eventEnded, "by": by, "talk_ms": d.TalkMS, "digits": d.Digits, "outcome": d.Outcome, "reason": d.Reason}
}

// Map implements outbox.Sink. Reports of a call are counted from 1; the count is what
// is remembered between them.
func (sink) Map(it outbox.Item) (outbox.Message, error) {
	reporter := reporters[it.Event.Type]
	if reporter == nil {
		return outbox.Message{}, outbox.ErrNotWanted
	}
	var d toldFields
	if err := json.Unmarshal(it.Event.Data, &d); err != nil {
		return outbox.Message{}, err
	}
	report := reporter(d)
	if report == nil {
		return outbox.Message{}, outbox.ErrNotWanted
	}
	var back echo
	if len(it.To.Settings) > 0 {
		if err := json.Unmarshal(it.To.Settings, &back); err != nil {
			return outbox.Message{}, err
		}
	}
	if back.Call == "" {
		back.Call = it.Event.CallID
	}
	report["v"], report["n"], report["call"], report["at"] = 1, countOf(it.State)+1, back.Call, it.Event.Time.UnixMilli()
	if back.Attempt != "" {
		report["attempt"] = back.Attempt
	}
	body, err := json.Marshal(report)
	return outbox.Message{Header: http.Header{"Content-Type": {"application/json"}, "User-Agent": {"zvonar"}}, Body: body}, err
}

func countOf(state string) int {
	n, err := strconv.Atoi(state)
	if err != nil {
		return 0
	}
	return n
}

// Send implements outbox.Sink.
func (sink) Send(ctx context.Context, x outbox.Exchange) outbox.Answer {
	req, err := http.NewRequest(http.MethodPost, x.To.URL, bytes.NewReader(x.Body))
	if err != nil {
		return outbox.Answer{Error: "the URL cannot be read"}
	}
	req.Header = x.Header.Clone()
	a := outbox.Exchanged(ctx, x.Client, req, x.Now)
	if a.Then == outbox.Delivered {
		state := strconv.Itoa(countOf(x.State) + 1)
		a.State = &state
	}
	return a
}
