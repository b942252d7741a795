package sip

import (
	"bytes"
	"net"
	"net/netip"
	"sync"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
)

// maxDatagram bounds a SIP message over UDP, in and out.
const maxDatagram = 8 << 10

// maxFirstLine bounds the request or status line.
const maxFirstLine = 1 << 10

// The reasons of zvonar_sip_dropped_total.
const (
	dropSource     = "unknown_source"
	dropSize       = "too_large"
	dropNotSIP     = "not_sip"
	dropCancel     = "foreign_cancel"
	dropConnect    = "foreign_connect"
	dropConnection = "too_many_connections"
	dropMailbox    = "mailbox_full"
)

// filter looks at every chunk of bytes before sipgo's parser does. It returns
// nothing to drop silently; it never returns an error, because that would end
// the listener for good (sipgo v1.7.2). A source that is not a trunk must not
// get further: sipgo remembers every source it parses for, for ever.
func (ua *UA) filter(info sipmsg.TransportReadProps, data []byte) (kept []byte, _ error) {
	defer func() {
		if v := recover(); v != nil {
			ua.panicked(v)
			kept = nil
		}
	}()
	if ua.closed.Load() {
		return nil, nil
	}
	from := addrPort(info.RemoteAddr)
	if !ua.welcome(from.Addr()) {
		ua.m.drop(dropSource)
		return nil, nil
	}
	if info.Transport != "UDP" {
		// A stream has no message boundaries here: its source was checked at
		// accept, and the parser bounds each message.
		return data, nil
	}
	if len(data) > maxDatagram {
		ua.m.drop(dropSize)
		return nil, nil
	}
	if keepAlive(data) {
		return nil, nil
	}
	if !looksLikeSIP(data) {
		ua.m.drop(dropNotSIP)
		return nil, nil
	}
	if isCancel(data) && !ua.ringing.mayCancel(data, from.Addr()) {
		ua.m.drop(dropCancel)
		return nil, nil
	}
	return data, nil
}

// welcome reports whether signalling from addr is heard: trunks, and the
// addresses that trunks named as the far end of dialogs that are not over.
func (ua *UA) welcome(addr netip.Addr) bool {
	if _, ok := ua.cfg.Trunks.Match(addr); ok {
		return true
	}
	return ua.peers.has(addr)
}

// keepAlive is a datagram of line ends or NULs (RFC 5626 3.5.1).
func keepAlive(data []byte) bool {
	return len(data) <= 4 && len(bytes.Trim(data, "\r\n\x00")) == 0
}

// looksLikeSIP checks the first line: "METHOD uri SIP/x.y" or "SIP/x.y code …".
// The version is judged later, so that it can be answered with 505.
func looksLikeSIP(data []byte) bool {
	line, _, found := bytes.Cut(data, []byte("\r\n"))
	if !found || len(line) > maxFirstLine {
		return false
	}
	if bytes.HasPrefix(line, []byte("SIP/")) {
		f := bytes.Fields(line)
		return len(f) >= 2 && len(f[1]) == 3 && digits(f[1])
	}
	f := bytes.Split(line, []byte(" "))
	if len(f) != 3 || len(f[0]) == 0 || len(f[0]) > 32 || len(f[1]) == 0 {
		return false
	}
	for _, c := range f[0] {
		if (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') && !bytes.ContainsRune([]byte("-.!%*_+`'~"), rune(c)) {
			return false
		}
	}
	return bytes.HasPrefix(f[2], []byte("SIP/")) && calls.Printable(string(line))
}

// isCancel reports whether a request that looks like SIP is a CANCEL, as sipgo
// sees it: it takes methods in any case, against RFC 3261 7.1.
func isCancel(data []byte) bool {
	method, _, _ := bytes.Cut(data, []byte(" "))
	return bytes.EqualFold(method, []byte("CANCEL"))
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// addrPort reads the address of a packet or connection.
func addrPort(a net.Addr) netip.AddrPort {
	switch a := a.(type) {
	case *net.UDPAddr:
		ap := a.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	case *net.TCPAddr:
		ap := a.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}

// ringingCalls are the inbound INVITEs without a final response, by branch.
// sipgo ends them on any CANCEL whose branch fits, from whatever address, before
// our code hears of it: so a CANCEL is looked at before it is parsed.
type ringingCalls struct {
	mu sync.Mutex
	m  map[string]*ringingCall
}

type ringingCall struct {
	source  netip.Addr
	crossed func() // instead of the first CANCEL; nil: let it through
}

func newRinging() *ringingCalls { return &ringingCalls{m: map[string]*ringingCall{}} }

func (r *ringingCalls) add(branch string, source netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.m[branch] = &ringingCall{source: source}
}

func (r *ringingCalls) remove(branch string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.m, branch)
}

// cross has f called instead of letting the first CANCEL for branch through.
func (r *ringingCalls) cross(branch string, f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.m[branch]; c != nil {
		c.crossed = f
	}
}

// mayCancel reports whether the CANCEL in data may reach the transactions.
func (r *ringingCalls) mayCancel(data []byte, from netip.Addr) bool {
	msg, err := sipmsg.ParseMessage(data)
	if err != nil {
		return false
	}
	via := msg.Via()
	if via == nil {
		return false
	}
	branch, _ := via.Params.Get("branch")
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.m[branch]
	switch {
	case c == nil:
		return true // gets 481, or the 200 of a call that is decided
	case c.source != from:
		return false
	case c.crossed != nil:
		c.crossed()
		c.crossed = nil
		return false
	}
	return true
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
