package sip

import (
	"net/netip"
	"sync"

	"zvonar/sip/edge"
	"zvonar/sip/trunk"
)

// The reasons of zvonar_sip_dropped_total besides those of the edge.
const (
	dropConnect = "foreign_connect"
	dropMailbox = "mailbox_full"
)

// host is the user agent as the edge sees it.
type host struct{ *UA }

// Source implements edge.Host.
func (h host) Source(from netip.AddrPort) (edge.Kind, string) {
	if h.closed.Load() {
		return edge.Stranger, ""
	}
	if t, ok := h.trunkAt(from); ok {
		return edge.Trunk, t.Name
	}
	if h.peers.has(from.Addr()) {
		return edge.FarEnd, ""
	}
	if h.asks(from.Addr()) {
		return edge.Guest, ""
	}
	return edge.Stranger, ""
}

// Asks implements edge.Host.
func (h host) Asks(from netip.Addr) bool { return h.asks(from) }

// Challenge implements edge.Host.
func (h host) Challenge() string { return h.challenge() }

// Serving implements edge.Host.
func (h host) Serving() bool { return h.takes() }

// Dialog implements edge.Host.
func (h host) Dialog(callID, localTag string) bool { return h.find(callID, localTag) != nil }

// Transaction implements edge.Host.
func (h host) Transaction(key string) bool { return h.load.alive(key) }

// Silent implements edge.Host.
func (h host) Silent(key string) bool { return h.load.silent(key) }

// Acknowledged implements edge.Host.
func (h host) Acknowledged(key string) bool {
	tx, alive := h.load.heed(key)
	if tx != nil {
		h.work.Start(func() { h.drainAcks(tx) })
	}
	return alive
}

// Answered implements edge.Host.
func (h host) Answered(key string) []byte {
	text, _ := h.load.answers.get(key)
	return text
}

// Cancel implements edge.Host.
func (h host) Cancel(branch string, from netip.AddrPort, stream bool) (known, may bool) {
	return h.ringing.mayCancel(branch, from.Addr(), func(source netip.Addr) bool {
		return stream && sameTrunk(h.cfg.Trunks, source, from.Addr())
	})
}

// Busy implements edge.Host.
func (h host) Busy(trunk string) string { return h.load.busy(trunk) }

// welcome reports whether signalling from addr is heard: trunks, and the
// addresses that trunks named as the far end of dialogs that are not over.
func (ua *UA) welcome(addr netip.Addr) bool {
	if _, ok := ua.cfg.Trunks.Match(addr); ok {
		return true
	}
	return ua.peers.has(addr)
}

// ringingCalls are the inbound INVITEs without a final response, by branch.
// sipgo ends them on any CANCEL whose branch fits, from whatever address, before
// our code hears of it: so the edge asks before it lets a CANCEL through.
type ringingCalls struct {
	mu      sync.Mutex
	m       map[string]*ringingCall
	byTrunk map[string]int
}

type ringingCall struct {
	source  netip.Addr
	trunk   string
	crossed func() // instead of the first CANCEL; nil: let it through
}

func newRinging() *ringingCalls {
	return &ringingCalls{m: map[string]*ringingCall{}, byTrunk: map[string]int{}}
}

func (r *ringingCalls) add(branch string, source netip.Addr, trunk string) {
	r.remove(branch)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.m[branch] = &ringingCall{source: source, trunk: trunk}
	r.byTrunk[trunk]++
}

func (r *ringingCalls) remove(branch string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.m[branch]
	if c == nil {
		return
	}
	delete(r.m, branch)
	if r.byTrunk[c.trunk]--; r.byTrunk[c.trunk] <= 0 {
		delete(r.byTrunk, c.trunk)
	}
}

// count is how many there are, of a trunk and of all.
func (r *ringingCalls) count(trunk string) (ofTrunk, all int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.byTrunk[trunk], len(r.m)
}

// cross has f called instead of letting the first CANCEL for branch through.
func (r *ringingCalls) cross(branch string, f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.m[branch]; c != nil {
		c.crossed = f
	}
}

// mayCancel reports whether an INVITE with that branch waits, and whether a CANCEL
// from there may reach it: one from the address that the INVITE came from, or one
// that related speaks for.
func (r *ringingCalls) mayCancel(branch string, from netip.Addr, related func(source netip.Addr) bool) (known, may bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.m[branch]
	switch {
	case c == nil:
		return false, false
	case c.source != from && !related(c.source):
		return true, false
	case c.crossed != nil:
		c.crossed()
		c.crossed = nil
		return true, false
	}
	return true, true
}

// sameTrunk reports whether both addresses are of one trunk. Over a connection,
// which nobody can pretend to have, a trunk may speak from any of its own.
func sameTrunk(trunks *trunk.Set, a, b netip.Addr) bool {
	t, ok := trunks.Match(a)
	u, also := trunks.Match(b)
	return ok && also && t == u
}

// peerSet counts the addresses of live dialogs.
type peerSet struct {
	mu sync.RWMutex
	m  map[netip.Addr]int
}

func newPeers() *peerSet { return &peerSet{m: map[netip.Addr]int{}} }

func (p *peerSet) has(a netip.Addr) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.m[a] > 0
}

func (p *peerSet) add(a netip.Addr, n int) {
	if !a.IsValid() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.m[a] += n; p.m[a] <= 0 {
		delete(p.m, a)
	}
}
