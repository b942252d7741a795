package carrier

import (
	"maps"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/media"
	"zvonar/sip"
)

// Order says whom the cloud PBX rings first.
type Order string

// The orders.
const (
	// AgentFirst rings zvonar, plays ringback to it while the client is rung,
	// then joins both. On the line zvonar cannot tell when the client answers.
	AgentFirst Order = "agent_first"
	// ClientFirst rings zvonar only once the client has answered: what zvonar
	// plays from its answer on, the client hears from its first word.
	ClientFirst Order = "client_first"
)

// clientRing is how long the PBX rings a client.
const clientRing = 30 * time.Second

// CallbackRequest asks the PBX to connect a client to an agent.
type CallbackRequest struct {
	Extension string `json:"extension"` // of the agent: Request-URI user of the INVITE to zvonar
	Phone     string `json:"phone"`     // of the client: a magic number
	Token     string `json:"token"`
	Order     Order  `json:"order"` // "": AgentFirst
}

// HeaderCallID carries the PBX's call id in its INVITE.
const HeaderCallID = "X-Call-ID"

// Callback does what POST /api/callback does (but for the token) and returns the
// call's id at once. Errors are *calls.Error.
func (c *Carrier) Callback(r CallbackRequest) (id string, err error) {
	x, err := c.Switch(SwitchRequest{CallbackRequest: r})
	if err != nil {
		return "", err
	}
	return x.ID(), nil
}

// callerID is what zvonar sees as the caller of a PBX call.
func (c *Carrier) callerID(phone string) string {
	if c.cfg.CallerID != "" {
		return c.cfg.CallerID
	}
	return phone
}

// pbxLine is the client of a PBX call: he has no SIP leg of his own, he is what
// the script does, heard on the leg to the agent.
type pbxLine struct {
	call    *call
	headers map[string]string // of the INVITE to the agent, beside X-Call-ID
	leg     *sip.Leg          // to the agent (zvonar); nil until dialled
	rung    bool              // the client's telephone rings
}

// dial rings the agent. Only the call's goroutine, or whoever makes the call, may use it.
func (l *pbxLine) dial(events func(calls.LegEvent)) error {
	rec := &l.call.rec
	headers := map[string]string{HeaderCallID: rec.ID}
	maps.Copy(headers, l.headers)
	leg, err := l.call.carrier.dial(rec, headers, func(e calls.LegEvent) {
		if e.Kind == calls.LegRinging {
			l.call.step(SwitchEvent{State: AgentRinging})
		}
		events(e)
	})
	if err != nil {
		return err
	}
	l.leg = leg
	return nil
}

// onAgent takes the events of an agent leg that was rung first: its answer is
// not the client's.
func (l *pbxLine) onAgent(e calls.LegEvent) {
	if e.Kind == calls.LegAnswered {
		l.call.step(SwitchEvent{State: AgentAnswered})
		l.call.box.put(message{timer: timerAgentUp})
		return
	}
	l.call.on(e)
}

// onAgentLast takes the events of an agent leg that is rung once the client is there.
func (l *pbxLine) onAgentLast(e calls.LegEvent) {
	if e.Kind == calls.LegAnswered {
		l.call.step(SwitchEvent{State: AgentAnswered})
	}
	l.call.on(e)
}

// Ring lets the agent hear that the client is rung.
func (l *pbxLine) Ring() {
	if !l.rung {
		l.rung = true
		l.call.step(SwitchEvent{State: ClientRinging})
	}
	if l.leg != nil {
		l.leg.Tone(calls.ToneRingback)
	}
}

// Progress is heard, not signalled: the agent leg is answered already.
func (l *pbxLine) Progress(int) {}

// Answer joins the client to the agent, who is rung now if he was not before.
func (l *pbxLine) Answer() {
	l.call.step(SwitchEvent{State: ClientAnswered})
	if l.leg != nil {
		l.leg.StopPlayback(calls.PlayStopped)
		l.call.on(calls.LegEvent{Kind: calls.LegAnswered, At: l.call.clock.Now()})
		return
	}
	if err := l.dial(l.onAgentLast); err != nil {
		l.call.on(calls.LegEvent{Kind: calls.LegEnded, Ending: calls.Ending{Transport: true, By: calls.ByZvonar}})
		return
	}
	l.call.listen()
}

func (l *pbxLine) Reject(code, q850 int, _ string) {
	if q850 == 0 {
		q850 = causeOf(code)
	}
	l.Hangup(q850)
}

// Hangup ends the agent's leg, telling it why, or the call that has none yet.
func (l *pbxLine) Hangup(q850 int) {
	if l.leg != nil {
		l.leg.Hangup(q850)
		return
	}
	l.call.on(calls.LegEvent{Kind: calls.LegEnded, Ending: calls.Ending{Q850: q850, By: calls.ByZvonar}})
}

func (l *pbxLine) Play(id int64, clip *media.Clip, loop bool) {
	if l.leg != nil {
		l.leg.Play(id, clip, loop)
	}
}

func (l *pbxLine) SendDigits(digits string) {
	if l.leg != nil {
		l.leg.SendDigits(digits)
	}
}

func (l *pbxLine) SendInfo(digit byte) {
	if l.leg != nil {
		l.leg.SendInfo(digit)
	}
}

func (l *pbxLine) DropMedia() {
	if l.leg != nil {
		l.leg.DropMedia()
	}
}

// AnswerOnCancel has no meaning here: nobody cancels a client.
func (l *pbxLine) AnswerOnCancel() {}

func (l *pbxLine) Listen() recorder {
	if l.leg == nil {
		return nil
	}
	return record(l.leg)
}

// dialable reports whether s may be the user part of what we dial.
func dialable(s string) bool {
	return len(s) > 0 && len(s) <= 32 && strings.Trim(s, "0123456789") == ""
}

// bounded cuts what is shown of foreign text.
func bounded(s string) string { return s[:min(len(s), 64)] }
