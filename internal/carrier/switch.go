package carrier

import (
	"strings"
	"time"

	"zvonar/internal/calls"
)

// SwitchState is a step of a call that the switch connects.
type SwitchState string

// The steps, in the order in which they can come with AgentFirst; with ClientFirst
// the client's come before the agent's. The last is always SwitchEnded.
const (
	AgentRinging   SwitchState = "agent_ringing"
	AgentAnswered  SwitchState = "agent_answered"
	ClientRinging  SwitchState = "client_ringing"
	ClientAnswered SwitchState = "client_answered"
	SwitchJoined   SwitchState = "joined" // client and agent hear each other
	SwitchDigit    SwitchState = "digit"  // the client pressed Digit
	SwitchEnded    SwitchState = "ended"
)

// SwitchEvent is one step, with what a provider knows of it.
type SwitchEvent struct {
	ID    string // of the call, also X-Call-ID of its INVITE
	State SwitchState
	At    time.Time
	Digit string
	// Of SwitchEnded: the client's SIP code and Q.850 cause where he was refused, or the
	// agent's where that leg was; who ended it: client, agent, switch; and how long
	// both talked.
	Code, Q850 int
	By         string
	Talk       time.Duration
}

// SwitchRequest asks the switch to connect a client to an agent.
type SwitchRequest struct {
	CallbackRequest
	From    string            // caller that the agent sees; "": as Config.CallerID says
	Headers map[string]string // of the INVITE to the agent, beside X-Call-ID
	// ClientRing is how long the client rings, at Config.Pace; 0: 30 s.
	ClientRing time.Duration
	// Report hears every step, in order and one at a time, from a goroutine of the
	// call; it may take its time, the call goes on meanwhile, but Stop waits for it.
	// nil: nobody does.
	Report func(SwitchEvent)
}

// SwitchCall is a call that the switch connects.
type SwitchCall struct{ x *call }

// Switch is Callback with all that a provider's simulator needs: it dials zvonar and the
// client and tells what happens. Errors are *calls.Error: nothing rings then.
func (c *Carrier) Switch(r SwitchRequest) (*SwitchCall, error) {
	r.Extension, r.Phone = strings.TrimSpace(r.Extension), strings.TrimSpace(r.Phone)
	if r.Order == "" {
		r.Order = AgentFirst
	}
	switch {
	case !dialable(r.Extension):
		return nil, calls.Errorf(calls.CodeInvalidField, "extension must be 1 to 32 digits").At("body.extension", bounded(r.Extension))
	case !dialable(r.Phone):
		return nil, calls.Errorf(calls.CodeInvalidField, "phone must be 1 to 32 digits").At("body.phone", bounded(r.Phone))
	case r.Order != AgentFirst && r.Order != ClientFirst:
		return nil, calls.Errorf(calls.CodeInvalidField, "order must be agent_first or client_first").At("body.order", bounded(string(r.Order)))
	}
	name, steps, ok := script(c.resolve(r.Phone))
	if !ok {
		steps = []step{{do: opReject, code: 404, q850: 1}}
	}
	from := r.From
	if from == "" {
		from = c.callerID(r.Phone)
	}
	x := c.newCall(Call{Kind: KindPBX, Number: r.Phone, From: from, To: r.Extension, Behaviour: name})
	if r.ClientRing > 0 {
		x.clientRing = r.ClientRing
	}
	if r.Report != nil {
		x.reports, x.report = newMailbox[SwitchEvent](), r.Report
	}
	l := &pbxLine{call: x, headers: r.Headers}
	x.line = l
	if r.Order == AgentFirst {
		steps = append([]step{{do: opAgent}, {do: opRing}}, steps...)
		if err := l.dial(l.onAgent); err != nil {
			return nil, err
		}
	}
	if err := c.launch(x, steps); err != nil {
		return nil, err
	}
	return &SwitchCall{x}, nil
}

// ID names the call, in its INVITE and in Calls.
func (s *SwitchCall) ID() string { return s.x.rec.ID }

// Hangup ends the call from the switch, whoever is rung or talks; q850 0 says nothing.
func (s *SwitchCall) Hangup(q850 int) { s.x.box.put(message{timer: timerHangup, q850: q850}) }

// Press has the client press keys (RFC 4733) while both talk.
func (s *SwitchCall) Press(digits string) {
	s.x.box.put(message{timer: timerPress, digits: digits})
}

// DropMedia stops the sound to the agent without a word.
func (s *SwitchCall) DropMedia() { s.x.box.put(message{timer: timerDrop}) }

// tellSteps tells the steps of the call until its end.
func (x *call) tellSteps() {
	for {
		ev := x.reports.take()
		x.report(ev)
		if ev.State == SwitchEnded {
			return
		}
	}
}

// step notes a step of a call that somebody listens to.
func (x *call) step(ev SwitchEvent) {
	if x.reports != nil {
		ev.ID, ev.At = x.rec.ID, x.clock.Now()
		x.reports.put(ev)
	}
}

// steered carries out what whoever drives the switch asks for; true where it was that.
func (x *call) steered(m message) bool {
	switch m.timer {
	case timerHangup:
		x.hungUp = true
		x.line.Hangup(m.q850)
	case timerPress:
		x.press(m.digits)
	case timerDrop:
		x.line.DropMedia()
	default:
		return false
	}
	return true
}

// press sends keys of the client; the switch hears them, too.
func (x *call) press(digits string) {
	x.line.SendDigits(digits)
	x.pressed(digits)
}

func (x *call) pressed(digits string) {
	x.rec.DigitsSent += digits
	for _, d := range digits {
		x.step(SwitchEvent{State: SwitchDigit, Digit: string(d)})
	}
}

// endedStep is the last step of a call.
func (x *call) endedStep(e calls.Ending) SwitchEvent {
	ev := SwitchEvent{State: SwitchEnded, Code: x.rec.Code, Q850: x.rec.Q850, By: "client"}
	switch {
	case x.hungUp:
		ev.By = "switch"
	case e.By != calls.ByZvonar:
		ev.By = "agent"
	}
	if !x.rec.AnsweredAt.IsZero() {
		ev.Talk = x.clock.Now().Sub(x.rec.AnsweredAt)
	}
	return ev
}
