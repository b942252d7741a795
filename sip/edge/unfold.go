package edge

import (
	"bytes"

	sipmsg "github.com/emiago/sipgo/sip"
)

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
