package media

import (
	"context"
	"log/slog"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
	"zvonar/media/codec"
)

// Config of an Engine.
type Config struct {
	IP        netip.Addr // local address that sockets are bound to
	Advertise netip.Addr // address written into SDP; zero: IP
	PortMin   int        // first even port
	PortMax   int        // last port
	Shards    int        // 0: a sensible number for this machine
	Log       *slog.Logger
	Metrics   prometheus.Registerer // nil: none
}

// Engine owns the shards, the port range and every Port.
type Engine struct{}

// NewEngine checks the configuration (range, descriptors) without opening anything.
func NewEngine(Config) (*Engine, error) { panic("contract") }

// Start starts the shards.
func (e *Engine) Start(context.Context) error { panic("contract") }

// Stop closes every port and returns when all goroutines have ended.
func (e *Engine) Stop(context.Context) error { panic("contract") }

// Open binds a fresh even port and begins to drain it. events receives what
// happens on it, one at a time, in order, never on a shard's thread; it must not
// block. Error{Code: overloaded} when the range is used up.
func (e *Engine) Open(events func(Event)) (*Port, error) { panic("contract") }

// Session is what offer and answer agreed on.
type Session struct {
	Remote      netip.AddrPort // where to send; invalid or 0.0.0.0: do not send
	Codec       codec.ID
	PayloadType uint8
	// DTMFPayload is the far end's telephone-event payload type for sending,
	// DTMFReceive those we accept; 0 / empty: not negotiated.
	DTMFPayload uint8
	DTMFReceive []uint8
	Ptime       time.Duration // 20 ms unless negotiated otherwise
	Send        bool          // false: the far end is not to be sent anything (hold)
	Receive     bool
	// AcceptFrom are further sources whose RTP may be latched (the signalling
	// address, a trunk's media_from).
	AcceptFrom []netip.Prefix
	// MediaTimeout: no RTP received for this long yields EventMediaTimeout once; 0 = never.
	MediaTimeout time.Duration
}

// Port is one RTP socket with everything that is played on it and heard from
// it. Methods are safe for concurrent use; they queue a command for the shard
// and return at once.
type Port struct{}

// Addr is the address for our SDP.
func (p *Port) Addr() netip.AddrPort { panic("contract") }

// Receive starts listening only: early media, before we send anything of our own.
// Set (re)configures and, with s.Send, sends from the next instant: the first
// frame leaves at once, silence where nothing is played.
func (p *Port) Set(s Session) { panic("contract") }

// Play plays clip from its start, replacing what was played (which ends with
// PlayStopped). id comes back in the events.
func (p *Port) Play(id int64, clip *Clip, loop bool) { panic("contract") }

// StopPlayback ends the playback, if any, with reason.
func (p *Port) StopPlayback(reason calls.PlayReason) { panic("contract") }

// Tone plays a generated tone until Play, StopPlayback or a bridge replaces it.
// Tones make no playback events.
func (p *Port) Tone(kind calls.ToneKind) { panic("contract") }

// SendDigits sends RFC 4733 digits one after another (100 ms on, 60 ms off).
func (p *Port) SendDigits(digits string) { panic("contract") }

// Record starts keeping what is received (decoded, 8 kHz mono, gaps filled with
// silence by RTP timestamp) in memory, at most max.
func (p *Port) Record(max time.Duration) *Recorder { panic("contract") }

// Close stops playback (event with PlayHangup), releases the socket and, after
// the last event, sends EventClosed with the facts.
func (p *Port) Close() { panic("contract") }

// Bridge lets a and b hear each other (whatever was played on them stops);
// codecs may differ. Unbridge ends that: both go back to silence.
func Bridge(a, b *Port)   { panic("contract") }
func Unbridge(a, b *Port) { panic("contract") }

// Recorder holds received audio.
type Recorder struct{}

// PCM returns a copy of what was heard so far: 8 kHz mono samples.
func (r *Recorder) PCM() []int16 { panic("contract") }

// EventKind is what a Port reports.
type EventKind int

// The events of a port.
const (
	EventFirstAudio EventKind = iota + 1 // first valid RTP received
	EventPlaybackStarted
	EventPlaybackFinished
	EventDigit
	EventMediaTimeout
	EventClosed
)

// Event is something that happened on a port.
type Event struct {
	Kind   EventKind
	At     time.Time
	PlayID int64
	Played time.Duration
	Reason calls.PlayReason
	Digit  byte
	Via    string // rfc4733, inband
	Facts  calls.LegFacts
}

// Clip is audio ready for the line: immutable frames per codec, shared by every
// port that plays it.
type Clip struct{}

// NewClip encodes 8 kHz mono samples for every codec.
func NewClip(pcm []int16) *Clip { panic("contract") }

// Duration of the clip.
func (c *Clip) Duration() time.Duration { panic("contract") }

// Library keeps clips by content hash, least recently used out first by bytes.
type Library struct{}

// NewLibrary makes a library that loads what it misses with load (8 kHz mono).
func NewLibrary(maxBytes int64, load func(sha256 string) ([]int16, error)) *Library {
	panic("contract")
}

// Get returns the clip, loading it if needed. Safe for concurrent use.
func (l *Library) Get(sha256 string) (*Clip, error) { panic("contract") }
