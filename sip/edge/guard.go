package edge

import (
	"bytes"
	"hash/maphash"
	"net/netip"
	"runtime/debug"
	"sync"
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
	// Cancel reports whether a CANCEL for an INVITE with that branch may go on;
	// stream tells one over a connection; known is false where no such INVITE waits
	// for its final response.
	Cancel(branch string, from netip.AddrPort, stream bool) (known, may bool)
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
const allow = "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE\r\n"

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
		if !s.request || s.method == "ACK" {
			g.count.Drop(DropSize)
			return verdict{}
		}
		return g.refuse(m, s, m.tooBig, "")
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

func (g *Guard) requestFrom(m message, s *sketch, kind Kind, trunk string) verdict {
	key := s.key()
	switch {
	case s.method == "ACK":
		return g.ack(m, s, key)
	case g.host.Transaction(key) && s.method != "CANCEL":
		// A repetition: its transaction answers it.
		if !g.allow(m, classInside) {
			return verdict{}
		}
		return g.parsed(m, s, trunk)
	}
	for _, r := range lineRules {
		if r.broken(s, m) {
			return g.broken(m, s, trunk, r.code)
		}
	}
	switch tag := s.toTag(); {
	case s.method == "CANCEL":
		return g.cancel(m, s, key, trunk)
	case tag != "" && g.host.Dialog(string(s.callID), tag):
		if !g.allow(m, classInside) {
			return verdict{}
		}
		return g.parsed(m, s, trunk)
	case tag != "":
		return g.refuse(m, s, 481, "")
	case s.method == "INVITE":
		return g.invite(m, s, key, kind, trunk)
	case s.method == "OPTIONS":
		return g.options(m, s, trunk)
	case s.method == "BYE", s.method == "INFO", s.method == "UPDATE", s.method == "PRACK":
		return g.refuse(m, s, 481, "")
	case known(s.method):
		if v := g.parsed(m, s, trunk); v.pass == nil {
			return v
		}
		return g.refuse(m, s, 405, allow)
	}
	return g.refuse(m, s, 501, allow)
}

func known(method string) bool {
	for _, m := range Methods {
		if m == method {
			return true
		}
	}
	return false
}

// ack lets through what a dialog or transaction waits for.
func (g *Guard) ack(m message, s *sketch, key string) verdict {
	tag := s.toTag()
	if len(tag) > len(tagMark) && tag[:len(tagMark)] == tagMark {
		return verdict{} // for an answer of ours that nothing waits behind
	}
	if !g.host.Dialog(string(s.callID), tag) && !g.host.Transaction(key) {
		g.count.Drop(DropAck)
		return verdict{}
	}
	if !g.allow(m, classInside) {
		return verdict{}
	}
	if !g.acks.allow(maphash.String(g.seed, key), g.clock.Now()) {
		g.count.Drop(DropRate)
		return verdict{}
	}
	for _, r := range lineRules {
		if r.broken(s, m) {
			g.count.Drop(DropMalformed)
			return verdict{}
		}
	}
	if req, data := g.parse(m); req != nil {
		return verdict{pass: data}
	}
	g.count.Drop(DropMalformed)
	return verdict{}
}

// cancel lets a CANCEL through that comes from where its INVITE came from.
func (g *Guard) cancel(m message, s *sketch, key, trunk string) verdict {
	if !g.allow(m, classInside) {
		return verdict{}
	}
	invite, may := g.host.Cancel(s.branch(), m.from, m.stream)
	switch {
	case invite && !may:
		g.count.Drop(DropCancel)
		return verdict{}
	case invite, g.host.Transaction(key), g.passed.has(maphash.String(g.seed, key), m.from.Addr()):
		return g.parsed(m, s, trunk)
	}
	return g.refuse(m, s, 481, "")
}

// invite admits a new call, or refuses it with 503 before it costs anything.
func (g *Guard) invite(m message, s *sketch, key string, kind Kind, trunk string) verdict {
	switch {
	case kind != Trunk:
		return g.refuse(m, s, 403, "") // the far end of a call, but no trunk: it may not begin one
	case !g.host.Serving():
		return g.overload(m, s, "stopping")
	case !m.stream && !g.limits.allow(m.from.Addr(), classCall, g.clock.Now()):
		return g.overload(m, s, "rate")
	}
	if why := g.host.Busy(trunk); why != "" {
		return g.overload(m, s, why)
	}
	v := g.parsed(m, s, trunk)
	if v.pass != nil {
		g.passed.add(maphash.String(g.seed, key), m.from.Addr())
	}
	return v
}

func (g *Guard) overload(m message, s *sketch, why string) verdict {
	g.count.Refuse(why)
	return g.refuse(m, s, 503, retryAfter)
}

// options answers a ping.
func (g *Guard) options(m message, s *sketch, trunk string) verdict {
	if g.expected(m, s) {
		return verdict{pass: m.data}
	}
	if !g.allow(m, classPing) {
		return verdict{}
	}
	if v := g.parsed(m, s, trunk); v.pass == nil {
		return v
	}
	if !g.host.Serving() {
		return g.reply(m, s, 503, retryAfter)
	}
	return g.reply(m, s, 200, allow+"Accept: application/sdp\r\n")
}

// parsed lets a request through that sipgo can parse and that keeps the rules;
// anything else is answered.
func (g *Guard) parsed(m message, s *sketch, trunk string) verdict {
	req, data := g.parse(m)
	if req == nil {
		return g.broken(m, s, trunk, 400)
	}
	for _, r := range messageRules {
		if r.broken(req) {
			header := ""
			if r.header != nil {
				header = r.header(req)
			}
			if r.code == 400 {
				g.count.Malformed(trunk)
			}
			return g.refuse(m, s, r.code, header)
		}
	}
	return verdict{pass: data}
}

// parse reads a request as sipgo will. What it cannot read is tried again with
// the blanks taken out that RFC 3261 allows and sipgo does not.
func (g *Guard) parse(m message) (*sipmsg.Request, []byte) {
	for _, data := range [2]func() []byte{func() []byte { return m.data }, func() []byte { return unfold(m.data) }} {
		text := data()
		msg, err := sipmsg.ParseMessage(text)
		if req, ok := msg.(*sipmsg.Request); err == nil && ok && len(text) <= MaxMessage && whole(req) {
			return req, text
		}
	}
	return nil, nil
}

// broken answers a request that breaks a rule of form.
func (g *Guard) broken(m message, s *sketch, trunk string, code int) verdict {
	if code == 400 {
		g.count.Malformed(trunk)
	}
	return g.refuse(m, s, code, "")
}

// refuse answers a request that goes no further.
func (g *Guard) refuse(m message, s *sketch, code int, header string) verdict {
	c := classRefused
	if code == 405 || code == 501 || code == 400 {
		c = classOther
	}
	if !g.allow(m, c) {
		return verdict{}
	}
	return g.reply(m, s, code, header)
}

func (g *Guard) reply(m message, s *sketch, code int, header string) verdict {
	text := g.answer(s, m.from, code, header)
	if text == nil {
		g.count.Drop(DropMalformed)
		return verdict{}
	}
	g.count.Answer(s.method, code)
	return verdict{answer: text, to: s.backTo(m.from)}
}

// passed remembers the INVITEs that were let through last: a CANCEL may come
// before sipgo has made their transaction.
type passed struct {
	mu   sync.Mutex
	list [1024]struct {
		hash uint64
		from netip.Addr
	}
	next int
}

func (p *passed) add(hash uint64, from netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list[p.next].hash, p.list[p.next].from = hash, from
	p.next = (p.next + 1) % len(p.list)
}

func (p *passed) has(hash uint64, from netip.Addr) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.list {
		if p.list[i].hash == hash && p.list[i].from == from {
			return true
		}
	}
	return false
}

// unfold joins folded lines and takes out the blanks around the separators of
// Via, From, To, Contact and CSeq.
func unfold(data []byte) []byte {
	head, body, ok := bytes.Cut(data, []byte("\r\n\r\n"))
	if !ok {
		return nil
	}
	head = bytes.ReplaceAll(bytes.ReplaceAll(head, []byte("\r\n "), []byte(" ")), []byte("\r\n\t"), []byte(" "))
	out := make([]byte, 0, len(data))
	for i, line := range bytes.Split(head, crlf) {
		name, value, ok := bytes.Cut(line, []byte(":"))
		name = bytes.TrimSpace(name)
		switch {
		case i == 0 || !ok:
			out = append(out, line...)
		case is(name, "via", 'v'), is(name, "from", 'f'), is(name, "to", 't'), is(name, "contact", 'm'), is(name, "cseq", 0):
			out = append(append(append(out, name...), ": "...), squeeze(bytes.TrimSpace(value))...)
		default:
			out = append(append(append(out, name...), ": "...), bytes.TrimSpace(value)...)
		}
		out = append(out, crlf...)
	}
	return append(append(out, crlf...), body...)
}

// squeeze takes the blanks around ";", "=", "," and "/" out, outside quotes and
// angle brackets, and makes one of several.
func squeeze(value []byte) []byte {
	out := make([]byte, 0, len(value))
	quoted, bracket := false, false
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case quoted:
			if c == '\\' && i+1 < len(value) {
				out = append(out, c)
				i++
				c = value[i]
			} else if c == '"' {
				quoted = false
			}
		case bracket:
			bracket = c != '>'
		case c == '"':
			quoted = true
		case c == '<':
			bracket = true
		case c == ' ' || c == '\t':
			if len(out) > 0 && bytes.IndexByte([]byte(" ;=,/"), out[len(out)-1]) >= 0 {
				continue
			}
			c = ' '
		case c == ';' || c == '=' || c == ',' || c == '/':
			out = bytes.TrimRight(out, " ")
		}
		out = append(out, c)
	}
	return out
}

// expects reports whether a probe of ours may come from addr just now.
func (g *Guard) expects(addr netip.Addr) bool {
	p := g.probe.Load()
	return p != nil && p.from == addr
}
