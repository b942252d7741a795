package edge

import (
	"bytes"
	"slices"
	"strings"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
)

// lineRule is a rule of form that shows before a request is parsed: what breaks
// it is answered with code.
type lineRule struct {
	name   string
	code   int
	broken func(s *sketch, m message) bool
}

// lineRules are applied in order to every request (RFC 3261 8.2, 16.3; RFC 4475
// tells what each looks like). Max-Forwards 0 is no fault for an end point
// (RFC 4475, zeromf): only who passes requests on answers 483.
var lineRules = []lineRule{
	{"request line", 400, func(s *sketch, _ message) bool { return s.ragged }},
	{"version", 505, func(s *sketch, _ message) bool { return !strings.EqualFold(string(s.version), "SIP/2.0") }},
	{"end of the head", 400, func(s *sketch, _ message) bool { return s.head == 0 }},
	{"mandatory headers", 400, func(s *sketch, _ message) bool {
		return len(s.via) == 0 || len(s.from) == 0 || len(s.to) == 0 || len(s.callID) == 0 || len(s.cseq) == 0
	}},
	{"single headers", 400, func(s *sketch, _ message) bool {
		for _, n := range s.counts {
			if n > 1 {
				return true
			}
		}
		return false
	}},
	{"CSeq", 400, func(s *sketch, _ message) bool { return !cseqFits(s) }},
	{"Content-Length", 400, func(s *sketch, m message) bool {
		return s.contentLength == malformed || s.contentLength > len(m.data)-s.head || m.stream && s.contentLength == missing
	}},
	{"Max-Forwards", 400, func(s *sketch, _ message) bool { return s.maxForwards == malformed || s.maxForwards > 255 }},
	{"scheme", 416, func(s *sketch, _ message) bool { return foreignScheme(s.uri) }},
	{"headers in the Request-URI", 400, func(s *sketch, _ message) bool {
		at := bytes.LastIndexByte(s.uri, '@')
		return bytes.IndexByte(s.uri[at+1:], '?') >= 0
	}},
}

// maxCSeq is the highest sequence number (RFC 3261 8.1.1.5).
const maxCSeq = 1<<31 - 1

// cseqFits reports whether CSeq is a number and the method of the request.
func cseqFits(s *sketch) bool {
	f := bytes.Fields(s.cseq)
	if len(f) != 2 || len(f[0]) > 20 || !digits(f[0]) || string(f[1]) != s.method && !bytes.Equal(f[1], s.written) {
		return false
	}
	n := 0
	for _, c := range f[0] {
		if n = n*10 + int(c-'0'); n > maxCSeq {
			return false
		}
	}
	return true
}

// foreignScheme reports a Request-URI of a scheme that we do not speak.
func foreignScheme(uri []byte) bool {
	scheme, _, ok := bytes.Cut(uri, []byte(":"))
	if !ok || len(scheme) == 0 {
		return false // no scheme at all does not parse
	}
	for _, c := range scheme {
		if (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '+' && c != '-' && c != '.' {
			return false
		}
	}
	for _, known := range []string{"sip", "sips", "tel"} {
		if strings.EqualFold(known, string(scheme)) {
			return false
		}
	}
	return true
}

// rule is a rule that needs the parsed request; header makes a further header
// line of the answer, it may be nil.
type rule struct {
	name   string
	code   int
	broken func(req *sipmsg.Request) bool
	header func(req *sipmsg.Request) string
}

// messageRules are applied in order to every request but ACK.
var messageRules = []rule{
	{"Contact", 400, func(r *sipmsg.Request) bool { return r.Method == sipmsg.INVITE && r.Contact() == nil }, nil},
	// What is not spoken at all (RFC 3261 8.2.2.3); of the rest the user agent decides.
	{"Require", 420, func(r *sipmsg.Request) bool { return r.Method != sipmsg.CANCEL && unspoken(r) != "" },
		func(r *sipmsg.Request) string { return line("Unsupported", unspoken(r)) }},
	{"Accept", 406, func(r *sipmsg.Request) bool { return r.Method == sipmsg.INVITE && !takesSDP(value(r, "accept")) }, nil},
	{"Content-Encoding", 415, func(r *sipmsg.Request) bool {
		e := value(r, "content-encoding", "e")
		return len(r.Body()) > 0 && e != "" && !strings.EqualFold(e, "identity")
	}, func(*sipmsg.Request) string { return line("Accept-Encoding", "identity") }},
	{"Content-Type", 415, func(r *sipmsg.Request) bool {
		t, _, _ := strings.Cut(value(r, "content-type", "c"), ";")
		return len(r.Body()) > 0 && (r.Method == sipmsg.INVITE || r.Method == sipmsg.UPDATE) &&
			!strings.EqualFold(strings.TrimSpace(t), "application/sdp")
	}, func(*sipmsg.Request) string { return line("Accept", "application/sdp") }},
}

// Extensions are the option tags that the user agent behind the edge may speak.
var Extensions = []string{"100rel", "timer", "replaces"}

// unspoken lists what a request requires and nobody here speaks.
func unspoken(r *sipmsg.Request) string {
	var list []string
	for _, h := range r.GetHeaders("require") {
		for tag := range strings.SplitSeq(h.Value(), ",") {
			if tag = strings.TrimSpace(tag); tag != "" && !slices.Contains(Extensions, strings.ToLower(tag)) {
				list = append(list, tag)
			}
		}
	}
	return strings.Join(list, ", ")
}

// takesSDP reports whether a peer that accepts these types accepts our answer;
// who says nothing does.
func takesSDP(accept string) bool {
	if accept == "" {
		return true
	}
	for t := range strings.SplitSeq(strings.ToLower(accept), ",") {
		t, _, _ = strings.Cut(t, ";")
		switch strings.TrimSpace(t) {
		case "application/sdp", "application/*", "*/*":
			return true
		}
	}
	return false
}

// whole reports whether sipgo read the headers that every handler relies on,
// the tag of From among them; a request that is not whole is answered with 400.
func whole(r *sipmsg.Request) bool {
	if r.Via() == nil || r.From() == nil || r.To() == nil || r.CallID() == nil || r.CSeq() == nil {
		return false
	}
	tag, _ := r.From().Params.Get("tag")
	return tag != "" && strings.TrimSpace(string(r.CSeq().MethodName)) == string(r.Method)
}

// value is the values of a header, all of them, by any of its names.
func value(r *sipmsg.Request, names ...string) string {
	var all []string
	for _, name := range names {
		for _, h := range r.GetHeaders(name) {
			all = append(all, h.Value())
		}
	}
	return strings.Join(all, ", ")
}

// line makes a header line out of what a peer may have written.
func line(name, value string) string {
	if len(value) > 256 || !calls.Printable(value) {
		return ""
	}
	return name + ": " + value + "\r\n"
}
