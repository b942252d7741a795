package crash

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// sound is a history without a fault: call A was answered, forwarded to a
// manager and sent a text, B was cancelled in the queue, C is for a blocked
// number, D came in, E was placed by the provider.
func sound() *history {
	h := &history{Seen: map[string]event{}, Listed: map[string]bool{"79160000003": true}, Dialogs: map[string]*dialog{
		"sip-a": {Number: "79160000001", First: noon, Branches: map[string]bool{"b1": true}, Bye: true},
		"sip-m": {Number: "79169000001", First: noon, Branches: map[string]bool{"b2": true}, Bye: true},
		"sip-d": {Inbound: true, Number: "79171", First: noon, Branches: map[string]bool{"b3": true}, Bye: true},
		"sip-e": {Inbound: true, Number: "79160000005", First: noon, Branches: map[string]bool{"b4": true}, Bye: true},
	}}
	seq := map[string]int64{}
	add := func(subject, typ, ref, data string) {
		seq[subject]++
		pos := int64(len(h.Log) + 1)
		call, _ := strings.CutPrefix(subject, "call:")
		if call == subject {
			call = ""
		}
		raw := fmt.Sprintf(`{"id":"evt_%d","type":%q,"subject":%q,"pos":%d,"seq":%d,"time":%q,"call_id":%q,"ref":%q,"data":%s}`,
			pos, typ, subject, pos, seq[subject], noon.Add(time.Duration(pos)*time.Millisecond).Format(time.RFC3339Nano), call, ref, data)
		e, err := parseEvent([]byte(raw))
		if err != nil {
			panic(err)
		}
		h.Log = append(h.Log, e)
		h.Seen[e.ID] = e
		h.Arrivals = append(h.Arrivals, arrival{Dest: everything, Event: e, Accepted: true})
		if ref == "ra" {
			h.Arrivals = append(h.Arrivals, arrival{Dest: "ra", Event: e, Accepted: true})
		}
	}
	add("call:A", "call.queued", "ra", `{}`)
	add("call:B", "call.queued", "rb", `{}`)
	add("number:79160000003", "number.blocked", "", `{"number":"79160000003"}`)
	add("call:C", "call.queued", "rc", `{}`)
	add("call:A", "call.dialing", "ra", `{"attempt":"att_a"}`)
	add("call:B", "call.completed", "rb", `{"outcome":"canceled","attempts":[]}`)
	add("call:A", "call.answered", "ra", `{"attempt":"att_a"}`)
	add("call:C", "call.completed", "rc", `{"outcome":"blocked","attempts":[]}`)
	add("call:A", "sms.queued", "ra", `{"id":"sms_1"}`)
	add("call:A", "call.bridged", "ra", `{}`)
	add("call:A", "call.completed", "ra", `{"outcome":"answered","direction":"out","to":"79160000001","attempts":[{"id":"att_a","role":"customer","sip_call_id":"sip-a"},{"id":"att_m","role":"manager","sip_call_id":"sip-m"}]}`)
	add("call:A", "sms.sent", "ra", `{"id":"sms_1"}`)
	add("call:D", "call.answered", "", `{}`)
	add("call:D", "call.completed", "", `{"outcome":"answered","direction":"in","from":"79171","attempts":[]}`)
	add("call:E", "call.queued", "re", `{"to":"79160000005"}`)
	add("call:E", "call.answered", "re", `{}`)
	add("call:E", "call.completed", "re", `{"outcome":"answered","direction":"out","to":"79160000005","attempts":[{"id":"att_e","role":"customer","sip_call_id":"own-e"}]}`)
	h.Asks = []ask{{Ref: "ra", Hook: true, IDs: []string{"A"}}, {Ref: "rb", IDs: []string{"B"}}, {Ref: "rc", IDs: []string{"C", "C"}}, {Ref: "re", To: "79160000005", IDs: []string{"E"}}}
	h.Cancels = []cancel{{CallID: "B", Final: "canceled", At: noon}}
	h.Blocks = []block{{Number: "79160000003", At: noon}}
	h.Texts = []string{"sms_1"}
	h.Requests = []request{{CallID: "E", Attempt: "att_e"}}
	return h
}

// without drops the events that match, and their deliveries, as if they had
// never been.
func without(h *history, match func(event) bool) {
	h.Log = slices.DeleteFunc(h.Log, match)
	h.Arrivals = slices.DeleteFunc(h.Arrivals, func(a arrival) bool { return match(a.Event) })
	for id, e := range h.Seen {
		if match(e) {
			delete(h.Seen, id)
		}
	}
}

// again tells the event of the log once more, at its end.
func again(h *history, match func(event) bool) {
	e := h.Log[slices.IndexFunc(h.Log, match)]
	last := slices.MaxFunc(h.Log, func(a, b event) int { return int(a.Pos - b.Pos) })
	e.ID, e.Pos = e.ID+"-again", last.Pos+1
	e.Seq = 0
	for _, x := range h.Log {
		if x.Subject == e.Subject {
			e.Seq = max(e.Seq, x.Seq)
		}
	}
	e.Seq++
	h.Log = append(h.Log, e)
	h.Arrivals = append(h.Arrivals, arrival{Dest: everything, Event: e, Accepted: true}, arrival{Dest: e.Ref, Event: e, Accepted: true})
}

func is(call, typ string) func(event) bool {
	return func(e event) bool { return e.CallID == call && e.Type == typ }
}

// forgeries break one promise each; rule is the one that must say so.
var forgeries = []struct {
	rule, what string
	forge      func(*history)
}{
	{"acknowledged call kept", "a call whose 202 was written is gone", func(h *history) {
		without(h, func(e event) bool { return e.CallID == "B" })
		h.Cancels = nil
	}},
	{"acknowledged call kept", "a call hangs for ever", func(h *history) { without(h, is("C", "call.completed")) }},
	{"one request, one call", "two acknowledgements name two calls", func(h *history) { h.Asks[2].IDs[1] = "B" }},
	{"one request, one call", "the answer that never came had made a call, too", func(h *history) {
		h.Log[1].Ref = "rc"
	}},
	{"one request, one call", "a request without a ref had made a call, too", func(h *history) {
		h.Asks[3].Bare = true
		h.Log[1].Facts.To = h.Asks[3].To
	}},
	{"no second INVITE", "an INVITE is sent anew under its Call-ID", func(h *history) { h.Dialogs["sip-a"].Branches["b9"] = true }},
	{"no second INVITE", "a number is rung under another Call-ID", func(h *history) {
		h.Dialogs["sip-x"] = &dialog{Number: "79160000001", First: noon, Branches: map[string]bool{"b9": true}}
	}},
	{"attempt before INVITE", "somebody is rung without an attempt", func(h *history) {
		h.Dialogs["sip-x"] = &dialog{Number: "79160000009", First: noon, Branches: map[string]bool{"b9": true}}
	}},
	{"nothing after the end", "a lost call is dialled on a guess", func(h *history) { h.Dialogs["sip-a"].First = noon.Add(5 * time.Second) }},
	{"one provider request", "the provider is asked again after a restart", func(h *history) { h.Requests = append(h.Requests, h.Requests[0]) }},
	{"one provider request", "the provider is asked before the attempt is durable", func(h *history) { h.Requests[0].Attempt = "att_x" }},
	{"cancelled is cancelled", "a cancelled call ends otherwise", func(h *history) { h.Cancels[0].CallID = "A" }},
	{"cancelled is cancelled", "a call is dialled long after its hang-up was acknowledged", func(h *history) {
		h.Cancels = []cancel{{CallID: "A", At: noon.Add(-time.Minute)}}
	}},
	{"blocked is blocked", "an acknowledged entry is gone", func(h *history) { h.Listed = map[string]bool{} }},
	{"blocked is blocked", "an acknowledged entry was never told", func(h *history) {
		without(h, func(e event) bool { return e.Type == "number.blocked" })
	}},
	{"blocked is blocked", "a blocked number is rung", func(h *history) {
		h.Dialogs["sip-c"] = &dialog{Number: "79160000003", First: noon.Add(5 * time.Second), Branches: map[string]bool{"b9": true}}
	}},
	{"no leg left behind", "a customer hears no BYE", func(h *history) { h.Dialogs["sip-a"].Bye = false }},
	{"no leg left behind", "a manager hears no BYE", func(h *history) { h.Dialogs["sip-m"].Bye = false }},
	{"no leg left behind", "a caller hears no BYE", func(h *history) { h.Dialogs["sip-d"].Bye = false }},
	{"no leg left behind", "a provider's client hears no BYE", func(h *history) { h.Dialogs["sip-e"].Bye = false }},
	{"no call left open", "a call is open for days", func(h *history) { h.Live = []string{"X"} }},
	{"ref free again", "a ref stays taken", func(h *history) { h.RefsHeld = []string{"ra"} }},
	{"no gap in seq", "an event in the middle is missing", func(h *history) { without(h, is("A", "call.answered")) }},
	{"no gap in seq", "two events share a number", func(h *history) { h.Log[6].Seq = 2 }},
	{"no gap in seq", "two events share a pos", func(h *history) { h.Log[6].Pos = h.Log[5].Pos }},
	{"one end", "a call ends twice", func(h *history) { again(h, is("B", "call.completed")) }},
	{"one end", "a call that is over rings", func(h *history) { again(h, is("A", "call.answered")) }},
	{"dialled once", "recovery dials again", func(h *history) { again(h, is("A", "call.dialing")) }},
	{"log never changes", "an event that was delivered is gone", func(h *history) {
		h.Seen["evt_99"] = event{ID: "evt_99", Subject: "call:A"}
	}},
	{"log never changes", "an event that was delivered has another number now", func(h *history) {
		e := h.Seen["evt_5"]
		e.Seq++
		h.Seen["evt_5"] = e
	}},
	{"log never changes", "an event says something else now", func(h *history) { h.Log[4].Sum = "other" }},
	{"store in order", "check-store complains", func(h *history) { h.Unchecked = []string{"x"} }},
	{"power cut", "a copy does not open", func(h *history) { h.Copies = []string{"x"} }},
	{"no odd answer", "a good request is refused", func(h *history) { h.Oddities = []string{"x"} }},
	{"every event delivered", "an event was never delivered", func(h *history) {
		h.Arrivals = slices.DeleteFunc(h.Arrivals, func(a arrival) bool { return a.Dest == everything && a.Event.ID == "evt_17" })
	}},
	{"every event delivered", "an event was refused and not sent again", func(h *history) {
		h.Arrivals[len(h.Arrivals)-1].Accepted = false
	}},
	{"every event delivered", "an event did not reach the call's own webhook", func(h *history) {
		h.Arrivals = slices.DeleteFunc(h.Arrivals, func(a arrival) bool { return a.Dest == "ra" && a.Event.Type == "sms.sent" })
	}},
	{"nothing invented", "an event was delivered that is not in the log", func(h *history) {
		e := h.Log[0]
		e.ID = "evt_99"
		h.Arrivals = append(h.Arrivals, arrival{Dest: everything, Event: e, Accepted: true})
	}},
	{"delivered in order", "two events come the wrong way round", func(h *history) {
		i := slices.IndexFunc(h.Arrivals, func(a arrival) bool { return a.Dest == everything && a.Event.ID == "evt_13" })
		h.Arrivals[i], h.Arrivals[i+1] = h.Arrivals[i+1], h.Arrivals[i]
	}},
	{"delivered in order", "an event overtakes one that was refused", func(h *history) {
		i := slices.IndexFunc(h.Arrivals, func(a arrival) bool { return a.Dest == everything && a.Event.ID == "evt_13" })
		refused := h.Arrivals[i]
		h.Arrivals[i].Accepted = false
		h.Arrivals = append(h.Arrivals, refused)
	}},
	{"a text at most once", "a text is sent again after a restart", func(h *history) { h.Texts = append(h.Texts, "sms_1") }},
	{"a text at most once", "a text is sent before its intent is durable", func(h *history) { h.Texts = append(h.Texts, "sms_9") }},
	{"the fate of a text", "a text is told as sent and was not", func(h *history) { h.Texts = nil }},
	{"the fate of a text", "nobody tells what became of a text", func(h *history) { without(h, is("A", "sms.sent")) }},
	{"the fate of a text", "a text has two fates", func(h *history) { again(h, is("A", "sms.sent")) }},
}

func TestASoundHistoryBreaksNoPromise(t *testing.T) {
	t.Parallel()
	for _, v := range judge(sound()) {
		t.Errorf("%s: %s: %s", v.Rule, v.Subject, v.Text)
	}
}

func TestTheJudgeFindsEveryForgery(t *testing.T) {
	t.Parallel()
	proven := map[string]bool{}
	for _, f := range forgeries {
		h := sound()
		f.forge(h)
		found := judge(h)
		if !slices.ContainsFunc(found, func(v violation) bool { return v.Rule == f.rule }) {
			t.Errorf("%q: %s: found only %v", f.rule, f.what, found)
		}
		proven[f.rule] = true
	}
	for _, r := range rules() {
		if !proven[r.name] {
			t.Errorf("no forgery breaks %q: nothing proves that it can fail", r.name)
		}
	}
}

func TestAnEventDeliveredTwiceIsNoFault(t *testing.T) {
	t.Parallel()
	h := sound()
	h.Arrivals = append(h.Arrivals[:3:3], append([]arrival{h.Arrivals[2]}, h.Arrivals[3:]...)...)
	if found := judge(h); len(found) > 0 {
		t.Errorf("at least once was taken for a fault: %v", found)
	}
}

const sippTrace = `----------------------------------------------- 2026-11-21 12:00:00.000001
UDP message received [300] bytes :

INVITE sip:79160000001@127.0.0.2:5070 SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1;rport
From: <sip:78005553535@127.0.0.1>;tag=x
To: <sip:79160000001@127.0.0.2>
Call-ID: one@zvonar
CSeq: 1 INVITE

v=0
----------------------------------------------- 2026-11-21 12:00:00.500001
UDP message received [300] bytes :

INVITE sip:79160000001@127.0.0.2:5070 SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1;rport
To: <sip:79160000001@127.0.0.2>
Call-ID: one@zvonar

----------------------------------------------- 2026-11-21 12:00:01.000001
UDP message received [300] bytes :

INVITE sip:79160000001@127.0.0.2:5070 SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK2;rport
To: <sip:79160000001@127.0.0.2>
Call-ID: one@zvonar

-----------------------------------------------
Unexpected UDP message received:

INVITE sip:79160000001@127.0.0.2:5070 SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK2;rport
Call-ID: one@zvonar

----------------------------------------------- 2026-11-21 12:00:02.000001
UDP message sent (300 bytes):

BYE sip:78005553535@127.0.0.1:5060 SIP/2.0
Via: SIP/2.0/UDP 127.0.0.2:5070;branch=z9hG4bK9
To: <sip:78005553535@127.0.0.1>;tag=x
Call-ID: one@zvonar

----------------------------------------------- 2026-11-21 12:00:02.100001
UDP message received [300] bytes :

INVITE sip:79160000001@127.0.0.2:5070 SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK3;rport
To: <sip:79160000001@127.0.0.2>;tag=inside
Call-ID: one@zvonar

-----------------`

func TestATraceOfSIPpCountsTransactionsNotRetransmissions(t *testing.T) {
	t.Parallel()
	dialogs := map[string]*dialog{}
	if err := noteDialogs(strings.NewReader(sippTrace), dialogs); err != nil {
		t.Fatal(err)
	}
	d := dialogs["one@zvonar"]
	if len(dialogs) != 1 || d == nil {
		t.Fatalf("%d dialogs", len(dialogs))
	}
	if d.Number != "79160000001" || d.Inbound || !d.Bye || len(d.Branches) != 2 || d.First.Second() != 0 {
		t.Errorf("read as %+v", *d)
	}
}

func TestAPlanReadsAsItIsWritten(t *testing.T) {
	t.Parallel()
	const text = "engine.ringing@2,engine.recovery.lost@1"
	round, err := parsePlan(text)
	if err != nil || planText(round) != text {
		t.Errorf("%v %v", round, err)
	}
	for _, bad := range []string{"nowhere", "engine.ringing@0", "engine.ringing@x"} {
		if _, err := parsePlan(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}
