package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"zvonar/internal/calls"
)

// Key is a key of a facade as published; Secret and Shown are there only where it was
// just made or rotated.
type Key struct {
	ID             string             `json:"id"`
	Kind           string             `json:"kind"`
	Name           string             `json:"name"`
	Public         string             `json:"public"`
	Roles          []calls.Permission `json:"roles"`
	Account        string             `json:"account"`
	AllowFrom      []string           `json:"allow_from"`
	CreatedAt      calls.Stamp        `json:"created_at"`
	RevokedAt      calls.Stamp        `json:"revoked_at"`
	LastUsedAt     calls.Stamp        `json:"last_used_at"`
	OldSecretUntil calls.Stamp        `json:"old_secret_until"`
	EventsURL      *string            `json:"events_url"`
	EventsSettings json.RawMessage    `json:"events_settings,omitempty"`
	Secret         string             `json:"secret,omitempty"`
	Shown          map[string]string  `json:"shown,omitempty"`
}

// KeyRequest is the body of POST /v1/keys.
type KeyRequest struct {
	Kind           string          `json:"kind"`
	Name           string          `json:"name"`
	Public         string          `json:"public,omitempty"`
	Secret         string          `json:"secret,omitempty"`
	Roles          []string        `json:"roles,omitempty"`
	Account        string          `json:"account,omitempty"`
	AllowFrom      []string        `json:"allow_from,omitempty"`
	EventsURL      string          `json:"events_url,omitempty"`
	EventsSettings json.RawMessage `json:"events_settings,omitempty"`
}

// Keys lists up to limit keys of a kind and an account; "" is any kind, and the
// asker's own account.
func (c *Client) Keys(ctx context.Context, kind, account string, limit int) ([]Key, error) {
	filter := url.Values{}
	for key, value := range map[string]string{"kind": kind, "account": account} {
		if value != "" {
			filter.Set(key, value)
		}
	}
	return list[Key](ctx, c, "/v1/keys", filter, limit)
}

// AddKey issues a key.
func (c *Client) AddKey(ctx context.Context, r KeyRequest) (Key, error) {
	return ask[Key](ctx, c, http.MethodPost, "/v1/keys", r)
}

// RotateKey makes a new secret; the old one works for overlap more ("": a day).
func (c *Client) RotateKey(ctx context.Context, id, overlap string) (Key, error) {
	in := map[string]string{}
	if overlap != "" {
		in["overlap"] = overlap
	}
	return ask[Key](ctx, c, http.MethodPost, "/v1/keys/"+url.PathEscape(id)+"/rotate", in)
}

// RevokeKey revokes a key at once.
func (c *Client) RevokeKey(ctx context.Context, id string) error {
	return c.Do(ctx, http.MethodDelete, "/v1/keys/"+url.PathEscape(id), nil, nil)
}

// Exchange is what was said once, with its answer.
type Exchange struct {
	ID        int64       `json:"id"`
	Account   *string     `json:"account"`
	Kind      string      `json:"kind"`
	Provider  *string     `json:"provider"`
	Direction string      `json:"direction"`
	Method    string      `json:"method"`
	At        calls.Stamp `json:"at"`
	TookMS    int64       `json:"took_ms"`
	Request   string      `json:"request"`
	Answer    string      `json:"answer"`
	Status    int         `json:"status"`
	Fault     string      `json:"fault"`
	Test      bool        `json:"test"`
	CallID    *string     `json:"call_id"`
	Remote    string      `json:"remote"`
}

// ExchangeFilter selects exchanges; "" does not filter.
type ExchangeFilter struct{ Kind, Provider, Method, Direction, CallID string }

func (f ExchangeFilter) query() url.Values {
	q := url.Values{}
	for key, value := range map[string]string{"kind": f.Kind, "provider": f.Provider, "method": f.Method, "direction": f.Direction, "call_id": f.CallID} {
		if value != "" {
			q.Set(key, value)
		}
	}
	return q
}

// Exchanges lists the last limit exchanges, newest first.
func (c *Client) Exchanges(ctx context.Context, f ExchangeFilter, limit int) ([]Exchange, error) {
	return list[Exchange](ctx, c, "/v1/exchanges", f.query(), limit)
}

// ExchangesAfter lists what was said after an exchange, oldest first: a page of it.
func (c *Client) ExchangesAfter(ctx context.Context, f ExchangeFilter, after int64) ([]Exchange, error) {
	q := f.query()
	q.Set("after", strconv.FormatInt(after, 10))
	q.Set("limit", "500")
	page, err := ask[struct{ Items []Exchange }](ctx, c, http.MethodGet, "/v1/exchanges?"+q.Encode(), nil)
	return page.Items, err
}

// ClearExchanges removes exchanges and tells how many.
func (c *Client) ClearExchanges(ctx context.Context, f ExchangeFilter) (int, error) {
	path := "/v1/exchanges"
	if q := f.query().Encode(); q != "" {
		path += "?" + q
	}
	out, err := ask[struct{ Removed int }](ctx, c, http.MethodDelete, path, nil)
	return out.Removed, err
}

// Provider is a configured provider or a facade.
type Provider struct {
	Name    string   `json:"name"`
	Kind    string   `json:"kind"`
	Role    string   `json:"role"`
	Account *string  `json:"account"`
	Can     []string `json:"can"`
	Trunk   string   `json:"trunk"`
	Address string   `json:"address"`
	Summary string   `json:"summary"`
}

// Providers lists providers and facades.
func (c *Client) Providers(ctx context.Context) ([]Provider, error) {
	page, err := ask[struct{ Items []Provider }](ctx, c, http.MethodGet, "/v1/providers", nil)
	return page.Items, err
}

// Sample is a request to try a provider or a facade with.
type Sample struct {
	Method    string `json:"method"`
	Direction string `json:"direction"`
	Title     string `json:"title"`
	Body      string `json:"body"`
}

// Samples lists the samples of a provider or a facade.
func (c *Client) Samples(ctx context.Context, name string) ([]Sample, error) {
	page, err := ask[struct{ Items []Sample }](ctx, c, http.MethodGet, providerPath(name)+"/samples", nil)
	return page.Items, err
}

func providerPath(name string) string { return "/v1/providers/" + url.PathEscape(name) }

// Trial is a request to be sent, or only signed.
type Trial struct {
	Method   string            `json:"method"`
	Body     string            `json:"body,omitempty"`
	Header   map[string]string `json:"header,omitempty"`
	TimeoutS float64           `json:"timeout_s,omitempty"`
}

// TrialAnswer is what came back.
type TrialAnswer struct {
	Status int               `json:"status"`
	Header map[string]string `json:"header"`
	Body   string            `json:"body"`
	TookMS int64             `json:"took_ms"`
}

// TestProvider sends a request to a provider or a facade.
func (c *Client) TestProvider(ctx context.Context, name string, t Trial) (TrialAnswer, error) {
	return ask[TrialAnswer](ctx, c, http.MethodPost, providerPath(name)+"/test", t)
}

// Signed is one value that signs a request.
type Signed struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// SignForProvider shows what signs a request.
func (c *Client) SignForProvider(ctx context.Context, name string, t Trial) ([]Signed, error) {
	page, err := ask[struct{ Items []Signed }](ctx, c, http.MethodPost, providerPath(name)+"/sign", t)
	return page.Items, err
}

// ProviderTLS is how a provider is spoken to.
type ProviderTLS struct {
	Mode  string    `json:"mode"`
	Trust []Trusted `json:"trust"`
}

// Trusted is a certificate that was added.
type Trusted struct {
	Fingerprint string      `json:"fingerprint"`
	Subject     string      `json:"subject"`
	NotAfter    calls.Stamp `json:"not_after"`
	AddedBy     string      `json:"added_by"`
	AddedAt     calls.Stamp `json:"added_at"`
}

// ProviderTLS shows how a provider is spoken to.
func (c *Client) ProviderTLS(ctx context.Context, name string) (ProviderTLS, error) {
	return ask[ProviderTLS](ctx, c, http.MethodGet, providerPath(name)+"/tls", nil)
}

// SetProviderTLS switches TLS: on, off, configured.
func (c *Client) SetProviderTLS(ctx context.Context, name, mode string) (ProviderTLS, error) {
	return ask[ProviderTLS](ctx, c, http.MethodPut, providerPath(name)+"/tls", map[string]string{"mode": mode})
}

// Trust adds a certificate (PEM), Distrust removes one.
func (c *Client) Trust(ctx context.Context, name, pem string) (Trusted, error) {
	return ask[Trusted](ctx, c, http.MethodPost, providerPath(name)+"/certificates", map[string]string{"pem": pem})
}

// Distrust removes a certificate by its fingerprint.
func (c *Client) Distrust(ctx context.Context, name, fingerprint string) error {
	return c.Do(ctx, http.MethodDelete, providerPath(name)+"/certificates/"+url.PathEscape(fingerprint), nil, nil)
}

// OwnCertificate is the certificate of the daemon (PEM).
func (c *Client) OwnCertificate(ctx context.Context, name string) (string, error) {
	out, err := ask[struct{ PEM string }](ctx, c, http.MethodGet, providerPath(name)+"/certificate", nil)
	return out.PEM, err
}
