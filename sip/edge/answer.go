package edge

import (
	"hash/maphash"
	"net/netip"
	"strconv"
	"strings"
)

// phrases are the reason phrases of what the edge answers.
var phrases = map[int]string{
	100: "Trying", 200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 405: "Method Not Allowed", 406: "Not Acceptable", 413: "Request Entity Too Large",
	415: "Unsupported Media Type", 416: "Unsupported URI Scheme", 420: "Bad Extension", 481: "Call/Transaction Does Not Exist",
	501: "Not Implemented", 503: "Service Unavailable", 505: "Version Not Supported", 513: "Message Too Large",
}

// tagMark begins the To tags of answers without a transaction: the ACK for one
// bears it and needs no further look.
const tagMark = "zse-"

// answer makes a response from the header lines of the request as they came, so
// that it can be made for a request that does not parse. It is the same each
// time a request is repeated (RFC 3261 8.2.7), so nothing is remembered. header
// is a further line with its end, or "".
func (g *Guard) answer(s *sketch, from netip.AddrPort, code int, header string) []byte {
	if len(s.via) == 0 {
		return nil
	}
	var b strings.Builder
	b.Grow(512)
	b.WriteString("SIP/2.0 " + strconv.Itoa(code) + " " + phrases[code] + "\r\n")
	for i, v := range s.via {
		b.WriteString("Via: ")
		if i == 0 {
			writeVia(&b, string(v), from)
		} else {
			b.Write(v)
		}
		b.WriteString("\r\n")
	}
	line := func(name string, value []byte) {
		if len(value) > 0 {
			b.WriteString(name + ": " + string(value) + "\r\n")
		}
	}
	line("From", s.from)
	if to := string(s.to); to != "" {
		if _, ok := param(s.to, "tag"); !ok && code > 100 {
			to += ";tag=" + tagMark + g.tag(s)
		}
		line("To", []byte(to))
	}
	line("Call-ID", s.callID)
	line("CSeq", s.cseq)
	b.WriteString(header)
	b.WriteString("Content-Length: 0\r\n\r\n")
	return []byte(b.String())
}

// tag is the same for each copy of a request, and cannot be foreseen.
func (g *Guard) tag(s *sketch) string {
	return strconv.FormatUint(maphash.String(g.seed, s.branch()+"\x00"+string(s.callID)+"\x00"+string(s.cseq)), 36)
}

// writeVia writes the Via that was on top with where its message came from
// (RFC 3261 18.2.1, RFC 3581 4). Other Vias may stand behind it in the line.
func writeVia(b *strings.Builder, value string, from netip.AddrPort) {
	end := outside([]byte(value), ',')
	if end < 0 {
		end = len(value)
	}
	first, rest := value[:end], value[end:]
	for {
		i := outside([]byte(first), ';')
		if i < 0 {
			b.WriteString(first)
			break
		}
		b.WriteString(first[:i])
		first = first[i+1:]
		j := outside([]byte(first), ';')
		if j < 0 {
			j = len(first)
		}
		name, v, _ := strings.Cut(first[:j], "=")
		switch name = strings.TrimSpace(name); {
		case strings.EqualFold(name, "received"):
		case strings.EqualFold(name, "rport") && strings.TrimSpace(v) == "":
			b.WriteString(";rport=" + strconv.Itoa(int(from.Port())))
		default:
			b.WriteString(";" + first[:j])
		}
		first = first[j:]
	}
	b.WriteString(";received=" + from.Addr().WithZone("").String() + rest)
}

// backTo is where the answer to a datagram goes: to the address that it came
// from, and to the port that it came from or that its Via names.
func (s *sketch) backTo(from netip.AddrPort) netip.AddrPort {
	if len(s.via) == 0 {
		return from
	}
	if _, ok := param(s.via[0], "rport"); ok {
		return from
	}
	_, port := sentBy(string(s.via[0]))
	if port == 0 {
		port = 5060
	}
	return netip.AddrPortFrom(from.Addr(), uint16(port))
}
