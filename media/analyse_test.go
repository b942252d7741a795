package media

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtp"

	"zvonar/media/codec"
)

// keyTones are the two frequencies of a digit, Hz.
var keyTones = map[byte][2]float64{
	'1': {697, 1209}, '2': {697, 1336}, '3': {697, 1477}, '5': {770, 1336}, '8': {852, 1336}, '0': {941, 1336}, '#': {941, 1477},
}

// pressed is the sound of digits, each on and then off for so long, in code words.
func pressed(t testing.TB, id codec.ID, digits string, on, off time.Duration) []byte {
	t.Helper()
	var pcm []int16
	for i := range len(digits) {
		f, known := keyTones[digits[i]]
		if !known {
			t.Fatalf("no tones for %c", digits[i])
		}
		for n := range int(on * sampleRate / time.Second) {
			at := 2 * math.Pi * float64(n) / sampleRate
			pcm = append(pcm, int16(6000*math.Sin(f[0]*at)+6000*math.Sin(f[1]*at)))
		}
		pcm = append(pcm, make([]int16, off*sampleRate/time.Second)...)
	}
	words := make([]byte, len(pcm))
	codec.Encode(id, words, pcm)
	return words
}

// sayWords sends code words in packets of 20 ms, in time; lost says which packets
// do not arrive.
func (f *far) sayWords(words []byte, lost func() bool) {
	for ; len(words) >= 160; words = words[160:] {
		if !lost() {
			f.packet(f.addr, rtp.Header{Version: 2, PayloadType: f.pt, SequenceNumber: f.seq, Timestamp: f.ts, SSRC: f.ssrc}, words[:160])
		}
		f.seq++
		f.ts += 160
		f.stage.run(20 * time.Millisecond)
	}
}

func never() bool { return false }

func TestDigitsInTheAudioAreHeardWhereTheSessionAsksForIt(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		codec  codec.ID
		pt     uint8
		inband bool
		want   string
	}{
		"A-law":    {codec.PCMA, 8, true, "1035#"},
		"mu-law":   {codec.PCMU, 0, true, "1035#"},
		"G.722":    {codec.G722, 9, true, "1035#"},
		"not told": {codec.PCMA, 8, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newStage(t).open("127.0.0.1:20000")
			session := f.session()
			session.Codec, session.PayloadType, session.Inband = tc.codec, tc.pt, tc.inband
			f.pt = tc.pt
			f.port.Set(session)
			f.stage.settle()
			f.sayWords(codec.Lead(f.port.leg.codec.Index), never)
			f.sayWords(pressed(t, tc.codec, "1035#", 80*time.Millisecond, 80*time.Millisecond), never)
			if got := f.digits(); got != tc.want {
				t.Errorf("heard %q, want %q", got, tc.want)
			}
			for _, ev := range f.events {
				if ev.Kind == EventDigit && (ev.Via != "inband" || ev.At.IsZero()) {
					t.Errorf("%+v", ev)
				}
			}
		})
	}
}

func TestLostPacketsNeitherSplitNorDoubleDigitsInTheAudio(t *testing.T) {
	t.Parallel()
	f := newStage(t).open("127.0.0.1:20000")
	session := f.session()
	session.Inband = true
	f.port.Set(session)
	rng := rand.New(rand.NewPCG(3, 5))
	const digits = "11558800##235"
	want := ""
	for range 8 {
		f.sayWords(pressed(t, codec.PCMA, digits, 200*time.Millisecond, 80*time.Millisecond), func() bool { return rng.Float64() < 0.05 })
		want += digits
	}
	if got := f.digits(); got != want {
		t.Errorf("heard %q at 5 %% loss, want %q", got, want)
	}
}

func TestSilenceSuppressionEndsADigitInTheAudio(t *testing.T) {
	t.Parallel()
	f := newStage(t).open("127.0.0.1:20000")
	session := f.session()
	session.Inband = true
	f.port.Set(session)
	press := pressed(t, codec.PCMA, "5", 80*time.Millisecond, 0)
	f.sayWords(press, never)
	f.ts += 160 // nothing was sent for 20 ms, and the sequence knows of no loss
	f.sayWords(press, never)
	f.packet(f.addr, rtp.Header{Version: 2, PayloadType: comfortNoise, SequenceNumber: f.seq, Timestamp: f.ts, SSRC: f.ssrc}, []byte{60})
	f.seq++
	f.ts += 160
	f.sayWords(press, never)
	if got := f.digits(); got != "555" {
		t.Errorf("heard %q, want three presses", got)
	}
	if facts := f.port.leg.in.source.facts("PCMA", 0); facts.Lost != 0 {
		t.Errorf("%d packets count as lost", facts.Lost)
	}
}

// hearer keeps what it hears.
type hearer struct {
	samples, gaps, lost, fresh, pauses int
}

func (h *hearer) Hear(s Sound) {
	h.samples += len(s.PCM)
	h.gaps += s.Gap
	if s.Lost {
		h.lost++
	}
	if s.Fresh {
		h.fresh++
	}
	if s.Pause {
		h.pauses++
	}
}

func TestAnAnalyserIsToldWhatWasHeardAndWhatIsMissing(t *testing.T) {
	t.Parallel()
	f := newStage(t).open("127.0.0.1:20000")
	f.answer()
	h := &hearer{}
	stop := f.port.Analyse(h)
	steps := []struct {
		do   func()
		want hearer
	}{
		{func() { f.say(1); f.say(2) }, hearer{samples: 320, fresh: 1}},
		{func() { f.seq++; f.ts += 160; f.say(3) }, hearer{samples: 480, fresh: 1, gaps: 160, lost: 1}},
		{func() { f.ts += 320; f.say(4) }, hearer{samples: 640, fresh: 1, gaps: 480, lost: 1}},
		{func() { f.ssrc++; f.say(5) }, hearer{samples: 800, fresh: 2, gaps: 480, lost: 1}},
		{func() { f.ts += 30 * sampleRate; f.say(6) }, hearer{samples: 960, fresh: 3, gaps: 480, lost: 1}},
		{func() { f.seq -= 3; f.ts -= 480; f.say(7); f.seq += 2; f.ts += 320 }, hearer{samples: 960, fresh: 3, gaps: 480, lost: 1}},
		{func() { f.say(8) }, hearer{samples: 1120, fresh: 3, gaps: 480, lost: 1}},
		{func() { stop(); f.say(9) }, hearer{samples: 1120, fresh: 3, gaps: 480, lost: 1}},
	}
	for i, step := range steps {
		step.do()
		f.stage.run(40 * time.Millisecond)
		if *h != step.want {
			t.Errorf("after step %d: %+v, want %+v", i+1, *h, step.want)
		}
	}
	if f.port.leg.in.tap != nil {
		t.Error("the sound is still taken off")
	}
}

func TestAnAnalystThatIsSlowMissesSoundAndIsToldSo(t *testing.T) {
	t.Parallel()
	r := &soundRing{}
	payload := make([]byte, 160)
	taken := 0
	for i := range 100 {
		if r.put(uint16(i), uint32(160*i), i == 0, 0, payload, 0) {
			taken++
		}
	}
	if least := soundRingBytes / (soundHeader + 160); taken != least {
		t.Errorf("%d packets fitted, want %d", taken, least)
	}
	var b [maxPayload]byte
	for range taken {
		if rec, ok := r.take(&b); !ok || rec.n != 160 || rec.lost {
			t.Fatalf("%+v %v", rec, ok)
		}
	}
	if _, ok := r.take(&b); ok {
		t.Error("there is more than was put")
	}
	r.put(100, 16000, false, 0, payload, 0)
	if rec, ok := r.take(&b); !ok || !rec.lost || int(rec.gap) != (100-taken)*160 {
		t.Errorf("after the drought: %+v %v", rec, ok)
	}
}

func TestARingOfSoundKeepsItsBytesAcrossItsEnd(t *testing.T) {
	t.Parallel()
	r := &soundRing{}
	rng := rand.New(rand.NewPCG(8, 8))
	var ts uint32
	var b [maxPayload]byte
	for i := range 5000 {
		payload := make([]byte, 1+rng.IntN(480))
		for j := range payload {
			payload[j] = byte(rng.Uint32())
		}
		if !r.put(uint16(i), ts, i == 0, 1, payload, time.Duration(i)) {
			t.Fatalf("packet %d does not fit into an empty ring", i)
		}
		ts += uint32(len(payload))
		rec, ok := r.take(&b)
		if !ok || string(b[:rec.n]) != string(payload) || rec.at != time.Duration(i) || rec.codec != 1 {
			t.Fatalf("packet %d came out as %+v", i, rec)
		}
	}
}

// The whole way through sockets, shard, ring and analyst, beside each other.
func TestDigitsInTheAudioAreHeardThroughRealSockets(t *testing.T) {
	t.Parallel()
	a, aOwner := open(t, Config{})
	b, bOwner := open(t, Config{})
	session := towards(b.Addr())
	session.DTMFReceive, session.DTMFPayload, session.Inband = nil, 0, true
	a.Set(session)
	b.Set(towards(a.Addr()))
	const digits = "1035#"
	words := pressed(t, codec.PCMA, digits, 100*time.Millisecond, 100*time.Millisecond)
	pcm := make([]int16, len(words))
	codec.Decode(codec.PCMA, pcm, words)
	b.Play(1, NewClip(pcm), false)
	bOwner.until(t, "the clip is over", bOwner.has(EventPlaybackFinished))
	aOwner.until(t, "all digits", func() bool { return len(aOwner.digits()) >= len(digits) })
	a.Close()
	aOwner.until(t, "the end", aOwner.has(EventClosed))
	// Where this machine kept the sender from sending in time, its stream has leaps
	// that cut a tone in two.
	if got := aOwner.digits(); got != digits && reanchors(b.engine) == 0 {
		t.Errorf("heard %q", got)
	}
}
