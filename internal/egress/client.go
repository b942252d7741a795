package egress

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// What no destination may exceed.
const (
	// Timeout covers a whole exchange, from resolving to the last byte read.
	Timeout = 15 * time.Second
	// MaxResponse is how much of a response body can be read; the rest reads as
	// its end. The same bounds the header.
	MaxResponse = 64 << 10
)

// Client makes an HTTP client for addresses that arrived by API: guarded, no
// redirects (a 3xx comes back as the response), no proxy, Timeout, MaxResponse.
// A refusal is a *calls.Error inside the error of Do. The caller owns it, and
// ends it with CloseIdleConnections.
func (g *Guard) Client() *http.Client {
	return client(&guarded{g: g, next: transport(g.dial), most: MaxResponse})
}

// Trusted makes a client for destinations from the configuration file: no
// guard, everything else as in Guard.Client.
func Trusted() *http.Client {
	d := &net.Dialer{Timeout: Timeout}
	return client(&guarded{next: transport(d.DialContext), most: MaxResponse})
}

// TrustedUpTo is Trusted with bounds of its own, for what answers slowly and
// with much: most bytes of a response are read.
func TrustedUpTo(timeout time.Duration, most int64) *http.Client {
	d := &net.Dialer{Timeout: Timeout}
	c := client(&guarded{next: transport(d.DialContext), most: most})
	c.Timeout = timeout
	return c
}

func client(rt http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     rt,
		Timeout:       Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func transport(dial func(context.Context, string, string) (net.Conn, error)) *http.Transport {
	return &http.Transport{
		Proxy:                  nil, // a proxy would dial for us, unguarded
		DialContext:            dial,
		DisableCompression:     true, // 64 KiB on the wire are 64 KiB in memory
		MaxResponseHeaderBytes: MaxResponse,
		MaxIdleConnsPerHost:    64, // as many as the outbox has lanes under way to one
		MaxIdleConns:           512,
		IdleConnTimeout:        30 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
	}
}

// guarded judges the URL of every request and bounds every response.
type guarded struct {
	g    *Guard // nil: trusted
	next *http.Transport
	most int64 // bytes of a response
}

// RoundTrip implements http.RoundTripper.
func (c *guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	if c.g != nil {
		if _, err := c.g.parse(r.URL.String()); err != nil {
			if r.Body != nil {
				_ = r.Body.Close() // the contract of RoundTripper
			}
			return nil, err
		}
	}
	res, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	res.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(res.Body, c.most), res.Body}
	return res, nil
}

// CloseIdleConnections is what http.Client.CloseIdleConnections calls.
func (c *guarded) CloseIdleConnections() { c.next.CloseIdleConnections() }

// dial resolves addr once, judges it, and dials what was judged.
func (g *Guard) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	host, portText, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("dial: %w", err)
	}
	t := target{host: strings.ToLower(strings.TrimSuffix(host, ".")), port: uint16(port)}
	if a, err := netip.ParseAddr(host); err == nil {
		t.addr = a
	}
	list, err := g.addresses(ctx, t)
	if err != nil {
		return nil, err
	}
	open := g.allowsHost(t.host, t.port)
	d := &net.Dialer{Timeout: Timeout, Control: func(_, address string, _ syscall.RawConn) error {
		return g.control(address, open)
	}}
	for _, a := range list {
		var conn net.Conn
		if conn, err = d.DialContext(ctx, network, netip.AddrPortFrom(a, t.port).String()); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// control is the last look, at the address the kernel is about to be given.
func (g *Guard) control(address string, open bool) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return inside()
	}
	if open || g.allowsAddr(ap.Addr(), ap.Port()) || public(ap.Addr()) {
		return nil
	}
	return inside()
}
