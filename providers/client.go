package providers

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync/atomic"
	"time"

	"zvonar/internal/calls"
)

// MaxAnswer is how much of an answer is read.
const MaxAnswer = 64 << 10

// Answer is a provider's reply.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte // at most MaxAnswer bytes, or what SendLimit was told
}

// Client sends requests that must not happen twice to addresses from the
// configuration. Safe for concurrent use.
type Client struct{ http *http.Client }

// ClientConfig says to whom a client speaks, for its TLS and for the journal.
type ClientConfig struct {
	Kind, Provider, Account string
	Timeout                 time.Duration // answer included; 0: Wait
	TLS                     TLS
	// Secrets are hidden in the journal besides those with names, see Mask.
	Secrets []string
}

// Client makes the client of a configured provider: what it says stands in the
// journal (Labelled says as what), and its TLS follows settings and people. An error
// names the key of the settings.
func (h *House) Client(c ClientConfig) (*Client, error) {
	if c.Timeout <= 0 {
		c.Timeout = Wait
	}
	base, err := c.TLS.config()
	if err != nil {
		return nil, err
	}
	peer := peerTLS{base: base, off: c.TLS.Off(), provider: c.Provider, peers: h.Peers, timeout: c.Timeout}
	once := onceTransport(c.Timeout)
	once.DialTLSContext = peer.dial
	rec := recorder{journal: h.Journal, clock: h.Clock, kind: c.Kind, provider: c.Provider, account: c.Account, outgoing: true, secrets: c.Secrets}
	return newClient(c.Timeout, transport{rec, peered{peer, once}}), nil
}

// peered speaks plain HTTP where TLS is switched off.
type peered struct {
	peer peerTLS
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (p peered) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme == "https" && p.peer.plain() {
		u := *req.URL
		u.Scheme = "http"
		req = req.Clone(req.Context())
		req.URL = &u
	}
	return p.next.RoundTrip(req)
}

// NewClient makes a client whose requests take at most timeout, answer included.
func NewClient(timeout time.Duration) *Client {
	return newClient(timeout, onceTransport(timeout))
}

func newClient(timeout time.Duration, t http.RoundTripper) *Client {
	return &Client{http: &http.Client{
		Timeout: timeout, Transport: t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// onceTransport sends every request on a connection of its own.
func onceTransport(timeout time.Duration) *http.Transport {
	return &http.Transport{
		// A request on a kept connection that the server just closed is sent
		// again by net/http where it thinks that harmless, a GET for one. To a
		// provider it is a second call. HTTP/2 always keeps its connection.
		DisableKeepAlives:      true,
		TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{},
		DialContext:            (&net.Dialer{Timeout: timeout}).DialContext,
		TLSHandshakeTimeout:    timeout,
		MaxResponseHeaderBytes: MaxAnswer,
		Proxy:                  nil, // what the environment says is not configuration
	}
}

// Send sends req once. An answer of any status is no error. An error is a
// *calls.PlaceRefused where no byte can have been sent, else a
// *calls.PlaceUnknown. Neither tells the URL, which may hold a key.
func (c *Client) Send(ctx context.Context, req *http.Request) (*Answer, error) {
	return c.SendLimit(ctx, req, MaxAnswer)
}

// SendLimit is Send for answers of up to limit bytes: recordings, histories.
func (c *Client) SendLimit(ctx context.Context, req *http.Request, limit int64) (*Answer, error) {
	var connected atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// From here on bytes may leave. WroteHeaders would be later than that.
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	resp, err := c.http.Do(req.WithContext(ctx))
	if err != nil {
		err = withoutURL(err)
		if connected.Load() {
			return nil, &calls.PlaceUnknown{Reason: "no answer came: " + describe(err), Err: err}
		}
		return nil, &calls.PlaceRefused{Reason: "it could not be reached: " + describe(err), Err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case err != nil:
		err = withoutURL(err)
		return nil, &calls.PlaceUnknown{Reason: fmt.Sprintf("its answer (status %d) broke off: %s", resp.StatusCode, describe(err)), Err: err}
	case int64(len(body)) > limit:
		return nil, &calls.PlaceUnknown{Reason: fmt.Sprintf("its answer (status %d) is larger than %d bytes", resp.StatusCode, limit)}
	}
	return &Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

// withoutURL strips what net/http wraps around an error.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

func describe(err error) string {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, context.Canceled):
		return "we gave up waiting"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "it took too long"
	}
	return err.Error()
}
