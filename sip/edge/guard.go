package edge

import (
	"hash/maphash"
	"net/netip"
	"runtime/debug"
	"sync/atomic"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/clock"
)

// Kind is who a source is.
type Kind int

// The kinds of sources.
const (
	Stranger Kind = iota // not heard
	FarEnd               // the far end of a dialog that lives
	Trunk
	Guest // nobody we know; he may prove himself by a password
)

// Host is the user agent behind the edge. Its methods are called from the
// goroutines that read; they must be quick and safe for concurrent use.
type Host interface {
	// Source says who is at addr, and the trunk's name if it is one.
	Source(addr netip.AddrPort) (Kind, string)
	// Serving reports whether new calls are taken.
	Serving() bool
	// Dialog reports whether the dialog with that local tag lives.
	Dialog(callID, localTag string) bool
	// Transaction reports whether a server transaction with that Key lives.
	Transaction(key string) bool
	// Silent reports whether that transaction has not answered anything yet.
	Silent(key string) bool
	// Acknowledged is Transaction for an ACK that comes.
	Acknowledged(key string) bool
	// Answered is what was answered lately to a request whose transaction is over,
	// nil if nothing was.
	Answered(key string) []byte
	// Cancel reports whether a CANCEL for an INVITE with that branch may go on;
	// stream tells one over a connection; known is false where no such INVITE waits
	// for its final response.
	Cancel(branch string, from netip.AddrPort, stream bool) (known, may bool)
	// Asks reports whether REGISTER, and calls of nobody we know, are answered by
	// asking for a password; Challenge is the header lines that ask.
	Asks(from netip.Addr) bool
	Challenge() string
	// Busy says why no further call of a trunk can be taken, "" if one can.
	Busy(trunk string) string
}

// Counters are told what happens at the edge.
type Counters interface {
	// Drop counts what was dropped without a reply.
	Drop(why string)
	// Answer counts a request that was answered without a transaction.
	Answer(method string, code int)
	// Malformed counts a message of a trunk that cannot be read; trunk is "" for
	// the far end of a call.
	Malformed(trunk string)
	// Refuse counts an INVITE that was refused with 503, by why.
	Refuse(why string)
	// Large counts a UDP message beyond 1300 bytes that we sent.
	Large()
	// Connections counts connections that came, or with -1 one that ended.
	Connections(more int)
	// Panic is told a panic that was caught.
	Panic(v any, stack []byte)
}

// Tap is shown every message of a known source and every one that is sent, as
// they cross the edge. It is called by the goroutine that reads or sends: it must
// be quick, and must neither keep nor change data.
type Tap interface {
	Seen(sent bool, network string, local, remote netip.AddrPort, data []byte)
}

// The reasons of Counters.Drop.
const (
	DropSource     = "unknown_source"
	DropSize       = "too_large"
	DropNotSIP     = "not_sip"
	DropMalformed  = "malformed"
	DropRate       = "rate"
	DropCancel     = "foreign_cancel"
	DropAck        = "stray_ack"
	DropConnection = "too_many_connections"
	DropSlow       = "slow_message"
	DropIdle       = "idle_connection"
	DropDeaf       = "peer_does_not_read"
	DropHandshake  = "tls_handshake"
)

// allow is the Allow header of what the edge answers.
const allow = "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE, PRACK, REFER, NOTIFY\r\n"

// retryAfter is what a refused peer is asked to wait.
const retryAfter = "Retry-After: 10\r\n"

// Guard judges every message, in this order: source, size, first line, rate,
// rules, load. It is safe for concurrent use.
type Guard struct {
	host    Host
	count   Counters
	clock   clock.Clock
	seed    maphash.Seed
	periods periods

	limits limiter
	acks   repeats
	passed passed
	probe  atomic.Pointer[probe]
	tap    Tap // nil: nobody looks
	dscp   int // of what is sent
}

// probe is the self-test that is under way.
type probe struct {
	from   netip.Addr
	branch string
}

// NewGuard makes a guard.
func NewGuard(host Host, count Counters, clk clock.Clock) *Guard {
	return &Guard{host: host, count: count, clock: clk, seed: maphash.MakeSeed(), periods: usual}
}

// Show has a tap shown what crosses the edge; before the first message only.
func (g *Guard) Show(t Tap) { g.tap = t }

// seen shows a message to the tap.
func (g *Guard) seen(sent bool, network string, local, remote netip.AddrPort, data []byte) {
	if g.tap != nil {
		g.tap.Seen(sent, network, local, remote, data)
	}
}

// Expect lets one OPTIONS of ours through, by its branch, which nobody can
// guess, and its source; it holds until the next call, or for ever where branch
// is "": nothing more is expected.
func (g *Guard) Expect(from netip.Addr, branch string) {
	if branch == "" {
		g.probe.Store(nil)
		return
	}
	g.probe.Store(&probe{from, branch})
}

// verdict is what becomes of a message.
type verdict struct {
	pass   []byte // to sipgo
	answer []byte // back to the source; ends where to says over UDP
	to     netip.AddrPort
}

// message is one message as it came.
type message struct {
	from   netip.AddrPort
	data   []byte
	stream bool // framed out of a connection, so data has Content-Length bytes of body
	tooBig int  // the code to refuse it with for its size; 0: it fits
}

// judge decides on a message. It never fails: whatever happens, the reader goes on.
func (g *Guard) judge(m message, s *sketch) (v verdict) {
	defer func() {
		if r := recover(); r != nil {
			g.count.Panic(r, debug.Stack())
			v = verdict{}
		}
	}()
	kind, trunk := g.host.Source(m.from)
	if kind == Stranger {
		if g.expected(m, s) {
			return verdict{pass: m.data}
		}
		g.count.Drop(DropSource)
		return verdict{}
	}
	if !s.read(m.data) {
		g.count.Drop(DropNotSIP)
		return verdict{}
	}
	if m.tooBig != 0 {
		if !s.request || kind == Guest || s.method == "ACK" {
			g.count.Drop(DropSize)
			return verdict{}
		}
		return g.refuse(m, s, m.tooBig, "")
	}
	if kind == Guest && !g.welcome(m, s) {
		g.count.Drop(DropSource)
		return verdict{}
	}
	if !s.request {
		return g.response(m, trunk)
	}
	return g.requestFrom(m, s, kind, trunk)
}

// expected reports whether m is our own probe.
func (g *Guard) expected(m message, s *sketch) bool {
	p := g.probe.Load()
	return p != nil && p.from == m.from.Addr() && s.read(m.data) && s.method == "OPTIONS" && s.branch() == p.branch
}

func (g *Guard) allow(m message, c class) bool {
	// A connection is slowed down by its reader instead: nothing repeats what is
	// dropped there.
	if m.stream || g.limits.allow(m.from.Addr(), c, g.clock.Now()) {
		return true
	}
	g.count.Drop(DropRate)
	return false
}

func (g *Guard) response(m message, trunk string) verdict {
	if !g.allow(m, classReply) {
		return verdict{}
	}
	if !m.stream {
		return verdict{pass: m.data} // sipgo drops what it cannot read
	}
	if _, err := sipmsg.ParseMessage(m.data); err != nil {
		// sipgo would close the connection, and with it every call over it.
		g.count.Malformed(trunk)
		g.count.Drop(DropMalformed)
		return verdict{}
	}
	return verdict{pass: m.data}
}

// expects reports whether a probe of ours may come from addr just now.
func (g *Guard) expects(addr netip.Addr) bool {
	p := g.probe.Load()
	return p != nil && p.from == addr
}
