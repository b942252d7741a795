package rostelecom

import (
	"context"
	"encoding/json"

	"zvonar/internal/calls"
)

// sessionQuery is the body of call_info, and of get_record.
type sessionQuery struct {
	Domain    string `json:"domain,omitempty"`
	SessionID string `json:"session_id"`
	IPAddress string `json:"ip_adress,omitempty"` // as the API spells it
}

// callInfo is how a call went, as call_info and the history tell it.
type callInfo struct {
	CallType        text `json:"call_type"` // 1 normal, 3 callback
	Direction       text `json:"direction"` // 1 in, 2 out, 3 internal
	State           text `json:"state"`     // 1 accepted, 2 not
	OrigNumber      text `json:"orig_number"`
	OrigPIN         text `json:"orig_pin"`
	DestNumber      text `json:"dest_number"`
	AnsweringSIPURI text `json:"answering_sipuri"`
	AnsweringPIN    text `json:"answering_pin"`
	StartCallDate   text `json:"start_call_date"` // Unix seconds, or a time of Moscow
	Duration        text `json:"duration"`        // seconds
	SessionLog      text `json:"session_log"`     // 0:ct:89035037889;5:cc:89035037889;
	IsVoicemail     text `json:"is_voicemail"`
	IsRecord        text `json:"is_record"`
	IsFax           text `json:"is_fax"`
	StatusCode      text `json:"status_code"`
	StatusString    text `json:"status_string"`
}

// CallInfo asks how a session went. correlation is our call, "" where there is none.
func (p *Provider) CallInfo(ctx context.Context, session, correlation string) (*callInfo, error) {
	var out struct {
		Info json.RawMessage `json:"info"`
	}
	if err := p.ask(ctx, methodCallInfo, correlation, sessionQuery{Domain: p.set.Domain, SessionID: session}, &out); err != nil {
		return nil, err
	}
	return parseInfo(out.Info)
}

// parseInfo reads the info object.
func parseInfo(b []byte) (*callInfo, error) {
	var info callInfo
	if err := json.Unmarshal(b, &info); err != nil || info == (callInfo{}) {
		return nil, &calls.PlaceUnknown{Reason: "its answer tells nothing of the call", Err: err}
	}
	return &info, nil
}
