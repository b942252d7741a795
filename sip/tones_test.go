package sip

import (
	"math"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/media/codec"
	"zvonar/sip/sdp"
	"zvonar/sip/trunk"
)

// five is the tones of the key 5 for 100 ms, then 100 ms of silence, in A-law.
func five() []byte {
	pcm := make([]int16, 1600)
	for n := range pcm[:800] {
		at := 2 * math.Pi * float64(n) / 8000
		pcm[n] = int16(6000*math.Sin(770*at) + 6000*math.Sin(1336*at))
	}
	words := make([]byte, len(pcm))
	codec.Encode(codec.PCMA, words, pcm)
	return words
}

// tones sends the key 5 as it sounds, in time.
func (r *rtpPeer) tones() {
	beat := time.NewTicker(20 * time.Millisecond)
	defer beat.Stop()
	for w := five(); len(w) > 0; w = w[160:] {
		r.send(8, r.ts, w[:160])
		r.ts += 160
		<-beat.C
	}
}

func TestTonesAreDigitsWhereTheFarEndTakesNoTelephoneEvents(t *testing.T) {
	t.Parallel()
	far := newRTPPeer(t, "127.0.0.1")
	k, p, offer := placed(t, far.sdp("8"))
	far.aim(offer)
	far.tones()
	far.tones()
	for n := range 2 {
		if d := k.until(calls.LegDigit); d.Digit != '5' || d.Via != "inband" {
			t.Errorf("digit %d is %c via %s", n+1, d.Digit, d.Via)
		}
	}
	leave(k, p)
}

func TestAPressByToneAndTelephoneEventIsOneDigit(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, func(c *trunk.Config, _ *Config) { c.DTMF = trunk.DTMFInband })
	far := newRTPPeer(t, "127.0.0.1")
	k := a.dial(t, nil)
	invite := p.read("INVITE")
	p.respond(invite, 200, "far", far.sdp("8 101", "a=rtpmap:101 telephone-event/8000"))
	p.read("ACK")
	k.until(calls.LegAnswered)
	far.aim(invite.Body())
	far.tones()
	far.press(101, 5)
	far.press(101, 1)
	if got := k.digits('1'); got != "51" {
		t.Errorf("heard %q", got)
	}
	leave(k, p)
}

func TestATrunkSaysByWhichWaysDigitsCome(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		dtmf           trunk.DTMF
		events         bool // telephone-events were agreed
		inband, digits bool
	}{
		{"", true, false, true},
		{"", false, true, true},
		{trunk.DTMFAuto, false, true, true},
		{trunk.DTMFEvents, false, false, true},
		{trunk.DTMFEvents, true, false, true},
		{trunk.DTMFInfo, true, false, false},
		{trunk.DTMFInfo, false, false, false},
		{trunk.DTMFInband, true, true, true},
	} {
		set, err := trunk.NewSet([]trunk.Config{{Name: "t", URI: "sip:192.0.2.9", DTMF: tc.dtmf}})
		if err != nil {
			t.Fatal(err)
		}
		l := &Leg{}
		l.trunk, _ = set.Get("t")
		agreed := sdp.Agreed{Send: true, Receive: true, DTMFReceive: []uint8{101}}
		if tc.events {
			agreed.DTMFPayload = 101
		}
		s := l.session(agreed, true)
		if s.Inband != tc.inband || len(s.DTMFReceive) > 0 != tc.digits {
			t.Errorf("%q with telephone-events %v: %+v", tc.dtmf, tc.events, s)
		}
		if l.session(agreed, false).Inband {
			t.Errorf("%q listens to tones before the answer", tc.dtmf)
		}
	}
	if _, err := trunk.NewSet([]trunk.Config{{Name: "t", URI: "sip:192.0.2.9", DTMF: "tones"}}); err == nil {
		t.Error("a way that is not known is taken")
	}
}
