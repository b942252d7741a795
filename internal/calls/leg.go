package calls

import (
	"encoding/json"
	"net/netip"
	"time"
)

// DialRequest is one outbound leg to place: the attempt it belongs to is
// already durable.
type DialRequest struct {
	AttemptID string
	CallID    string // the call that it is to be a leg of
	Account   string // whose announcements are known on it
	SIPCallID string // Call-ID to use; part of the durable attempt
	Trunk     string // name of a configured trunk
	To        string // number (digits only) or extension at the trunk
	From      string // caller number, digits only, one of the trunk's
	FromName  string // display name, "" for none
	Role      Role
	// RingTimeout ends the ringing (CANCEL) and yields Ending{Timeout:true}.
	RingTimeout time.Duration
	// MediaTimeout ends an answered leg whose audio stops or never comes, 0 = the
	// defaults.
	MediaTimeout time.Duration
	// Via is the trunk's address that a redirection named; zero: the one that is
	// configured. It must be one of the trunk's.
	Via netip.AddrPort
	// Failover: Via is another address of the same target, so the Request-URI stays.
	Failover bool
	// Anonymous hides From from the callee; the trunk is told it (RFC 3325).
	Anonymous bool
	// Hops is how many of MaxForwards the call has used up on its way to us, and one
	// for us (RFC 7332); 0: it begins here.
	Hops int
	// Replaces is the dialog of the callee that the leg takes the place of; zero: none.
	Replaces Dialog
	// EarlyMedia is the flow's wish for the sound before the answer; "": as the trunk
	// is configured.
	EarlyMedia string
	// Headers are further headers of the INVITE ("X-Call-ID": "…"); names and
	// values must be Printable. nil: none.
	Headers map[string]string
	// Metadata of the call, a JSON object, for the headers that a trunk adds; nil: none.
	Metadata json.RawMessage
}

// LegEventKind is what a leg reports.
type LegEventKind int

// The kinds of leg events, in the order in which they can come.
const (
	LegTrying           LegEventKind = iota + 1 // 100; Code
	LegRinging                                  // 101–199; Code; may repeat
	LegEarlyMedia                               // SDP in a 18x: the callee side's audio is now received; Code
	LegAnswered                                 // 2xx, ACK sent, media running; Codec, Dialog
	LegFirstAudio                               // first RTP received from the far end (early or answered)
	LegPlaybackStarted                          // PlayID
	LegPlaybackFinished                         // PlayID, Play
	LegDigit                                    // Digit, Via
	LegMediaTimeout                             // dead air for the time-out; Silence; the owner decides
	LegBeep                                     // a beep was heard
	LegHeld                                     // the far end holds the call: it does not hear us
	LegResumed                                  // it goes on
	LegHeard                                    // a tone or a known announcement was heard before the answer; Heard
	LegJudged                                   // who answered was judged by the sound; Judged
	LegReferred                                 // how a transfer by the far end (REFER) goes on; Refer, Code
	LegAsked                                    // the far end asks for a transfer; Ask; answer it
	LegEnded                                    // Ending, Facts; the last event of a leg, always sent exactly once
)

// PlayReason says why a playback ended.
type PlayReason string

// The reasons of call.playback_finished.
const (
	PlayEnd     PlayReason = "end"     // the whole clip left on the wire
	PlayDigit   PlayReason = "digit"   // a digit interrupted it
	PlayHangup  PlayReason = "hangup"  // the leg ended
	PlayStopped PlayReason = "stopped" // we stopped it, for a request too
)

// Silence is what kind of dead air a leg has.
type Silence string

// The kinds of dead air.
const (
	SilenceLost  Silence = "lost"  // the far end's audio stopped; also where nobody says
	SilenceNever Silence = "never" // it never came
	SilenceHeld  Silence = "held"  // the far end keeps us on hold
)

// Reason is how a call ends that is hung up over it.
func (s Silence) Reason() Reason {
	switch s {
	case SilenceNever:
		return ReasonNoMedia
	case SilenceHeld:
		return ReasonHoldTimeout
	}
	return ReasonMediaTimeout
}

// Referral is how a transfer goes on that the far end was asked to make itself.
type Referral string

// The stages of a referral. After refused, ended and unknown nothing more comes.
const (
	ReferRefused  Referral = "refused"  // nobody was rung: it does not take the request; Code, 0 where it said nothing
	ReferAccepted Referral = "accepted" // it will try
	ReferProgress Referral = "progress" // it tries; Code from 100 to 199
	ReferEnded    Referral = "ended"    // the new call was answered, or refused with Code
	ReferUnknown  Referral = "unknown"  // it never said
)

// TransferAsk is a transfer that a far end asks for.
type TransferAsk struct {
	To       string // digits: a number, or an extension at its trunk
	Replaces Dialog // whose place the new leg takes there; zero: a transfer without announcement
	Leg      string // the id of our leg that Replaces names: whoever talks with it is meant; "": none of ours
}

// Dialog names a SIP dialog as its far end sees it (RFC 3891).
type Dialog struct {
	CallID, ToTag, FromTag string
	EarlyOnly              bool // only before it was answered
}

// LegEvent is something that happened on a leg. Events of one leg are delivered
// one at a time, in order, never from a media thread; the receiver must not block.
type LegEvent struct {
	Kind   LegEventKind
	At     time.Time
	Code   int
	Codec  string
	Dialog []byte // LegAnswered: what HangupOrphan needs after a crash
	PlayID int64
	Played time.Duration // LegPlaybackFinished: audio that left on the wire
	Play   PlayReason
	Digit  byte   // '0'–'9', '*', '#'
	Via    string // rfc4733, info, inband
	// Silence is of LegMediaTimeout.
	Silence Silence
	Heard   Heard
	Judged  Judged
	Refer   Referral // LegReferred
	Ask     TransferAsk
	Ending  Ending
	Facts   LegFacts
	// Redirects is of LegEnded: where a 3xx of a trunk that may redirect sends the
	// call, or the further addresses of a trunk whose first one is at fault, best first; nil where nothing of it can be followed.
	Redirects []Redirect
	// Target is of LegAnswered and LegEnded: the address that our INVITE went to, zero where none did.
	Target netip.AddrPort
}

// Redirect is a target that a 3xx names.
type Redirect struct {
	To  string         // the number, digits only, as the trunk writes it
	Via netip.AddrPort // where at the trunk; zero: its configured address
	// Failover: nobody sent us there; it is another address of the same trunk.
	Failover bool
}

// Invite is an inbound call that a line offers to the engine.
type Invite struct {
	Trunk     string
	From      string // as far as the trunk tells, digits or ""
	FromName  string
	To        string // Request-URI user, as sent
	SIPCallID string
	Source    string // address of the peer
	Hops      int    // how many of MaxForwards it has used up, 0 to MaxForwards
	Replaces  string // id of the leg whose place it is to take (RFC 3891); "": of none
}

// MaxForwards is how often a call may be passed on, from one agent to the next.
const MaxForwards = 70

// ToneKind is a locally generated tone.
type ToneKind int

// The tones.
const (
	ToneRingback ToneKind = iota + 1 // 425 Hz 1 s on 4 s off
	ToneBusy                         // 425 Hz 0.35 s on 0.35 s off
	ToneBeep                         // 1000 Hz 0.4 s once
	ToneHold                         // 425 Hz 0.2 s on 7.8 s off
)
