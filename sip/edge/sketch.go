package edge

import (
	"bytes"
	"strconv"
	"strings"
)

// MaxMessage bounds a SIP message on every transport, in and out, in bytes.
const MaxMessage = 8 << 10

// maxStartLine bounds the request or status line.
const maxStartLine = 1 << 10

// sketch is what the edge reads of a message by itself, tolerantly and without
// allocating: enough to judge it, to count it and to answer it. All slices lie
// in the message.
type sketch struct {
	request bool
	method  string // upper case: sipgo takes methods in any case
	written []byte // the method as it came
	uri     []byte
	version []byte
	ragged  bool // a request line, but not METHOD SP URI SP VERSION

	head     int // where the body begins; 0: the head does not end
	via      [][]byte
	from, to []byte
	callID   []byte
	cseq     []byte
	counts   [singles]int // of the headers that may stand once

	contentLength int // missing or malformed below
	maxForwards   int // likewise
}

const (
	missing   = -1
	malformed = -2
)

// The headers that may stand once (RFC 3261 20).
const (
	hFrom = iota
	hTo
	hCallID
	hCSeq
	hContentLength
	hMaxForwards
	singles
)

// maxVias bounds the Via headers that are copied into an answer.
const maxVias = 70

// read sketches data. It reports false for what is no SIP at all.
func (s *sketch) read(data []byte) bool {
	*s = sketch{contentLength: missing, maxForwards: missing, via: s.via[:0]}
	end := bytes.Index(data, crlf)
	if end < 0 || end > maxStartLine || !s.startLine(data[:end]) {
		return false
	}
	s.headers(data, end+2)
	return true
}

var crlf = []byte("\r\n")

// startLine reads "METHOD uri SIP/x.y" or "SIP/x.y code …". The version is
// judged later, so that it can be answered with 505, and so are blanks where
// none belong.
func (s *sketch) startLine(line []byte) bool {
	if bytes.HasPrefix(line, []byte("SIP/")) {
		f := bytes.Fields(line)
		return len(f) >= 2 && len(f[1]) == 3 && digits(f[1])
	}
	for _, c := range line {
		if c < 0x20 && c != '\t' || c == 0x7f {
			return false
		}
	}
	method, rest, ok := bytes.Cut(line, []byte(" "))
	at := bytes.LastIndex(rest, []byte(" SIP/"))
	if !ok || at < 0 || len(method) == 0 || len(method) > 128 || !token(method) {
		return false
	}
	s.request, s.method, s.written = true, upper(method), method
	s.uri, s.version = rest[:at], rest[at+1:]
	s.ragged = len(s.uri) == 0 || bytes.ContainsAny(s.uri, " \t<>\"") || bytes.ContainsAny(s.version, " \t")
	return true
}

// headers goes over the header lines from position at. A folded line belongs to
// the header before it.
func (s *sketch) headers(data []byte, at int) {
	for at < len(data) {
		if bytes.HasPrefix(data[at:], crlf) {
			s.head = at + 2
			return
		}
		end := at
		for {
			i := bytes.Index(data[end:], crlf)
			if i < 0 {
				return
			}
			end += i
			if next := end + 2; next < len(data) && (data[next] == ' ' || data[next] == '\t') {
				end = next
				continue
			}
			break
		}
		name, value, ok := bytes.Cut(data[at:end], []byte(":"))
		if ok {
			s.header(bytes.TrimRight(name, " \t"), bytes.TrimSpace(value))
		}
		at = end + 2
	}
}

func (s *sketch) header(name, value []byte) {
	switch {
	case is(name, "via", 'v'):
		if len(s.via) < maxVias {
			s.via = append(s.via, value)
		}
	case is(name, "from", 'f'):
		s.once(hFrom, &s.from, value)
	case is(name, "to", 't'):
		s.once(hTo, &s.to, value)
	case is(name, "call-id", 'i'):
		s.once(hCallID, &s.callID, value)
	case is(name, "cseq", 0):
		s.once(hCSeq, &s.cseq, value)
	case is(name, "content-length", 'l'):
		s.counts[hContentLength]++
		s.contentLength = number(value)
	case is(name, "max-forwards", 0):
		s.counts[hMaxForwards]++
		s.maxForwards = number(value)
	}
}

func (s *sketch) once(which int, field *[]byte, value []byte) {
	if s.counts[which]++; s.counts[which] == 1 {
		*field = value
	}
}

// is reports whether name is the header long, or its compact form.
func is(name []byte, long string, compact byte) bool {
	if len(name) == 1 {
		return compact != 0 && name[0]|0x20 == compact
	}
	return len(name) == len(long) && strings.EqualFold(string(name), long)
}

// number reads up to nine digits.
func number(b []byte) int {
	if len(b) == 0 || len(b) > 9 || !digits(b) {
		return malformed
	}
	n, err := strconv.Atoi(string(b))
	if err != nil {
		return malformed
	}
	return n
}

// param is the value of a header parameter that stands outside quotes and angle
// brackets, with blanks allowed around ";" and "=".
func param(value []byte, name string) (v []byte, found bool) {
	for rest := value; ; {
		i := outside(rest, ';')
		if i < 0 {
			return nil, false
		}
		rest = rest[i+1:]
		end := len(rest)
		for _, sep := range []byte{';', ','} {
			if j := outside(rest, sep); j >= 0 && j < end {
				end = j
			}
		}
		key, val, _ := bytes.Cut(rest[:end], []byte("="))
		if strings.EqualFold(string(bytes.TrimSpace(key)), name) {
			return bytes.TrimSpace(val), true
		}
		if end < len(rest) && rest[end] == ',' {
			return nil, false
		}
	}
}

// outside finds c outside quotes and angle brackets, -1 if it is not there.
func outside(b []byte, c byte) int {
	quoted, bracket := false, false
	for i := 0; i < len(b); i++ {
		switch {
		case quoted && b[i] == '\\':
			i++
		case b[i] == '"' && !bracket:
			quoted = !quoted
		case quoted:
		case b[i] == c && !bracket:
			return i
		case b[i] == '<':
			bracket = true
		case b[i] == '>':
			bracket = false
		}
	}
	return -1
}

// branch is the branch of the top Via.
func (s *sketch) branch() string {
	if len(s.via) == 0 {
		return ""
	}
	v, _ := param(s.via[0], "branch")
	return string(v)
}

func (s *sketch) toTag() string {
	v, _ := param(s.to, "tag")
	return string(v)
}

func (s *sketch) fromTag() string {
	v, _ := param(s.from, "tag")
	return string(v)
}

// cookie begins every branch since RFC 3261.
const cookie = "z9hG4bK"

// Key names a transaction: by branch and sender, or by what older peers send that
// make no unique branches. host is without brackets; port is 0 where none is given.
func Key(method, branch, host string, port int, callID, fromTag, seq string) string {
	if method == "ACK" || method == "CANCEL" {
		method = "INVITE" // of the transaction that it is for
	}
	if len(branch) > len(cookie) && strings.HasPrefix(branch, cookie) {
		return branch + "\x00" + strings.ToLower(host) + "\x00" + strconv.Itoa(port) + "\x00" + method
	}
	return callID + "\x00" + fromTag + "\x00" + seq + "\x00" + method
}

// key is the Key of the request.
func (s *sketch) key() string {
	seq, _, _ := bytes.Cut(s.cseq, []byte(" "))
	host, port := "", 0
	if len(s.via) > 0 {
		host, port = sentBy(string(s.via[0]))
	}
	return Key(s.method, s.branch(), host, port, string(s.callID), s.fromTag(), strings.TrimLeft(string(seq), "0"))
}

// sentBy reads host and port of "SIP/2.0/UDP host:port;…"; port 0 where none is
// given.
func sentBy(via string) (host string, port int) {
	via, _, _ = strings.Cut(via, ";")
	via, _, _ = strings.Cut(via, ",")
	f := strings.Fields(strings.ReplaceAll(strings.ReplaceAll(via, " :", ":"), ": ", ":"))
	if len(f) == 0 {
		return "", 0
	}
	host = f[len(f)-1]
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		if n, err := strconv.ParseUint(host[i+1:], 10, 16); err == nil {
			port = int(n)
		}
		host = host[:i]
	}
	return strings.Trim(host, "[]"), port
}

// token is RFC 3261's token.
func token(b []byte) bool {
	for _, c := range b {
		if (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') && strings.IndexByte("-.!%*_+`'~", c) < 0 {
			return false
		}
	}
	return true
}

func digits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// upper is the method in upper case; the usual ones cost no allocation.
func upper(method []byte) string {
	for _, m := range Methods {
		if strings.EqualFold(m, string(method)) {
			return m
		}
	}
	return strings.ToUpper(string(method))
}

// Methods are the methods that SIP knows; others are answered with 501.
var Methods = []string{"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "UPDATE", "PRACK", "REGISTER", "SUBSCRIBE", "NOTIFY", "REFER", "MESSAGE", "PUBLISH"}

// keepAlive reports a datagram of line ends or NULs (RFC 5626 3.5.1).
func keepAlive(data []byte) bool {
	return len(data) <= 4 && len(bytes.Trim(data, "\r\n\x00")) == 0
}
