package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"zvonar/internal/calls"
)

// CallRequest is the body of POST /v1/calls, as far as the commands use it.
type CallRequest struct {
	To          string            `json:"to"`
	From        string            `json:"from,omitempty"`
	Employee    string            `json:"employee,omitempty"`
	RecordID    string            `json:"record_id,omitempty"`
	RecordingID string            `json:"recording_id,omitempty"`
	Text        string            `json:"text,omitempty"`
	Voice       string            `json:"voice,omitempty"`
	Digits      json.RawMessage   `json:"digits,omitempty"`
	Flow        json.RawMessage   `json:"flow,omitempty"`
	Ref         string            `json:"ref,omitempty"`
	Series      string            `json:"series,omitempty"`
	Variables   map[string]string `json:"variables,omitempty"`
	Trunk       string            `json:"trunk,omitempty"`
	Provider    string            `json:"provider,omitempty"`
	Timezone    string            `json:"timezone,omitempty"`
	Window      json.RawMessage   `json:"window,omitempty"`
	Retry       json.RawMessage   `json:"retry,omitempty"`
	Consent     *Consent          `json:"consent,omitempty"`
	NotBefore   string            `json:"not_before,omitempty"` // RFC 3339, as NotAfter
	NotAfter    string            `json:"not_after,omitempty"`
	Priority    int               `json:"priority,omitempty"`
	RingTimeout string            `json:"ring_timeout,omitempty"`
	MaxDuration string            `json:"max_duration,omitempty"`
	AMD         json.RawMessage   `json:"amd,omitempty"`
	Capture     bool              `json:"capture,omitempty"`
	Metadata    json.RawMessage   `json:"metadata,omitempty"`
	WebhookURL  string            `json:"webhook_url,omitempty"`
}

// Consent tells why somebody may be called.
type Consent struct {
	Basis    string `json:"basis,omitempty"`
	At       string `json:"at,omitempty"` // RFC 3339
	Category string `json:"category,omitempty"`
}

// Recording is a clip as published.
type Recording struct {
	RecordingID string               `json:"recording_id"`
	ID          string               `json:"id"`
	RecordID    *int64               `json:"record_id"`
	CallID      *string              `json:"call_id"`
	Progress    *float64             `json:"progress"`
	Title       string               `json:"title"`
	State       calls.RecordingState `json:"state"`
	Version     int                  `json:"version"`
	SHA256      string               `json:"sha256"`
	WideSHA256  *string              `json:"wide_sha256"`
	DurationMS  int64                `json:"duration_ms"`
	System      bool                 `json:"system"`
	Checks      []calls.Check        `json:"checks"`
	Text        *string              `json:"text"`
	Voice       *string              `json:"voice"`
	Variables   []calls.Variable     `json:"variables"`
	Reason      *string              `json:"reason"`
	UploadedBy  *string              `json:"uploaded_by"`
	DecidedBy   *string              `json:"decided_by"`
	DecidedAt   calls.Stamp          `json:"decided_at"`
	CreatedAt   calls.Stamp          `json:"created_at"`

	UploadedAt   calls.Stamp        `json:"uploaded_at"`
	Live         *calls.LiveVersion `json:"live"`
	Versions     int                `json:"versions"`
	ClaimedBy    *string            `json:"claimed_by"`
	ClaimedUntil calls.Stamp        `json:"claimed_until"`
	Approvals    []Approval         `json:"approvals"`
	UndoUntil    calls.Stamp        `json:"undo_until"`
}

// Blocked is a number on the blacklist as published.
type Blocked struct {
	Number    string      `json:"number"`
	Scope     string      `json:"scope"`
	Reason    *string     `json:"reason"`
	Source    string      `json:"source"`
	CallID    *string     `json:"call_id"`
	CreatedAt calls.Stamp `json:"created_at"`
	ExpiresAt calls.Stamp `json:"expires_at"`
	Digit     *string     `json:"digit"`
	DigitAt   calls.Stamp `json:"digit_at"`
}

// BlockRequest is the body of PUT /v1/blacklist/{number}.
type BlockRequest struct {
	Reason    string     `json:"reason"`
	Scope     string     `json:"scope,omitempty"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

// Trunk is a trunk as published.
type Trunk struct {
	Name     string   `json:"name"`
	URI      string   `json:"uri"`
	Numbers  []string `json:"numbers"`
	Codecs   []string `json:"codecs"`
	MaxCalls int      `json:"max_calls"`
	MaxCPS   float64  `json:"max_cps"`
	Calls    int      `json:"calls"`

	State           string      `json:"state"`
	Reason          string      `json:"reason"`
	Register        bool        `json:"register"`
	Contact         string      `json:"contact"`
	RegisteredUntil calls.Stamp `json:"registered_until"`
	NextRegister    calls.Stamp `json:"next_register"`

	Targets []TrunkTarget `json:"targets"`
}

// TrunkTarget is one address of a trunk as published.
type TrunkTarget struct {
	Address string      `json:"address"`
	State   string      `json:"state"`
	Since   calls.Stamp `json:"since"`
	RTTMS   float64     `json:"rtt_ms"`
	Error   string      `json:"error"`
}

// Token is a token as published; Secret is there only where it was just made.
type Token struct {
	ID         string             `json:"id"`
	Name       string             `json:"name"`
	Roles      []calls.Permission `json:"roles"`
	Prefix     string             `json:"prefix"`
	CreatedAt  calls.Stamp        `json:"created_at"`
	RevokedAt  calls.Stamp        `json:"revoked_at"`
	ExpiresAt  calls.Stamp        `json:"expires_at"`
	FromConfig bool               `json:"from_config"`
	Account    string             `json:"account"`
	AllowFrom  []string           `json:"allow_from"`
	LastUsedAt calls.Stamp        `json:"last_used_at"`
	Secret     string             `json:"token,omitempty"`
}

// TokenRequest is the body of POST /v1/tokens.
type TokenRequest struct {
	Name      string     `json:"name"`
	Roles     []string   `json:"roles"`
	Account   string     `json:"account,omitempty"` // "": the asker's
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
	AllowFrom []string   `json:"allow_from,omitempty"`
}

// PlaceCall asks for a call. replayed is true where it was there already.
func (c *Client) PlaceCall(ctx context.Context, r CallRequest) (call calls.CallView, replayed bool, err error) {
	header, err := c.do(ctx, http.MethodPost, "/v1/calls", r, &call)
	return call, header.Get("Idempotency-Replayed") == "true", err
}

// Call shows a call.
func (c *Client) Call(ctx context.Context, id string) (calls.CallView, error) {
	return ask[calls.CallView](ctx, c, http.MethodGet, "/v1/calls/"+url.PathEscape(id), nil)
}

// Calls lists up to limit calls, newest first; filter has the parameters of
// GET /v1/calls.
func (c *Client) Calls(ctx context.Context, filter url.Values, limit int) ([]calls.CallView, error) {
	return list[calls.CallView](ctx, c, "/v1/calls", filter, limit)
}

// Hangup ends a call.
func (c *Client) Hangup(ctx context.Context, id string) (calls.CallView, error) {
	return ask[calls.CallView](ctx, c, http.MethodPost, "/v1/calls/"+url.PathEscape(id)+"/hangup", nil)
}

// CancelCalls ends what is not over of a ref or of a series; the other is empty.
func (c *Client) CancelCalls(ctx context.Context, ref, series string) ([]calls.CallView, error) {
	query := url.Values{}
	if ref != "" {
		query.Set("ref", ref)
	}
	if series != "" {
		query.Set("series", series)
	}
	page, err := ask[struct {
		Items []calls.CallView `json:"items"`
	}](ctx, c, http.MethodDelete, "/v1/calls?"+query.Encode(), nil)
	return page.Items, err
}

// Block puts a number on the blacklist.
func (c *Client) Block(ctx context.Context, number string, in BlockRequest) (Blocked, error) {
	return ask[Blocked](ctx, c, http.MethodPut, "/v1/blacklist/"+url.PathEscape(number), in)
}

// Unblock takes a number off the blacklist.
func (c *Client) Unblock(ctx context.Context, number, scope string) error {
	path := "/v1/blacklist/" + url.PathEscape(number)
	if scope != "" {
		path += "?scope=" + url.QueryEscape(scope)
	}
	return c.Do(ctx, http.MethodDelete, path, nil, nil)
}

// Blocked shows the blacklist's entry of a number; a [*Problem] with code
// not-found means that there is none.
func (c *Client) Blocked(ctx context.Context, number string) (Blocked, error) {
	return ask[Blocked](ctx, c, http.MethodGet, "/v1/blacklist/"+url.PathEscape(number), nil)
}

// Blacklist lists up to limit blocked numbers.
func (c *Client) Blacklist(ctx context.Context, limit int) ([]Blocked, error) {
	return list[Blocked](ctx, c, "/v1/blacklist", url.Values{}, limit)
}

// Trunks lists the trunks.
func (c *Client) Trunks(ctx context.Context) ([]Trunk, error) {
	page, err := ask[struct{ Items []Trunk }](ctx, c, http.MethodGet, "/v1/trunks", nil)
	return page.Items, err
}

// Tokens lists up to limit tokens of an account, "" being the asker's own.
func (c *Client) Tokens(ctx context.Context, account string, limit int) ([]Token, error) {
	filter := url.Values{}
	if account != "" {
		filter.Set("account", account)
	}
	return list[Token](ctx, c, "/v1/tokens", filter, limit)
}

// AddToken makes a token.
func (c *Client) AddToken(ctx context.Context, r TokenRequest) (Token, error) {
	return ask[Token](ctx, c, http.MethodPost, "/v1/tokens", r)
}

// RotateToken makes a successor; the old secret works for overlap more ("24h";
// "" leaves it to the daemon).
func (c *Client) RotateToken(ctx context.Context, id, overlap string) (Token, error) {
	in := map[string]string{}
	if overlap != "" {
		in["overlap"] = overlap
	}
	return ask[Token](ctx, c, http.MethodPost, "/v1/tokens/"+url.PathEscape(id)+"/rotate", in)
}

// RevokeToken revokes a token at once.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	return c.Do(ctx, http.MethodDelete, "/v1/tokens/"+url.PathEscape(id), nil, nil)
}

// Webhook is a webhook as published; Secret is there only where it was just made.
type Webhook struct {
	ID             string            `json:"id"`
	Kind           string            `json:"kind"`
	URL            string            `json:"url"`
	Types          []calls.EventType `json:"types"`
	FromConfig     bool              `json:"from_config"`
	Disabled       bool              `json:"disabled"`
	DisabledReason *string           `json:"disabled_reason"`
	OldSecretUntil calls.Stamp       `json:"old_secret_until"`
	CreatedAt      calls.Stamp       `json:"created_at"`
	FailingSince   calls.Stamp       `json:"failing_since"`
	ProbeAt        calls.Stamp       `json:"probe_at"`
	AuthFailedAt   calls.Stamp       `json:"auth_failed_at"`
	LastError      *string           `json:"last_error"`
	Settings       json.RawMessage   `json:"settings"`
	Key            *string           `json:"key"`
	Secret         string            `json:"secret,omitempty"`
}

// Delivery is one event on its way to a webhook.
type Delivery struct {
	ID         int64               `json:"id"`
	EventID    string              `json:"event_id"`
	EventPos   int64               `json:"event_pos"`
	Subject    string              `json:"subject"`
	State      calls.DeliveryState `json:"state"`
	Attempts   int                 `json:"attempts"`
	Replays    int                 `json:"replays"`
	Gap        bool                `json:"gap"`
	NextAt     calls.Stamp         `json:"next_at"`
	LastStatus int                 `json:"last_status"`
	LastError  *string             `json:"last_error"`
	Response   *string             `json:"response"`
	SentAt     calls.Stamp         `json:"sent_at"`
	TookMS     *int64              `json:"took_ms"`
	CreatedAt  calls.Stamp         `json:"created_at"`
	DoneAt     calls.Stamp         `json:"done_at"`
}

// Webhooks lists the webhooks.
func (c *Client) Webhooks(ctx context.Context) ([]Webhook, error) {
	page, err := ask[struct{ Items []Webhook }](ctx, c, http.MethodGet, "/v1/webhooks", nil)
	return page.Items, err
}

// AddWebhook makes a webhook; secret "" lets the daemon make one.
func (c *Client) AddWebhook(ctx context.Context, r WebhookRequest) (Webhook, error) {
	return ask[Webhook](ctx, c, http.MethodPost, "/v1/webhooks", r)
}

// WebhookRequest is the body of POST /v1/webhooks.
type WebhookRequest struct {
	Kind     string          `json:"kind,omitempty"`
	URL      string          `json:"url"`
	Types    []string        `json:"types,omitempty"`
	Secret   string          `json:"secret,omitempty"`
	Settings json.RawMessage `json:"settings,omitempty"`
}

// RemoveWebhook deletes a webhook with its deliveries.
func (c *Client) RemoveWebhook(ctx context.Context, id string) error {
	return c.Do(ctx, http.MethodDelete, "/v1/webhooks/"+url.PathEscape(id), nil, nil)
}

// RotateWebhook makes a new secret; the old one signs too for overlap ("24h"; ""
// leaves it to the daemon).
func (c *Client) RotateWebhook(ctx context.Context, id, overlap string) (Webhook, error) {
	in := map[string]string{}
	if overlap != "" {
		in["overlap"] = overlap
	}
	return ask[Webhook](ctx, c, http.MethodPost, "/v1/webhooks/"+url.PathEscape(id)+"/rotate", in)
}

// Deliveries lists up to limit deliveries of a webhook, newest first; filter has
// the parameters of the API (state, subject, event).
func (c *Client) Deliveries(ctx context.Context, id string, filter url.Values, limit int) ([]Delivery, error) {
	return list[Delivery](ctx, c, "/v1/webhooks/"+url.PathEscape(id)+"/deliveries", filter, limit)
}

// Replay makes events due again for a webhook, by ids or from one position or
// time of the log to another ("": the end), and tells how many, and which ids no
// event has.
func (c *Client) Replay(ctx context.Context, id, from, to string, ids []string) (n int, unknown []string, err error) {
	for {
		in := struct {
			From string   `json:"from,omitempty"`
			To   string   `json:"to,omitempty"`
			IDs  []string `json:"ids,omitempty"`
		}{from, to, ids}
		out, err := ask[struct {
			Replayed int      `json:"replayed"`
			Unknown  []string `json:"unknown"`
			Next     *int64   `json:"next"`
		}](ctx, c, http.MethodPost, "/v1/webhooks/"+url.PathEscape(id)+"/replay", in)
		n += out.Replayed
		if err != nil || out.Next == nil {
			return n, out.Unknown, err
		}
		from = strconv.FormatInt(*out.Next, 10)
	}
}

// TryWebhook is an event to be sent to a webhook out of turn: one of the log, or one
// made of the rest. TriedWebhook is what it brought.
type (
	TryWebhook struct {
		Event   string          `json:"event,omitempty"`
		Type    string          `json:"type,omitempty"`
		CallID  string          `json:"call_id,omitempty"`
		Data    json.RawMessage `json:"data,omitempty"`
		Timeout int             `json:"timeout_s,omitempty"`
	}
	TriedWebhook struct {
		Wanted bool        `json:"wanted"`
		SentAt calls.Stamp `json:"sent_at"`
		TookMS int64       `json:"took_ms"`
		Body   string      `json:"body"`
		Status int         `json:"status"`
		Error  string      `json:"error"`
		Answer string      `json:"answer"`
	}
)

// TryWebhook sends an event to a webhook now.
func (c *Client) TryWebhook(ctx context.Context, id string, in TryWebhook) (TriedWebhook, error) {
	return ask[TriedWebhook](ctx, c, http.MethodPost, "/v1/webhooks/"+url.PathEscape(id)+"/test", in)
}

// ask is Do that returns the answer.
func ask[T any](ctx context.Context, c *Client, method, path string, in any) (out T, err error) {
	err = c.Do(ctx, method, path, in, &out)
	return out, err
}

// pageSize is the longest page the API gives.
const pageSize = 500

// list reads pages until limit resources are there or the list ends.
func list[T any](ctx context.Context, c *Client, path string, filter url.Values, limit int) ([]T, error) {
	all := []T{}
	for len(all) < limit {
		filter.Set("limit", strconv.Itoa(min(limit-len(all), pageSize)))
		var page struct {
			Items []T     `json:"items"`
			Next  *string `json:"next"`
		}
		if err := c.Do(ctx, http.MethodGet, path+"?"+filter.Encode(), nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.Next == nil || len(page.Items) == 0 {
			break
		}
		filter.Set("cursor", *page.Next)
	}
	return all, nil
}
