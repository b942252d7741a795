package resolve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"

	"golang.org/x/net/dns/dnsmessage"

	"zvonar/internal/clock"
)

// Config of a resolver.
type Config struct {
	Servers []netip.AddrPort // empty: those of /etc/resolv.conf, read anew for each question
	Clock   clock.Clock
	Random  func() float64 // in [0, 1); nil: math/rand
}

// Resolver finds targets. Safe for concurrent use.
type Resolver struct {
	cache  *cache
	random func() float64
}

// New makes a resolver.
func New(c Config) *Resolver {
	asks := &client{hosts: "/etc/hosts", servers: func() []netip.AddrPort { return servers("/etc/resolv.conf") }}
	if len(c.Servers) > 0 {
		asks.servers = func() []netip.AddrPort { return c.Servers }
	}
	if c.Random == nil {
		c.Random = rand.Float64
	}
	return &Resolver{cache: newCache(c.Clock, asks.ask), random: c.Random}
}

// Query is a SIP URI as far as it says where to.
type Query struct {
	Host      string     // a name without a final dot; not looked at where Addr is valid
	Addr      netip.Addr // where the URI has an address
	Port      uint16     // 0: not given
	Transport string     // "udp", "tcp", "tls"; "": not given
	Secure    bool       // sips
}

// Target is one place to send to.
type Target struct {
	Addr      netip.AddrPort
	Transport string // "udp", "tcp", "tls"
}

// String is the target as logs and people read it.
func (t Target) String() string {
	if t.Transport == "udp" {
		return t.Addr.String()
	}
	return t.Transport + ":" + t.Addr.String()
}

// maxTargets bounds what one name leads to.
const maxTargets = 32

// service is a way to reach a SIP server.
type service struct {
	transport, prefix, naptr string
	port                     uint16
}

// services in order of preference where the DNS has none (RFC 3263 4.1, 4.2).
var services = []service{
	{"udp", "_sip._udp.", "SIP+D2U", 5060},
	{"tcp", "_sip._tcp.", "SIP+D2T", 5060},
	{"tls", "_sips._tcp.", "SIPS+D2T", 5061},
}

func serviceOf(transport string) service {
	for _, s := range services {
		if s.transport == transport {
			return s
		}
	}
	return services[0]
}

// Targets lists where a request may go, in the order to try: by NAPTR, by the
// priority of SRV, by chance within a priority as their weights say.
func (r *Resolver) Targets(ctx context.Context, q Query) ([]Target, error) {
	if q.Secure {
		q.Transport = "tls"
	}
	s := serviceOf(q.Transport)
	port := q.Port
	if port == 0 {
		port = s.port
	}
	if q.Addr.IsValid() {
		return []Target{{netip.AddrPortFrom(q.Addr, port), s.transport}}, nil
	}
	r.foresee(ctx, q)
	var found []Target
	var err error
	switch {
	case q.Port != 0:
	case q.Transport != "":
		found, err = r.bySRV(ctx, s.prefix+q.Host, s.transport)
	default:
		found, err = r.byName(ctx, q.Host)
	}
	if errors.Is(err, errNone) {
		return nil, fmt.Errorf("%s offers no SIP: its SRV record says so", q.Host)
	}
	if len(found) > 0 {
		return found, nil
	}
	addrs, err := r.addresses(ctx, q.Host)
	for _, a := range addrs {
		found = append(found, Target{netip.AddrPortFrom(a, port), s.transport})
	}
	if len(found) == 0 {
		return nil, cmp.Or(err, fmt.Errorf("%s has no address", q.Host))
	}
	return found, nil
}

// foresee asks at once what may be needed one after another: a name server that
// is slow is waited for once.
func (r *Resolver) foresee(ctx context.Context, q Query) {
	asks := []key{{q.Host, dnsmessage.TypeA}, {q.Host, dnsmessage.TypeAAAA}}
	if q.Port == 0 {
		for _, s := range services {
			if q.Transport == s.transport || q.Transport == "" && s.transport != "tls" {
				asks = append(asks, key{s.prefix + q.Host, dnsmessage.TypeSRV})
			}
		}
		if q.Transport == "" {
			asks = append(asks, key{q.Host, typeNAPTR})
		}
	}
	r.together(ctx, asks)
}

func (r *Resolver) together(ctx context.Context, asks []key) {
	var wg sync.WaitGroup
	for _, k := range asks {
		wg.Go(func() { _, _ = r.cache.get(ctx, k.name, k.typ) })
	}
	wg.Wait()
}

// errNone is a SRV record that says there is nothing.
var errNone = errors.New("no such service")

// byName goes by NAPTR, or without one by the SRV records of each transport.
func (r *Resolver) byName(ctx context.Context, host string) ([]Target, error) {
	a, err := r.cache.get(ctx, host, typeNAPTR)
	if err == nil && len(a.NAPTR) > 0 {
		if found := r.byNAPTR(ctx, a.NAPTR); len(found) > 0 {
			return found, nil
		}
	}
	for _, s := range services[:2] {
		found, err := r.bySRV(ctx, s.prefix+host, s.transport)
		if err != nil && !errors.Is(err, errNone) || len(found) > 0 {
			return found, err
		}
	}
	return nil, nil
}

// byNAPTR follows the records that lead to SRV records of a transport of ours.
func (r *Resolver) byNAPTR(ctx context.Context, list []NAPTR) (found []Target) {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b NAPTR) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Preference, b.Preference))
	})
	for _, n := range list {
		for _, s := range services {
			if n.Flags == "s" && n.Service == s.naptr && n.Replacement != "" && len(found) < maxTargets {
				more, _ := r.bySRV(ctx, n.Replacement, s.transport)
				found = append(found, more...)
			}
		}
	}
	return found
}

// bySRV follows SRV records; none at all is no error.
func (r *Resolver) bySRV(ctx context.Context, name, transport string) ([]Target, error) {
	a, err := r.cache.get(ctx, name, dnsmessage.TypeSRV)
	if err != nil || len(a.SRV) == 0 {
		return nil, err
	}
	if len(a.SRV) == 1 && a.SRV[0].Target == "" {
		return nil, errNone
	}
	ordered := order(a.SRV, r.random)
	var asks []key
	for _, s := range ordered {
		asks = append(asks, key{s.Target, dnsmessage.TypeA}, key{s.Target, dnsmessage.TypeAAAA})
	}
	r.together(ctx, asks)
	var found []Target
	for _, s := range ordered {
		addrs, _ := r.addresses(ctx, s.Target)
		for _, addr := range addrs {
			if t := (Target{netip.AddrPortFrom(addr, s.Port), transport}); !slices.Contains(found, t) && len(found) < maxTargets {
				found = append(found, t)
			}
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("the hosts that %s names have no address", name)
	}
	return found, nil
}

// order sorts by priority, and within one by chance as the weights say (RFC 2782).
func order(list []SRV, random func() float64) []SRV {
	list = slices.DeleteFunc(slices.Clone(list), func(s SRV) bool { return s.Target == "" || s.Port == 0 })
	// Those without weight first, so that they keep their small chance.
	slices.SortStableFunc(list, func(a, b SRV) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(min(a.Weight, 1), min(b.Weight, 1)))
	})
	for i := range list {
		total, end := 0, i
		for end < len(list) && list[end].Priority == list[i].Priority {
			total += int(list[end].Weight)
			end++
		}
		mark, sum := int(random()*float64(total+1)), 0
		for j := i; j < end; j++ {
			if sum += int(list[j].Weight); sum >= mark {
				chosen := list[j]
				copy(list[i+1:j+1], list[i:j])
				list[i] = chosen
				break
			}
		}
	}
	return list
}

// addresses of a host, IPv4 before IPv6. An error counts only where both questions
// have no answer.
func (r *Resolver) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	v4, err4 := r.cache.get(ctx, host, dnsmessage.TypeA)
	v6, err6 := r.cache.get(ctx, host, dnsmessage.TypeAAAA)
	list := slices.Concat(v4.Addrs, v6.Addrs)
	if len(list) > 0 {
		return list, nil
	}
	return nil, cmp.Or(err4, err6)
}
