package engine

import (
	"context"
	"time"

	"zvonar/internal/calls"
)

// Line places, answers and joins legs. The user agent implements it (bound in
// cmd); tests use one in memory. Methods return at once unless they say
// otherwise and are safe for concurrent use.
type Line interface {
	// Dial sends the INVITE of a committed attempt. All that follows comes
	// through events, in order, LegEnded last. An error means nothing was sent.
	Dial(req calls.DialRequest, events func(calls.LegEvent)) (Leg, error)
	// Prepare loads clips so that playing them later decodes nothing. It may
	// read from disk.
	Prepare(clips []calls.RecordingRef) error
	// Bridge lets two legs hear each other, Unbridge ends it.
	Bridge(a, b Leg)
	Unbridge(a, b Leg)
	// HangupOrphan sends BYE within a dialog of a former process and waits for
	// the answer.
	HangupOrphan(ctx context.Context, dialog []byte) error
}

// Leg is one dialog with its media.
type Leg interface {
	ID() string
	// Listen says who hears the events of an inbound leg, and of which call it is one;
	// those of before are told first.
	Listen(call string, events func(calls.LegEvent))
	Ring()
	Answer()
	// Reject refuses an inbound leg that was not answered.
	Reject(code, q850 int, reason string)
	// Hangup ends the leg however it stands; LegEnded follows.
	Hangup(q850 int)
	// Play replaces what is played; id comes back in the playback events.
	Play(id int64, clip calls.RecordingRef, loop bool) error
	StopPlayback(reason calls.PlayReason)
	Tone(kind calls.ToneKind)
	// SendDigits sends digits to the far end.
	SendDigits(digits string)
	// Hold asks the far end to hold (on) or to go on; what we play is heard all
	// the same.
	Hold(on bool)
	// Refer asks the far end to call number itself, in our place, at the trunk it
	// belongs to. LegReferred tells how that goes on.
	Refer(number string)
	// AnswerRefer decides on a transfer that the far end asks for (LegAsked): 202
	// takes it, and NotifyRefer tells how it goes on, up to a code from 200 on; any
	// other code refuses it. The far end may have hung up by then.
	AnswerRefer(code int)
	NotifyRefer(code int)
	// Judge has who answered judged by the sound from now on, until stop is called
	// or the leg ends; after stop nothing more is told. Announcements that the account
	// knows count, too. told is called from any goroutine, one call at a time. The
	// sound may be kept under the call's id, to be judged again.
	Judge(what calls.ToJudge, told func(calls.Judged)) (stop func())
	// Take writes down what the far end says from now on, in memory.
	Take() Take
	// Capture writes the talk down from now on, under the call's id. end stops it
	// and tells what it came to, later and from another goroutine.
	Capture(call string) (end func(done func(calls.Capture, error)), err error)
}

// Marked is a leg that tells the headers of the INVITE that it came by.
type Marked interface {
	// ReceivedHeader is the first value of a header; "" where there is none.
	ReceivedHeader(name string) string
}

// Clips finds the recordings that flows name.
type Clips interface {
	// Resolve returns the approved recording called id. Errors are
	// *calls.Error: unknown-recording, recording-not-approved.
	Resolve(tx calls.ReadTx, account string, id calls.ClipID) (*calls.Recording, error)
	// Fill is what a call pins of a recording: its content, or what is to be said
	// with the values of the call's variables. Errors are *calls.Error:
	// invalid-field at body.variables.NAME, wrong-state (no speech engine).
	Fill(rec *calls.Recording, variables map[string]string) (calls.RecordingRef, error)
}

// Speaker has texts read aloud for calls.
type Speaker interface {
	// Spoken returns the recording that says a text: an approved one of the account
	// or one that waits for a moderator, made where there is none. It may take
	// seconds. Errors are *calls.Error: invalid-field, wrong-state (no speech engine),
	// recording-not-approved (a moderator refused the text), those of an upload.
	Spoken(ctx context.Context, account string, s calls.SpokenText) (*calls.Recording, error)
}

// Originator is a provider that places calls for us: it rings our user agent
// and connects the client (DESIGN 2, way 2).
type Originator interface {
	// Place asks the provider to call. A *calls.PlaceUnknown error means that it
	// may ring all the same; any other that it certainly will not.
	Place(ctx context.Context, r calls.PlaceRequest) (calls.PlaceResult, error)
}

// Canceler is an originator that can take a call back.
type Canceler interface {
	// Cancel asks the provider to end a call that it was asked for. nil: nobody will
	// ring any more, or the call ends now. placed is zero where no answer came.
	Cancel(ctx context.Context, r calls.PlaceRequest, placed calls.PlaceResult) error
}

// Follower is an originator that tells what became of its calls.
type Follower interface {
	// Follow begins to listen for what the provider reports of a call before it
	// returns; hear then tells it, until ctx ends or all was told, and is always
	// called. Follow is called before Place is; placed delivers what Place gave, or is
	// closed without it where no usable answer came. A call of a former process
	// (r.Resumed) is followed without Place: placed delivers its name, if that is known. tell is called by hear
	// only and may wait for the call.
	Follow(ctx context.Context, r calls.PlaceRequest, placed <-chan calls.PlaceResult, tell func(calls.ProviderReport)) (hear func())
}

// Provider is one configured originator and what its call looks like when it
// arrives at our user agent, or that none arrives. The Originator may be a Canceler
// and a Follower, too.
type Provider struct {
	Name       string
	Originator Originator
	Account    string // whose calls it places; "" = everybody's
	Trunk      string // the trunk its INVITE comes from; "": no call comes to us
	Extension  string // Request-URI user it rings
	// Numbers are the caller numbers it may show, beside those of its trunk; the
	// first is the default of calls that do not come to us.
	Numbers []string
	// MatchCaller: the INVITE's From user is the client's number, so several
	// calls at once can be told apart by it.
	MatchCaller bool
	// MatchHeader is a header of its INVITE ("X-Call-ID") whose value is its name of the
	// call, as its answer told it, or our id of the call or the attempt; "": none.
	// Several calls at once are told apart by it as soon as that is known.
	MatchHeader string
	// Plays: it plays the flow of a call itself. Joins: it joins the two parties of a
	// bridge itself, and ClientFirst: also with the client rung first. Of such
	// calls its reports are all we know, so the Originator must be a Follower.
	Plays, Joins, ClientFirst bool
	// Ready says when the client is on the line: ReadyAnswer where the provider
	// rings the client before us, ReadyAudio where it rings us first and stays
	// silent until the client answered, ReadyEvent where only its report tells.
	Ready Ready
	// ExpectTimeout bounds the wait for the INVITE, and then for the client.
	ExpectTimeout time.Duration
	// ReportTimeout bounds the wait for the next report of a call that does not come
	// to us; 0: ten minutes more than the call may last.
	ReportTimeout time.Duration
	// Unfit says in words why a call is for a person and not for the provider; "": it is
	// for the provider. given is the number as it was asked for, number what it is, at
	// when the call is due. It is asked when the call is accepted and must not wait; nil:
	// the provider takes all.
	Unfit func(given, number, timezone string, at time.Time) string
	// Attention has a person look at calls that the provider refused, or told nothing of.
	Attention bool
}

// Ready is a provider's sign that the client is on the line.
type Ready string

// The signs.
const (
	ReadyAnswer Ready = "answer"
	ReadyAudio  Ready = "first_audio" // or its report, where that is earlier
	ReadyEvent  Ready = "event"
)

// Route is what an inbound number does.
type Route struct {
	Number  string // Request-URI user, as configured
	Trunk   string // "" = any
	Flow    calls.Flow
	Account string // whose calls they are; "" = main
	// Lookup asks an outside system first whose caller it is; nil: nobody is asked.
	Lookup *Lookup
}

// Router is an outside system that knows whose caller somebody is. It keeps within
// ctx, but the call does not count on that.
type Router interface {
	Route(ctx context.Context, q calls.RouteQuery) (calls.RouteAnswer, error)
}

// Lookup is how the callers of a number are looked up.
type Lookup struct {
	Name   string // of the router: in events, logs, metrics; its breaker is shared by all numbers
	Router Router
	Budget time.Duration // how long a caller waits for it; 0: 1.5 s
	Except []string      // extensions and employees for which the redirect does not work
	// Fallback is who is rung where the router said nothing in time, or nothing that
	// can be used; "": the number's own flow runs. It runs as well where nobody was
	// found, and where whoever was rung did not come.
	Fallback string
	Errors   int           // failures in a row after which nobody is asked for Pause; 0: 3
	Pause    time.Duration // 0: 30 s
}

// Limits gives out the channels and the call rate of trunks.
type Limits interface {
	// Acquire takes one channel and one unit of rate. ok is false where the
	// trunk is full, too fast or unknown; gate says which.
	Acquire(trunk string) (slot Slot, gate calls.Gate, ok bool)
	// Retake takes a channel for a call that runs already, however many are taken; false
	// where the trunk is unknown.
	Retake(trunk string) (slot Slot, ok bool)
}

// Slot is one channel of a trunk; Release gives it back, once however often it is called.
type Slot interface {
	Trunk() string
	Release()
	// Confirm asks the gates of a call once more, in the unit of work that writes its
	// attempt. An error means that nobody may be rung; calls.ErrGateClosed that the
	// call goes back to the queue.
	Confirm(tx calls.ReadTx, c *calls.Call) error
}
