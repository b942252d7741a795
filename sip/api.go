package sip

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/media"
	"zvonar/sip/trunk"
)

// Config of a user agent.
type Config struct {
	Listen    []string   // "udp://127.0.0.1:5060", "tcp://…"
	Advertise netip.Addr // address for Via, Contact; zero: the listener's
	UserAgent string
	Trunks    *trunk.Set
	Media     *media.Engine
	Clock     clock.Clock
	IDs       *clock.IDs
	Log       *slog.Logger
	Metrics   prometheus.Registerer // nil: none
	// MediaTimeout ends… reports an answered leg whose audio stops. 0: 30 s.
	MediaTimeout time.Duration
}

// UA is the user agent: listeners, trunks, dialogs.
type UA struct{}

// New checks the configuration.
func New(Config) (*UA, error) { panic("contract") }

// OnInvite sets who decides on inbound calls; call it before Start. f runs on
// the dialog's goroutine and must return at once, after having taken the leg
// (Leg.Listen) or refused it (Leg.Reject). Only INVITEs from a trunk reach it.
func (ua *UA) OnInvite(f func(leg *Leg, inv calls.Invite)) { panic("contract") }

// Start opens the listeners and returns once they serve.
func (ua *UA) Start(ctx context.Context) error { panic("contract") }

// Stop hangs up every leg (CANCEL, BYE, 503), waits for the answers until ctx
// ends, closes the listeners and returns when all goroutines have ended.
func (ua *UA) Stop(ctx context.Context) error { panic("contract") }

// Addr is the bound address of the first listener of network ("udp", "tcp"):
// listeners may be given port 0.
func (ua *UA) Addr(network string) netip.AddrPort { panic("contract") }

// Dial sends an INVITE and returns at once. Every event of the leg goes to
// events, LegEnded last. An error means that nothing was sent (unknown trunk,
// no port, forbidden characters).
func (ua *UA) Dial(req calls.DialRequest, events func(calls.LegEvent)) (*Leg, error) {
	panic("contract")
}

// HangupOrphan sends a BYE within a dialog that a former process left behind;
// dialog is LegEvent.Dialog of its LegAnswered.
func (ua *UA) HangupOrphan(ctx context.Context, dialog []byte) error { panic("contract") }

// Leg is one SIP dialog with its media. Methods are safe for concurrent use and
// return at once.
type Leg struct{}

// ID is unique in the process.
func (l *Leg) ID() string { panic("contract") }

// Listen sets who receives the events of an inbound leg.
func (l *Leg) Listen(events func(calls.LegEvent)) { panic("contract") }

// Ring sends 180 (inbound, before the answer).
func (l *Leg) Ring() { panic("contract") }

// Progress sends 183 with SDP (or another 18x code) and starts our media
// (inbound, before the answer): what is played now is early media.
func (l *Leg) Progress(code int) { panic("contract") }

// Answer sends 200 and starts our media; LegAnswered follows with the ACK… or at
// once, whichever lets the first audio leave earlier.
func (l *Leg) Answer() { panic("contract") }

// Reject refuses an inbound leg with a final code (4xx–6xx) and, if q850 > 0, a
// Reason header.
func (l *Leg) Reject(code, q850 int, reason string) { panic("contract") }

// Hangup ends the leg however it stands: CANCEL before the answer, BYE after,
// 480 on an unanswered inbound one. q850 > 0 is told in a Reason header.
// LegEnded follows.
func (l *Leg) Hangup(q850 int) { panic("contract") }

// Play, StopPlayback, Tone, SendDigits, Record: see media.Port.
func (l *Leg) Play(id int64, clip *media.Clip, loop bool) { panic("contract") }
func (l *Leg) StopPlayback(reason calls.PlayReason)       { panic("contract") }
func (l *Leg) Tone(kind calls.ToneKind)                   { panic("contract") }
func (l *Leg) SendDigits(digits string)                   { panic("contract") } // RFC 4733
func (l *Leg) SendInfo(digit byte)                        { panic("contract") } // SIP INFO, application/dtmf-relay
func (l *Leg) Record(max time.Duration) *media.Recorder   { panic("contract") }
func (l *Leg) DropMedia()                                 { panic("contract") } // stop sending RTP without a word (test carrier)
func (l *Leg) ReceivedHeader(name string) string          { panic("contract") } // first value in the INVITE (inbound) or final response

// Bridge lets two legs of this user agent hear each other; Unbridge ends it.
func Bridge(a, b *Leg)   { panic("contract") }
func Unbridge(a, b *Leg) { panic("contract") }
