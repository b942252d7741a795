package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"zvonar/internal/calls"
)

// maxURL is the longest URL that is looked at, in bytes.
const maxURL = 2048

// Resolver turns a name into addresses; *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Config says what is excepted and who resolves.
type Config struct {
	Allow    []string // egress.allow of the configuration
	Resolver Resolver // nil: the system's
}

// Guard judges addresses. Make one with New.
type Guard struct {
	allow    []exception
	resolver Resolver
}

// New makes a guard; an error names the entry of Allow that is at fault.
func New(cfg Config) (*Guard, error) {
	g := &Guard{resolver: cfg.Resolver}
	if g.resolver == nil {
		g.resolver = net.DefaultResolver
	}
	for _, s := range cfg.Allow {
		e, err := parseException(s)
		if err != nil {
			return nil, err
		}
		g.allow = append(g.allow, e)
	}
	return g, nil
}

// Check judges a URL that arrived by API. The error is a *calls.Error with code
// forbidden-url and words that give away nothing of what a name resolved to. A
// name that cannot be resolved now passes: it is judged again when it is dialled.
func (g *Guard) Check(ctx context.Context, rawURL string) error {
	t, err := g.parse(rawURL)
	if err != nil {
		return err
	}
	_, err = g.addresses(ctx, t)
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return nil
	}
	return err
}

// target is where a URL points.
type target struct {
	host string     // lower case, without a trailing dot
	addr netip.Addr // valid if host is a literal address
	port uint16
}

// parse reads a URL and refuses every form that the guard does not understand
// to the last byte: what is read in two ways is how guards are passed.
func (g *Guard) parse(rawURL string) (target, error) {
	if len(rawURL) > maxURL {
		return target{}, refuse("the URL is longer than %d bytes", maxURL)
	}
	for _, c := range []byte(rawURL) {
		if c <= ' ' || c >= 0x7f || c == '\\' {
			return target{}, refuse("the URL has a space, a backslash, a control or a non-ASCII character; write those percent-encoded, and the host as ASCII")
		}
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		return target{}, refuse("the URL cannot be read")
	}
	return g.parseURL(u)
}

func (g *Guard) parseURL(u *url.URL) (target, error) {
	if u.Scheme != "https" && u.Scheme != "http" {
		return target{}, refuse("the URL must start with https:// or http://")
	}
	if u.User != nil {
		return target{}, refuse("the URL must not carry a user name or a password")
	}
	if u.Opaque != "" || u.Host == "" {
		return target{}, refuse("the URL names no host")
	}
	if u.Fragment != "" {
		return target{}, refuse("the URL must not have a fragment (#…)")
	}
	t := target{host: strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")), port: 80}
	if u.Scheme == "https" {
		t.port = 443
	}
	if strings.HasSuffix(u.Host, ":") {
		return target{}, refuse("the URL has a colon without a port")
	}
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return target{}, refuse("the port must be between 1 and 65535")
		}
		t.port = uint16(n)
	}
	return t, t.readHost(strings.HasPrefix(u.Host, "["))
}

// readHost decides whether the host is an address or a name, and accepts one
// spelling of each.
func (t *target) readHost(bracketed bool) error {
	a, err := netip.ParseAddr(t.host)
	switch {
	case err == nil && a.Zone() != "":
		return refuse("the address must not have a zone")
	case err == nil && (a.Is4() != bracketed):
		t.addr = a
		return nil
	case err == nil || bracketed:
		return refuse("the address cannot be read")
	case !validName(t.host):
		return refuse("the host name cannot be read; write it in ASCII letters, digits, dots and hyphens")
	case numericName(t.host):
		return refuse("an IPv4 address is written as four decimal numbers")
	}
	return nil
}

// localNames are names that mean this machine or this network whatever a
// resolver says.
var localNames = []string{"localhost", "localdomain", "local", "internal", "intranet", "lan", "home.arpa", "onion"}

func isLocal(host string) bool {
	return slices.ContainsFunc(localNames, func(n string) bool { return host == n || strings.HasSuffix(host, "."+n) })
}

// addresses resolves t once and judges every address it has: one that is inside
// condemns the name. They come back in the resolver's order.
func (g *Guard) addresses(ctx context.Context, t target) ([]netip.Addr, error) {
	list, local, open := []netip.Addr{t.addr}, false, g.allowsHost(t.host, t.port)
	if !t.addr.IsValid() {
		var err error
		local = !open && isLocal(t.host)
		if list, err = g.resolve(ctx, t.host); err != nil {
			if local {
				return nil, inside()
			}
			return nil, err
		}
	}
	for _, a := range list {
		if !open && !g.allowsAddr(a, t.port) && (local || !public(a)) {
			return nil, inside()
		}
	}
	return list, nil
}

func (g *Guard) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	list, err := g.resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("resolve %s: %w", host, err)
	}
	if len(list) == 0 {
		return nil, &net.DNSError{Err: "no addresses", Name: host, IsNotFound: true}
	}
	out := make([]netip.Addr, len(list))
	for i, a := range list {
		out[i] = a.Unmap() // resolvers hand out IPv4 in either form
	}
	return out, nil
}

// inside is one sentence for every reason why an address is not public, so that
// nobody can map a network by asking.
func inside() *calls.Error {
	return refuse("the URL does not lead to the public internet; the operator can allow the host under egress.allow")
}

func refuse(format string, args ...any) *calls.Error {
	return calls.Errorf(calls.CodeForbiddenURL, format, args...)
}
