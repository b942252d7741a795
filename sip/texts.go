package sip

import (
	"fmt"
	"strconv"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
)

// The bounds of texts that come near a header.
const (
	maxUser    = 64
	maxDisplay = 64
	maxCallID  = 128
	maxHeader  = 256
	maxText    = 120 // of a reason, as kept
)

// userPart checks a number or extension for the user part of a URI and escapes
// '#' (RFC 3261 25.1).
func userPart(what, s string) (string, error) {
	if s == "" || len(s) > maxUser {
		return "", calls.Errorf(calls.CodeInvalidField, "%s must have 1 to %d characters", what, maxUser)
	}
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', strings.ContainsRune("+*#-_.", r):
		default:
			return "", calls.Errorf(calls.CodeInvalidField, "%s may only have letters, digits and + * # - _ .", what)
		}
	}
	return strings.ReplaceAll(s, "#", "%23"), nil
}

// displayName checks and escapes a display name for a quoted string.
func displayName(s string) (string, error) {
	if len(s) > maxDisplay || !calls.Printable(s) {
		return "", calls.Errorf(calls.CodeInvalidField, "the caller's name must be printable and at most %d bytes long", maxDisplay)
	}
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s), nil
}

// callID checks a Call-ID to use.
func callID(s string) error {
	if s == "" || len(s) > maxCallID || !calls.Printable(s) || strings.ContainsAny(s, " ,;<>\"\\") || !ascii(s) {
		return calls.Errorf(calls.CodeInvalidField, "the Call-ID must be 1 to %d plain characters", maxCallID)
	}
	return nil
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// ownHeaders are those that a dial request must not set: they are ours.
var ownHeaders = map[string]bool{
	"via": true, "v": true, "from": true, "f": true, "to": true, "t": true, "call-id": true, "i": true, "cseq": true,
	"contact": true, "m": true, "route": true, "record-route": true, "max-forwards": true, "content-length": true, "l": true,
	"content-type": true, "c": true, "content-encoding": true, "e": true, "authorization": true, "proxy-authorization": true,
	"require": true, "proxy-require": true, "supported": true, "k": true, "allow": true, "user-agent": true, "reason": true,
	"p-asserted-identity": true, "p-preferred-identity": true, "remote-party-id": true, "diversion": true, "identity": true, "replaces": true, "session-expires": true, "min-se": true,
}

// CheckHeader reports a header that a trunk may not add to its INVITEs, in words.
func CheckHeader(name string) error { return furtherHeader(name, "x") }

// furtherHeader checks a header that a dial request adds.
func furtherHeader(name, value string) error {
	if name == "" || len(name) > maxUser || ownHeaders[strings.ToLower(name)] {
		return calls.Errorf(calls.CodeInvalidField, "the header %q must not be set", printable(name))
	}
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' {
			return calls.Errorf(calls.CodeInvalidField, "the header name %q may only have letters, digits and -", printable(name))
		}
	}
	if len(value) > maxHeader || !calls.Printable(value) {
		return calls.Errorf(calls.CodeInvalidField, "the header %s must be printable and at most %d bytes long", name, maxHeader)
	}
	return nil
}

// printable is s as far as it may be shown.
func printable(s string) string {
	if len(s) > maxUser {
		s = s[:maxUser]
	}
	if !calls.Printable(s) {
		return "(not printable)"
	}
	return s
}

// bounded is a text from outside, cut and freed of control characters.
func bounded(s string) string { return calls.Clean(s, maxText) }

// reason is a Reason header (RFC 3326) for a Q.850 cause, with text if any.
func reason(q850 int, text string) sipmsg.Header {
	value := "Q.850;cause=" + strconv.Itoa(q850)
	if text = bounded(text); text != "" {
		value += fmt.Sprintf(";text=\"%s\"", strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text))
	}
	return sipmsg.NewHeader("Reason", value)
}

// cause is what the Reason headers of a message say.
type cause struct {
	q850 int // 0: nothing
	sip  int // a final code of SIP, 0: nothing
	text string
}

// readReason reads Reason headers (RFC 3326). The text is that of the Q.850
// cause, else of the first value that has one.
func readReason(hs []sipmsg.Header) (c cause) {
	for _, h := range hs {
		for _, value := range splitOutsideQuotes(h.Value(), ',') {
			parts := splitOutsideQuotes(value, ';')
			protocol := strings.ToUpper(strings.TrimSpace(parts[0]))
			for _, p := range parts[1:] {
				name, v, _ := strings.Cut(p, "=")
				v = unquote(strings.TrimSpace(v))
				switch strings.ToLower(strings.TrimSpace(name)) {
				case "cause":
					c.number(protocol, v)
				case "text":
					if protocol == "Q.850" || c.text == "" {
						c.text = bounded(v)
					}
				}
			}
		}
	}
	return c
}

func (c *cause) number(protocol, value string) {
	n, err := strconv.Atoi(value)
	switch {
	case err != nil:
	case protocol == "Q.850" && n > 0 && n < 128:
		c.q850 = n
	case protocol == "SIP" && n >= 200 && n < 700:
		c.sip = n
	}
}

// told keeps what the far end or the network gave as the cause of the end.
func (l *Leg) told(hs []sipmsg.Header) {
	c := readReason(hs)
	l.ending.Q850, l.ending.SIPCause, l.ending.Text = c.q850, c.sip, c.text
}

// unquote takes the quotes and escapes off a quoted string.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	var b strings.Builder
	for i := 1; i < len(s)-1; i++ {
		if s[i] == '\\' && i+1 < len(s)-1 {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// splitOutsideQuotes splits s at sep, which does not count within "quotes".
func splitOutsideQuotes(s string, sep byte) []string {
	var parts []string
	quoted, start := false, 0
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

// phrases are the reason phrases of the codes that we send.
var phrases = map[int]string{
	100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued", 183: "Session Progress", 199: "Early Dialog Terminated", 200: "OK", 202: "Accepted",
	300: "Multiple Choices", 301: "Moved Permanently", 302: "Moved Temporarily",
	400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout",
	410: "Gone", 415: "Unsupported Media Type", 416: "Unsupported URI Scheme", 420: "Bad Extension", 421: "Extension Required", 422: "Session Interval Too Small", 489: "Bad Event", 504: "Server Time-out",
	480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 484: "Address Incomplete",
	486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here", 491: "Request Pending",
	500: "Server Internal Error", 501: "Not Implemented", 503: "Service Unavailable", 505: "Version Not Supported",
	600: "Busy Everywhere", 603: "Decline", 604: "Does Not Exist Anywhere", 606: "Not Acceptable", 607: "Unwanted", 608: "Rejected",
}

func phrase(code int) string {
	if p := phrases[code]; p != "" {
		return p
	}
	return "Status"
}

// header is the first value of a header, looked up by its long name and, if it
// has one, its compact form: sipgo knows only some of these.
func header(m interface{ GetHeader(string) sipmsg.Header }, names ...string) string {
	for _, n := range names {
		if h := m.GetHeader(n); h != nil {
			return h.Value()
		}
	}
	return ""
}
