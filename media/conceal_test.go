package media

import (
	"math"
	"testing"
	"time"

	"zvonar/media/codec"
)

// voice is n samples of a voice of 125 Hz with overtones.
func voice(n int) []int16 {
	pcm := make([]int16, n)
	for i := range pcm {
		x := 0.0
		for k := 1; k <= 6; k++ {
			x += math.Sin(2*math.Pi*125*float64(k*i)/sampleRate) / float64(k)
		}
		pcm[i] = int16(6000 * x)
	}
	return pcm
}

// tell has f say pcm in its codec frame by frame; of the frames in lost only the
// numbers are used up.
func (f *far) tell(pcm []int16, id codec.ID, lost func(i int) bool) {
	words := make([]byte, len(pcm))
	codec.Encode(id, words, pcm)
	for i := 0; (i+1)*160 <= len(words); i++ {
		h := f.header()
		if !lost(i) {
			f.packet(f.addr, h, words[i*160:(i+1)*160])
		}
		f.stage.run(20 * time.Millisecond)
	}
}

func rms(pcm []int16) float64 {
	sum := 0.0
	for _, x := range pcm {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum / float64(max(1, len(pcm))))
}

// difference is the level of a-b against that of a.
func difference(a, b []int16) float64 {
	d := make([]int16, len(a))
	for i := range a {
		d[i] = a[i] - b[i]
	}
	return rms(d) / rms(a)
}

func TestALostFrameOfAVoiceIsMadeUpFromItsPeriod(t *testing.T) {
	t.Parallel()
	pcm := voice(1600)
	for _, info := range codec.All() {
		if info.Stateful {
			continue
		}
		words := make([]byte, len(pcm))
		codec.Encode(info.ID, words, pcm)
		var c concealer
		for at := 0; at < 800; at += 160 {
			c.heard(info.Index, words[at:at+160])
		}
		made := make([]int16, 160)
		c.conceal(info.Index, made)
		if d := difference(pcm[800:880], made[:80]); d > 0.1 {
			t.Errorf("%s: the first 10 ms are off by %.2f of the voice", info.ID, d)
		}
		rest := make([]int16, 480)
		c.conceal(info.Index, rest)
		if first, last := rms(made), rms(rest[320:]); last != 0 || first < 0.7*rms(pcm[800:960]) {
			t.Errorf("%s: level %.0f at first, %.0f after 60 ms", info.ID, first, last)
		}
	}
}

func TestWhatComesAfterAGapIsFadedIn(t *testing.T) {
	t.Parallel()
	loud := make([]byte, 160)
	codec.Encode(codec.PCMA, loud, voice(160))
	var c concealer
	for range 4 {
		c.heard(0, loud)
	}
	c.conceal(0, make([]int16, 480)) // long enough to be silent
	again := append([]byte(nil), loud...)
	c.heard(0, again)
	if codec.DecodeALaw(again[0]) > 16 || again[40] != loud[40] {
		t.Error("the sound comes back with a step, or not as it was")
	}
}

// TestLostFramesAreConcealedWhereTheCodecChanges: a bridge between codecs sends a
// packet for every frame, and the voice has no dropouts.
func TestLostFramesAreConcealedWhereTheCodecChanges(t *testing.T) {
	t.Parallel()
	for _, second := range []codec.ID{codec.PCMU, codec.G722} {
		t.Run(string(second), func(t *testing.T) {
			t.Parallel()
			s, a, b := pair(t, second)
			a.tell(voice(100*160), codec.PCMA, func(i int) bool { return i > 20 && i%10 == 0 })
			packets := b.heard()
			checkStream(t, packets, 160)
			var words []byte
			for _, p := range packets[:95] {
				words = append(words, p.Payload...)
			}
			pcm := make([]int16, len(words))
			codec.Decode(second, pcm, words)
			pcm = pcm[20*160:]
			level := rms(pcm)
			for at := 160; at+160 <= len(pcm); at += 160 {
				if got := rms(pcm[at : at+160]); got < 0.6*level {
					t.Errorf("frame %d has a level of %.0f, the voice %.0f", at/160, got, level)
				}
			}
			if n := s.shard.count.gapsMade; n < 7 || n > 9 {
				t.Errorf("%d gaps are counted", n)
			}
		})
	}
}

// TestALostFrameStaysAGapWhereTheCodecIsTheSame: what the far end is sent has
// exactly the holes of what was said, in numbers and in time.
func TestALostFrameStaysAGapWhereTheCodecIsTheSame(t *testing.T) {
	t.Parallel()
	for _, id := range []codec.ID{codec.PCMA, codec.G722} {
		t.Run(string(id), func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			a, b := s.open("127.0.0.1:20000"), s.open("127.0.0.1:20002")
			info, _ := codec.Lookup(id)
			for _, f := range []*far{a, b} {
				session := f.session()
				f.pt, session.Codec, session.PayloadType = info.PayloadType, id, info.PayloadType
				f.port.Set(session)
			}
			Bridge(a.port, b.port)
			s.settle()
			a.tell(voice(50*160), id, func(int) bool { return false })
			b.heard()
			a.tell(voice(100*160), id, func(i int) bool { return i%10 == 5 })
			packets := b.heard()
			holes := 0
			for i := 1; i < len(packets); i++ {
				p, before := packets[i], packets[i-1]
				numbers, time := p.SequenceNumber-before.SequenceNumber, p.Timestamp-before.Timestamp
				if uint32(numbers)*160 != time || numbers > 2 {
					t.Fatalf("packet %d: %d numbers and %d samples on", i, numbers, time)
				}
				holes += int(numbers) - 1
			}
			if holes != 10 || len(packets) < 85 {
				t.Errorf("%d holes in %d packets", holes, len(packets))
			}
		})
	}
}

func TestAPauseOfTheSpeakerIsAGapAndThenSilence(t *testing.T) {
	t.Parallel()
	s, a, b := pair(t, codec.PCMA)
	a.tell(voice(50*160), codec.PCMA, func(int) bool { return false })
	last := b.heard()
	s.run(time.Second)
	packets := b.heard()
	if n := len(packets); n < 45 || n > 48 {
		t.Errorf("%d packets in a second of a pause", n)
	}
	if p, before := packets[0], last[len(last)-1]; p.SequenceNumber != before.SequenceNumber+1 || p.Timestamp != before.Timestamp+4*160 {
		t.Errorf("after the gap: number %+d, time %+d", p.SequenceNumber-before.SequenceNumber, p.Timestamp-before.Timestamp)
	}
	checkStream(t, packets, 160)
	if len(first(packets)) != 0 {
		t.Error("the pause is not silent")
	}
}

func BenchmarkConcealFrame(b *testing.B) {
	words, made := make([]byte, 160), make([]int16, 160)
	codec.Encode(codec.PCMA, words, voice(160))
	var c concealer
	for b.Loop() {
		c.heard(0, words)
		c.heard(0, words)
		c.conceal(0, made)
	}
}
