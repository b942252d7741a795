package sip

import (
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/media"
	"zvonar/sip/edge"
	"zvonar/sip/registrar"
	"zvonar/sip/resolve"
	"zvonar/sip/trunk"
)

// Config of a user agent.
type Config struct {
	Listen    []string      // "udp://127.0.0.1:5060", "tcp://…", "tls://…"
	TLS       edge.TLSFiles // of the tls listeners; shown to TLS trunks that ask, too
	Advertise netip.Addr    // address for Via, Contact; zero: the listener's
	UserAgent string
	Trunks    *trunk.Set
	Media     *media.Engine
	Clock     clock.Clock
	IDs       *clock.IDs
	Log       *slog.Logger
	Metrics   prometheus.Registerer // nil: none
	// MediaTimeout reports an answered leg whose audio stops, NoMediaTimeout one
	// whose audio never comes; 0: 30 s, less: never. HoldTimeout reports one that is
	// held by its far end for so long; 0: never.
	MediaTimeout   time.Duration
	NoMediaTimeout time.Duration
	HoldTimeout    time.Duration
	// Admits says why no call from outside may begin now: it gets 503. nil: all may.
	Admits func() error
	// Random gives numbers in [0, 1), for the waits that keep two sides from
	// trying at the same time again; nil: math/rand. Any goroutine calls it.
	Random func() float64
	// Ears makes what listens to the sound that comes before the answer of a call that
	// we dialled; what it hears goes to report, from any goroutine, and becomes a
	// LegHeard while nobody has answered. nil, here or returned: nobody listens.
	Ears func(req calls.DialRequest, report func(calls.Heard)) media.Analyser
	// TrunkUsable is told whether calls may be dialled over a trunk, when that
	// changes. It must not block; nil: nobody is.
	TrunkUsable func(name string, usable bool)
	// TrunkChanged is told when a trunk goes down, or up again. It must not block;
	// nil: nobody is.
	TrunkChanged func(name string, now trunk.Status)
	// Registrar knows who may register with us, or call with a password; nil: nobody.
	Registrar *registrar.Registrar
	// DSCP marks what is sent (RFC 2474), 0 to 63.
	DSCP int
	// Tap is shown every message that crosses the edge; nil: nobody looks.
	Tap edge.Tap
	// Names resolves the hosts of trunks; nil: by the name servers of the system.
	Names *resolve.Resolver
	// Resolver finds the addresses of hosts that messages name; nil: the system's.
	Resolver *net.Resolver
}

func (c *Config) resolver() *net.Resolver {
	if c.Resolver == nil {
		return net.DefaultResolver
	}
	return c.Resolver
}

// The limits of a user agent.
const (
	defaultMediaTimeout = 30 * time.Second
	// maxRing ends a call that rings without a time-out of its own, and an
	// inbound one that nobody decides on.
	maxRing = 180 * time.Second
	// maxLegs bounds the legs that live at once; above it calls get 503.
	maxLegs = 20000
	// byePatience is how long a leg waits for the answer to its BYE before it
	// ends; the transaction goes on repeating the BYE without it.
	byePatience = 4 * time.Second
	// closePatience is how long a leg waits for the last word of its media.
	closePatience = 2 * time.Second
	// sendPatience bounds name resolution and connecting for one request.
	sendPatience = 5 * time.Second
)

// patience is how long a leg's dead air may last.
func (c *Config) patience() media.Patience {
	return media.Patience{Never: c.NoMediaTimeout, Lost: c.MediaTimeout, Held: c.HoldTimeout}
}

// endpoint is one configured listener.
type endpoint struct {
	network string // "udp", "tcp", "tls"
	addr    netip.AddrPort
}

// complete checks the configuration and fills in the defaults.
func (c *Config) complete() ([]endpoint, error) {
	if c.Trunks == nil || c.Media == nil {
		return nil, calls.Errorf(calls.CodeInternal, "a user agent needs trunks and a media engine")
	}
	for _, t := range c.Trunks.All() {
		for name := range t.Headers {
			if err := CheckHeader(name); err != nil {
				return nil, calls.Errorf(calls.CodeInvalidField, "trunk %s: headers: %v", t.Name, err)
			}
		}
	}
	if !calls.Printable(c.UserAgent) {
		return nil, calls.Errorf(calls.CodeInvalidField, "the user agent's name must not contain control characters")
	}
	if c.UserAgent == "" {
		c.UserAgent = "zvonar"
	}
	if c.Clock == nil {
		c.Clock = clock.System()
	}
	if c.IDs == nil {
		c.IDs = clock.NewIDs(c.Clock, nil)
	}
	if c.Admits == nil {
		c.Admits = func() error { return nil }
	}
	if c.Random == nil {
		c.Random = rand.Float64
	}
	if c.Names == nil {
		c.Names = resolve.New(resolve.Config{Clock: c.Clock, Random: c.Random})
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	for _, t := range []*time.Duration{&c.MediaTimeout, &c.NoMediaTimeout} {
		if *t == 0 {
			*t = defaultMediaTimeout
		}
	}
	if len(c.Listen) == 0 {
		return nil, calls.Errorf(calls.CodeInvalidField, "sip.listen is empty; write at least udp://ADDRESS:5060")
	}
	var list []endpoint
	for _, s := range c.Listen {
		e, err := parseListen(s, c.Advertise)
		if err != nil {
			return nil, err
		}
		if e.network == "tls" && c.TLS.Cert == "" {
			return nil, calls.Errorf(calls.CodeInvalidField, "sip.listen: %q needs a certificate; set sip.tls.cert and sip.tls.key", s)
		}
		list = append(list, e)
	}
	return list, nil
}

// parseListen reads "udp://192.0.2.1:5060". All addresses (0.0.0.0) need an
// advertised one: peers must be told where to answer.
func parseListen(s string, advertise netip.Addr) (endpoint, error) {
	u, err := url.Parse(s)
	if err == nil && (u.Scheme == "ws" || u.Scheme == "wss") {
		return endpoint{}, calls.Errorf(calls.CodeInvalidField, "sip.listen: %q: SIP over WebSocket is not available in this version; use udp, tcp or tls", s)
	}
	if err != nil || !slices.Contains([]string{"udp", "tcp", "tls"}, u.Scheme) || u.Path != "" {
		return endpoint{}, calls.Errorf(calls.CodeInvalidField, "sip.listen: %q is not like udp://192.0.2.1:5060, tcp://192.0.2.1:5060 or tls://192.0.2.1:5061", s)
	}
	host, port, err := net.SplitHostPort(u.Host)
	if err != nil {
		return endpoint{}, calls.Errorf(calls.CodeInvalidField, "sip.listen: %q lacks a port", s)
	}
	addr, err := netip.ParseAddrPort(net.JoinHostPort(host, port))
	if err != nil {
		return endpoint{}, calls.Errorf(calls.CodeInvalidField, "sip.listen: %q needs an IP address and a port", s)
	}
	if addr.Addr().IsUnspecified() && !advertise.IsValid() {
		return endpoint{}, calls.Errorf(calls.CodeInvalidField,
			"sip.listen: %q means every address; name one of them, or set sip.advertise to the one that peers reach", s)
	}
	return endpoint{network: u.Scheme, addr: netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())}, nil
}
