package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	requestTimeout = 30 * time.Second
	uploadTimeout  = 5 * time.Minute
	maxAnswer      = 64 << 20 // bytes of one answer that are read
)

// Client speaks to one daemon. Base and Token may not change once it is used.
type Client struct {
	Base  string // "http://127.0.0.1:8080", without or with a slash at its end
	Token string
	HTTP  *http.Client  // nil: one that follows no redirects
	Pause time.Duration // before a broken event stream is opened again; 0: 1 s
}

// plain follows no redirect: the token is for the daemon it was given for.
var plain = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func (c *Client) http() *http.Client {
	if c.HTTP != nil {
		return c.HTTP
	}
	return plain
}

// Loopback reports whether base points to this machine, where the daemon's
// first token may lie.
func Loopback(base string) bool {
	u, err := url.Parse(base)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// Do sends in as JSON (nil: no body) to path, which begins with a slash and is
// escaped already, and reads the answer into out (nil: it is dropped). An answer
// that is not 2xx is a [*Problem].
func (c *Client) Do(ctx context.Context, method, path string, in, out any) error {
	_, err := c.do(ctx, method, path, in, out)
	return err
}

// do is Do that also gives the header of the answer.
func (c *Client) do(ctx context.Context, method, path string, in, out any) (http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	return c.patient(ctx, method, path, in, out)
}

// patient is do without a time-out of its own.
func (c *Client) patient(ctx context.Context, method, path string, in, out any) (http.Header, error) {
	var body io.Reader
	header := http.Header{}
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("the request cannot be written as JSON: %w", err)
		}
		body = bytes.NewReader(b)
		header.Set("Content-Type", "application/json")
	}
	res, err := c.send(ctx, method, path, header, body)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }() // everything wanted was read
	return res.Header, decode(res, out)
}

// send makes a request and gives the answer if it is 2xx.
func (c *Client) send(ctx context.Context, method, path string, header http.Header, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.Base, "/")+path, body)
	if err != nil {
		return nil, fmt.Errorf("%q is not the address of a daemon: %w", c.Base, err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	res, err := c.http().Do(req)
	if err != nil {
		return nil, unreachable(c.Base, err)
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		defer func() { _ = res.Body.Close() }()
		return nil, problemOf(res)
	}
	return res, nil
}

// unreachable words a failure below HTTP. The cause stays in the chain.
func unreachable(base string, err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		return fmt.Errorf("the certificate of %s is not trusted here (SSL_CERT_FILE may name a file with its authority): %w", base, untrusted.Err)
	}
	return fmt.Errorf("no daemon answers at %s (is `zvonar serve` running there?): %w", base, err)
}

func decode(res *http.Response, out any) error {
	body := io.LimitReader(res.Body, maxAnswer)
	if out == nil || res.StatusCode == http.StatusNoContent {
		_, err := io.Copy(io.Discard, body)
		return err
	}
	if err := json.NewDecoder(body).Decode(out); err != nil {
		return fmt.Errorf("the daemon's answer cannot be read: %w", err)
	}
	return nil
}
