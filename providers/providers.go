package providers

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/dialer/campaign"
	"zvonar/internal/engine"
	"zvonar/internal/outbox"
	"zvonar/recordings"
)

// PlaceRequest asks for a call; PlaceResult is the answer.
type (
	PlaceRequest = calls.PlaceRequest
	PlaceResult  = calls.PlaceResult
)

// System is a provider as a whole: what its folder offers. cmd/zvonar/systems.go
// lists one value a folder; nothing else knows the folder.
type System struct {
	// Kind is its name: in the configuration, under /compat/, in metrics.
	Kind string
	// New makes the client of one configured provider; nil: there is none. An
	// error names the key of the settings that is wrong. Nothing runs before Start.
	New func(h *House, name string, s Settings) (Provider, error)
	// Facade answers what is asked under /compat/KIND/ (that prefix is stripped), or at
	// a listener of its own; nil: there is none. It must bear wrong requests of any form: what comes in is
	// bounded by calls of http.MaxBytesReader and authenticated by House.Keys.
	Facade func(h *House, s Settings) (http.Handler, error)
	// Needs says what each method of the facade needs of a key, by the name under which
	// the journal keeps it. Methods that are not in it are refused to everybody.
	Needs map[string]Need
	// Keys says how credentials of the facade look; the zero value: zvonar's own tokens.
	Keys KeyForm
	// Sinks tell our events in the provider's dialect to software that was written
	// for it; nil: none.
	Sinks func(h *House) []outbox.Sink
	// Console are the requests that the debug console can send and explain.
	Console []Sample
}

// Provider is one configured provider, as a client of it. Methods may be called from any goroutine.
// Beyond this it may be a Canceler, a Follower, an Intake, a Service, a Subscriber, a
// Router and a Tester: what it implements is what it can do.
type Provider interface {
	Originator
	// Can says what calls of this provider look like.
	Can() Capabilities
}

// Originator places calls for us. Errors are *calls.PlaceRefused (nothing will
// ring) or *calls.PlaceUnknown (it may).
type Originator interface {
	Place(ctx context.Context, r PlaceRequest) (PlaceResult, error)
}

// Capabilities say what becomes of a call that a provider places.
type Capabilities struct {
	// Plays: the provider plays to the client and hears the digits; no call comes to
	// our user agent, and reports (Follower) are all we know. Otherwise we play over SIP.
	Plays bool
	// Joins: it can join an employee's telephone and a client; such a call is a
	// bridge of which we have no leg either. It rings the employee first; ClientFirst:
	// it can also begin with the client.
	Joins, ClientFirst bool
	// Routes: it knows whose caller somebody is (Router), as it is configured.
	Routes bool
	// NoCalls: it places none at all, and only hears, asks or is asked.
	NoCalls bool
	// MatchCaller: the From of its INVITE is the client's number.
	MatchCaller bool
	// MatchHeader is a header of its INVITE whose value is its id of the call, or ours
	// of the call or the attempt; "": none.
	MatchHeader string
	// Ready is the sign that the client is on the line.
	Ready engine.Ready
}

// Canceler is an originator that can take a call back. nil: nobody will ring, or
// the call ends now.
type Canceler interface {
	Cancel(ctx context.Context, r PlaceRequest, placed PlaceResult) error
}

// Follower is an originator that tells what became of its calls.
type Follower interface {
	// Follow begins to listen for what the provider reports of a call before it returns,
	// and so before Place is called, for reports can be faster than answers; hear then
	// tells it, until ctx ends or Ended and everything that follows it was told, and is
	// always called. placed delivers its result
	// then, or is closed without one where the provider refused or nobody can tell. A
	// call that a former process placed (r.Resumed) is followed without Place: placed
	// delivers its name, or is closed without one where that never became known.
	// tell may be called by hear only and may wait for the call a little.
	Follow(ctx context.Context, r PlaceRequest, placed <-chan PlaceResult, tell func(calls.ProviderReport)) (hear func())
}

// Intake is a client that hears callbacks: whatever comes to
// /intake/NAME/SECRET/… of its provider, after secret, source and size were
// checked; the path that is left begins with "/". The same callback may come twice.
type Intake interface {
	Intake() http.Handler
}

// Excluder is a client beside which, as it is configured, some systems may not stand
// in the same account.
type Excluder interface {
	// Excludes says why a system of that kind may not; "": it may.
	Excludes(kind string) (why string)
}

// Chooser is a client that leaves some calls to people: they end at once with
// call.needs_attention, and nobody is rung.
type Chooser interface {
	// Unfit says in words why a call is none for the provider; "": it is. given is the
	// number as it was asked for, number what it is, timezone where the callee is ("": as
	// the numbering plan says), at when the call is due. It does not wait.
	Unfit(given, number, timezone string, at time.Time) (why string)
	// NeedsPeople reports whether a person is to look at calls that the provider refused,
	// or told nothing of.
	NeedsPeople() bool
}

// Service is a client with a life of its own: subscriptions, polls. Start returns
// at once or says why it cannot; Stop ends everything within ctx.
type Service interface {
	Start(ctx context.Context) error
	Stop(ctx context.Context) error
}

// Subscriber is a client that hears of its employees' telephones by subscriptions,
// which it keeps alive by itself.
type Subscriber interface {
	// Subscriptions tells how each stands.
	Subscriptions() []calls.Subscription
	// Subscribe orders an employee's (id) events anew, because a person wants it.
	// Errors are *calls.Error (wrong-state), or what the provider said.
	Subscribe(ctx context.Context, employee string) error
}

// Router is a client that knows whose caller this is. It keeps within ctx, which
// is a second or two; an error or nothing found leaves the call to our own rules.
type Router interface {
	Route(ctx context.Context, q RouteQuery) (RouteAnswer, error)
}

// RouteQuery is who calls which number; RouteAnswer to whom he is sent.
type (
	RouteQuery  = calls.RouteQuery
	RouteAnswer = calls.RouteAnswer
)

// Tester is a client that can send the sample requests of the debug console.
type Tester interface {
	// Test sends the body as a request of the named method and gives what came back.
	// Everything it does stands in the journal.
	Test(ctx context.Context, method string, body []byte) (*Answer, error)
}

// Sample is a request that the debug console offers.
type Sample struct {
	Method   string // the provider's name of it
	Outgoing bool   // we send it to the provider, or, in its dialect, to the CRM; else it is sent to our facade
	Title    string // one line for people
	Body     string // editable
}

// House is what a provider's folder may use of the rest. Everything in it is safe
// for concurrent use.
type House struct {
	Engine    engine.API
	Store     calls.Store
	Library   Library
	Campaigns *campaign.Desk
	Texts     Texts
	Links     calls.CaptureLinks
	Captures  Captures
	Keys      Keys
	Journal   Journal
	// Peers are what people changed of TLS while we run; nil: nothing.
	Peers Peers
	// Guarded is for addresses that came by API, Trusted for those of the configuration.
	Guarded, Trusted *http.Client
	// CheckURL refuses addresses that came by API and lead where we do not speak to;
	// errors are *calls.Error (forbidden-url).
	CheckURL func(ctx context.Context, rawURL string) error
	// TrunkNumbers are the caller numbers of the configuration that an account may show.
	TrunkNumbers func(account string) []string
	// PublicURL is where our HTTP listener is reached from outside, without a slash
	// at the end; "": not configured, then links are paths.
	PublicURL string
	// IntakeURL is the address of a configured provider's callbacks, or "".
	IntakeURL func(provider string) string
	// ProviderOf is the configured provider of a kind that an account uses, or "".
	ProviderOf func(account, kind string) string
	// AccountOf is whose calls those of a configured provider are.
	AccountOf func(provider string) string
	Country   string // of numbers written without a code
	Countries []string
	Clock     clock.Clock
	IDs       *clock.IDs
	Log       *slog.Logger
	Metrics   prometheus.Registerer
}

// Library is what providers use of the library of clips.
type Library interface {
	AddText(ctx context.Context, account, actor string, s recordings.Spoken) (*calls.Recording, error)
	// AddReserved takes in a sound file, whose record_id is known before a moderator
	// has passed it.
	AddReserved(ctx context.Context, account, title, actor string, r io.Reader) (*calls.Recording, error)
	Resolve(tx calls.ReadTx, account string, id calls.ClipID) (*calls.Recording, error)
	// LoadRef reads what a call pins of a clip: 8 kHz mono samples, and 16 kHz ones
	// where it has them.
	LoadRef(ref calls.RecordingRef) (pcm, wide []int16, err error)
}

// Texts sends an SMS that no call asked for. id is ours.
type Texts interface {
	Send(ctx context.Context, account, from, to, text string) (id string, err error)
}

// Captures finds the sound of talks.
type Captures interface {
	Path(account, call string) (file string, err error)
}

// Keys authenticate whoever speaks to a facade.
type Keys interface {
	// Find gives the usable key of a kind that requests name public.
	// calls.ErrNotFound: there is none, or it may not be used from there; a
	// *calls.Error (overloaded): this source has guessed too often.
	Find(r *http.Request, kind, public string) (*calls.FacadeKey, error)
	// Token gives the token whose secret is plain, for facades whose keys are zvonar's
	// tokens; errors as of Find.
	Token(r *http.Request, plain string) (*calls.Token, error)
	// Wrong counts a request whose signature did not hold against its source.
	Wrong(r *http.Request)
}

// Journal keeps what was said between us and others, for the debug console.
type Journal interface {
	// Note keeps an exchange. It returns at once and never fails: what cannot be
	// kept is counted. Secrets must have been masked, see Mask.
	Note(x calls.Exchange)
}

// Settings are the keys of a configured provider that its folder knows.
type Settings interface {
	// Decode reads them into a pointer to a struct with yaml tags; what the struct
	// does not have is an error. A key KEY_file names the file that holds KEY.
	Decode(into any) error
}

// KeyForm says what an issued key of a facade looks like.
type KeyForm struct {
	// Signed: requests are signed with, or carry, a secret of their own; otherwise the
	// facade takes zvonar's tokens and no keys are issued.
	Signed bool
	// Public and Secret make new values; nil: 32 random letters and digits.
	Public, Secret func() string
	// Extra makes what the kind keeps besides and what its owner is shown once.
	Extra func(k *calls.FacadeKey) (shown map[string]string, err error)
}

// Signer is a provider whose folder can show how a request is signed, for the
// debug console.
type Signer interface {
	// Sign gives what the folder computes for the body of the named method, in order:
	// fields, headers, or the text that is hashed. It sends nothing.
	Sign(method string, body []byte) ([]Signed, error)
}

// Signed is one value that signs a request, or a step on the way to it. The text of
// a step holds no secret.
type Signed struct{ Name, Value string }

// Wait is how long a client waits for answers where nothing is configured.
const Wait = 10 * time.Second
