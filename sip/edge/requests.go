package edge

import (
	"hash/maphash"
	"net/netip"
	"sync"
)

func (g *Guard) requestFrom(m message, s *sketch, kind Kind, trunk string) verdict {
	key := s.key()
	switch {
	case s.method == "ACK":
		return g.ack(m, s, key)
	case s.method != "INVITE" && s.method != "CANCEL":
		if text := g.host.Answered(key); text != nil {
			if !g.allow(m, classInside) {
				return verdict{}
			}
			return verdict{answer: text, to: s.backTo(m.from)}
		}
	}
	if s.method != "CANCEL" && g.host.Transaction(key) {
		// A repetition: its transaction answers it, but for one that has nothing to
		// repeat (sipgo gives up the 100 that it wanted to send).
		if !g.allow(m, classInside) {
			return verdict{}
		}
		if s.method == "INVITE" && g.host.Silent(key) {
			return g.reply(m, s, 100, "")
		}
		return g.parsed(m, s, trunk)
	}
	for _, r := range lineRules {
		if r.broken(s, m) && kind == Guest {
			g.count.Drop(DropMalformed)
			return verdict{}
		} else if r.broken(s, m) {
			return g.broken(m, s, trunk, r.code)
		}
	}
	switch tag := s.toTag(); {
	case tag == "" && (s.method == "REGISTER" || s.method == "INVITE" && kind != Trunk) && g.host.Asks(m.from.Addr()):
		return g.ask(m, s, key, trunk)
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
	if own := g.host.Acknowledged(key); !own && !g.host.Dialog(string(s.callID), tag) {
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
