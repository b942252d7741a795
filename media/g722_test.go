package media

import (
	"math"
	"slices"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/media/codec"
)

func melody(n int) []int16 {
	pcm := make([]int16, n)
	phase := 0.0
	for i := range pcm {
		phase += 2 * math.Pi * (300 + 170*float64(i/1200*7%9)) / sampleRate // a note every 150 ms
		pcm[i] = int16(9000 * math.Sin(phase))
	}
	return pcm
}

// alike is the best correlation of want with a part of got.
func alike(want, got []int16) (best float64) {
	for shift := 0; shift+len(want) <= len(got); shift++ {
		var ab, aa, bb float64
		for i := 0; i < len(want); i += 3 {
			x, y := float64(want[i]), float64(got[shift+i])
			ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
		}
		if aa > 0 && bb > 0 {
			best = max(best, ab/math.Sqrt(aa*bb))
		}
	}
	return best
}

func (f *far) decoded(id codec.ID) []int16 {
	var words []byte
	for _, p := range f.heard() {
		words = append(words, p.Payload...)
	}
	pcm := make([]int16, len(words))
	codec.Decode(id, pcm, words)
	return pcm
}

func TestAClipIsHeardInG722AfterItsLead(t *testing.T) {
	t.Parallel()
	for _, ptime := range []time.Duration{10, 20, 30, 60} {
		s := newStage(t)
		f := s.open("127.0.0.1:20000")
		session := f.session()
		session.Codec, session.PayloadType, session.Ptime = codec.G722, 9, ptime*time.Millisecond
		f.port.Set(session)
		want := melody(8000)
		clip := NewClip(want)
		f.port.Play(1, clip, false)
		s.run(1500 * time.Millisecond)
		packets := f.heard()
		checkStream(t, packets, uint32(8*ptime))
		var words []byte
		for _, p := range packets {
			if p.PayloadType != 9 {
				t.Fatalf("payload type %d", p.PayloadType)
			}
			words = append(words, p.Payload...)
		}
		if at := 160; !slices.Equal(words[:at], codec.Lead(2)) || !slices.Equal(words[at:at+8000], clip.words[2]) {
			t.Errorf("packets of %d ms: the clip did not leave whole behind its lead", ptime)
		}
		pcm := make([]int16, len(words))
		codec.Decode(codec.G722, pcm, words)
		if c := alike(want, pcm[:9000]); c < 0.97 {
			t.Errorf("packets of %d ms: correlation %.3f", ptime, c)
		}
		last := f.events[len(f.events)-1]
		if last.Reason != calls.PlayEnd || last.Played != time.Second {
			t.Errorf("%+v", last)
		}
	}
}

func TestAClipThatWasKeptWideIsHeardWide(t *testing.T) {
	t.Parallel()
	wide, narrow := make([]int16, 16001), make([]int16, 8000)
	for i := range wide {
		wide[i] = int16(8000 * math.Sin(2*math.Pi*5500*float64(i)/16000)) // above the telephone's band
	}
	for name, tc := range map[string]struct {
		clip  *Clip
		heard bool
	}{"wide": {NewWideClip(narrow, wide), true}, "narrow": {NewWideClip(narrow, nil), false}} {
		if n := len(tc.clip.words[2]); n != 8000 {
			t.Fatalf("%s: %d words", name, n)
		}
		d := codec.NewG722Decoder()
		pcm := make([]int16, 16000)
		d.Decode(pcm, tc.clip.words[2])
		if loud := slices.Max(pcm[4000:]) > 4000; loud != tc.heard {
			t.Errorf("%s: a peak of %d", name, slices.Max(pcm[4000:]))
		}
	}
}

func TestBridgedPortsHearEachOtherWhateverTheirCodecs(t *testing.T) {
	t.Parallel()
	ids := []codec.ID{codec.PCMA, codec.PCMU, codec.G722}
	for _, one := range ids {
		for _, other := range ids {
			s := newStage(t)
			ends := [2]*far{s.open("127.0.0.1:20000"), s.open("127.0.0.1:20002")}
			said := [2][]int16{melody(16000), melody(17200)[1200:]}
			var words [2][]byte
			for i, id := range []codec.ID{one, other} {
				f := ends[i]
				info, _ := codec.Lookup(id)
				session := f.session()
				session.Codec, session.PayloadType, f.pt = id, info.PayloadType, info.PayloadType
				f.port.Set(session)
				words[i] = make([]byte, 16000)
				codec.Encode(id, words[i], said[i])
				copy(words[i], codec.Lead(info.Index))
			}
			Bridge(ends[0].port, ends[1].port)
			records := [2]*Recorder{ends[0].port.Record(time.Minute), ends[1].port.Record(time.Minute)}
			s.settle()
			for at := 0; at < 16000; at += 160 {
				for i, f := range ends {
					if at == 160*50 && i == 0 { // one packet is lost
						f.seq, f.ts = f.seq+1, f.ts+160
						continue
					}
					f.packet(f.addr, f.header(), words[i][at:at+160])
				}
				s.run(20 * time.Millisecond)
			}
			s.run(200 * time.Millisecond)
			if c := alike(said[0][800:7200], ends[1].decoded(other)[:9000]); c < 0.98 {
				t.Errorf("%s to %s: correlation %.3f", one, other, c)
			}
			if c := alike(said[1][800:15000], ends[0].decoded(one)); c < 0.98 {
				t.Errorf("%s back to %s: correlation %.3f", other, one, c)
			}
			ends[1].port.Close()
			s.settle()
			if c := alike(said[1][800:15000], records[1].PCM()); c < 0.98 {
				t.Errorf("%s: what was recorded correlates %.3f", other, c)
			}
		}
	}
}

func TestABridgeThatTranscodesAllocatesNothing(t *testing.T) {
	s, a, b := pair(t, codec.G722)
	for _, f := range []*far{a, b} {
		f.say(0x12)
		f.sock.discard = true
	}
	s.run(100 * time.Millisecond)
	tick := func() {
		s.now += beat
		s.shard.advance(s.now)
	}
	if n := testing.AllocsPerRun(1000, tick); n != 0 {
		t.Errorf("a beat allocates %v times", n)
	}
}
