package calls

import (
	"encoding/json"
	"net/url"
	"strings"
	"time"
)

// KindWebhook is the kind of a destination that is an HTTP receiver of events.
const KindWebhook = "webhook"

// Webhook is a destination of events, of any kind.
type Webhook struct {
	ID      string `json:"id"`
	Kind    string `json:"kind,omitempty"` // of its sink; "" is KindWebhook
	Account string `json:"account"`
	URL     string `json:"url"`
	Secret  string `json:"-"` // whsec_…
	// OldSecret signs beside Secret until OldSecretUntil.
	OldSecret      string      `json:"-"`
	OldSecretUntil time.Time   `json:"-"`
	Types          []EventType `json:"types"`
	// Key is the facade key whose secrets sign, where the kind signs with one; Settings
	// is what the kind keeps of this destination (a subscription, an echo).
	Key            string          `json:"key,omitempty"`
	Settings       json.RawMessage `json:"settings,omitempty"`
	CallID         string          `json:"call_id,omitempty"`    // of one call only (webhook_url)
	TokenName      string          `json:"token_name,omitempty"` // of that call: who asked, as the token is called
	FromConfig     bool            `json:"from_config"`          // trusted: the URL guard does not apply
	Disabled       bool            `json:"disabled"`
	DisabledReason string          `json:"disabled_reason,omitempty"`
	CreatedAt      time.Time       `json:"created_at"`
}

// Destination names who is reached: the webhook itself, or, for webhooks of
// single calls, everybody of the account at the same scheme, host and port. Its
// deliveries share places, rate and health.
func (w *Webhook) Destination() string {
	if w.CallID == "" {
		return w.ID
	}
	origin := w.URL
	if u, err := url.Parse(w.URL); err == nil {
		origin = u.Scheme + "://" + strings.ToLower(u.Host)
	}
	return "of:" + w.Account + ":" + origin
}

// Wants reports whether events of this type go there at all.
func (w *Webhook) Wants(t EventType) bool {
	if len(w.Types) == 0 {
		return true
	}
	for _, have := range w.Types {
		if have == t {
			return true
		}
	}
	return false
}

// WebhookCursor names the position in the log after which a lasting webhook
// gets events.
func WebhookCursor(id string) string { return "webhook:" + id }

// DeliveryState is where one delivery stands.
type DeliveryState string

// The states of a delivery.
const (
	DeliveryPending   DeliveryState = "pending"
	DeliveryDelivered DeliveryState = "delivered"
	DeliveryDead      DeliveryState = "dead"
)

// Delivery is one event on its way to one webhook. Those of one (webhook,
// subject) form a lane and go out strictly in the order of the log.
type Delivery struct {
	ID        int64         `json:"id"`
	WebhookID string        `json:"webhook_id"`
	EventPos  int64         `json:"event_pos"`
	EventID   string        `json:"event_id"`
	Subject   string        `json:"subject"`
	State     DeliveryState `json:"state"`
	Attempts  int           `json:"attempts"` // of this round
	Replays   int           `json:"replays"`
	// Gap: it was given up, and no later event of its lane has told the receiver.
	Gap        bool          `json:"gap"`
	NextAt     time.Time     `json:"next_at"`
	RoundAt    time.Time     `json:"round_at"` // since when it is tried: made, or made due again by a replay
	LastStatus int           `json:"last_status"`
	LastError  string        `json:"last_error"`
	Response   string        `json:"response"` // the beginning of the last answer
	SentAt     time.Time     `json:"sent_at"`  // of the last attempt
	Took       time.Duration `json:"took"`     // of the last attempt, in microseconds
	CreatedAt  time.Time     `json:"created_at"`
	DoneAt     *time.Time    `json:"done_at"`
}

// DeliveryFilter selects deliveries of a webhook. Zero fields do not filter.
type DeliveryFilter struct {
	State            DeliveryState
	Subject, EventID string
	Before           int64 // ID
	Limit            int
}
