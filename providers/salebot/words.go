package salebot

import (
	"encoding/json"
	"strconv"
	"strings"

	"zvonar/internal/calls"
)

// talk is what is told of a call: the call as it stands, the event, who took part.
type talk struct {
	event  calls.Event
	call   *calls.Call
	client string // in the platform's form
	// operator is the employee's number there: his telephone, else his extension.
	operator, operatorName string
	record                 string // a link, or ""
}

// notice is what a dialect makes of a talk: a text for the bot ("": none) and
// variables by our names.
type notice struct {
	text      string
	variables map[string]string
}

// wanted reports whether a dialect tells of events of a type at all.
func wanted(dialect string, t calls.EventType) bool {
	switch dialect {
	case dialectBeeline, dialectZvonobot:
		return t == calls.CallCompleted || t == calls.CallRecordingReady
	}
	return strings.HasPrefix(string(t), "call.")
}

// say puts a talk into the words of a dialect.
func (s settings) say(t talk) notice {
	switch s.Dialect {
	case dialectBeeline:
		return s.beeline(t)
	case dialectZvonobot:
		return s.zvonobot(t)
	}
	return s.own(t)
}

// beeline is the event of the platform's integration with Beeline: the sound may come
// later than the event, and only its variable is set then.
func (s settings) beeline(t talk) notice {
	if t.event.Type == calls.CallRecordingReady {
		return notice{variables: filled("beeline_record_link", t.record)}
	}
	kind, word := "Outgoing", "исходящий"
	if t.call.Direction == calls.In {
		kind, word = "Incoming", "входящий"
	}
	how := "Пропущенный"
	if t.call.AnsweredAt != nil {
		how = "Принятый"
	}
	begun := t.call.CreatedAt
	description := begun.In(s.zone).Format("02.01.2006, 15:04") + " " + how + " " + word + " звонок"
	if t.operatorName != "" || t.operator != "" {
		description += ". Абонент: " + strings.TrimSpace(t.operatorName+" "+t.operator)
	}
	description += ". Клиент: " + t.client
	return notice{text: s.name("beeline_call_event") + " " + kind, variables: map[string]string{
		"beeline_call_type": kind, "beeline_client_phone": t.client, "beeline_operator_phone": t.operator,
		"beeline_start_time": s.time(&begun), "beeline_release_time": s.time(t.call.EndedAt),
		"beeline_record_link": t.record, "beeline_call_description": description,
	}}
}

// zvonobot is the notice of a call's finish or cancellation.
func (s settings) zvonobot(t talk) notice {
	if t.event.Type == calls.CallRecordingReady {
		return notice{variables: filled("zvonobot_record_link", t.record)}
	}
	text := "zvonobot_call_finish"
	if t.call.Outcome == calls.OutcomeCanceled || t.call.Outcome == calls.OutcomeExpired || t.call.Outcome == calls.OutcomeBlocked {
		text = "zvonobot_call_cancel"
	}
	return notice{text: s.name(text), variables: map[string]string{
		"zvonobot_call_id": t.call.ID, "zvonobot_call_phone": t.client, "zvonobot_call_status": string(t.call.Outcome),
		"zvonobot_call_digits": t.call.DigitString(), "zvonobot_call_duration": seconds(t.call.TalkMS),
		"zvonobot_call_time": s.time(t.call.EndedAt),
	}}
}

// own is every event of a call in our words.
func (s settings) own(t talk) notice {
	c := t.call
	v := map[string]string{
		"zvonar_call_event": string(t.event.Type), "zvonar_call_id": c.ID, "zvonar_call_ref": c.Ref, "zvonar_call_direction": string(c.Direction),
		"zvonar_call_status": string(c.Status), "zvonar_call_outcome": string(c.Outcome), "zvonar_call_reason": string(c.Reason),
		"zvonar_client_phone": t.client, "zvonar_line": c.Line, "zvonar_operator_phone": t.operator, "zvonar_operator_name": t.operatorName,
		"zvonar_start_time": s.time(&c.CreatedAt), "zvonar_answer_time": s.time(c.AnsweredAt), "zvonar_release_time": s.time(c.EndedAt),
		"zvonar_talk_seconds": seconds(c.TalkMS), "zvonar_digits": c.DigitString(), "zvonar_verdict": string(c.Verdict),
	}
	if t.record != "" {
		v["zvonar_record_link"] = t.record
	}
	if t.event.Type == calls.CallDigit {
		var data struct {
			Digit string `json:"digit"`
		}
		_ = json.Unmarshal(t.event.Data, &data) // our own event
		v["zvonar_digit"] = data.Digit
	}
	return notice{text: s.name("zvonar_call_event") + " " + strings.TrimPrefix(string(t.event.Type), "call."), variables: v}
}

func filled(name, value string) map[string]string {
	if value == "" {
		return nil
	}
	return map[string]string{name: value}
}

func seconds(ms int64) string { return strconv.FormatInt(ms/1000, 10) }
