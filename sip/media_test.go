package sip

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"

	"zvonar/internal/calls"
	"zvonar/media"
	"zvonar/media/codec"
	"zvonar/sip/sdp"
	"zvonar/sip/trunk"
)

// rtpPeer is the far end's side of the sound.
type rtpPeer struct {
	t    *testing.T
	conn *net.UDPConn
	to   netip.AddrPort // ours, as soon as it is known
	seq  uint16
	ts   uint32
}

func newRTPPeer(t *testing.T, ip string) *rtpPeer {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(ip)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &rtpPeer{t: t, conn: conn, seq: 1000, ts: 16000}
}

// sdp describes it; lines follow the m= line of formats.
func (r *rtpPeer) sdp(formats string, lines ...string) string {
	at := addrPort(r.conn.LocalAddr())
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP %s\r\n%s",
		at.Addr(), at.Addr(), at.Port(), formats, strings.Join(append(lines, ""), "\r\n"))
}

// aim takes our address from a description of ours.
func (r *rtpPeer) aim(body []byte) {
	r.t.Helper()
	s, err := sdp.Parse(body)
	if err != nil || len(s.Media) == 0 {
		r.t.Fatalf("no description of ours: %v\n%s", err, body)
	}
	r.to = netip.AddrPortFrom(s.Media[0].Addr, uint16(s.Media[0].Port))
}

// packet waits for the next packet of ours.
func (r *rtpPeer) packet() rtp.Packet {
	r.t.Helper()
	_ = r.conn.SetReadDeadline(time.Now().Add(patience))
	b := make([]byte, 2048)
	n, _, err := r.conn.ReadFromUDPAddrPort(b)
	if err != nil {
		r.t.Fatalf("no RTP came: %v", err)
	}
	var p rtp.Packet
	if err := p.Unmarshal(b[:n]); err != nil {
		r.t.Fatal(err)
	}
	return p
}

func (r *rtpPeer) send(pt uint8, timestamp uint32, payload []byte) {
	r.t.Helper()
	h := rtp.Header{Version: 2, PayloadType: pt, SequenceNumber: r.seq, Timestamp: timestamp, SSRC: 7}
	b, err := (&rtp.Packet{Header: h, Payload: payload}).Marshal()
	if err != nil {
		r.t.Fatal(err)
	}
	r.seq++
	if _, err := r.conn.WriteToUDPAddrPort(b, r.to); err != nil {
		r.t.Fatal(err)
	}
}

// say sends 20 ms of one code word.
func (r *rtpPeer) say(word byte) {
	r.send(8, r.ts, slices.Repeat([]byte{word}, 160))
	r.ts += 160
}

// press sends a key: one update and three ends.
func (r *rtpPeer) press(pt, event uint8) {
	for _, flags := range []byte{0, 0x80, 0x80, 0x80} {
		r.send(pt, r.ts, binary.BigEndian.AppendUint16([]byte{event, flags}, 800))
	}
	r.ts += 1600
}

// digits are those told up to and with the last one wanted.
func (k *taker) digits(last byte) string {
	k.t.Helper()
	var all []byte
	for {
		d := k.until(calls.LegDigit).Digit
		if all = append(all, d); d == last {
			return string(all)
		}
	}
}

// placed makes a call of ours that the far end answers with body.
func placed(t *testing.T, body string) (*taker, *rawPeer, []byte) {
	t.Helper()
	a, p := withRaw(t, nil)
	k := a.dial(t, nil)
	invite := p.read("INVITE")
	p.respond(invite, 200, "far", body)
	p.read("ACK")
	k.until(calls.LegAnswered)
	return k, p, invite.Body()
}

// leave hangs up.
func leave(k *taker, p *rawPeer) {
	k.t.Helper()
	k.leg.Hangup(0)
	p.respond(p.read("BYE"), 200, "", "")
	k.end()
}

// TestWhatADescriptionMeansForTheSound is the seam between SDP and RTP.
func TestWhatADescriptionMeansForTheSound(t *testing.T) {
	t.Parallel()
	const offer = "v=0\r\nc=IN IP4 192.0.2.1\r\nm=audio 4000 RTP/AVP 8\r\n"
	var none netip.AddrPort
	there := netip.MustParseAddrPort("192.0.2.1:4000")
	for _, tc := range []struct {
		name, body    string
		remote        netip.AddrPort
		send, receive bool
		ptime         time.Duration
	}{
		{"talk", offer, there, true, true, 20},
		{"held with music", offer + "a=sendonly\r\n", there, false, true, 20},
		{"held", offer + "a=inactive\r\n", there, false, false, 20},
		{"they only listen", offer + "a=recvonly\r\n", there, true, false, 20},
		{"held in the old manner", strings.Replace(offer, "192.0.2.1", "0.0.0.0", 1), none, false, true, 20},
		{"30 ms", offer + "a=ptime:30\r\n", there, true, true, 30},
		{"40 ms", offer + "a=ptime:40\r\n", there, true, true, 40},
		{"60 ms", offer + "a=ptime:60\r\n", there, true, true, 60},
		{"at most 10 ms", offer + "a=maxptime:10\r\n", there, true, true, 10},
	} {
		tr, err := trunk.NewSet([]trunk.Config{{Name: "t", URI: "sip:192.0.2.9"}})
		if err != nil {
			t.Fatal(err)
		}
		l := &Leg{patience: media.Patience{Never: time.Minute, Lost: time.Minute, Held: time.Hour}}
		l.trunk, _ = tr.Get("t")
		l.media = sdp.NewEndpoint(netip.MustParseAddrPort("127.0.0.1:4000"), l.trunk.CodecsOrDefault(), 1)
		if code := l.agreeTo([]byte(tc.body)); code != 0 {
			t.Fatalf("%s: %d", tc.name, code)
		}
		s := l.session(l.agreed, true)
		if s.Remote != tc.remote || s.Send != tc.send || s.Receive != tc.receive || s.Patience != l.patience || s.Ptime != tc.ptime*time.Millisecond {
			t.Errorf("%s: %+v", tc.name, s)
		}
		if early := l.session(l.agreed, false); early.Send || early.Patience != (media.Patience{}) {
			t.Errorf("%s: before the answer %+v", tc.name, early)
		}
	}
}

func TestAClipWaitsWhileTheCallIsHeldAndIsHeardWhole(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	far := newRTPPeer(t, "127.0.0.1")
	k, tag := answered(t, a, p, far.sdp("8"))
	p.send(p.request("ACK", "ack", "f", tag, "", 1))
	k.until(calls.LegAnswered)
	clip := media.NewClip(make([]int16, 8*400))
	k.leg.Play(3, clip, false)
	k.until(calls.LegPlaybackStarted)
	held := strings.Replace(far.sdp("8"), "c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0", 1)
	for i, step := range []struct{ method, body, want string }{
		{"INVITE", far.sdp("8", "a=sendonly"), "recvonly"},
		{"UPDATE", far.sdp("8", "a=inactive"), "inactive"},
		{"UPDATE", far.sdp("8", "a=sendrecv"), "sendrecv"},
		{"INVITE", held, "sendrecv"},
		{"INVITE", far.sdp("8"), "sendrecv"},
	} {
		p.send(p.request(step.method, fmt.Sprint("hold", i), "f", tag, step.body, 2+i))
		if res := p.read("200 " + step.method); !strings.Contains(string(res.Body()), "a="+step.want+"\r\n") {
			t.Errorf("step %d was answered with\n%s", i, res.Body())
		}
		if step.method == "INVITE" {
			p.send(p.request("ACK", fmt.Sprint("ackhold", i), "f", tag, "", 2+i))
		}
	}
	if ev := k.until(calls.LegPlaybackFinished); ev.PlayID != 3 || ev.Play != calls.PlayEnd || ev.Played != clip.Duration() {
		t.Errorf("playback %d finished with %q after %v", ev.PlayID, ev.Play, ev.Played)
	}
	leave(k, p)
}

func TestANewMediaAddressIsSentTo(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	before, after := newRTPPeer(t, "127.0.0.1"), newRTPPeer(t, "127.0.0.5")
	k, tag := answered(t, a, p, before.sdp("8"))
	p.send(p.request("ACK", "ack", "f", tag, "", 1))
	k.until(calls.LegAnswered)
	before.packet()
	p.send(p.request("INVITE", "move", "f", tag, after.sdp("8 101", "a=rtpmap:101 telephone-event/8000"), 2))
	res := p.read("200 INVITE")
	p.send(p.request("ACK", "ackmove", "f", tag, "", 2))
	after.packet()
	before.aim(res.Body())
	after.aim(res.Body())
	after.press(101, 1)
	before.press(101, 2) // it is not the far end any more
	after.press(101, 3)
	if got := k.digits('3'); got != "13" {
		t.Errorf("heard %q", got)
	}
	leave(k, p)
}

func TestTheAnswerDecidesTheCodecAndTheAddress(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name      string
		other     bool // the 200 describes another stream than the 183 did
		early     string
		codec     string
		wantPT    uint8
		wantBytes int
	}{
		{"200 without SDP confirms the 183", false, "8", "PCMA", 8, 160},
		{"200 without SDP confirms PCMU of the 183", false, "0", "PCMU", 0, 160},
		{"200 with another SDP replaces it", true, "8", "PCMU", 0, 240},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a, p := withRaw(t, nil)
			first, second := newRTPPeer(t, "127.0.0.1"), newRTPPeer(t, "127.0.0.1")
			k := a.dial(t, nil)
			invite := p.read("INVITE")
			first.aim(invite.Body())
			p.respond(invite, 183, "far", first.sdp(tc.early))
			k.until(calls.LegEarlyMedia)
			first.send(map[string]uint8{"8": 8, "0": 0}[tc.early], 160, make([]byte, 160))
			k.until(calls.LegFirstAudio)
			hears, body := first, ""
			if tc.other {
				hears, body = second, second.sdp("0", "a=ptime:30")
			}
			p.respond(invite, 200, "far", body)
			p.read("ACK")
			if ev := k.until(calls.LegAnswered); ev.Codec != tc.codec {
				t.Errorf("answered with %s, want %s", ev.Codec, tc.codec)
			}
			if got := hears.packet(); got.PayloadType != tc.wantPT || len(got.Payload) != tc.wantBytes {
				t.Errorf("type %d, %d bytes", got.PayloadType, len(got.Payload))
			}
			leave(k, p)
		})
	}
}

func TestThePacketTimeOfTheAnswerIsKept(t *testing.T) {
	t.Parallel()
	for _, ms := range []int{30, 40, 60} {
		t.Run(fmt.Sprint(ms), func(t *testing.T) {
			t.Parallel()
			far := newRTPPeer(t, "127.0.0.1")
			k, p, _ := placed(t, far.sdp("8", fmt.Sprintf("a=ptime:%d", ms)))
			one, two := far.packet(), far.packet()
			if len(one.Payload) != 8*ms || len(two.Payload) != 8*ms || two.SequenceNumber != one.SequenceNumber+1 {
				t.Errorf("%d and %d bytes, sequence %d after %d", len(one.Payload), len(two.Payload), two.SequenceNumber, one.SequenceNumber)
			}
			leave(k, p)
		})
	}
}

func TestTelephoneEventsGoUnderTheFarEndsNumber(t *testing.T) {
	t.Parallel()
	far := newRTPPeer(t, "127.0.0.1")
	k, p, ours := placed(t, far.sdp("8 96", "a=rtpmap:96 telephone-event/8000", "a=fmtp:96 0-15"))
	far.aim(ours)
	far.press(96, 11)
	far.press(101, 5) // the number of our offer
	if got := k.digits('5'); got != "#5" {
		t.Errorf("heard %q", got)
	}
	k.leg.SendDigits("4")
	for {
		got := far.packet()
		if got.PayloadType == 8 {
			continue
		}
		if got.PayloadType != 96 || len(got.Payload) != 4 || got.Payload[0] != 4 {
			t.Errorf("type %d, % x", got.PayloadType, got.Payload)
		}
		break
	}
	leave(k, p)
}

func TestASprayerIsNotHeardInACall(t *testing.T) {
	t.Parallel()
	far := newRTPPeer(t, "127.0.0.1")
	k, p, ours := placed(t, far.sdp("8 101", "a=rtpmap:101 telephone-event/8000"))
	r := k.leg.Record(time.Minute)
	far.aim(ours)
	const loud = 0xAA
	spray := func() {
		for _, ip := range []string{"127.0.0.8", "127.0.0.9"} {
			stranger := newRTPPeer(t, ip)
			stranger.aim(ours)
			for range 5 {
				stranger.say(loud)
			}
			stranger.press(101, 9)
		}
	}
	spray()
	far.say(0x2A)
	far.press(101, 1)
	k.until(calls.LegFirstAudio)
	spray()
	far.say(0x2A)
	far.press(101, 2)
	if got := k.digits('2'); got != "12" {
		t.Errorf("heard %q", got)
	}
	leave(k, p)
	if pcm := r.PCM(); slices.Contains(pcm, codec.DecodeALaw(loud)) || !slices.Contains(pcm, codec.DecodeALaw(0x2A)) {
		t.Errorf("of %d samples some are a stranger's, or none are the far end's", len(pcm))
	}
}

// TestSoundBeforeTheAnswerIsRead: whoever picks up may be heard before his 200
// arrives (RFC 3264 5.1), in any codec of our offer.
func TestSoundBeforeTheAnswerIsRead(t *testing.T) {
	t.Parallel()
	for _, pt := range []uint8{8, 0} {
		a, p := withRaw(t, nil)
		k := a.dial(t, nil)
		invite := p.read("INVITE")
		r := newRTPPeer(t, "127.0.0.1")
		r.aim(invite.Body())
		for range 5 {
			r.send(pt, r.ts, slices.Repeat([]byte{0x55}, 160))
			r.ts += 160
		}
		k.until(calls.LegFirstAudio)
		r.press(101, 4)
		if got := k.digits('4'); got != "4" {
			t.Errorf("digits %q", got)
		}
		p.respond(invite, 200, "far", r.sdp(fmt.Sprint(pt, " 101"), "a=rtpmap:101 telephone-event/8000"))
		p.read("ACK")
		k.until(calls.LegAnswered)
		r.press(101, 5)
		if got := k.digits('5'); got != "5" {
			t.Errorf("digits %q", got)
		}
		leave(k, p)
	}
}

// TestANewCodecIsSpokenAtOnce: a re-INVITE without the codec agreed on moves both
// directions to one of those it names.
func TestANewCodecIsSpokenAtOnce(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	r := newRTPPeer(t, "127.0.0.1")
	k, tag := answered(t, a, p, r.sdp("8"))
	p.send(p.request("ACK", "ack", "f", tag, "", 1))
	k.until(calls.LegAnswered)
	if got := r.packet().PayloadType; got != 8 {
		t.Errorf("payload type %d", got)
	}
	p.send(p.request("INVITE", "re", "f", tag, r.sdp("0"), 2))
	p.readSeq("200 INVITE", 2)
	p.send(p.request("ACK", "reack", "f", tag, "", 2))
	for r.packet().PayloadType != 0 {
	}
	leave(k, p)
}
