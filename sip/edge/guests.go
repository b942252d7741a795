package edge

import (
	"bytes"
	"hash/maphash"
)

// welcome reports whether a message of nobody we know is looked at: what may bring
// a password, and what belongs to a call that he has.
func (g *Guard) welcome(m message, s *sketch) bool {
	if !s.request {
		return false
	}
	tag := s.toTag()
	switch s.method {
	case "ACK", "CANCEL":
		return true // which ask for themselves what they belong to
	case "REGISTER", "INVITE":
		if tag == "" {
			return g.host.Asks(m.from.Addr())
		}
	}
	return tag != "" && g.host.Dialog(string(s.callID), tag) || g.host.Answered(s.key()) != nil || g.host.Transaction(s.key())
}

// ask lets a request through that brings a password, and asks for one else. Asking
// costs no memory: the answer is the same for every copy but for its nonce.
func (g *Guard) ask(m message, s *sketch, key, trunk string) verdict {
	if !g.allow(m, classGuest) {
		return verdict{}
	}
	if !g.host.Serving() {
		return g.overload(m, s, "stopping")
	}
	v := g.parsed(m, s, trunk)
	if v.pass == nil {
		return v
	}
	if !hasCredentials(m.data, s.head) {
		return g.reply(m, s, 401, g.host.Challenge())
	}
	if s.method == "INVITE" {
		if why := g.host.Busy(trunk); why != "" {
			return g.overload(m, s, why)
		}
		g.passed.add(maphash.String(g.seed, key), m.from.Addr())
	}
	return v
}

// hasCredentials reports whether a message has an Authorization header.
func hasCredentials(data []byte, head int) bool {
	const name = "authorization"
	for line := range bytes.Lines(data[:min(head, len(data))]) {
		if len(line) > len(name) && bytes.EqualFold(line[:len(name)], []byte(name)) {
			if rest := bytes.TrimLeft(line[len(name):], " \t"); len(rest) > 0 && rest[0] == ':' {
				return true
			}
		}
	}
	return false
}
