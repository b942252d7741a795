package peers

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"zvonar/test/ports"
)

// talkWith connects a daemon with the scenario of a role: NAMEcallee is called by us,
// NAMEcaller calls us. It gives the id of the call.
func talkWith(t *testing.T, name, role string) (*daemon, *sipp, string) {
	t.Helper()
	if role == "callee" {
		peer := scenario(t, name+role, 1, "", nil)
		d := start(t, options{peerPort: peer.port})
		return d, peer, d.place(map[string]any{"to": "79161234567", "record_id": d.clip(melody(30)), "digits": []map[string]any{{}, {"smsText": "hello"}}})
	}
	d := start(t, options{peerPort: ports.Free(t), extra: inbound})
	d.clip(melody(30))
	peer := scenario(t, name+role, 1, fmt.Sprintf("127.0.0.1:%d", d.sip), map[string]string{"NUMBER": "78005553535"})
	return d, peer, d.inboundID()
}

// inboundID waits for the only call there is.
func (d *daemon) inboundID() string {
	d.t.Helper()
	var list struct{ Items []call }
	d.Eventually("the inbound call", func() bool {
		return d.request("GET", "/v1/calls", nil, &list) == 200 && len(list.Items) == 1
	})
	return list.Items[0].ID
}

// control asks for a change of a running call.
func (d *daemon) control(id, what string, body map[string]any) {
	d.t.Helper()
	if code := d.request("POST", "/v1/calls/"+id+"/"+what, body, nil); code != 202 {
		d.t.Fatalf("%s: %d", what, code)
	}
}

// told waits until an event of the call was written.
func (d *daemon) told(id, what string) {
	d.t.Helper()
	d.Eventually(what, func() bool { return strings.Contains(types(d.events(id)), what) })
}

// log is what SIPp has seen and sent so far, as text with single line ends.
func (s *sipp) log() string {
	raw, _ := os.ReadFile(s.messages)
	return strings.ReplaceAll(string(raw), "\r", "")
}

// received are the messages that came to SIPp and begin with what.
func (s *sipp) received(what string) []string {
	var out []string
	for _, part := range strings.Split("\n"+s.log(), "\n-----")[1:] {
		head, message, ok := strings.Cut(part, "\n\n")
		if ok && strings.Contains(head, "message received") && strings.HasPrefix(message, what) {
			out = append(out, message)
		}
	}
	return out
}

// field is the first match of a pattern's group in a message.
func field(t *testing.T, message, pattern string) string {
	t.Helper()
	m := regexp.MustCompile("(?m)" + pattern).FindStringSubmatch(message)
	if m == nil {
		t.Fatalf("no %s in\n%s", pattern, message)
	}
	return m[1]
}

// dropped is how many datagrams the edge dropped for a reason.
func (d *daemon) dropped(why string) string {
	d.t.Helper()
	res, err := http.Get(d.admin + "/metrics")
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	m := regexp.MustCompile(`zvonar_sip_dropped_total\{why="` + why + `"\} (\d+)`).FindStringSubmatch(string(raw))
	if m == nil {
		return "0"
	}
	return m[1]
}

// TestSIPpASessionChangesUnderWay: codec, address and contact, hold, two refreshes and
// an old CSeq, through a recorded route; a BYE of another address is not heard, and ours goes to
// the last contact.
func TestSIPpASessionChangesUnderWay(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"callee", "caller"} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			d, peer, id := talkWith(t, "changes", role)
			d.Eventually("the INFO out of order to be refused", func() bool { return len(peer.received("SIP/2.0 500")) > 0 })
			answers := heldAnswers(peer)
			if len(answers) != 2 || answers[0] != answers[1] {
				t.Errorf("a refresh changes our description: %q", answers)
			}
			d.forgeBye(peer)
			d.control(id, "hangup", nil)
			c := d.over(id)
			peer.done()
			if c.Outcome != "answered" || c.Reason != "by_api" || c.HangupBy != "zvonar" {
				t.Errorf("ended as %+v", c)
			}
		})
	}
}

// heldAnswers are the descriptions that answered a hold, those of repetitions once.
func heldAnswers(s *sipp) []string {
	var out []string
	seen := map[string]bool{}
	for _, m := range s.received("SIP/2.0 200") {
		head, body, _ := strings.Cut(m, "\n\n")
		seq := regexp.MustCompile(`(?m)^CSeq: .*$`).FindString(head)
		if strings.Contains(body, "a=recvonly") && !seen[seq] {
			seen[seq] = true
			out = append(out, strings.TrimSpace(body[:strings.Index(body, "a=recvonly")]))
		}
	}
	return out
}

// forgeBye sends a BYE that knows everything about the dialog from an address that
// has no part in it, and waits until it was dropped.
func (d *daemon) forgeBye(peer *sipp) {
	d.t.Helper()
	res := peer.received("SIP/2.0 500")[0] // to a request of the far end
	before := d.dropped("unknown_source")
	c, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)}, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: d.sip})
	if err != nil {
		d.t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "BYE sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKforged;rport\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: 99 BYE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
		c.LocalAddr(), field(d.t, res, `^From: *(.*)$`), field(d.t, res, `^To: *(.*)$`), field(d.t, res, `^Call-ID: *(.*)$`))
	d.Eventually("the forged BYE to be dropped", func() bool { return d.dropped("unknown_source") != before })
}

// TestSIPpWeHoldThroughGlare: our hold meets an offer of the far end, both get 491, the second
// try is agreed to, and we resume.
func TestSIPpWeHoldThroughGlare(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"callee", "caller"} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			d, peer, id := talkWith(t, "glare", role)
			d.told(id, "playback_started")
			d.control(id, "hold", map[string]any{"on": true})
			offers := func(direction string) func() bool {
				return func() bool {
					n := 0
					for _, m := range peer.received("INVITE") {
						n += strings.Count(m, "a="+direction+"\n")
					}
					return n > 0
				}
			}
			d.Eventually("our hold", offers("sendonly"))
			d.Eventually("the second try", func() bool { return len(peer.seqs("INVITE")) >= map[string]int{"callee": 3, "caller": 2}[role] })
			d.control(id, "hold", map[string]any{"on": false})
			last := map[string]int{"callee": 4, "caller": 3}[role]
			d.Eventually("our resuming to be acknowledged", func() bool {
				seqs := peer.seqs("INVITE")
				return len(seqs) == last && len(peer.seqs("ACK")) >= last
			})
			d.control(id, "hangup", nil)
			c := d.over(id)
			peer.done()
			if c.Outcome != "answered" || c.Reason != "by_api" {
				t.Errorf("ended as %+v", c)
			}
		})
	}
}

// seqs are the different CSeqs of the requests of a method that SIPp received.
func (s *sipp) seqs(method string) map[string]bool {
	out := map[string]bool{}
	for _, m := range s.received(method + " ") {
		out[field(s.t, m, `^CSeq: *(\d+)`)] = true
	}
	return out
}

// TestSIPpACallIsCancelledByTheBook: the CANCEL and the ACK of the 487 belong to the
// INVITE's transaction (RFC 3261 9.1, 17.1.1.3).
func TestSIPpACallIsCancelledByTheBook(t *testing.T) {
	t.Parallel()
	peer := scenario(t, "canceled", 1, "", nil)
	d := start(t, options{peerPort: peer.port})
	id := d.place(map[string]any{"to": "79161234567", "record_id": d.clip(melody(7.2))})
	d.told(id, "ringing")
	d.control(id, "hangup", nil)
	c := d.over(id)
	peer.done()
	if c.Outcome != "canceled" || c.TalkMS != 0 {
		t.Errorf("ended as %+v", c)
	}
	invite := peer.received("INVITE")[0]
	for _, method := range []string{"CANCEL", "ACK"} {
		m := peer.received(method)[0]
		for _, pattern := range []string{`^Via: *(.*)$`, `^CSeq: *(\d+)`, `^From: *(.*)$`, `^Call-ID: *(.*)$`, `^[A-Z]+ (\S+) SIP`} {
			if got, want := field(t, m, pattern), field(t, invite, pattern); got != want {
				t.Errorf("%s has %q, the INVITE %q", method, got, want)
			}
		}
	}
}

// TestSIPpARepeatedAnswerIsAcknowledgedAgain with the same ACK (RFC 3261 13.2.2.4).
func TestSIPpARepeatedAnswerIsAcknowledgedAgain(t *testing.T) {
	t.Parallel()
	peer := scenario(t, "again", 1, "", nil, "-nr")
	d := start(t, options{peerPort: peer.port})
	id := d.place(map[string]any{"to": "79161234567", "record_id": d.clip(melody(7.2))})
	c := d.over(id)
	peer.done()
	acks := peer.received("ACK")
	if c.Outcome != "answered" || len(acks) < 2 || acks[0] != acks[1] {
		t.Errorf("ended as %+v after %q", c, acks)
	}
}

// TestSIPpCallersEndAsTheBookSays: a CANCEL behind the answer changes nothing, and the
// answer to a late offer carries digits.
func TestSIPpCallersEndAsTheBookSays(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ scenario, by, digit string }{{"crossed", "customer", ""}, {"latedigits", "zvonar", "2"}} {
		t.Run(tc.scenario, func(t *testing.T) {
			t.Parallel()
			replace := map[string]string{}
			if tc.digit != "" {
				replace = dtmf(t, tc.digit)
			}
			replace["NUMBER"] = "78005553535"
			d := start(t, options{peerPort: ports.Free(t), extra: inbound})
			d.clip(melody(7.2))
			peer := scenario(t, tc.scenario, 1, fmt.Sprintf("127.0.0.1:%d", d.sip), replace)
			c := d.over(d.inboundID())
			peer.done()
			var digit string
			for _, g := range c.Digits {
				digit += g.Digit
			}
			if c.Outcome != "answered" || c.HangupBy != tc.by || digit != tc.digit {
				t.Errorf("ended as %+v", c)
			}
		})
	}
}
