package sip

import (
	"net/netip"
	"sync/atomic"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/media"
	"zvonar/media/dtmf"
	"zvonar/sip/sdp"
	"zvonar/sip/trunk"
)

// Leg is one SIP dialog with its media. Methods are safe for concurrent use and
// return at once.
type Leg struct {
	// Set when the leg is made, never changed.
	ua       *UA
	id       string
	key      string // in the registry
	outbound bool
	role     calls.Role
	trunk    *trunk.Trunk
	port     *media.Port
	box      mailbox
	turns    turns
	hook     *hook
	started  time.Time
	// received is the message whose headers ReceivedHeader reads: the INVITE of
	// an inbound leg, the final response of an outbound one.
	received atomic.Pointer[headers]

	// Owned by the mailbox from here on.
	state    state
	d        dialog
	media    *sdp.Endpoint
	agreed   sdp.Agreed
	patience media.Patience
	peer     netip.Addr   // where the dialog's messages come from
	peers    []netip.Addr // what was added to ua.peers for it
	presses  dtmf.Merger

	events     func(calls.LegEvent)
	held       []calls.LegEvent // before Listen
	ending     calls.Ending
	facts      calls.LegFacts
	ringAt     time.Time
	heardEarly bool // early media was reported
	onHold     bool // by the far end
	redirects  []calls.Redirect
	closed     bool // the port sent its last event
	over       bool // LegEnded was sent
	timers     [timerCount]clock.Timer
	uac        uac
	uas        uas
	answer     answer
	mod        modification
	refer      referral
	asked      asked
	timer      sessionTimer
}

func (ua *UA) newLeg(role calls.Role) *Leg {
	l := &Leg{ua: ua, role: role, started: ua.clock.Now(), hook: &hook{ua: ua}}
	l.box.work, l.turns.clock = ua.work, ua.clock
	return l
}

// timerName names a leg's timers.
type timerName int

const (
	timerRing      timerName = iota
	timerPending             // CANCEL without a final response, BYE without an answer
	timerRepeat              // repeats our 2xx
	timerAck                 // gives up on an ACK
	timerClose               // gives up on the media's last event
	timerFirstWord           // gives up on a target that says nothing
	timerGlare               // tries a re-INVITE again
	timerRefer               // gives up on news of a REFER
	timerAsked               // gives up on our side deciding on a REFER
	timerReliable            // repeats a provisional response until its PRACK
	timerRefresh             // refreshes the session
	timerExpire              // hangs up a session that nobody refreshed
	timerCount
)

// input is an event with what belongs to it.
type input struct {
	ev    event
	res   *sipmsg.Response
	req   *sipmsg.Request
	tx    *sipmsg.ServerTx
	err   error
	media sdp.Agreed
	code  int
	q850  int
	text  string
	// headers go into the response that refuses.
	headers []sipmsg.Header
	// credentials answer a challenge.
	credentials []sipmsg.Header
}

// keep has ReceivedHeader read h.
func (l *Leg) keep(h headers) { l.received.Store(&h) }

// post queues an event for the leg's table.
func (l *Leg) post(in *input) { l.do(func() { l.handle(in) }) }

// do queues f on the leg's mailbox.
func (l *Leg) do(f func()) {
	if !l.box.post(f) {
		l.ua.m.Drop(dropMailbox)
	}
}

// handle looks the event up in the table, moves on and acts. The state is
// changed first, so that an action may look at where the dialog stands now.
func (l *Leg) handle(in *input) {
	st, ok := lookup(l.state, in.ev)
	if !ok {
		return
	}
	l.state = st.next
	if in.ev == evHangup {
		l.endedBy(calls.ByZvonar)
		if in.q850 > 0 {
			l.uac.reason = reason(in.q850, "")
		}
	}
	l.perform(st.do, in)
}

// after runs f on the mailbox once d has passed, replacing the timer of that name.
func (l *Leg) after(name timerName, d time.Duration, f func()) {
	l.stopTimer(name)
	var t clock.Timer
	t = l.ua.clock.AfterFunc(d, func() {
		l.do(func() {
			if l.timers[name] == t { // not stopped or replaced meanwhile
				l.timers[name] = nil
				f()
			}
		})
	})
	l.timers[name] = t
}

func (l *Leg) stopTimer(name timerName) {
	if t := l.timers[name]; t != nil {
		t.Stop()
		l.timers[name] = nil
	}
}

// emit reports an event; before anybody listens it is kept.
func (l *Leg) emit(ev calls.LegEvent) {
	if ev.At.IsZero() {
		ev.At = l.ua.clock.Now()
	}
	if l.events == nil {
		if len(l.held) < maxHeld {
			l.held = append(l.held, ev)
		}
		return
	}
	l.events(ev)
}

// maxHeld bounds the events kept for a listener that has not come yet.
const maxHeld = 64

// party is who the far end is, for Ending.By.
func (l *Leg) party() calls.Party {
	if l.role == calls.RoleManager {
		return calls.ByManager
	}
	return calls.ByCustomer
}

// endedBy notes who ended the leg; the first one counts.
func (l *Leg) endedBy(p calls.Party) {
	if l.ending.By == "" {
		l.ending.By = p
	}
}

// hangupMedia releases the port; its last event brings the facts.
func (l *Leg) hangupMedia() {
	if l.timers[timerClose] != nil || l.closed {
		return
	}
	l.after(timerClose, closePatience, func() { l.closed = true; l.report() })
	l.port.Close()
}

// finish ends the dialog: requests within it get 481 from now on.
func (l *Leg) finish() {
	l.state = stEnded
	l.judged()
	l.deafen()
	l.decided(sipmsg.StatusGlobalDecline)
	for _, n := range []timerName{timerRing, timerPending, timerRepeat, timerAck, timerFirstWord, timerGlare, timerRefer, timerAsked, timerReliable, timerRefresh, timerExpire} {
		l.stopTimer(n)
	}
	l.ua.forget(l)
	if l.uas.seenKey != "" {
		l.ua.unsee(l.uas.seenKey)
	}
	l.ua.ringing.remove(l.uas.branch)
	for _, a := range l.peers {
		l.ua.peers.add(a, -1)
	}
	l.peers = nil
	l.hangupMedia()
	l.report()
}

// report sends LegEnded, once dialog and media are both over.
func (l *Leg) report() {
	if l.state != stEnded || !l.closed || l.over {
		return
	}
	l.over = true
	l.stopTimer(timerClose)
	l.endedBy(calls.ByNetwork)
	l.facts.ID, l.facts.Role = l.id, l.role
	if l.facts.Codec == "" {
		l.facts.Codec = string(l.agreed.Codec)
	}
	if l.events == nil { // nobody listened: nobody is told, nobody waits
		l.held = nil
	}
	l.emit(calls.LegEvent{Kind: calls.LegEnded, Code: l.ending.Code, Ending: l.ending, Facts: l.facts, Redirects: l.redirects, Target: l.uac.target.Addr})
	l.ua.gone(l)
	l.hook.release(l)
}

// abort ends the leg without waiting for anybody: the user agent stops.
func (l *Leg) abort() {
	l.endedBy(calls.ByZvonar)
	if l.uas.tx != nil && !l.ending.Answered {
		l.respondInvite(480, nil)
	}
	l.closed = true
	l.finish()
	l.port.Close()
}

// heard takes an event of the port.
func (l *Leg) heard(ev media.Event) {
	if l.over {
		return
	}
	out := calls.LegEvent{At: ev.At, PlayID: ev.PlayID, Played: ev.Played, Play: ev.Reason}
	switch ev.Kind {
	case media.EventFirstAudio:
		out.Kind = calls.LegFirstAudio
	case media.EventPlaybackStarted:
		out.Kind = calls.LegPlaybackStarted
	case media.EventPlaybackFinished:
		out.Kind = calls.LegPlaybackFinished
	case media.EventDigit:
		l.pressed(ev.Digit, ev.Via, ev.At, 0)
		return
	case media.EventMediaTimeout:
		out.Kind, out.Silence = calls.LegMediaTimeout, ev.Silence
	case media.EventClosed:
		l.facts, l.closed = ev.Facts, true
		l.report()
		return
	default:
		return
	}
	l.emit(out)
}

// pressed reports a digit, once however many ways it came; held is how long the
// key was down, as far as the way says it.
func (l *Leg) pressed(digit byte, via string, at time.Time, held time.Duration) {
	if at.IsZero() {
		at = l.ua.clock.Now()
	}
	if l.presses.Accept(digit, via, at, held) {
		l.emit(calls.LegEvent{Kind: calls.LegDigit, At: at, Digit: digit, Via: via})
	}
}

// setMedia gives the port what was agreed; sending starts at once. playing says
// whether we may send of our own: not before the answer on a leg that we dialled.
func (l *Leg) setMedia(a sdp.Agreed, playing bool) {
	l.agreed = a
	l.port.Set(l.session(a, playing))
	if held := playing && !a.Send; held != l.onHold && l.ending.Answered {
		l.onHold = held
		kind := calls.LegResumed
		if held {
			kind = calls.LegHeld
		}
		l.emit(calls.LegEvent{Kind: kind})
	}
}

// session is what was agreed, in the port's words. On hold nothing is sent, what
// is played waits where it is.
func (l *Leg) session(a sdp.Agreed, playing bool) media.Session {
	accept := append([]netip.Prefix(nil), l.trunk.MediaFrom...)
	if l.peer.IsValid() {
		accept = append(accept, netip.PrefixFrom(l.peer, l.peer.BitLen()))
	}
	s := media.Session{
		Remote: a.Remote, Codec: a.Codec, PayloadType: a.PayloadType, DTMFPayload: a.DTMFPayload,
		DTMFReceive: a.DTMFReceive, Ptime: a.Ptime, Reports: a.Reports, Mux: a.Mux, Keys: a.Keys, Send: a.Send && playing, Receive: a.Receive, AcceptFrom: accept,
	}
	if l.trunk.DTMF == trunk.DTMFInfo {
		s.DTMFReceive = nil
	}
	if playing { // before the answer a leg is silent by right
		s.Patience = l.patience
		s.Inband = l.trunk.DTMF == trunk.DTMFInband || l.trunk.DTMF == trunk.DTMFAuto && a.DTMFPayload == 0
	}
	return s
}

// hearPeers lets the dialog's addresses through the filter while it lives.
func (l *Leg) hearPeers() { l.hear(l.d.hopAddr()) }

func (l *Leg) hear(a netip.Addr) {
	for _, known := range l.peers {
		if known == a {
			return
		}
	}
	if a.IsValid() && len(l.peers) < 4 {
		l.peers = append(l.peers, a)
		l.ua.peers.add(a, 1)
	}
}

// describes makes the leg's side of the session.
func (l *Leg) describes() *sdp.Endpoint {
	e := sdp.NewEndpoint(l.port.Addr(), l.trunk.CodecsOrDefault(), sessionID(l.id))
	switch l.trunk.SRTP {
	case trunk.SRTPOptional:
		e.Secure(sdp.Either)
	case trunk.SRTPRequired:
		e.Secure(sdp.Required)
	}
	return e
}
