package sdp

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"zvonar/media/codec"
)

// TestChecklist walks through what real offers do, line by line: what is agreed
// on, and what our answer says. An empty answer means 488.
func TestChecklist(t *testing.T) {
	t.Parallel()
	const c, m = "c=IN IP4 192.0.2.9", "m=audio 4000 RTP/AVP 8"
	type facts struct {
		codec         codec.ID
		payload, dtmf uint8
		remote        string
		ptime         int
		send, receive bool
		reports       string // "": behind the audio
		mux           bool
	}
	plain := facts{codec.PCMA, 8, 0, "192.0.2.9:4000", 20, true, true, "", false}
	with := func(change func(*facts)) facts {
		f := plain
		change(&f)
		return f
	}
	for _, tc := range []struct {
		name   string
		offer  []byte
		want   facts
		answer []string // lines in this order; nil: refused
	}{
		{"first common codec in their order", text(c, "m=audio 4000 RTP/AVP 18 0 8"), with(func(f *facts) { f.codec, f.payload = codec.PCMU, 0 }), []string{"m=audio 20000 RTP/AVP 0"}},
		{"dynamic numbers are theirs", text(c, "m=audio 4000 RTP/AVP 97 98", "a=rtpmap:97 PCMU/8000", "a=rtpmap:98 telephone-event/8000"),
			with(func(f *facts) { f.codec, f.payload, f.dtmf = codec.PCMU, 97, 98 }),
			[]string{"m=audio 20000 RTP/AVP 97 98", "a=rtpmap:97 PCMU/8000", "a=rtpmap:98 telephone-event/8000", "a=fmtp:98 0-15"}},
		{"a static number given another meaning", text(c, "m=audio 4000 RTP/AVP 8 0", "a=rtpmap:8 G722/8000"), with(func(f *facts) { f.codec, f.payload = codec.PCMU, 0 }), []string{"m=audio 20000 RTP/AVP 0"}},
		{"events at the clock of another codec", text(c, m+" 101 102", "a=rtpmap:101 telephone-event/16000", "a=rtpmap:102 telephone-event/8000"),
			with(func(f *facts) { f.dtmf = 102 }), []string{"m=audio 20000 RTP/AVP 8 102"}},
		{"events 0-16 and flash", text(c, m+" 101", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16"), with(func(f *facts) { f.dtmf = 101 }), []string{"a=fmtp:101 0-15"}},
		{"an event number that is not in the m= line", text(c, m, "a=rtpmap:101 telephone-event/8000"), plain, []string{"m=audio 20000 RTP/AVP 8"}},
		{"sendonly", text(c, m, "a=sendonly"), with(func(f *facts) { f.send = false }), []string{"a=recvonly"}},
		{"recvonly", text(c, m, "a=recvonly"), with(func(f *facts) { f.receive = false }), []string{"a=sendonly"}},
		{"inactive", text(c, m, "a=inactive"), with(func(f *facts) { f.send, f.receive = false, false }), []string{"a=inactive"}},
		{"a direction of the session, another of the stream", text(c, "a=inactive", m, "a=sendrecv"), plain, []string{"a=sendrecv"}},
		{"the last direction counts", text(c, m, "a=sendonly", "a=sendrecv"), plain, []string{"a=sendrecv"}},
		{"address 0.0.0.0", text("c=IN IP4 0.0.0.0", m), with(func(f *facts) { f.remote, f.send = "invalid AddrPort", false }), []string{"m=audio 20000"}},
		{"a host name for an address", text("c=IN IP4 pbx.example.com", m), with(func(f *facts) { f.remote, f.send = "invalid AddrPort", false }), []string{"m=audio 20000"}},
		{"IPv6", text("c=IN IP6 2001:db8::9", m), with(func(f *facts) { f.remote = "[2001:db8::9]:4000" }), []string{"m=audio 20000"}},
		{"lower case", text("c=in ip4 192.0.2.9", "m=AUDIO 4000 rtp/avp 8", "A=SENDONLY", "a=SendOnly"), with(func(f *facts) { f.send = false }), []string{"a=recvonly"}},
		{"the stream's own address", text("c=IN IP4 203.0.113.1", m, c), plain, []string{"m=audio 20000"}},
		{"no address for the session", text("v=0", m, c), plain, []string{"m=audio 20000"}},
		{"ptime 10", text(c, m, "a=ptime:10"), with(func(f *facts) { f.ptime = 10 }), []string{"a=ptime:10"}},
		{"ptime 60, maxptime 30", text(c, m, "a=ptime:60", "a=maxptime:30"), with(func(f *facts) { f.ptime = 30 }), []string{"a=ptime:30"}},
		{"ptime 0, negative, huge, words", text(c, m, "a=ptime:0", "a=ptime:-1", "a=ptime:99999999999999999999", "a=ptime:x"), plain, []string{"a=ptime:20"}},
		{"maxptime 10 alone", text(c, m, "a=maxptime:10"), with(func(f *facts) { f.ptime = 10 }), []string{"a=ptime:10"}},
		{"ptime of the session counts for nothing", text(c, "a=ptime:40", m), plain, []string{"a=ptime:20"}},
		{"a=rtcp and bandwidth", text(c, "b=AS:84", m, "b=TIAS:64000", "a=rtcp:4007 IN IP4 192.0.2.7", "a=rtcp-fb:* nack"), with(func(f *facts) { f.reports = "192.0.2.7:4007" }), []string{"m=audio 20000 RTP/AVP 8"}},
		{"a=rtcp without an address", text(c, m, "a=rtcp:4007"), with(func(f *facts) { f.reports = "192.0.2.9:4007" }), []string{"m=audio 20000 RTP/AVP 8"}},
		{"a=rtcp that says nothing", text(c, m, "a=rtcp:99999 IN IP4 192.0.2.7", "a=rtcp:0", "a=rtcp:"), plain, []string{"m=audio 20000 RTP/AVP 8"}},
		{"a=rtcp-mux", text(c, m, "a=rtcp-mux"), with(func(f *facts) { f.mux = true }), []string{"m=audio 20000 RTP/AVP 8", "a=rtcp-mux", "a=sendrecv"}},
		{"unknown lines and attributes", text("x=1", c, "k=clear:1", "i=words", "a=group:BUNDLE a", m, "a=mid:a", "a=candidate:1 1 UDP 1 192.0.2.1 1 typ host", "a=ssrc:1 cname:x"), plain, []string{"m=audio 20000 RTP/AVP 8"}},
		{"AVPF is answered as AVPF", text(c, "m=audio 4000 RTP/AVPF 8"), plain, []string{"m=audio 20000 RTP/AVPF 8"}},
		{"SAVP with keys beside plain audio", text(c, "m=audio 5000 RTP/SAVP 8", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x", m), plain, []string{"m=audio 0 RTP/SAVP 8", "m=audio 20000 RTP/AVP 8"}},
		{"SAVP alone", text(c, "m=audio 4000 RTP/SAVP 8"), facts{}, nil},
		{"DTLS-SRTP alone", text(c, "m=audio 4000 UDP/TLS/RTP/SAVPF 8"), facts{}, nil},
		{"T.38 beside audio", text(c, "m=image 5000 udptl t38", "a=T38FaxVersion:0", m), plain, []string{"m=image 0 UDPTL t38", "m=audio 20000 RTP/AVP 8"}},
		{"T.38 alone", text(c, "m=image 5000 udptl t38"), facts{}, nil},
		{"video, text, a second audio", text(c, m, "m=video 6000 RTP/AVP 96", "a=rtpmap:96 H264/90000", "m=text 7000 RTP/AVP 98", "m=audio 8000 RTP/AVP 0"), plain,
			[]string{"m=audio 20000 RTP/AVP 8", "m=video 0 RTP/AVP 96", "m=text 0 RTP/AVP 98", "m=audio 0 RTP/AVP 0"}},
		{"audio refused, another audio wanted", text(c, "m=audio 0 RTP/AVP 8", "m=audio 4000 RTP/AVP 8"), plain, []string{"m=audio 0 RTP/AVP 8", "m=audio 20000 RTP/AVP 8"}},
		{"port 0", text(c, "m=audio 0 RTP/AVP 8"), facts{}, nil},
		{"two ports", text(c, "m=audio 4000/2 RTP/AVP 8"), plain, []string{"m=audio 20000 RTP/AVP 8"}},
		{"bare LF, no end of line", []byte("v=0\nc=IN IP4 192.0.2.9\nm=audio 4000 RTP/AVP 8\na=sendonly"), with(func(f *facts) { f.send = false }), []string{"a=recvonly"}},
		{"blanks and empty lines", []byte("v=0 \r\n\r\nc=IN IP4  192.0.2.9 \r\nm=audio  4000  RTP/AVP  8 \r\n\x00"), plain, []string{"m=audio 20000"}},
		{"no codec that we speak", text(c, "m=audio 4000 RTP/AVP 18 9 96", "a=rtpmap:96 opus/48000/2"), facts{}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			body, got, err := NewEndpoint(here, both, 7).Answer(parse(t, tc.offer))
			if tc.answer == nil {
				if err == nil {
					t.Errorf("agreed to %+v", got)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			is := facts{got.Codec, got.PayloadType, got.DTMFPayload, got.Remote.String(), int(got.Ptime / time.Millisecond), got.Send, got.Receive, "", got.Mux}
			if got.Reports.IsValid() {
				is.reports = got.Reports.String()
			}
			if is != tc.want {
				t.Errorf("agreed %+v, want %+v", is, tc.want)
			}
			rest := string(body)
			for _, line := range tc.answer {
				_, after, found := strings.Cut(rest, line)
				if !found {
					t.Errorf("%q is missing or out of order in\n%s", line, body)
					continue
				}
				rest = after
			}
			if n := strings.Count(string(body), "\r\nm="); n != len(parse(t, tc.offer).Media) {
				t.Errorf("%d streams in the answer", n)
			}
		})
	}
}

func TestTooMuchIsRefusedBeforeItIsRead(t *testing.T) {
	t.Parallel()
	for name, b := range map[string][]byte{
		"bytes":               []byte("v=0\r\n" + strings.Repeat("a", MaxSize)),
		"lines":               []byte(strings.Repeat("a=x\r\n", MaxLines+1)),
		"streams":             []byte(strings.Repeat("m=audio 4000 RTP/AVP 8\r\n", MaxMedia+1)),
		"no SDP":              []byte("hello"),
		"empty":               nil,
		"a port that is none": []byte("m=audio 70000 RTP/AVP 8\r\n"),
	} {
		if s, err := Parse(b); err == nil {
			t.Errorf("%s: read as %+v", name, s)
		}
	}
	s := parse(t, []byte("m=audio 4000 RTP/AVP"+strings.Repeat(" 8", 5000/2)+"\r\n"))
	if n := len(s.Media[0].Formats); n > 64 {
		t.Errorf("%d formats are kept", n)
	}
}

// TestLaterOffersOfOursKeepNumbersAndPlaces: RFC 3264 8 forbids to give a payload
// type another meaning or to drop a stream.
func TestLaterOffersOfOursKeepNumbersAndPlaces(t *testing.T) {
	t.Parallel()
	e := NewEndpoint(here, both, 7)
	offer := text("c=IN IP4 192.0.2.9", "m=image 5000 udptl t38", "m=audio 4000 RTP/AVP 100 101", "a=rtpmap:100 PCMU/8000", "a=rtpmap:101 G722/8000", "m=video 6000 RTP/AVP 34")
	if _, _, err := e.Answer(parse(t, offer)); err != nil {
		t.Fatal(err)
	}
	e.Hold(true)
	got := string(e.Offer())
	for _, line := range []string{"m=image 0 UDPTL t38", "m=audio 20000 RTP/AVP 100 102", "a=rtpmap:100 PCMU/8000", "a=rtpmap:102 telephone-event/8000", "a=sendonly", "m=video 0 RTP/AVP 34"} {
		if !strings.Contains(got, line+"\r\n") {
			t.Errorf("%q is missing in\n%s", line, got)
		}
	}
	a, err := e.Accept(parse(t, text("c=IN IP4 192.0.2.9", "m=image 0 udptl t38", "m=audio 4000 RTP/AVP 100 102", "a=rtpmap:100 PCMU/8000", "a=rtpmap:102 telephone-event/8000", "a=recvonly", "m=video 0 RTP/AVP 34")))
	if err != nil || a.Receive || !a.Send || !reflect.DeepEqual(a.DTMFReceive, []uint8{102}) {
		t.Errorf("agreed %+v, %v", a, err)
	}
}

func TestHoldIsTwoSided(t *testing.T) {
	t.Parallel()
	for offered, want := range map[string]string{"sendrecv": "sendonly", "recvonly": "sendonly", "sendonly": "inactive", "inactive": "inactive"} {
		e := NewEndpoint(here, both, 7)
		e.Hold(true)
		body, a, err := e.Answer(parse(t, text("c=IN IP4 192.0.2.9", "m=audio 4000 RTP/AVP 8", "a="+offered)))
		if err != nil || a.Receive || !strings.Contains(string(body), "a="+want+"\r\n") {
			t.Errorf("%s while we hold: %+v, %v,\n%s", offered, a, err, body)
		}
	}
}

func TestARefreshKeepsTheWholeDescription(t *testing.T) {
	t.Parallel()
	e := NewEndpoint(here, both, 7)
	held, _, err := e.Answer(parse(t, text("c=IN IP4 192.0.2.9", "m=audio 4000 RTP/AVP 8", "a=sendonly")))
	if err != nil {
		t.Fatal(err)
	}
	if got := e.Refresh(); string(got) != string(held) {
		t.Errorf("a refresh of\n%s\nis\n%s", held, got)
	}
	if _, _, err := e.Answer(parse(t, text("m=audio 4000 RTP/AVP 18"))); err == nil {
		t.Fatal("G.729 is agreed to")
	}
	if got := e.Refresh(); string(got) != string(held) {
		t.Errorf("an offer that was refused changed the session to\n%s", got)
	}
}
