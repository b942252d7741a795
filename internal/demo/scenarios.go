package demo

import (
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/carrier"
)

// The demo's own numbers: Moscow mobiles of the test carrier, and lines of ours.
const (
	line        = "78005553535" // our caller number, and what the inbound caller dials
	extension   = "201"         // of our user agent at the cloud PBX
	firstRecord = 1000001       // record_id of the first clip that is approved: the notice
)

func callee(suffix string) string { return carrier.Prefix + suffix }

// origin says how a call comes about.
type origin int

const (
	byTrunk    origin = iota // POST /v1/calls, over the trunk
	byProvider               // POST /v1/calls, through the cloud PBX
	byZvonobot               // create of the Zvonobot facade, over the trunk
	inbound                  // the carrier calls us
	cancelled                // POST /v1/calls for later, then DELETE by ref
)

// sample is something that a callee is to have heard.
type sample int

const (
	noticeWhole sample = iota + 1 // the notice from start to end
	noticeHead                    // its first second and a half
	secondWhole                   // the second clip from start to end
	busyWhole                     // the prompt that the manager is busy
	managerTalk                   // the manager of the test carrier
)

// scenario is one call of the demo and what is expected of it.
type scenario struct {
	name     string
	number   string // who is called, or who calls
	origin   origin
	flow     map[string]any // over the default flow: the notice, then digits
	digits   map[int]action
	ring     string // ring_timeout
	outcome  calls.Outcome
	reason   calls.Reason // "" = any
	pressed  string
	actions  string // "record:ok smsText:ok"
	hears    []sample
	sms      bool // an sms.sent event follows
	noInvite bool // the carrier must not see the call
	// after names a scenario that must be over before this one starts.
	after string
}

// action is one element of the digit map; clips are named by their role.
type action struct {
	kind  calls.ActionKind
	value string
}

// These stand for record_ids, which are known only once the clips are approved.
const (
	second     = "second clip"
	busyPrompt = "busy prompt"
)

func record() action               { return action{calls.ActionRecord, second} }
func manager(number string) action { return action{calls.ActionManager, callee(number)} }

// scenarios is every call of the demo, the long ones first.
func scenarios() []scenario {
	return []scenario{
		{name: "no manager answers", number: callee("1104"), digits: map[int]action{4: manager("9002")},
			flow:    map[string]any{"manager": map[string]any{"ring_timeout": "5s", "busy_record": busyPrompt}},
			outcome: calls.OutcomeAnswered, reason: calls.ReasonNoDigit, pressed: "4", actions: "managerPhone:failed", hears: []sample{noticeWhole, busyWhole}},
		{name: "manager busy, back to the menu", number: callee("1421"), digits: map[int]action{2: manager("9001"), 1: record()},
			flow:    map[string]any{"manager": map[string]any{"busy_record": busyPrompt}},
			outcome: calls.OutcomeAnswered, reason: calls.ReasonNoDigit, pressed: "21", actions: "managerPhone:failed record:ok",
			hears: []sample{noticeWhole, busyWhole, secondWhole}},
		{name: "next record", number: callee("1101"), digits: map[int]action{1: record()},
			outcome: calls.OutcomeAnswered, reason: calls.ReasonNoDigit, pressed: "1", actions: "record:ok", hears: []sample{noticeWhole, secondWhole}},
		{name: "manager answers", number: callee("1102"), digits: map[int]action{2: manager("9006")},
			outcome: calls.OutcomeAnswered, reason: calls.ReasonBridgeEnd, pressed: "2", actions: "managerPhone:ok", hears: []sample{noticeWhole, managerTalk}},
		{name: "manager confirms with a digit", number: callee("1103"), digits: map[int]action{3: manager("9005")},
			flow:    map[string]any{"manager": map[string]any{"confirm": "digit"}},
			outcome: calls.OutcomeAnswered, reason: calls.ReasonBridgeEnd, pressed: "3", actions: "managerPhone:ok", hears: []sample{noticeWhole, managerTalk}},
		{name: "manager with early media", number: callee("1205"), digits: map[int]action{5: manager("9003")},
			outcome: calls.OutcomeAnswered, reason: calls.ReasonBridgeEnd, pressed: "5", actions: "managerPhone:ok", hears: []sample{noticeHead, managerTalk}},
		{name: "cloud PBX connects the client", number: callee("1106"), origin: byProvider, digits: map[int]action{6: record()},
			outcome: calls.OutcomeAnswered, reason: calls.ReasonNoDigit, pressed: "6", actions: "record:ok", hears: []sample{noticeWhole, secondWhole}},
		{name: "by the Zvonobot facade", number: callee("1108"), origin: byZvonobot, digits: map[int]action{8: record()},
			outcome: calls.OutcomeAnswered, reason: calls.ReasonNoDigit, pressed: "8", actions: "record:ok", hears: []sample{noticeWhole, secondWhole}},
		{name: "inbound call hears the notice", number: callee("1000"), origin: inbound,
			outcome: calls.OutcomeAnswered, reason: calls.ReasonFlowEnd, hears: []sample{noticeWhole}},
		{name: "text message", number: callee("1203"), digits: map[int]action{3: {calls.ActionSMS, "Ваша посылка ждёт вас: ул. Мира, 5"}},
			outcome: calls.OutcomeAnswered, reason: calls.ReasonNoDigit, pressed: "3", actions: "smsText:ok", sms: true, hears: []sample{noticeHead, noticeWhole}},
		{name: "to the blacklist (SIP INFO)", number: callee("1509"), digits: map[int]action{9: {calls.ActionBlock, "1"}},
			outcome: calls.OutcomeAnswered, reason: calls.ReasonBlockedByDigit, pressed: "9", actions: "needBlock:ok", hears: []sample{noticeHead}},
		{name: "a notice and no menu", number: callee("1000"),
			outcome: calls.OutcomeAnswered, reason: calls.ReasonFlowEnd, hears: []sample{noticeWhole}},
		{name: "voicemail", number: callee("2001"), outcome: calls.OutcomeAnswered, hears: []sample{noticeWhole}},
		{name: "media is dropped", number: callee("2003"), outcome: calls.OutcomeAnswered, hears: []sample{noticeWhole}},
		{name: "busy", number: callee("0486"), outcome: calls.OutcomeBusy},
		{name: "no answer", number: callee("0480"), outcome: calls.OutcomeNoAnswer},
		{name: "rings until the time-out", number: callee("3000"), ring: "5s", outcome: calls.OutcomeNoAnswer, reason: calls.ReasonRingTimeout},
		{name: "rejected", number: callee("0603"), outcome: calls.OutcomeRejected},
		{name: "announcement, subscriber absent", number: callee("8020"), outcome: calls.OutcomeUnreachable, reason: calls.ReasonSubscriberAbsent},
		{name: "no such number", number: callee("0404"), outcome: calls.OutcomeInvalidNumber},
		{name: "cancelled before its time", number: callee("1001"), origin: cancelled, outcome: calls.OutcomeCanceled, noInvite: true},
		{name: "blacklisted: not called again", number: callee("1509"), after: "to the blacklist (SIP INFO)",
			outcome: calls.OutcomeBlocked, noInvite: true},
		{name: "trunk out of capacity", number: callee("0503"), after: "cloud PBX connects the client",
			outcome: calls.OutcomeTrunkError},
	}
}

// Limits of the whole run.
const (
	parallel   = 6                // calls at once
	callLimit  = 60 * time.Second // one call, from its request to its last event
	totalLimit = 4 * time.Minute
)
