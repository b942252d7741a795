package trace

import "bytes"

// blot goes over a message once: it puts asterisks over what must not be kept —
// what digests are answered with and the keys of SRTP; lengths stay — and says
// where the Call-ID is (0, 0: there is none).
func blot(b []byte) (at, length int) {
	for i := 0; i < len(b); {
		end := lineEnd(b, i)
		line := b[i:end]
		if len(line) == 0 { // the body follows
			blotBody(b[min(end+2, len(b)):])
			return at, length
		}
		switch name, rest, ok := bytes.Cut(line, []byte(":")); {
		case !ok:
		case length == 0 && (is(name, "call-id") || is(name, "i")):
			value := bytes.TrimSpace(rest)
			if len(value) > 0 {
				at, length = i+len(name)+1+bytes.Index(rest, value), len(value)
			}
		case is(name, "authorization"), is(name, "proxy-authorization"):
			blotDigest(rest)
		case is(name, "authentication-info"), is(name, "proxy-authentication-info"):
			cover(rest)
		}
		i = end + 2
	}
	return at, length
}

// lineEnd is where the header that begins at i ends: at a CRLF without a blank
// behind it.
func lineEnd(b []byte, i int) int {
	for from := i; ; {
		n := bytes.Index(b[from:], []byte("\r\n"))
		if n < 0 {
			return len(b)
		}
		end := from + n
		if end == i || end+2 >= len(b) || b[end+2] != ' ' && b[end+2] != '\t' {
			return end
		}
		from = end + 2
	}
}

// is compares a header's name, which may have blanks behind it, with a lower case one.
func is(name []byte, want string) bool {
	return len(name) >= len(want) && bytes.EqualFold(bytes.TrimRight(name, " \t"), []byte(want))
}

// shown are the parameters of a digest that say who asks for what, and nothing
// that lets one ask in his name.
var shown = [...]string{"username", "realm", "uri", "algorithm", "qop", "nc"}

// blotDigest covers the credentials of an Authorization header.
func blotDigest(v []byte) {
	v = bytes.TrimLeft(v, " \t")
	scheme, _, ok := bytes.Cut(v, []byte(" "))
	if !ok || !bytes.EqualFold(scheme, []byte("digest")) {
		cover(v)
		return
	}
	for v = v[len(scheme):]; len(v) > 0; {
		end := paramEnd(v)
		name, value, _ := bytes.Cut(v[:end], []byte("="))
		if !oneOf(bytes.TrimSpace(name)) {
			cover(value)
		}
		v = v[min(end+1, len(v)):]
	}
}

// paramEnd is where a parameter ends: at a comma that is not within quotes.
func paramEnd(v []byte) int {
	quoted := false
	for i := 0; i < len(v); i++ {
		switch {
		case quoted && v[i] == '\\':
			i++
		case v[i] == '"':
			quoted = !quoted
		case v[i] == ',' && !quoted:
			return i
		}
	}
	return len(v)
}

func oneOf(name []byte) bool {
	for _, s := range shown {
		if bytes.EqualFold(name, []byte(s)) {
			return true
		}
	}
	return false
}

// cover puts asterisks over a value; what gives it its form stays.
func cover(v []byte) {
	for i, c := range v {
		if c != '"' && c > ' ' {
			v[i] = '*'
		}
	}
}

// blotBody covers the keys that SDP carries: inline keys (RFC 4568) and k= lines.
func blotBody(b []byte) {
	for rest := b; ; {
		i := bytes.Index(rest, []byte("inline:"))
		if i < 0 {
			break
		}
		rest = rest[i+len("inline:"):]
		n := bytes.IndexAny(rest, " |;\r\n")
		if n < 0 {
			n = len(rest)
		}
		cover(rest[:n])
		rest = rest[n:]
	}
	for rest := b; len(rest) > 0; {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		if bytes.HasPrefix(line, []byte("k=")) {
			cover(line[2:])
		}
		rest = after
	}
}
