package sip

import (
	"strings"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
	"zvonar/media"
)

// ID is unique in the process.
func (l *Leg) ID() string { return l.id }

// Listen sets who receives the events of an inbound leg; those that came before
// follow at once.
func (l *Leg) Listen(events func(calls.LegEvent)) {
	l.do(func() {
		l.events = events
		held := l.held
		l.held = nil
		for _, ev := range held {
			events(ev)
		}
	})
}

// Ring sends 180 (inbound, before the answer).
func (l *Leg) Ring() { l.post(&input{ev: evRing}) }

// Progress sends 183 with SDP (or another 18x code) and starts our media
// (inbound, before the answer): what is played now is early media.
func (l *Leg) Progress(code int) {
	if code <= 100 || code > 199 {
		code = sipmsg.StatusSessionInProgress
	}
	l.post(&input{ev: evProgress, code: code})
}

// Answer sends 200 and starts our media. LegAnswered follows at once, or with
// the ACK where that is what tells us the far end's address.
func (l *Leg) Answer() { l.do(l.answerOrWait) }

// AnswerOnCancel makes an inbound leg answer when its CANCEL arrives, as if the
// two had crossed on the wire (test carrier).
func (l *Leg) AnswerOnCancel() {
	l.do(func() { l.ua.ringing.cross(l.uas.branch, l.Answer) })
}

// Reject refuses an inbound leg with a final code (3xx–6xx; anything else
// becomes 480) and, if q850 > 0, a Reason header. text is for people.
func (l *Leg) Reject(code, q850 int, reason string) {
	if code < 300 || code > 699 {
		code = sipmsg.StatusTemporarilyUnavailable
	}
	l.post(&input{ev: evReject, code: code, q850: validCause(q850), text: reason})
}

// Hangup ends the leg however it stands: CANCEL before the answer, BYE after,
// 480 on an unanswered inbound one. q850 > 0 is told in a Reason header.
// LegEnded follows.
func (l *Leg) Hangup(q850 int) {
	l.post(&input{ev: evHangup, code: sipmsg.StatusTemporarilyUnavailable, q850: validCause(q850)})
}

// validCause is q850 if it is one, else 0.
func validCause(q850 int) int {
	if q850 < 1 || q850 > 127 {
		return 0
	}
	return q850
}

// Play plays a clip; see media.Port. While the far end holds the call (a=sendonly,
// a=inactive, c=0.0.0.0) the clip waits; it goes on from there when the call is
// resumed, so that no word of it is lost.
func (l *Leg) Play(id int64, clip *media.Clip, loop bool) { l.port.Play(id, clip, loop) }

// StopPlayback ends what is played.
func (l *Leg) StopPlayback(reason calls.PlayReason) { l.port.StopPlayback(reason) }

// Tone plays a generated tone.
func (l *Leg) Tone(kind calls.ToneKind) { l.port.Tone(kind) }

// SendDigits sends digits as RFC 4733 events, or as tones where none were agreed.
func (l *Leg) SendDigits(digits string) { l.port.SendDigits(digits) }

// Record keeps what is heard, at most max.
func (l *Leg) Record(max time.Duration) *media.Recorder { return l.port.Record(max) }

// SendInfo sends one digit in a SIP INFO, application/dtmf-relay. A byte that is
// no digit is not sent.
func (l *Leg) SendInfo(digit byte) {
	if !strings.ContainsRune("0123456789*#ABCD", rune(digit)) {
		return
	}
	l.do(func() {
		switch {
		case l.state == stUp:
			l.sendInfo(digit)
		case l.state == stAnswering && len(l.uas.onAck) < maxHeld:
			l.uas.onAck = append(l.uas.onAck, func() { l.sendInfo(digit) })
		}
	})
}

func (l *Leg) sendInfo(digit byte) {
	l.ua.ask(&l.d, sipmsg.INFO, l.credentials(), func(req *sipmsg.Request) {
		req.AppendHeader(sipmsg.NewHeader("Content-Type", typeRelay))
		req.SetBody([]byte("Signal=" + string(digit) + "\r\nDuration=160\r\n"))
	}, func(*sipmsg.Response, error) {})
}

// DropMedia stops sending RTP without a word (test carrier).
func (l *Leg) DropMedia() {
	l.do(func() {
		if l.agreed.Codec != "" {
			a := l.agreed
			a.Send = false
			l.setMedia(a, true)
		}
	})
}

// headers is a message's, as ReceivedHeader needs them.
type headers interface {
	GetHeader(name string) sipmsg.Header
	GetHeaders(name string) []sipmsg.Header
}

// ReceivedHeader is the first value of a header in the INVITE (inbound) or in
// the final response (outbound); "" where there is none.
func (l *Leg) ReceivedHeader(name string) string {
	h := l.received.Load()
	if h == nil {
		return ""
	}
	return header(*h, name)
}

// Bridge lets two legs of this user agent hear each other; Unbridge ends it.
func Bridge(a, b *Leg) { media.Bridge(a.port, b.port) }

// Unbridge ends a Bridge.
func Unbridge(a, b *Leg) { media.Unbridge(a.port, b.port) }
