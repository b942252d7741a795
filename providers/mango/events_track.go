package mango

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"zvonar/internal/calls"
	"zvonar/internal/outbox"
)

// sentLeg is a leg as the external system knows it.
type sentLeg struct {
	ID       string   `json:"id"`
	Seq      number   `json:"seq"`
	State    legState `json:"state"`
	Client   bool     `json:"client,omitempty"`
	From     party    `json:"from"`
	To       party    `json:"to"`
	Location text     `json:"loc"`
}

// track is what is remembered of a call between its events.
type track struct {
	Command  string    `json:"cmd,omitempty"`
	Out      bool      `json:"out,omitempty"`
	Client   string    `json:"client,omitempty"` // the number of whom we called, or who called
	Line     string    `json:"line,omitempty"`
	Legs     []sentLeg `json:"legs,omitempty"`
	Created  number    `json:"created,omitempty"`
	Talk     number    `json:"talk,omitempty"` // when the client answered
	Pressed  number    `json:"pressed,omitempty"`
	Recorded number    `json:"recorded,omitempty"`
	Over     bool      `json:"over,omitempty"`
}

// note is one notice that an event becomes.
type note struct {
	path string
	body any
}

// teller writes the notices of one event.
type teller struct {
	*track
	facts facts
	ev    calls.Event
	notes []note
}

// eventSteps say what an event of ours is to the external system.
var eventSteps = map[calls.EventType]func(*teller) error{
	calls.CallQueued:         (*teller).queued,
	calls.CallDialing:        (*teller).dialing,
	calls.CallRinging:        (*teller).ringing,
	calls.CallAnswered:       (*teller).answered,
	calls.CallDigit:          (*teller).digit,
	calls.CallBridging:       (*teller).bridging,
	calls.CallBridged:        (*teller).bridged,
	calls.CallUnbridged:      (*teller).unbridged,
	calls.CallAction:         (*teller).action,
	calls.CallRecordingReady: (*teller).recorded,
	calls.CallCompleted:      (*teller).completed,
	calls.SMSSent:            (*teller).text,
	calls.SMSFailed:          (*teller).text,
}

// advance gives the notices of an event and what is remembered after it. It is pure.
func advance(it outbox.Item, f facts) (state string, notes []note, err error) {
	step, ok := eventSteps[it.Event.Type]
	if !ok {
		return it.State, nil, nil
	}
	t := &teller{track: &track{}, ev: it.Event, facts: f}
	if it.State != "" {
		if err := json.Unmarshal([]byte(it.State), t.track); err != nil {
			return "", nil, fmt.Errorf("what was remembered of the call cannot be read: %w", err)
		}
	}
	t.Out = it.Event.Direction == calls.Out || it.Event.Direction == "" && t.Out
	if c := commandOf(it.Event.Ref); c != "" {
		t.Command = c
	}
	if it.Event.Line != "" {
		t.Line = it.Event.Line
	}
	if f.caller != "" && t.Client == "" {
		t.Client = f.caller
	}
	if t.Created == 0 {
		t.Created = stamp(it.Event.Time)
	}
	if err := step(t); err != nil {
		return "", nil, err
	}
	b, err := marshal(t.track)
	return string(b), t.notes, err
}

// data are the fields of events that matter here.
type data struct {
	To       string        `json:"to"`
	Target   string        `json:"target"`
	From     string        `json:"from"`
	Leg      calls.Role    `json:"leg"`
	Digit    string        `json:"digit"`
	Action   string        `json:"action"`
	Result   string        `json:"result"`
	By       calls.Party   `json:"by"`
	Reason   calls.Reason  `json:"reason"`
	ID       string        `json:"id"`
	Outcome  calls.Outcome `json:"outcome"`
	HangupBy calls.Party   `json:"hangup_by"`
}

func (t *teller) data() (d data, err error) {
	if err := json.Unmarshal(t.ev.Data, &d); err != nil {
		return d, fmt.Errorf("the data of the event cannot be read: %w", err)
	}
	return d, nil
}

// say notes a notice.
func (t *teller) say(path string, body any) { t.notes = append(t.notes, note{path, body}) }

// leg makes a leg and says that it appeared.
func (t *teller) leg(client bool, from, to party, location text) {
	l := sentLeg{ID: t.ev.CallID + legMark + strconv.Itoa(len(t.Legs)+1), Client: client, From: from, To: to, Location: location}
	t.Legs = append(t.Legs, l)
	t.move(&t.Legs[len(t.Legs)-1], legAppeared, 0)
}

// move says that a leg changed.
func (t *teller) move(l *sentLeg, to legState, reason int) {
	l.Seq++
	l.State = to
	n := callNotice{Entry: text(t.ev.CallID), Call: text(l.ID), Timestamp: stamp(t.ev.Time), Seq: l.Seq, State: to, Location: l.Location,
		From: l.From, To: l.To, Reason: number(reason), Command: text(t.Command)}
	if t.Command != "" {
		n.Initiator = "API"
	}
	if to == legDisconnected && reason == codeIntercepted {
		n.To.Transferred = true
	}
	t.say(pathCall, n)
}

// live finds the newest leg of a side that is not over; nil: none.
func (t *teller) live(client bool) *sentLeg {
	for i := len(t.Legs) - 1; i >= 0; i-- {
		if l := &t.Legs[i]; l.Client == client && l.State != legDisconnected {
			return l
		}
	}
	return nil
}

// queued: a callback was taken, which its result says.
func (t *teller) queued() error {
	d, err := t.data()
	t.Client, t.Out = d.To, true
	if t.Line == "" {
		t.Line = d.From
	}
	if t.Command != "" {
		t.say(pathResult+"callback", resultNotice{Command: text(t.Command), Result: codeOK})
	}
	return err
}

// dialing: the client is rung. Who was rung before him has answered: his leg ends as
// done, and the client's is taken from it.
func (t *teller) dialing() error {
	d, err := t.data()
	if err != nil {
		return err
	}
	from, to := party{Number: text(t.Line)}, party{Number: text(cmp.Or(d.Target, t.Client)), Line: text(t.Line)}
	if l := t.live(true); l != nil { // another attempt of the same call
		t.move(l, legDisconnected, codeUnavailable)
	}
	if m := t.live(false); m != nil {
		if m.State == legAppeared {
			t.move(m, legConnected, 0)
		}
		t.move(m, legDisconnected, codeOK)
		from = m.To
		from.Line, from.TakenFrom = "", text(m.ID)
	}
	t.leg(true, from, to, "abonent")
	return nil
}

// ringing: of a call that comes in it is the first word.
func (t *teller) ringing() error {
	if !t.Out && len(t.Legs) == 0 {
		t.leg(true, party{Number: text(t.Client)}, party{Number: text(t.Line), Line: text(t.Line)}, "ivr")
	}
	return nil
}

func (t *teller) answered() error {
	if l := t.live(true); l != nil && l.State == legAppeared {
		t.move(l, legConnected, 0)
	}
	if t.Talk == 0 {
		t.Talk = stamp(t.ev.Time)
	}
	return nil
}

// digit: the provider collects what is pressed, we say each key at once.
func (t *teller) digit() error {
	d, err := t.data()
	if err != nil || d.Leg == calls.RoleManager {
		return err
	}
	l := t.live(true)
	if l == nil {
		return nil
	}
	t.Pressed++
	n := dtmfNotice{Seq: t.Pressed, Digits: text(d.Digit), Timestamp: stamp(t.ev.Time), Call: text(l.ID), Entry: text(t.ev.CallID), Location: "ivr",
		Initiator: text(t.Client), From: text(t.Client), To: text(t.Line), Line: text(t.Line)}
	if t.Out {
		n.From, n.To = text(t.Line), text(t.Client)
	}
	t.say(pathDTMF, n)
	return nil
}

// bridging: a manager is rung, before the client or for him.
func (t *teller) bridging() error {
	d, err := t.data()
	if err != nil {
		return err
	}
	if m := t.live(false); m != nil && m.State == legAppeared { // the one before him did not come
		t.move(m, legDisconnected, codeNoAnswer)
	}
	to := party{Line: text(t.Line)}
	target, _, _ := strings.Cut(d.To, "@")
	to.Number, to.Extension = text(d.To), text(t.facts.extension)
	if to.Extension == "" && len(target) <= maxExtension && digits(target) == target {
		to.Extension = text(target)
	}
	from := party{Number: text(t.Client)}
	if l := t.live(true); l != nil {
		from.TakenFrom = text(l.ID)
	}
	t.leg(false, from, to, "abonent")
	return nil
}

func (t *teller) bridged() error {
	// Of several that were rung, the last has it; who talked before is replaced.
	m := t.live(false)
	if m == nil {
		return nil
	}
	for i := range t.Legs {
		if l := &t.Legs[i]; !l.Client && l != m && l.State == legConnected {
			t.move(l, legDisconnected, codeIntercepted)
		}
	}
	if m.State == legAppeared {
		t.move(m, legConnected, 0)
	}
	return nil
}

func (t *teller) unbridged() error {
	d, err := t.data()
	if err != nil {
		return err
	}
	reason := map[calls.Party]int{calls.ByManager: codeByCallee, calls.ByCustomer: codeByCaller}[d.By]
	if reason == 0 {
		reason = codeBySystem
	}
	if d.Reason == calls.ReasonTransferred {
		reason = codeIntercepted
	}
	for i := range t.Legs {
		if l := &t.Legs[i]; !l.Client && l.State == legConnected {
			t.move(l, legDisconnected, reason)
		}
	}
	return nil
}

// action: a manager who was rung and not reached.
func (t *teller) action() error {
	d, err := t.data()
	if err != nil || d.Result == "ok" || d.Action != string(calls.ActionManager) && d.Action != "transfer" {
		return err
	}
	if m := t.live(false); m != nil && m.State == legAppeared {
		t.move(m, legDisconnected, codeNoAnswer)
	}
	return nil
}

// recorded: the sound of the talk can be had; recording_id is the id of the call.
func (t *teller) recorded() error {
	t.Recorded++
	leg := t.ev.CallID
	if len(t.Legs) > 0 {
		leg = t.Legs[len(t.Legs)-1].ID
	}
	t.say(pathRecording, recordingNotice{Recording: text(t.ev.CallID), State: "Completed", Seq: t.Recorded, Entry: text(t.ev.CallID), Call: text(leg),
		Timestamp: stamp(t.ev.Time), Completion: codeOK, Recipient: "Cloud", Command: text(t.Command)})
	t.say(pathRecordAdded, recordNotice{Entry: text(t.ev.CallID), User: -1, Timestamp: stamp(t.ev.Time), Recording: text(t.ev.CallID)})
	return nil
}

// completed: every leg ends, then the summary.
func (t *teller) completed() error {
	d, err := t.data()
	if err != nil || t.Over {
		return err
	}
	t.Over = true
	direction := calls.In
	if t.Out {
		direction = calls.Out
	}
	reason := endOf(d.Outcome, d.HangupBy, direction)
	if len(t.Legs) == 0 && t.Client == "" {
		t.Client = d.To
	}
	for i := range t.Legs {
		l := &t.Legs[i]
		switch {
		case l.State == legDisconnected:
		case !l.Client && l.State == legAppeared && t.Talk == 0:
			t.move(l, legDisconnected, codeNoAnswer)
		default:
			t.move(l, legDisconnected, reason)
		}
	}
	s := summaryNotice{Entry: text(t.ev.CallID), Direction: directionOut, From: party{Number: text(t.Line)}, To: party{Number: text(t.Client)}, Line: text(t.Line),
		Created: t.Created, Forwarded: t.Talk, Talked: t.Talk, Ended: stamp(t.ev.Time), Reason: number(reason)}
	if t.Talk > 0 {
		s.Result = 1
	}
	if !t.Out {
		s.Direction, s.From, s.To = directionIn, s.To, party{Number: text(t.Line)}
	}
	for _, l := range t.Legs { // the employee, whoever was the last
		if !l.Client && l.To.Extension != "" {
			side := &s.From
			if !t.Out {
				side = &s.To
			}
			*side = party{Extension: l.To.Extension, Number: l.To.Number}
		}
	}
	t.say(pathSummary, s)
	return nil
}

// text: an SMS was handed on, or was not. Its command is its id with us.
func (t *teller) text() error {
	d, err := t.data()
	n := smsNotice{Command: text(d.ID), Timestamp: stamp(t.ev.Time), Reason: codeOK}
	if t.ev.Type == calls.SMSFailed {
		n.Reason = codeSMSFailed
	}
	t.say(pathSMS, n)
	return err
}
