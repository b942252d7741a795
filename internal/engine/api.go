package engine

import (
	"context"
	"encoding/json"
	"time"

	"zvonar/internal/calls"
)

// CallRequest is a call asked for, as the API hands it over: numbers and clips
// still in the user's spelling.
type CallRequest struct {
	Account string
	TokenID string

	To, From string
	// Clip is record_id or recording_id. With Flow it must be empty.
	Clip calls.ClipID
	// Spoken is read aloud in place of Clip; nil: Clip is there.
	Spoken *calls.SpokenText
	Digits calls.DigitMap // with Clip or Spoken
	// Capture has the talk written down, whatever the flow says.
	Capture bool
	Flow    *calls.Flow // parsed by calls.ParseFlow
	// Bridge makes it a talk between To and a manager; no Flow, no Digits.
	Bridge *calls.Bridge
	// Dictate makes it a call in which To speaks a recording; no Clip, no Flow.
	Dictate *calls.Dictation
	// Places in the request, for what is wrong with them; "": body.to.
	ToAt, ManagerAt string
	// AMD takes the place of the flow's; nil: the flow's.
	AMD *calls.AMDOptions

	Ref, Series               string
	Trunk, Provider, Employee string
	NotBefore, NotAfter       *time.Time
	Priority                  int
	Window                    *calls.Window
	// Timezone is where the callee is; "": where the numbering plan has him.
	Timezone string
	// Retry is when the call is tried again; nil: as the configuration says.
	Retry                    *calls.RetryPolicy
	RingTimeout, MaxDuration time.Duration
	Metadata                 json.RawMessage
	Consent                  *calls.Consent // why the callee may be called; nil: not said
	WebhookURL               string         // already checked by the URL guard
	// WebhookKind is the sink that speaks to WebhookURL, "" calls.KindWebhook;
	// WebhookKey the facade key whose secrets sign, WebhookSettings what the sink keeps
	// of this destination. They are no part of what makes a ref a replay: that is BodyHash.
	WebhookKind, WebhookKey string
	WebhookSettings         json.RawMessage

	Variables  map[string]string
	CampaignID string
	Contact    int64 // n of the contact that it is made of
	// Within runs in the unit of work that admits the call, after it was written; an
	// error of it leaves nothing. nil: nothing more is written.
	Within func(calls.Tx, *calls.Call) error

	IdempotencyKey  string
	IdempotencyLife time.Duration // how long it is remembered; 0: 24 h
	BodyHash        string        // hex sha256 of the canonical body
}

// API is what the engine offers to the rooms above (internal/api, providers).
// Errors are *calls.Error. Safe for concurrent use.
type API interface {
	// Submit admits a call and returns once it is durable. replayed is true
	// where ref or Idempotency-Key named a call that exists already.
	Submit(ctx context.Context, r CallRequest) (call *calls.Call, replayed bool, err error)
	// Hangup ends one call, cancelling it if it is still queued.
	Hangup(ctx context.Context, account, id string) (*calls.Call, error)
	// Cancel ends every call of the ref or series that is not over.
	Cancel(ctx context.Context, account, ref, series string) ([]*calls.Call, error)
	// Transfer hands the customer of a call that is answered or bridged to target:
	// a number, or an extension at a trunk.
	Transfer(ctx context.Context, account, id, target string) (*calls.Call, error)
	// Play plays an approved recording to the customer.
	Play(ctx context.Context, account, id string, clip calls.ClipID) (*calls.Call, error)
	// Record writes the talk down (on), or stops.
	Record(ctx context.Context, account, id string, on bool) (*calls.Call, error)
	// SendDigits sends digits to a party; "" is the customer.
	SendDigits(ctx context.Context, account, id string, role calls.Role, digits string) (*calls.Call, error)
	// Hold asks a party to hold, or to go on.
	Hold(ctx context.Context, account, id string, role calls.Role, on bool) (*calls.Call, error)
	// Foreign hears what a provider tells of a call that nobody here asked for, and
	// gives our id of it; the first report makes the call. The same call is the
	// same however often it is told of, and what comes late or twice changes nothing.
	// Of a call that we placed the id is given and nothing else happens. Errors:
	// not-found where a report that begins no call is of one that is not known;
	// invalid-field; overloaded.
	Foreign(ctx context.Context, f calls.ForeignCall, r calls.ProviderReport) (callID string, err error)
	// Why says what keeps a call that is not dialled yet back; nil: nothing does.
	Why(c *calls.Call) *calls.Hold
	// WhyContact says it of a contact of a campaign, also of one that has no call yet.
	WhyContact(tx calls.ReadTx, c *calls.Campaign, t *calls.Contact) (*calls.Hold, error)
	// Block and Unblock change the blacklist of the account and tell of it.
	Block(ctx context.Context, entry calls.BlockEntry) (added bool, err error)
	// scope "" is every scope.
	Unblock(ctx context.Context, account, number, scope string) (removed bool, err error)
	// BlockMany blocks numbers in one unit and tells of none of them: an import.
	BlockMany(ctx context.Context, entries []calls.BlockEntry) (added int, err error)
}
