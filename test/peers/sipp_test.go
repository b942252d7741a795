package peers

import (
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"zvonar/media/codec"
	"zvonar/test/daemons"
	"zvonar/test/ports"
)

// pcaps is where Debian's sip-tester keeps RFC 4733 digits (payload type 101).
const pcaps = "/usr/share/sip-tester"

// sipp is one run of SIPp; its exit code 0 means that every message it waited
// for came.
type sipp struct {
	t    *testing.T
	wait func() error // how it ended
	out  *daemons.Output
	port int

	messages string // the file in which it notes what it sends and receives
}

// scenario starts SIPp with a scenario of ./sipp for n calls. args replace
// @NAME@ in it; more are further options of SIPp.
func scenario(t *testing.T, name string, n int, target string, replace map[string]string, more ...string) *sipp {
	t.Helper()
	path := program(t, "sipp", "sip-tester")
	raw, err := os.ReadFile(filepath.Join("sipp", name+".xml"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for k, v := range replace {
		text = strings.ReplaceAll(text, "@"+k+"@", v)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, name+".xml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &sipp{t: t, port: ports.Free(t), messages: filepath.Join(dir, "messages.log")}
	args := []string{"-sf", file, "-m", strconv.Itoa(n), "-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", strconv.Itoa(s.port),
		"-mp", strconv.Itoa(ports.Block(t)), "-nostdin", "-timeout", fmt.Sprintf("%.0fs", (2 * patience).Seconds()), "-timeout_error", "-trace_msg", "-message_file", s.messages, "-trace_err", "-error_file", filepath.Join(dir, "errors.log")}
	args = append(args, more...)
	if target != "" {
		args = append(args, target)
	}
	s.wait, s.out = background(t, path, args...)
	t.Cleanup(func() {
		if t.Failed() {
			messages, _ := os.ReadFile(s.messages)
			t.Logf("what SIPp saw:\n%s", tail(string(messages)))
		}
	})
	return s
}

// done waits for SIPp and fails the test unless it saw everything it waited for.
func (s *sipp) done() {
	s.t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- s.wait() }()
	select {
	case err := <-ended:
		if err != nil {
			s.t.Errorf("SIPp: %v\n%s", err, tail(s.out.String()))
		}
	case <-time.After(patience):
		s.t.Errorf("SIPp still waits for something\n%s", tail(s.out.String()))
	}
}

func tail(s string) string { return s[max(0, len(s)-3000):] }

// dtmf replaces @DTMF@ by the recorded presses of a digit, which SIPp plays
// from a raw socket.
func dtmf(t *testing.T, digit string) map[string]string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SIPp plays digits from a raw socket: run the tests as root")
	}
	return map[string]string{"DTMF": filepath.Join(pcaps, "dtmf_2833_"+digit+".pcap")}
}

func TestSIPpCalleeAnswersAndIsHungUp(t *testing.T) {
	t.Parallel()
	peer := scenario(t, "answer", 1, "", nil)
	d := start(t, options{peerPort: peer.port})
	id := d.place(map[string]any{"to": "79161234567", "record_id": d.clip(melody(7.2))})
	c := d.over(id)
	peer.done()
	if c.Outcome != "answered" || c.Reason != "flow_end" || c.HangupBy != "zvonar" || c.TalkMS < 7200 {
		t.Errorf("ended as %+v", c)
	}
	if got, want := types(d.events(id)), "queued dialing ringing answered playback_started playback_finished completed"; got != want {
		t.Errorf("events %q, want %q", got, want)
	}
}

func TestSIPpOverTCP(t *testing.T) {
	t.Parallel()
	peer := scenario(t, "answer", 1, "", nil, "-t", "t1")
	d := start(t, options{peerPort: peer.port, tcp: true})
	id := d.place(map[string]any{"to": "79161234567", "record_id": d.clip(melody(7.2))})
	c := d.over(id)
	peer.done()
	if c.Outcome != "answered" || c.Reason != "flow_end" {
		t.Errorf("ended as %+v", c)
	}
}

func TestSIPpCalleePressesRFC4733Digits(t *testing.T) {
	t.Parallel()
	peer := scenario(t, "press", 1, "", dtmf(t, "4"))
	d := start(t, options{peerPort: peer.port})
	clip := d.clip(melody(7.2))
	id := d.place(map[string]any{"to": "79161234567", "record_id": clip, "digits": []map[string]any{{}, {}, {}, {}, {"needBlock": "1"}}})
	c := d.over(id)
	peer.done()
	if c.Reason != "blocked_by_digit" || len(c.Digits) != 1 || c.Digits[0].Digit != "4" || c.Digits[0].Via != "rfc4733" {
		t.Errorf("ended as %+v", c)
	}
	again := d.place(map[string]any{"to": "79161234567", "record_id": clip})
	if c := d.over(again); c.Outcome != "blocked" || len(c.Attempts) != 0 {
		t.Errorf("a blacklisted number ended as %+v", c)
	}
}

// keyTone writes the tones of the key 4, 120 ms, and a second of silence as A-law.
func keyTone(t *testing.T) string {
	t.Helper()
	pcm := make([]int16, 960+8000)
	for n := range pcm[:960] {
		at := 2 * math.Pi * float64(n) / 8000
		pcm[n] = int16(5000*math.Sin(770*at) + 5000*math.Sin(1209*at))
	}
	words := make([]byte, len(pcm))
	codec.Encode(codec.PCMA, words, pcm)
	name := filepath.Join(t.TempDir(), "four.alaw")
	if err := os.WriteFile(name, words, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestSIPpCalleePressesAKeyThatIsOnlyHeard(t *testing.T) {
	t.Parallel()
	peer := scenario(t, "tones", 1, "", map[string]string{"TONES": keyTone(t)})
	d := start(t, options{peerPort: peer.port})
	id := d.place(map[string]any{"to": "79161234567", "record_id": d.clip(melody(7.2)), "digits": []map[string]any{{}, {}, {}, {}, {"needBlock": "1"}}})
	c := d.over(id)
	peer.done()
	if c.Reason != "blocked_by_digit" || len(c.Digits) != 1 || c.Digits[0].Digit != "4" || c.Digits[0].Via != "inband" {
		t.Errorf("ended as %+v", c)
	}
}

func TestSIPpCalleesThatDoNotAnswer(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ scenario, outcome, reason string }{
		{"busy", "busy", ""},
		{"reject", "rejected", ""},
	} {
		t.Run(tc.scenario, func(t *testing.T) {
			t.Parallel()
			peer := scenario(t, tc.scenario, 1, "", nil)
			d := start(t, options{peerPort: peer.port})
			c := d.over(d.place(map[string]any{"to": "79161234567", "record_id": d.clip(melody(7.2))}))
			peer.done()
			if c.Outcome != tc.outcome || c.Reason != tc.reason || c.TalkMS != 0 {
				t.Errorf("ended as %+v", c)
			}
		})
	}
}

func TestSilentTrunkIsTheTrunksFault(t *testing.T) {
	t.Parallel()
	program(t, "sipp", "sip-tester")
	deaf, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	d := start(t, options{peerPort: deaf.LocalAddr().(*net.UDPAddr).Port})
	c := d.over(d.place(map[string]any{"to": "79161234567", "record_id": d.clip(melody(7.2))}))
	if c.Outcome != "trunk_error" || c.Reason != "trunk_timeout" || len(c.Attempts) != 1 || c.Attempts[0].Charged {
		t.Errorf("ended as %+v", c)
	}
}

func TestTwentyProvisionalsDoNotMatter(t *testing.T) {
	t.Parallel()
	peer := scenario(t, "ringing20", 1, "", nil)
	d := start(t, options{peerPort: peer.port})
	id := d.place(map[string]any{"to": "79161234567", "record_id": d.clip(melody(7.2))})
	c := d.over(id)
	peer.done()
	if c.Outcome != "answered" {
		t.Errorf("ended as %+v", c)
	}
	if got, want := types(d.events(id)), "queued dialing ringing answered playback_started playback_finished completed"; got != want {
		t.Errorf("events %q, want %q", got, want)
	}
}

func TestAnswerThatCrossesOurCancelIsEndedAndNotCounted(t *testing.T) {
	t.Parallel()
	peer := scenario(t, "cancelcross", 1, "", nil)
	d := start(t, options{peerPort: peer.port})
	c := d.over(d.place(map[string]any{"to": "79161234567", "record_id": d.clip(melody(7.2)), "ring_timeout": "5s"}))
	peer.done() // SIPp saw ACK and BYE for the 200
	if c.Outcome != "no_answer" || c.Reason != "ring_timeout" || c.TalkMS != 0 {
		t.Errorf("ended as %+v", c)
	}
}

func TestDigestCredentialsAreGivenWithinTheSameAttempt(t *testing.T) {
	t.Parallel()
	peer := scenario(t, "digest", 1, "", nil)
	d := start(t, options{peerPort: peer.port, trunk: `, username: alice, password: wonderland`})
	c := d.over(d.place(map[string]any{"to": "79161234567", "record_id": d.clip(melody(7.2))}))
	peer.done()
	if c.Outcome != "answered" || len(c.Attempts) != 1 {
		t.Errorf("ended as %+v", c)
	}
}

// inbound is a configuration whose number runs a flow with clip 1000001.
const inbound = `inbound: [{number: "78005553535", trunk: main, flow: {record: 1000001, digits: [{}, {}, {smsText: "hello"}]}}]`

func TestSIPpCallerReachesAConfiguredNumber(t *testing.T) {
	t.Parallel()
	d := start(t, options{peerPort: ports.Free(t), extra: inbound})
	if id := d.clip(melody(7.2)); id != 1000001 {
		t.Fatalf("the first record_id is %d", id)
	}
	replace := dtmf(t, "2")
	replace["NUMBER"] = "78005553535"
	caller := scenario(t, "caller", 1, fmt.Sprintf("127.0.0.1:%d", d.sip), replace)
	var list struct{ Items []call }
	d.Eventually("the inbound call", func() bool {
		return d.request("GET", "/v1/calls", nil, &list) == 200 && len(list.Items) == 1
	})
	c := d.over(list.Items[0].ID)
	caller.done()
	if c.Direction != "in" || c.Outcome != "answered" || len(c.Actions) != 1 || c.Actions[0].Action != "smsText" || c.Actions[0].Result != "ok" {
		t.Errorf("ended as %+v", c)
	}
	d.Eventually("the SMS to be sent", func() bool { return strings.Contains(types(d.events(c.ID)), "sms.sent") })
}

func TestSIPpCallerOfAnUnknownNumberIsRefused(t *testing.T) {
	t.Parallel()
	d := start(t, options{peerPort: ports.Free(t), extra: inbound})
	scenario(t, "wrongnumber", 1, fmt.Sprintf("127.0.0.1:%d", d.sip), map[string]string{"NUMBER": "74950000000"}).done()
}

func TestWhoeverIsNoTrunkGetsNoReply(t *testing.T) {
	t.Parallel()
	program(t, "sipp", "sip-tester")
	d := start(t, options{peerPort: ports.Free(t)})
	ask := func(from string) *net.UDPConn {
		c, err := net.DialUDP("udp4", &net.UDPAddr{IP: net.ParseIP(from)}, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: d.sip})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		fmt.Fprintf(c, "OPTIONS sip:x@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s;rport\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:x@127.0.0.1>\r\nCall-ID: %s\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
			c.LocalAddr(), strings.ReplaceAll(from, ".", ""), from)
		return c
	}
	stranger, trunk := ask("127.0.0.2"), ask("127.0.0.1")
	buf := make([]byte, 2000)
	_ = trunk.SetReadDeadline(time.Now().Add(patience))
	if n, err := trunk.Read(buf); err != nil || !strings.HasPrefix(string(buf[:n]), "SIP/2.0 200") {
		t.Fatalf("the trunk's OPTIONS got %q, %v", buf[:n], err)
	}
	// The stranger asked first; what the trunk got is the proof that its
	// request was read.
	_ = stranger.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	if n, err := stranger.Read(buf); err == nil {
		t.Errorf("a stranger got %q", buf[:n])
	}
}
