package sdp

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"zvonar/media/codec"
)

var (
	here = netip.MustParseAddrPort("192.0.2.1:20000")
	both = []codec.ID{codec.PCMA, codec.PCMU}
)

// text joins lines as SDP does.
func text(lines ...string) []byte { return []byte(strings.Join(lines, "\r\n") + "\r\n") }

func parse(t *testing.T, b []byte) *Session {
	t.Helper()
	s, err := Parse(b)
	if err != nil {
		t.Fatalf("%v in\n%s", err, b)
	}
	return s
}

func TestParseForgivesWhatPBXsGetWrong(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"as the RFC says":     "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n",
		"no trailing CRLF":    "v=0\r\nc=IN IP4 192.0.2.9\r\nm=audio 4000 RTP/AVP 8",
		"bare LF":             "v=0\nc=IN IP4 192.0.2.9\nm=audio 4000 RTP/AVP 8\n",
		"blank lines":         "v=0\r\n\r\nc=IN IP4 192.0.2.9\r\n\r\nm=audio 4000 RTP/AVP 8\r\n",
		"attribute before t=": "v=0\r\na=sendrecv\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n",
		"lower case ip4":      "v=0\r\nc=in ip4 192.0.2.9\r\nm=audio 4000 RTP/AVP 8\r\n",
		"unknown line":        "v=0\r\nx=what\r\njunk\r\nc=IN IP4 192.0.2.9\r\nm=audio 4000 RTP/AVP 8\r\n",
		"multicast suffix":    "v=0\r\nc=IN IP4 192.0.2.9/127\r\nm=audio 4000/1 RTP/AVP 8\r\n",
		"only an m= line":     "m=audio 4000 RTP/AVP 8\r\nc=IN IP4 192.0.2.9\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, got, err := NewEndpoint(here, both, 7).Answer(parse(t, []byte(body)))
			if err != nil {
				t.Fatal(err)
			}
			if got.Remote != netip.MustParseAddrPort("192.0.2.9:4000") || got.Codec != codec.PCMA || !got.Send {
				t.Errorf("agreed %+v", got)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"nothing":        "",
		"something else": "Signal=5\r\nDuration=160\r\n",
		"too large":      "v=0\r\n" + strings.Repeat("a=x\r\n", 2000),
		"too many lines": "v=0\n" + strings.Repeat("a=\n", MaxLines),
		"too many m=":    "v=0\r\n" + strings.Repeat("m=audio 1 RTP/AVP 0\r\n", MaxMedia+1),
		"port too large": "v=0\r\nm=audio 70000 RTP/AVP 0\r\n",
	} {
		if s, err := Parse([]byte(body)); err == nil {
			t.Errorf("%s: read as %+v", name, s)
		}
	}
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	const c = "c=IN IP4 192.0.2.9"
	remote := netip.MustParseAddrPort("192.0.2.9:4000")
	ms20 := 20 * time.Millisecond
	for _, tc := range []struct {
		name  string
		offer []byte
		want  Agreed
		lines []string // of the answer
	}{
		{"their order decides", text("v=0", c, "m=audio 4000 RTP/AVP 0 8"),
			Agreed{Remote: remote, Codec: codec.PCMU, PayloadType: 0, Ptime: ms20, Send: true, Receive: true},
			[]string{"m=audio 20000 RTP/AVP 0", "a=sendrecv"}},
		{"their event number comes back", text("v=0", c, "m=audio 4000 RTP/AVP 8 96", "a=rtpmap:96 telephone-event/8000"),
			Agreed{Remote: remote, Codec: codec.PCMA, PayloadType: 8, DTMFPayload: 96, DTMFReceive: []uint8{96}, Ptime: ms20, Send: true, Receive: true},
			[]string{"m=audio 20000 RTP/AVP 8 96", "a=rtpmap:96 telephone-event/8000", "a=fmtp:96 0-15"}},
		{"events at another clock are not ours", text("v=0", c, "m=audio 4000 RTP/AVP 8 96", "a=rtpmap:96 telephone-event/16000"),
			Agreed{Remote: remote, Codec: codec.PCMA, PayloadType: 8, Ptime: ms20, Send: true, Receive: true},
			[]string{"m=audio 20000 RTP/AVP 8"}},
		{"dynamic number for PCMA", text("v=0", c, "m=audio 4000 RTP/AVP 100", "a=rtpmap:100 pcma/8000/1"),
			Agreed{Remote: remote, Codec: codec.PCMA, PayloadType: 100, Ptime: ms20, Send: true, Receive: true},
			[]string{"a=rtpmap:100 PCMA/8000"}},
		{"hold by sendonly", text("v=0", c, "m=audio 4000 RTP/AVP 8", "a=sendonly"),
			Agreed{Remote: remote, Codec: codec.PCMA, PayloadType: 8, Ptime: ms20, Receive: true},
			[]string{"a=recvonly"}},
		{"hold by inactive, said for the session", text("v=0", c, "a=inactive", "m=audio 4000 RTP/AVP 8"),
			Agreed{Remote: remote, Codec: codec.PCMA, PayloadType: 8, Ptime: ms20},
			[]string{"a=inactive"}},
		{"hold by 0.0.0.0", text("v=0", "c=IN IP4 0.0.0.0", "m=audio 4000 RTP/AVP 8"),
			Agreed{Codec: codec.PCMA, PayloadType: 8, Ptime: ms20, Receive: true},
			[]string{"m=audio 20000 RTP/AVP 8"}},
		{"media address over session address", text("v=0", "c=IN IP4 203.0.113.1", "m=audio 4000 RTP/AVP 8", c),
			Agreed{Remote: remote, Codec: codec.PCMA, PayloadType: 8, Ptime: ms20, Send: true, Receive: true}, nil},
		{"every other stream is refused in its place",
			text("v=0", c, "m=image 5000 udptl t38", "m=audio 4000 RTP/AVP 8", "m=video 6000 RTP/AVP 34"),
			Agreed{Remote: remote, Codec: codec.PCMA, PayloadType: 8, Ptime: ms20, Send: true, Receive: true},
			[]string{"m=image 0 UDPTL t38", "m=audio 20000 RTP/AVP 8", "m=video 0 RTP/AVP 34"}},
		{"packet time is honoured", text("v=0", c, "m=audio 4000 RTP/AVP 8", "a=ptime:30"),
			Agreed{Remote: remote, Codec: codec.PCMA, PayloadType: 8, Ptime: 30 * time.Millisecond, Send: true, Receive: true},
			[]string{"a=ptime:30"}},
		{"packet time is bounded by maxptime", text("v=0", c, "m=audio 4000 RTP/AVP 8", "a=ptime:60", "a=maxptime:40"),
			Agreed{Remote: remote, Codec: codec.PCMA, PayloadType: 8, Ptime: 40 * time.Millisecond, Send: true, Receive: true},
			[]string{"a=ptime:40"}},
		{"odd packet times become 20", text("v=0", c, "m=audio 4000 RTP/AVP 8", "a=ptime:17"),
			Agreed{Remote: remote, Codec: codec.PCMA, PayloadType: 8, Ptime: ms20, Send: true, Receive: true}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			body, got, err := NewEndpoint(here, both, 7).Answer(parse(t, tc.offer))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tc.want) {
				t.Errorf("agreed\n%+v, want\n%+v", got, tc.want)
			}
			rest := string(body)
			for _, line := range tc.lines {
				_, after, found := strings.Cut(rest, line+"\r\n")
				if !found {
					t.Errorf("%q is missing or out of order in\n%s", line, body)
					continue
				}
				rest = after
			}
		})
	}
}

func TestAnswerRefusesWhatWeDoNotSpeak(t *testing.T) {
	t.Parallel()
	for name, offer := range map[string][]byte{
		"only G.729":      text("v=0", "c=IN IP4 192.0.2.9", "m=audio 4000 RTP/AVP 18"),
		"T.38 alone":      text("v=0", "c=IN IP4 192.0.2.9", "m=image 4000 udptl t38"),
		"refused audio":   text("v=0", "c=IN IP4 192.0.2.9", "m=audio 0 RTP/AVP 8"),
		"encrypted audio": text("v=0", "c=IN IP4 192.0.2.9", "m=audio 4000 RTP/SAVP 8"),
		"no media":        text("v=0", "c=IN IP4 192.0.2.9"),
		"wide PCMA":       text("v=0", "c=IN IP4 192.0.2.9", "m=audio 4000 RTP/AVP 100", "a=rtpmap:100 PCMA/16000"),
	} {
		if _, got, err := NewEndpoint(here, both, 7).Answer(parse(t, offer)); err == nil {
			t.Errorf("%s: agreed to %+v", name, got)
		}
	}
}

func TestOfferAndItsAnswer(t *testing.T) {
	t.Parallel()
	e := NewEndpoint(here, both, 1<<31)
	offer := string(e.Offer())
	for _, line := range []string{"m=audio 20000 RTP/AVP 8 0 101", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15", "a=sendrecv", "a=ptime:20", "c=IN IP4 192.0.2.1"} {
		if !strings.Contains(offer, line+"\r\n") {
			t.Errorf("%q is missing in\n%s", line, offer)
		}
	}
	if id := parse(t, []byte(offer)).OriginID; len(id) > 10 || id > "2147483647" && len(id) == 10 {
		t.Errorf("o= id %s is not below 2^31", id)
	}
	got, err := e.Accept(parse(t, text("v=0", "c=IN IP4 192.0.2.9", "m=audio 4000 RTP/AVP 0 97", "a=rtpmap:97 telephone-event/8000")))
	if err != nil {
		t.Fatal(err)
	}
	want := Agreed{Remote: netip.MustParseAddrPort("192.0.2.9:4000"), Codec: codec.PCMU, DTMFPayload: 97,
		DTMFReceive: []uint8{101, 97}, Ptime: 20 * time.Millisecond, Send: true, Receive: true}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("agreed\n%+v, want\n%+v", got, want)
	}
	if _, err := e.Accept(parse(t, text("v=0", "m=audio 4000 RTP/AVP 18"))); err == nil {
		t.Error("an answer with a codec we did not offer is accepted")
	}
}

func TestVersionGrowsOnlyOnChange(t *testing.T) {
	t.Parallel()
	e := NewEndpoint(here, both, 7)
	version := func(b []byte) string { return parse(t, b).OriginVersion }
	offer := text("v=0", "c=IN IP4 192.0.2.9", "m=audio 4000 RTP/AVP 8 0")
	first, _, _ := e.Answer(parse(t, offer))
	refresh, _, _ := e.Answer(parse(t, offer))
	hold, _, _ := e.Answer(parse(t, append(offer, text("a=sendonly")...)))
	if version(first) != "1" || version(refresh) != "1" || version(hold) != "2" {
		t.Errorf("versions %s, %s, %s; want 1, 1, 2", version(first), version(refresh), version(hold))
	}
	if parse(t, first).OriginID != parse(t, hold).OriginID {
		t.Error("the session id changed")
	}
}

func TestTheAgreedCodecStays(t *testing.T) {
	t.Parallel()
	e := NewEndpoint(here, both, 7)
	if _, _, err := e.Answer(parse(t, text("v=0", "c=IN IP4 192.0.2.9", "m=audio 4000 RTP/AVP 8"))); err != nil {
		t.Fatal(err)
	}
	_, got, err := e.Answer(parse(t, text("v=0", "c=IN IP4 192.0.2.9", "m=audio 4000 RTP/AVP 0 8")))
	if err != nil || got.Codec != codec.PCMA {
		t.Errorf("a second offer moved the codec to %q (%v)", got.Codec, err)
	}
	if offer := string(e.Offer()); strings.Contains(offer, "PCMU") {
		t.Errorf("a later offer of ours names other codecs:\n%s", offer)
	}
}

func FuzzParseAndAnswer(f *testing.F) {
	f.Add([]byte("v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=sendonly\r\n"))
	f.Add([]byte("m=image 5000 udptl t38\nm=audio 4000 RTP/AVP 0\na=ptime:20\nc=IN IP6 ::1"))
	f.Add([]byte("v=0\nm=\x00 1 \r x\nm=audio 1 RTP/AVP 8"))
	f.Fuzz(func(t *testing.T, b []byte) { answers(t, b) })
}

// answers takes b the way of an offer and reports whether we can answer it; whatever
// we then write must be sound.
func answers(t *testing.T, b []byte) bool {
	t.Helper()
	s, err := Parse(b)
	if err != nil {
		return false
	}
	e := NewEndpoint(here, both, 7)
	if _, err := e.Accept(s); err == nil {
		e.Offer() // whatever they answered, we can go on
	}
	body, _, err := e.Answer(s)
	if err != nil {
		return false
	}
	if string(e.Refresh()) != string(body) {
		t.Fatalf("a refresh of\n%s\nis\n%s", body, e.Refresh())
	}
	e.Hold(true)
	if again, err := Parse(e.Offer()); err != nil || len(again.Media) != len(s.Media) || again.OriginID == "" {
		t.Fatalf("our next offer: %v\n%+v", err, again)
	}
	back, err := Parse(body)
	if err != nil {
		t.Fatalf("our answer does not parse: %v\n%s", err, body)
	}
	if len(back.Media) != len(s.Media) {
		t.Fatalf("%d streams were offered, %d answered", len(s.Media), len(back.Media))
	}
	for _, r := range string(body) {
		if r < 0x20 && r != '\r' && r != '\n' || r == 0x7f {
			t.Fatalf("a control character of theirs is in our answer: %q", body)
		}
	}
	return true
}

func TestRTCPBesideTheAudioIsAgreedToAndKept(t *testing.T) {
	t.Parallel()
	const c, m = "c=IN IP4 192.0.2.9", "m=audio 4000 RTP/AVP 8"
	e := NewEndpoint(here, both, 7)
	if strings.Contains(string(e.Offer()), "rtcp-mux") {
		t.Error("offered of our own accord")
	}
	if got, err := e.Accept(parse(t, text(c, m, "a=rtcp-mux"))); err != nil || got.Mux {
		t.Errorf("agreed to what was not offered: %+v %v", got, err)
	}
	if _, got, err := e.Answer(parse(t, text(c, m, "a=rtcp-mux"))); err != nil || !got.Mux {
		t.Errorf("%+v %v", got, err)
	}
	if !strings.Contains(string(e.Offer()), "a=rtcp-mux") {
		t.Error("a later offer drops it")
	}
	if got, err := e.Accept(parse(t, text(c, m))); err != nil || got.Mux || strings.Contains(string(e.Offer()), "rtcp-mux") {
		t.Errorf("kept against their answer: %+v %v", got, err)
	}
}

func TestG722HasTheClockOfTheTelephone(t *testing.T) {
	t.Parallel()
	all := []codec.ID{codec.PCMA, codec.PCMU, codec.G722}
	const c = "c=IN IP4 192.0.2.9"
	e := NewEndpoint(here, all, 7)
	if offer := string(e.Offer()); !strings.Contains(offer, "m=audio 20000 RTP/AVP 8 0 9 101") || !strings.Contains(offer, "a=rtpmap:9 G722/8000\r\n") {
		t.Errorf("offered\n%s", offer)
	}
	for name, lines := range map[string][]string{
		"static":         {c, "m=audio 4000 RTP/AVP 9 8 101", "a=rtpmap:101 telephone-event/8000"},
		"mapped":         {c, "m=audio 4000 RTP/AVP 9 8 101", "a=rtpmap:9 G722/8000", "a=rtpmap:101 telephone-event/8000"},
		"another number": {c, "m=audio 4000 RTP/AVP 109 101", "a=rtpmap:109 g722/8000/1", "a=rtpmap:101 telephone-event/8000"},
	} {
		_, got, err := NewEndpoint(here, all, 7).Answer(parse(t, text(lines...)))
		if err != nil || got.Codec != codec.G722 || got.DTMFPayload != 101 {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
	if _, got, err := NewEndpoint(here, all, 7).Answer(parse(t, text(c, "m=audio 4000 RTP/AVP 9 8", "a=rtpmap:9 G722/16000"))); err != nil || got.Codec != codec.PCMA {
		t.Errorf("a clock of 16000 was taken: %+v %v", got, err)
	}
}
