package timeline

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"

	"zvonar/internal/calls"
)

var start = time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)

func event(t calls.EventType, data string) calls.Event {
	return calls.Event{Type: t, Time: start.Add(1234 * time.Millisecond), Subject: "call:01J", Data: json.RawMessage(data)}
}

func TestLineSaysWhatHappened(t *testing.T) {
	t.Parallel()
	inbound := event(calls.CallQueued, `{"to":"78005553535","from":"79161234567"}`)
	inbound.Direction = calls.In
	approved := event(calls.RecordingApproved, `{"record_id":1000001}`)
	approved.Subject = "recording:rec_7"
	for _, c := range []struct {
		e    calls.Event
		want string
	}{
		{event(calls.CallQueued, `{"to":"79161234567","from":"78005553535","recording":{"recording_id":"rec_1","record_id":1460168}}`),
			"queued: call 79161234567 as 78005553535 with recording 1460168"},
		{inbound, "call from 79161234567 to 78005553535"},
		{event(calls.CallAMD, `{"verdict":"announcement","cause":"sit"}`), "heard: an announcement (sit)"},
		{event(calls.CallHeld, `{"gate":"window","until":"2026-11-22T06:00:00.000Z","text":"it is night there"}`),
			"held back (window) until 2026-11-22 06:00:00 UTC: it is night there"},
		{event(calls.CallHeld, `{"gate":"channels","until":null,"text":""}`), "held back (channels)"},
		{event(calls.CallDialing, `{"attempt":"att_1","n":1,"trunk":"main","target":"79161234567","from":"78005553535"}`),
			"dialling 79161234567 over trunk main as 78005553535"},
		{event(calls.CallDialing, `{"n":2,"trunk":"main","target":"79161234567","from":"7800"}`), "dialling 79161234567 over trunk main as 7800 (attempt 2)"},
		{event(calls.CallRinging, `{"sip_code":180}`), "ringing (SIP 180)"},
		{event(calls.CallRouted, `{"router":"crm","result":"found","target":"employee:317","ms":80}`), "the caller was looked up: found for employee:317"},
		{event(calls.CallEarlyMedia, `{"sip_code":183}`), "audio before the answer (SIP 183)"},
		{event(calls.CallAnswered, `{"leg":"customer","codec":"PCMA","ring_ms":3210}`), "answered after 3.2 s (PCMA)"},
		{event(calls.CallAnswered, `{"leg":"manager","codec":"PCMA","ring_ms":100}`), "the manager answered after 0.1 s (PCMA)"},
		{event(calls.CallPlaybackStarted, `{"recording_id":"rec_1","record_id":1460168}`), "playing recording 1460168"},
		{event(calls.CallPlaybackFinished, `{"recording_id":"rec_1","record_id":0,"played_ms":8000,"reason":"digit"}`),
			"played 8.0 s of recording rec_1: interrupted by a digit"},
		{event(calls.CallDigit, `{"digit":"1","leg":"customer","via":"rfc4733"}`), "pressed 1 (rfc4733)"},
		{event(calls.CallAction, `{"digit":"1","action":"record","value":"1460169","result":"ok","error":""}`), "digit 1 goes on to recording 1460169"},
		{event(calls.CallAction, `{"digit":"2","action":"managerPhone","value":"74242490764","result":"failed","error":"no_answer"}`),
			"digit 2 could not connect with 74242490764: no answer"},
		{event(calls.CallAction, `{"digit":"","action":"record","value":"1460169","result":"ok"}`), "a request goes on to recording 1460169"},
		{event(calls.CallAction, `{"digit":"","action":"transfer","value":"201@main","result":"ok"}`), "a request hands over to 201@main"},
		{event(calls.CallAction, `{"digit":"3","action":"smsText","value":"hello","result":"ok"}`), "digit 3 sends an SMS"},
		{event(calls.CallAction, `{"digit":"4","action":"needBlock","value":"1","result":"ok"}`), "digit 4 puts the number on the blacklist"},
		{event(calls.CallBridging, `{"leg":"manager","to":"74242490764","attempt":"att_2"}`), "ringing the manager 74242490764"},
		{event(calls.CallBridged, `{}`), "connected with the manager"},
		{event(calls.CallUnbridged, `{"by":"customer","reason":"hangup","talk_ms":61000}`), "connection with the manager ended after 61.0 s by customer (hangup)"},
		{event(calls.SMSQueued, `{"id":"sms_1","to":"79161234567","text":"Your parcel"}`), "SMS queued for 79161234567: “Your parcel”"},
		{event(calls.SMSFailed, `{"to":"79161234567","error":"refused"}`), "SMS not sent to 79161234567: refused"},
		{event(calls.NumberBlocked, `{"number":"79161234567","reason":"","source":"digit"}`), "79161234567 is on the blacklist now (by digit)"},
		{event(calls.ProviderCall, `{"provider":"pbx","state":"requested","extension":"201"}`), "provider pbx is asked to call at extension 201"},
		{event(calls.ProviderCall, `{"provider":"pbx","state":"failed","error":"no money"}`), "provider pbx refused: no money"},
		{approved, "recording rec_7 was approved as 1000001"},
		{event(calls.CallCompleted, `{"outcome":"answered","reason":"flow_end","sip_code":200,"talk_ms":9200,"digits":"13","hangup_by":"zvonar","recording":null}`),
			"over: answered (flow end) (SIP 200), talked 9.2 s, digits 13, ended by zvonar"},
		{event(calls.CallCompleted, `{"outcome":"busy","reason":null,"sip_code":486,"talk_ms":0,"digits":"","hangup_by":null}`), "over: busy (SIP 486)"},
		{event("call.later_type", `{}`), "call.later_type"},
		{event(calls.CallDigit, `nothing`), "call.digit (its data cannot be read)"},
	} {
		if got, want := Line(c.e, start), "    1.234  "+c.want; got != want {
			t.Errorf("%s %s:\n got %q\nwant %q", c.e.Type, c.e.Data, got, want)
		}
	}
}

func TestEveryPublishedTypeHasASentence(t *testing.T) {
	t.Parallel()
	for _, typ := range calls.EventTypes() {
		if _, known := sentences[typ]; !known {
			t.Errorf("%s has no sentence", typ)
		}
	}
	if len(sentences) != len(calls.EventTypes()) {
		t.Errorf("%d sentences for %d types: one is for a type that is not published", len(sentences), len(calls.EventTypes()))
	}
}

func TestTextFromOutsideCannotSteerATerminal(t *testing.T) {
	t.Parallel()
	line := Line(event(calls.SMSQueued, `{"to":"7916","text":"a\u001b[2Jb\nc\u009bd`+strings.Repeat("я", 500)+`"}`), start)
	if i := strings.IndexFunc(line, unicode.IsControl); i >= 0 {
		t.Errorf("control character at %d of %q", i, line)
	}
	if n := len([]rune(line)); n > 200 {
		t.Errorf("the line has %d runes", n)
	}
}

func FuzzLine(f *testing.F) {
	for _, typ := range calls.EventTypes() {
		f.Add(string(typ), "call:01J", `{"to":"79161234567","digits":[],"record_id":"12","until":"2026-11-22T06:00:00Z"}`)
	}
	f.Fuzz(func(t *testing.T, typ, subject, data string) {
		line := Line(calls.Event{Type: calls.EventType(typ), Subject: subject, Time: start, Data: json.RawMessage(data)}, start)
		if i := strings.IndexFunc(line, unicode.IsControl); i >= 0 {
			t.Errorf("control character at %d of %q", i, line)
		}
	})
}
