package edge

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/clock"
)

// fakeHost is a user agent with one trunk, 192.0.2.1, and one far end, 192.0.2.9.
type fakeHost struct {
	mu       sync.Mutex
	stopping bool
	busy     string
	asks     bool
	dialogs  map[string]bool
	txs      map[string]bool
	answers  map[string][]byte
	silent   map[string]bool
	cancels  map[string]netip.AddrPort // branch of an INVITE that waits: its source
}

func (h *fakeHost) Source(a netip.AddrPort) (Kind, string) {
	switch a.Addr().String() {
	case "192.0.2.1", "127.0.0.1", "::1":
		return Trunk, "main"
	case "192.0.2.9":
		return FarEnd, ""
	case "192.0.2.77":
		return Guest, ""
	}
	return Stranger, ""
}

func (h *fakeHost) Serving() bool { h.mu.Lock(); defer h.mu.Unlock(); return !h.stopping }
func (h *fakeHost) Busy(string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.busy
}
func (h *fakeHost) Dialog(callID, tag string) bool { return h.dialogs[callID+"/"+tag] }
func (h *fakeHost) Transaction(key string) bool    { return h.txs[key] }
func (h *fakeHost) Silent(key string) bool         { return h.silent[key] }
func (h *fakeHost) Asks(netip.Addr) bool           { return h.asks }
func (h *fakeHost) Challenge() string              { return "WWW-Authenticate: Digest realm=\"r\"\r\n" }
func (h *fakeHost) Acknowledged(key string) bool   { return h.txs[key] }
func (h *fakeHost) Answered(key string) []byte     { return h.answers[key] }
func (h *fakeHost) Cancel(branch string, from netip.AddrPort, _ bool) (known, may bool) {
	at, ok := h.cancels[branch]
	return ok, ok && at.Addr() == from.Addr()
}

// fakeCount keeps what it is told.
type fakeCount struct {
	mu sync.Mutex
	m  map[string]int
}

func (c *fakeCount) add(what string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m == nil {
		c.m = map[string]int{}
	}
	c.m[what] += n
}

func (c *fakeCount) get(what string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.m[what]
}

func (c *fakeCount) Drop(why string)                { c.add("drop "+why, 1) }
func (c *fakeCount) Answer(method string, code int) { c.add(fmt.Sprint(method, " ", code), 1) }
func (c *fakeCount) Malformed(trunk string)         { c.add("malformed "+trunk, 1) }
func (c *fakeCount) Refuse(why string)              { c.add("refuse "+why, 1) }
func (c *fakeCount) Large()                         { c.add("large", 1) }
func (c *fakeCount) Connections(more int)           { c.add("connections", more) }
func (c *fakeCount) Panic(v any, _ []byte)          { c.add("panic", 1) }

func newTestGuard() (*Guard, *fakeHost, *fakeCount, *clock.Fake) {
	h := &fakeHost{dialogs: map[string]bool{"call/ours": true}, txs: map[string]bool{}, cancels: map[string]netip.AddrPort{}}
	c := &fakeCount{}
	clk := clock.NewFake(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC))
	return NewGuard(h, c, clk), h, c, clk
}

var trunkAddr = netip.MustParseAddrPort("192.0.2.1:5060")

// request is a good request; edits are pairs of what to replace and by what.
func request(method, branch string, edits ...string) string {
	text := method + " sip:1@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5062;rport;branch=z9hG4bK" + branch +
		"\r\nMax-Forwards: 70\r\nFrom: <sip:a@192.0.2.1>;tag=far\r\nTo: <sip:b@192.0.2.2>\r\nCall-ID: call\r\nCSeq: 1 " + method +
		"\r\nContact: <sip:a@192.0.2.1>\r\nContent-Length: 0\r\n\r\n"
	return strings.NewReplacer(edits...).Replace(text)
}

func (g *Guard) test(from netip.AddrPort, text string) verdict {
	var s sketch
	return g.judge(message{from: from, data: []byte(text)}, &s)
}

// code is the status of an answer, 0 where there is none.
func (v verdict) code() string {
	if v.answer == nil {
		return ""
	}
	return strings.Fields(string(v.answer))[1]
}

func TestWhatBreaksARuleGetsItsCode(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, text, code, has string
	}{
		{"version", request("INVITE", "1", "SIP/2.0\r\nVia", "SIP/7.0\r\nVia"), "505", ""},
		{"blanks in the request line", request("INVITE", "1", " sip:1@", "  sip:1@"), "400", ""},
		{"URI in brackets", request("INVITE", "1", "sip:1@192.0.2.2 ", "<sip:1@192.0.2.2> "), "400", ""},
		{"scheme", request("INVITE", "1", "sip:1@192.0.2.2 ", "nobody:x "), "416", ""},
		{"headers in the URI", request("INVITE", "1", "sip:1@192.0.2.2 ", "sip:1@192.0.2.2?Route=%3Csip:x%3E "), "400", ""},
		{"no Call-ID", request("INVITE", "1", "Call-ID: call\r\n", ""), "400", ""},
		{"two Call-IDs", request("INVITE", "1", "Call-ID: call\r\n", "Call-ID: call\r\ni: other\r\n"), "400", ""},
		{"another method in CSeq", request("INVITE", "1", "CSeq: 1 INVITE", "CSeq: 1 OPTIONS"), "400", ""},
		{"a CSeq that is no number", request("INVITE", "1", "CSeq: 1 ", "CSeq: 1x "), "400", ""},
		{"a CSeq beyond 2^31", request("INVITE", "1", "CSeq: 1 ", "CSeq: 36893488147419103232 "), "400", ""},
		{"a negative length", request("INVITE", "1", "Content-Length: 0", "Content-Length: -999"), "400", ""},
		{"a length beyond the end", request("INVITE", "1", "Content-Length: 0", "Content-Length: 9999"), "400", ""},
		{"Max-Forwards", request("INVITE", "1", "Max-Forwards: 70", "Max-Forwards: 300"), "400", ""},
		{"no end of the head", request("INVITE", "1", "\r\n\r\n", "\r\n"), "400", ""},
		{"no tag of the caller", request("INVITE", "1", ";tag=far", ""), "400", ""},
		{"no Contact", request("INVITE", "1", "Contact: <sip:a@192.0.2.1>\r\n", ""), "400", ""},
		{"a quote that does not end", request("INVITE", "1", "To: <", "To: \"x <"), "400", ""},
		{"Require", request("INVITE", "1", "Contact", "Require: 100rel, x\r\nContact"), "420", "Unsupported: x\r\n"},
		{"encoding", request("INVITE", "1", "Content-Length: 0\r\n\r\n", "Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx"), "415", "Accept-Encoding: identity\r\n"},
		{"type", request("INVITE", "1", "Content-Length: 0\r\n\r\n", "Content-Type: text/plain\r\nContent-Length: 1\r\n\r\nx"), "415", "Accept: application/sdp\r\n"},
		{"no such dialog", request("BYE", "1", "192.0.2.2>\r\nCall", "192.0.2.2>;tag=gone\r\nCall"), "481", ""},
		{"BYE outside a dialog", request("BYE", "1"), "481", ""},
		{"CANCEL of nothing", request("CANCEL", "1"), "481", ""},
		{"a known method", request("REGISTER", "1"), "405", "Allow: INVITE, "},
		{"an unknown method", request("!odd-Method0`", "1"), "501", "Allow: INVITE, "},
		{"OPTIONS", request("OPTIONS", "1"), "200", "Allow: INVITE, "},
		{"OPTIONS that nobody may pass on", request("OPTIONS", "1", "Max-Forwards: 70", "Max-Forwards: 0"), "200", ""},
	} {
		g, _, c, _ := newTestGuard()
		v := g.test(trunkAddr, tc.text)
		if v.code() != tc.code || !strings.Contains(string(v.answer), tc.has) || v.pass != nil {
			t.Errorf("%s: answered with %q, want %s with %q", tc.name, v.answer, tc.code, tc.has)
		}
		if tc.code == "400" && c.get("malformed main") != 1 {
			t.Errorf("%s: not counted for its trunk", tc.name)
		}
		if _, err := sipmsg.ParseMessage(v.answer); err != nil && tc.code != "400" { // 400 says back what came
			t.Errorf("%s: the answer does not parse: %v\n%s", tc.name, err, v.answer)
		}
	}
}

func TestWhatIsGoodPasses(t *testing.T) {
	t.Parallel()
	g, h, _, _ := newTestGuard()
	known := request("INVITE", "live")
	h.txs[Key("INVITE", "z9hG4bKlive", "192.0.2.1", 5062, "", "", "")] = true
	for name, text := range map[string]string{
		"INVITE":               request("INVITE", "1"),
		"lower case":           request("invite", "2", "CSeq: 1 invite", "CSeq: 1 INVITE"),
		"a repeated INVITE":    known,
		"its ACK":              request("ACK", "live", "192.0.2.2>\r\nCall", "192.0.2.2>;tag=x\r\nCall"),
		"the ACK for a 2xx":    request("ACK", "3", "192.0.2.2>\r\nCall", "192.0.2.2>;tag=ours\r\nCall"),
		"BYE in its dialog":    request("BYE", "4", "192.0.2.2>\r\nCall", "192.0.2.2>;tag=ours\r\nCall"),
		"CANCEL of the INVITE": request("CANCEL", "1"),
		"a response":           "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nContent-Length: 0\r\n\r\n",
	} {
		if name == "CANCEL of the INVITE" {
			g.test(trunkAddr, request("INVITE", "1"))
		}
		if v := g.test(trunkAddr, text); string(v.pass) != text {
			t.Errorf("%s: passed %q, answered %q", name, v.pass, v.answer)
		}
	}
}

func TestRepetitionsAreAnsweredWithWhatWasSaid(t *testing.T) {
	t.Parallel()
	g, h, _, _ := newTestGuard()
	key := Key("INVITE", "z9hG4bK1", "192.0.2.1", 5062, "", "", "")
	h.txs[key], h.silent = true, map[string]bool{key: true}
	if v := g.test(trunkAddr, request("INVITE", "1")); v.code() != "100" || v.pass != nil || strings.Contains(string(v.answer), tagMark) {
		t.Errorf("an INVITE that nothing was said to got %q; want 100 without a tag", v.answer)
	}
	h.answers = map[string][]byte{Key("BYE", "z9hG4bK2", "192.0.2.1", 5062, "", "", ""): []byte("SIP/2.0 200 OK\r\nX: as before\r\n\r\n")}
	bye := request("BYE", "2", "192.0.2.2>\r\nCall", "192.0.2.2>;tag=gone\r\nCall")
	if v := g.test(trunkAddr, bye); !strings.Contains(string(v.answer), "X: as before") || v.to != trunkAddr {
		t.Errorf("a BYE that was answered got %q to %s", v.answer, v.to)
	}
}

func TestBlanksThatTheGrammarAllowsAreTakenOut(t *testing.T) {
	t.Parallel()
	g, _, _, _ := newTestGuard()
	v := g.test(trunkAddr, request("INVITE", "1", "From: <sip:a@192.0.2.1>;tag=far", "From: \"A ; = B\" <sip:a@192.0.2.1>\r\n   ;\r\n  tag   = far",
		"CSeq: 1 INVITE", "CSeq: 0009\r\n  INVITE", "Via: SIP/2.0/UDP", "Via: SIP  / 2.0\r\n /UDP"))
	msg, err := sipmsg.ParseMessage(v.pass)
	if err != nil {
		t.Fatalf("%v; answered %q", err, v.answer)
	}
	req := msg.(*sipmsg.Request)
	if tag, _ := req.From().Params.Get("tag"); tag != "far" || req.From().DisplayName != "A ; = B" || req.CSeq().SeqNo != 9 || req.Via().Transport != "UDP" {
		t.Errorf("read as\n%s", req)
	}
}

func TestAnAnswerGoesBackToItsSourceAndSaysWhereThatIs(t *testing.T) {
	t.Parallel()
	g, _, _, _ := newTestGuard()
	from := netip.MustParseAddrPort("192.0.2.1:40000")
	v := g.test(from, request("OPTIONS", "1"))
	if v.to != from || !strings.Contains(string(v.answer), ";rport=40000;branch=z9hG4bK1;received=192.0.2.1\r\n") {
		t.Errorf("to %s:\n%s", v.to, v.answer)
	}
	v = g.test(from, request("OPTIONS", "1", "rport;", "", "branch=z9hG4bK1", "branch=z9hG4bK1, SIP/2.0/UDP second;branch=z9hG4bKq"))
	if v.to.Port() != 5062 || !strings.Contains(string(v.answer), ";branch=z9hG4bK1;received=192.0.2.1, SIP/2.0/UDP second;branch=z9hG4bKq\r\n") {
		t.Errorf("to %s:\n%s", v.to, v.answer)
	}
	if again := g.test(from, request("BYE", "7")); string(again.answer) != string(g.test(from, request("BYE", "7")).answer) {
		t.Error("a repeated request gets another answer")
	}
}

func TestTheAckForARefusalIsAbsorbed(t *testing.T) {
	t.Parallel()
	g, h, c, _ := newTestGuard()
	h.busy = "overload"
	v := g.test(trunkAddr, request("INVITE", "1"))
	if v.code() != "503" || !strings.Contains(string(v.answer), "Retry-After: ") || c.get("refuse overload") != 1 {
		t.Fatalf("answered %q", v.answer)
	}
	msg, err := sipmsg.ParseMessage(v.answer)
	if err != nil {
		t.Fatal(err)
	}
	tag, _ := msg.To().Params.Get("tag")
	v = g.test(trunkAddr, request("ACK", "1", "192.0.2.2>\r\nCall", "192.0.2.2>;tag="+tag+"\r\nCall"))
	if v.pass != nil || v.answer != nil || c.get("drop "+DropAck) != 0 {
		t.Errorf("the ACK: %+v", v)
	}
	g.test(trunkAddr, request("ACK", "2", "192.0.2.2>\r\nCall", "192.0.2.2>;tag=other\r\nCall"))
	if c.get("drop "+DropAck) != 1 {
		t.Error("an ACK for nothing is let through")
	}
}

func TestOnlyAKnownSourceIsHeard(t *testing.T) {
	t.Parallel()
	g, h, c, _ := newTestGuard()
	stranger, farEnd := netip.MustParseAddrPort("198.51.100.1:5060"), netip.MustParseAddrPort("192.0.2.9:5060")
	for _, text := range []string{request("INVITE", "1"), request("OPTIONS", "1"), "junk", ""} {
		if v := g.test(stranger, text); v.pass != nil || v.answer != nil {
			t.Errorf("a stranger's %q: %+v", text, v)
		}
	}
	if c.get("drop "+DropSource) != 4 {
		t.Error("strangers are not counted")
	}
	if v := g.test(farEnd, request("INVITE", "1")); v.code() != "403" {
		t.Errorf("a call of a far end: %q", v.answer)
	}
	h.cancels["z9hG4bKring"] = trunkAddr
	if v := g.test(farEnd, request("CANCEL", "ring")); v.pass != nil || v.answer != nil || c.get("drop "+DropCancel) != 1 {
		t.Errorf("a foreign CANCEL: %+v", v)
	}
	h.stopping = true
	if v := g.test(trunkAddr, request("INVITE", "2")); v.code() != "503" {
		t.Errorf("an INVITE while stopping: %q", v.answer)
	}
	if v := g.test(trunkAddr, request("OPTIONS", "2")); v.code() != "503" {
		t.Errorf("OPTIONS while stopping: %q", v.answer)
	}
}

func TestTheProbeIsLetThroughOnlyByItsBranchAndSource(t *testing.T) {
	t.Parallel()
	g, _, _, _ := newTestGuard()
	self := netip.MustParseAddrPort("198.51.100.1:7")
	g.Expect(self.Addr(), "z9hG4bKsecret")
	for from, want := range map[string]bool{"198.51.100.1:7": true, "198.51.100.2:7": false} {
		if v := g.test(netip.MustParseAddrPort(from), request("OPTIONS", "secret")); (v.pass != nil) != want {
			t.Errorf("from %s: %+v", from, v)
		}
	}
	for _, text := range []string{request("OPTIONS", "guess"), request("INVITE", "secret"), request("BYE", "secret")} {
		if v := g.test(self, text); v.pass != nil || v.answer != nil {
			t.Errorf("let through: %q", text)
		}
	}
	g.Expect(netip.Addr{}, "")
	if v := g.test(self, request("OPTIONS", "secret")); v.pass != nil {
		t.Error("the probe is let through after its time")
	}
}

func TestAPanicIsOneDroppedMessage(t *testing.T) {
	t.Parallel()
	c := &fakeCount{}
	g := NewGuard(nil, c, clock.System())
	if v := g.test(trunkAddr, request("INVITE", "1")); v.pass != nil || c.get("panic") != 1 {
		t.Errorf("%+v, %d panics counted", v, c.get("panic"))
	}
}

// FuzzJudge: whatever comes, the guard decides, what it lets through parses, and
// what it answers is a response.
func FuzzJudge(f *testing.F) {
	f.Add([]byte(request("INVITE", "1")), false)
	f.Add([]byte(request("OPTIONS", "1")), true)
	f.Add([]byte("CANCEL sip:1@x SIP/2.0\r\nv: SIP/2.0/UDP h\r\nf: x\r\n\r\n"), false)
	f.Add([]byte("SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\nReason: Q.850;cause=16;text=\"\r\n\r\n"), true)
	f.Add([]byte("OPTIONS sip:1@x SIP/2.0\r\nRecord-Route: <sip:p;lr>,<sip:q;lr>\r\nRequire: \x01\r\n\r\n"), false)
	f.Add([]byte(request("BYE", "4", "192.0.2.2>\r\nCall", "192.0.2.2>\r\n ; tag = ours\r\nCall")), true)
	f.Fuzz(func(t *testing.T, data []byte, stream bool) {
		g, _, c, _ := newTestGuard()
		var s sketch
		v := g.judge(message{from: trunkAddr, data: data, stream: stream}, &s)
		if c.get("panic") != 0 {
			t.Fatal("the guard panicked")
		}
		if v.pass != nil && v.answer != nil {
			t.Fatal("passed and answered")
		}
		if v.answer != nil && (!strings.HasPrefix(string(v.answer), "SIP/2.0 ") || !strings.HasSuffix(string(v.answer), "\r\nContent-Length: 0\r\n\r\n")) {
			t.Fatalf("the answer is %q", v.answer)
		}
		if v.pass == nil || !s.request {
			return
		}
		msg, err := sipmsg.ParseMessage(v.pass)
		if err != nil {
			t.Fatalf("%q passed and does not parse: %v", v.pass, err)
		}
		req, ok := msg.(*sipmsg.Request)
		if !ok || !whole(req) {
			t.Fatalf("%q passed and is not whole", v.pass)
		}
		_ = sipmsg.NewResponseFromRequest(req, 200, "OK", nil).String()
	})
}
