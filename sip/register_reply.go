package sip

import (
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/clock"
	"zvonar/sip/trunk"
)

// seenAs is where the answerer of a request of ours saw it come from; ok is false
// where it saw us as we are, or does not say.
func seenAs(via *sipmsg.ViaHeader) (netip.AddrPort, bool) {
	if via == nil {
		return netip.AddrPort{}, false
	}
	host, port := strings.Trim(via.Host, "[]"), via.Port
	if received, ok := via.Params.Get("received"); ok && received != "" {
		host = strings.Trim(received, "[]")
	}
	if rport, ok := via.Params.Get("rport"); ok && rport != "" {
		if n, err := strconv.ParseUint(rport, 10, 16); err == nil && n > 0 {
			port = int(n)
		}
	}
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.IsUnspecified() || addr.IsMulticast() {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(port)), true
}

// grantedTo is how long the registrar keeps our contact: what it says of it, else
// of all, else what we asked for (RFC 3261 10.2.4).
func grantedTo(res *sipmsg.Response, contact string, asked time.Duration) time.Duration {
	ours, ok := addressURI(contact)
	listed := false
	for _, value := range contactValues(res) {
		uri, has := addressURI(value)
		if !ok || !has {
			continue
		}
		listed = true
		if !sameContact(uri, ours) {
			continue
		}
		_, params, _ := strings.Cut(value, ">")
		for p := range strings.SplitSeq(params, ";") {
			name, v, _ := strings.Cut(strings.TrimSpace(p), "=")
			if n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 32); err == nil && strings.EqualFold(name, "expires") {
				return time.Duration(n) * time.Second
			}
		}
		listed = false
		break
	}
	if listed && !ok {
		return 0
	}
	if n, err := strconv.ParseInt(strings.TrimSpace(header(res, "expires")), 10, 32); err == nil {
		return time.Duration(n) * time.Second
	}
	return asked
}

// sameContact compares what tells contacts apart (RFC 3261 19.1.4, as far as our
// own need it).
func sameContact(a, b sipmsg.Uri) bool {
	return a.User == b.User && strings.EqualFold(a.Host, b.Host) && portOr(a.Port) == portOr(b.Port)
}

func portOr(p int) int {
	if p == 0 {
		return 5060
	}
	return p
}

// serviceRoute is the Service-Route of a 2xx (RFC 3608), as values of Route. Its
// addresses may send to us from then on: the registrar vouches for them.
func serviceRoute(ua *UA, t *trunk.Trunk, res *sipmsg.Response) []string {
	var list []string
	for _, h := range res.GetHeaders("Service-Route") {
		for _, value := range splitOutsideQuotes(h.Value(), ',') {
			value = strings.TrimSpace(value)
			uri, ok := addressURI(value)
			if !ok || len(list) == maxRoutes {
				continue
			}
			if addr, err := netip.ParseAddr(strings.Trim(uri.Host, "[]")); err == nil {
				t.Learn([]netip.Addr{addr.Unmap()})
			}
			list = append(list, value)
		}
	}
	return list
}

// retryAfterOf is the Retry-After of a response in seconds, 0 where there is none.
func retryAfterOf(res *sipmsg.Response) time.Duration {
	value := header(res, "retry-after")
	end := strings.IndexFunc(value, func(c rune) bool { return c < '0' || c > '9' })
	if end < 0 {
		end = len(value)
	}
	n, err := strconv.ParseUint(value[:end], 10, 32)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

// pacer spaces what goes to one host, so that a hundred trunks which lost their
// registrar together do not fall upon it together.
type pacer struct {
	clock clock.Clock
	mu    sync.Mutex
	next  map[string]time.Time
}

// registerGap is the least time between two REGISTERs to one registrar.
const registerGap = 40 * time.Millisecond

// wait takes the next free moment and says how far off it is.
func (p *pacer) wait(host string) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	at := p.next[host]
	if at.Before(now) {
		at = now
	}
	p.next[host] = at.Add(registerGap)
	return at.Sub(now)
}
