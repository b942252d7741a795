package outbox

import (
	"context"
	"errors"
	"net/http"
	"time"

	"zvonar/internal/calls"
)

// Sink is one kind of destination: how events are put for it, and how it is
// spoken to. Order, retries, health, rate, credentials and what is remembered
// between events are the outbox's affair. A sink is used from many goroutines
// at once and keeps nothing itself.
type Sink interface {
	// Kind is the name under which destinations ask for it (calls.Webhook.Kind).
	Kind() string
	// Rate is how fast and how broadly this destination may be spoken to.
	Rate(w *calls.Webhook) Rate
	// Map says what the event is to this destination: pure, so that a message is
	// the same at every attempt. ErrNotWanted: nothing; the lane goes on. Any
	// other error gives the delivery up.
	Map(it Item) (Message, error)
	// Send makes one attempt. It ends with ctx, reads at most what its client
	// lets it, and reports everything in the answer.
	Send(ctx context.Context, x Exchange) Answer
}

// Authenticated is a sink whose destinations are spoken to with a credential of
// the vault. Where an attempt is answered with AuthFailed, the credential is
// refreshed once, by one goroutine for all, is made durable, and the attempt is
// made again with it.
type Authenticated interface {
	Sink
	// CredentialName names the credential among those of the account.
	CredentialName(w *calls.Webhook) string
	// Refresh gets the credential that follows c. An error that wraps ErrRefused
	// means that only a person can help; any other is tried again.
	Refresh(ctx context.Context, client *http.Client, w *calls.Webhook, c calls.Credential) (calls.Credential, error)
}

// Checker is a sink that judges destinations before they are made. Errors are
// *calls.Error with the place of the fault: body.url, body.secret, body.settings. A
// sink that is none takes no settings.
type Checker interface {
	Check(w *calls.Webhook) error
}

// What a sink may answer with.
var (
	ErrNotWanted = errors.New("outbox: the destination does not want this event")
	ErrRefused   = errors.New("the credential was refused")
)

// Item is one event for one destination.
type Item struct {
	To    *calls.Webhook
	Event calls.Event
	State string // what the sink asked to be remembered of the subject; "" at first
	Gap   bool   // an earlier event of the lane was given up, and this is the first since
}

// Message is what is to be sent.
type Message struct {
	Method string // "" is POST
	URL    string // "" is that of the destination
	Header http.Header
	Body   []byte
}

// Exchange is everything one attempt needs.
type Exchange struct {
	Item
	Message
	Client     *http.Client      // guarded, or trusted for destinations of the configuration
	Secrets    []string          // that sign now, the newest first
	Key        *calls.FacadeKey  // whose secrets these are, where the destination names one that is good
	Credential *calls.Credential // of an Authenticated sink
	Now        time.Time
}

// Then says what an answer does to its delivery.
type Then int

// What an answer may do.
const (
	Retry      Then = iota // wait, then again
	Delivered              // done
	Dead                   // given up at once; the lane goes on with a gap
	Disable                // the receiver wants no more: the destination is switched off
	AuthFailed             // the credential does not work
)

// Answer is what one attempt brought.
type Answer struct {
	Then   Then
	Fault  Fault         // whose fault it was, unless Delivered
	Status int           // HTTP status; 0: there was none
	Error  string        // in words, without secrets
	Text   string        // the beginning of what was answered; see Clean
	After  time.Duration // how long the receiver asked to be left alone; 0: it did not
	State  *string       // what to remember of the subject; nil: as it was
}

// Rate bounds how a destination is spoken to. The zero Rate does not, beyond
// the 64 lanes that every destination may have under way.
type Rate struct {
	PerSecond float64 // requests; 0 is no bound
	Burst     int     // requests that may go at once after a silence; 0 is 1
	Parallel  int     // lanes under way; 0 is the most
}
