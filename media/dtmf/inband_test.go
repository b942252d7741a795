package dtmf

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"zvonar/media/codec"
)

// tones is what a telephone sends; levels are peaks of one tone.
type tones struct {
	digit            byte
	length           time.Duration
	lowDB, highDB    float64 // level of each tone, dBm0
	lowOff, highOff  float64 // of the frequency, as a share
	interruptAt, gap time.Duration
}

func samplesOf(d time.Duration) int { return int(d * Rate / time.Second) }

// peak is the sample value of a sine of that level.
func peak(dbm0 float64) float64 { return 32124 * math.Pow(10, (dbm0-3.14)/20) }

// render is silence, the tones, silence, through A-law, with white noise at snr
// dB below the tones (0: none).
func (p tones) render(rng *rand.Rand, snr float64) []int16 {
	k := 0
	for keys[k] != p.digit {
		k++
	}
	low, high := frequencies[k/4]*(1+p.lowOff), frequencies[4+k%4]*(1+p.highOff)
	n, lead := samplesOf(p.length), samplesOf(60*time.Millisecond)+rng.IntN(step)
	out := make([]float64, lead+n+samplesOf(80*time.Millisecond))
	a, b := peak(p.lowDB), peak(p.highDB)
	pa, pb := rng.Float64()*2*math.Pi, rng.Float64()*2*math.Pi
	for i := range n {
		at := time.Duration(i) * time.Second / Rate
		if p.gap > 0 && at >= p.interruptAt && at < p.interruptAt+p.gap {
			continue
		}
		t := float64(i) / Rate
		out[lead+i] = a*math.Sin(2*math.Pi*low*t+pa) + b*math.Sin(2*math.Pi*high*t+pb)
	}
	sigma := 0.0
	if snr > 0 {
		sigma = math.Sqrt((a*a + b*b) / 2 / math.Pow(10, snr/10))
	}
	pcm := make([]int16, len(out))
	for i, x := range out {
		pcm[i] = int16(max(-32768, min(32767, x+sigma*rng.NormFloat64())))
	}
	law := make([]byte, len(pcm))
	codec.Encode(codec.PCMA, law, pcm)
	codec.Decode(codec.PCMA, pcm, law)
	return pcm
}

// detect is the digits that a fresh detector hears, fed in packets of 20 ms.
func detect(pcm []int16) (digits string, presses []Press) {
	d := NewInband()
	tell := func(p Press) {
		if p.Ended {
			presses = append(presses, p)
		} else {
			digits += string(p.Digit)
		}
	}
	for len(pcm) > 0 {
		n := min(160, len(pcm))
		d.Write(pcm[:n], tell)
		pcm = pcm[n:]
	}
	d.Flush(tell)
	return digits, presses
}

// rounds is how often each of the 16 digits is pressed under one condition.
const rounds = 63

// share is how often a digit was heard exactly once, and how often as another or
// more than once.
func share(snr float64, p tones) (heard float64, wrong int) {
	rng := rand.New(rand.NewPCG(1, uint64(p.length)))
	n := 0
	for range rounds {
		for i := range keys {
			p.digit = keys[i]
			digits, _ := detect(p.render(rng, snr))
			switch digits {
			case string(p.digit):
				n++
			case "":
			default:
				wrong++
			}
		}
	}
	return float64(n) / (rounds * 16), wrong
}

func TestDigitsAreHeardAsTheRecommendationsAsk(t *testing.T) {
	t.Parallel()
	const level = -10
	plain := tones{length: 100 * time.Millisecond, lowDB: level, highDB: level}
	vary := func(change func(*tones)) tones { p := plain; change(&p); return p }
	for _, c := range []struct {
		name  string
		snr   float64
		tones tones
		found bool
	}{
		{"100 ms", 0, plain, true},
		{"15 dB over noise", 15, plain, true},
		{"high tone 4 dB stronger", 0, vary(func(p *tones) { p.highDB += 4 }), true},
		{"low tone 8 dB stronger", 0, vary(func(p *tones) { p.highDB -= 8 }), true},
		{"both 1.8 % high", 0, vary(func(p *tones) { p.lowOff, p.highOff = 0.018, 0.018 }), true},
		{"both 1.8 % low", 0, vary(func(p *tones) { p.lowOff, p.highOff = -0.018, -0.018 }), true},
		{"low tone 1.8 % high, the other 1.8 % low", 0, vary(func(p *tones) { p.lowOff, p.highOff = 0.018, -0.018 }), true},
		{"low tone 1.8 % low, the other 1.8 % high", 0, vary(func(p *tones) { p.lowOff, p.highOff = -0.018, 0.018 }), true},
		{"both 3 % high", 0, vary(func(p *tones) { p.lowOff, p.highOff = 0.03, 0.03 }), false},
		{"both 3 % low", 0, vary(func(p *tones) { p.lowOff, p.highOff = -0.03, -0.03 }), false},
		{"low tone alone 3 % high", 0, vary(func(p *tones) { p.lowOff = 0.03 }), false},
		{"low tone alone 3 % low", 0, vary(func(p *tones) { p.lowOff = -0.03 }), false},
		{"high tone alone 3 % high", 0, vary(func(p *tones) { p.highOff = 0.03 }), false},
		{"high tone alone 3 % low", 0, vary(func(p *tones) { p.highOff = -0.03 }), false},
		{"40 ms", 0, vary(func(p *tones) { p.length = 40 * time.Millisecond }), true},
		{"23 ms", 0, vary(func(p *tones) { p.length = 23 * time.Millisecond }), false},
		{"interrupted for 10 ms", 0, vary(func(p *tones) { p.interruptAt, p.gap = 40*time.Millisecond, 10*time.Millisecond }), true},
		{"-29 dBm0 a tone", 0, vary(func(p *tones) { p.lowDB, p.highDB = -29, -29 }), true},
		{"0 dBm0 a tone, clipped", 0, vary(func(p *tones) { p.lowDB, p.highDB = 0, 0 }), true},
		{"a long press", 0, vary(func(p *tones) { p.length = 400 * time.Millisecond }), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			heard, wrong := share(c.snr, c.tones)
			t.Logf("heard %.2f %%, wrong %d", 100*heard, wrong)
			if c.found && heard < 0.999 || !c.found && heard > 0.001 || wrong > 0 {
				t.Errorf("heard %.2f %%, wrong %d; want found = %v", 100*heard, wrong, c.found)
			}
		})
	}
}

func TestTwoPressesOfAKeyAreTwoDigitsFrom40msApart(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 3))
	press := tones{digit: '5', length: 50 * time.Millisecond, lowDB: -10, highDB: -10}.render(rng, 15)
	lead := samplesOf(60*time.Millisecond) + step
	body := press[lead-step : lead+samplesOf(50*time.Millisecond)]
	var pcm []int16
	for range 3 {
		pcm = append(pcm, body...)
		pcm = append(pcm, make([]int16, samplesOf(40*time.Millisecond))...)
	}
	digits, presses := detect(pcm)
	if digits != "555" {
		t.Fatalf("heard %q", digits)
	}
	for i, p := range presses {
		if p.Len < int64(samplesOf(40*time.Millisecond)) || p.Len > int64(samplesOf(75*time.Millisecond)) || !p.Ended {
			t.Errorf("press %d lasted %d samples, ended %v", i, p.Len, p.Ended)
		}
	}
}

func TestADigitIsToldWhileItSounds(t *testing.T) {
	t.Parallel()
	pcm := tones{digit: '7', length: time.Second, lowDB: -10, highDB: -10}.render(rand.New(rand.NewPCG(4, 4)), 0)
	d, fed := NewInband(), 0
	for i := 0; i+step <= len(pcm); i += step {
		done := false
		d.Write(pcm[i:i+step], func(p Press) { done = p.Digit == '7' && !p.Ended })
		if fed += step; done {
			break
		}
	}
	if after := time.Duration(fed)*time.Second/Rate - 60*time.Millisecond; after > 50*time.Millisecond {
		t.Errorf("told %v after the onset", after)
	}
}

func TestListeningAllocatesNothing(t *testing.T) {
	pcm := tones{digit: '1', length: 100 * time.Millisecond, lowDB: -10, highDB: -10}.render(rand.New(rand.NewPCG(5, 5)), 20)
	d, n := NewInband(), 0
	if a := testing.AllocsPerRun(100, func() { d.Write(pcm, func(Press) { n++ }) }); a != 0 {
		t.Errorf("%v allocations", a)
	}
	if n == 0 {
		t.Error("nothing was heard")
	}
}

func TestOtherSoundsOfTheLineAreNoDigits(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(6, 6))
	n := 3 * Rate
	sounds := map[string]func(i int) float64{
		"dial tone":     func(i int) float64 { return 8000 * math.Sin(2*math.Pi*425*float64(i)/Rate) },
		"one tone only": func(i int) float64 { return 8000 * math.Sin(2*math.Pi*770*float64(i)/Rate) },
		"white noise":   func(int) float64 { return 4000 * rng.NormFloat64() },
		"three tones": func(i int) float64 {
			x := 2 * math.Pi * float64(i) / Rate
			return 4000 * (math.Sin(697*x) + math.Sin(1209*x) + math.Sin(1477*x))
		},
		"fax calling": func(i int) float64 { return 8000 * math.Sin(2*math.Pi*1100*float64(i)/Rate) },
		"a sweep":     func(i int) float64 { x := float64(i) / Rate; return 8000 * math.Sin(2*math.Pi*(300*x+500*x*x)) },
	}
	for name, f := range sounds {
		pcm := make([]int16, n)
		for i := range pcm {
			pcm[i] = int16(f(i))
		}
		if digits, _ := detect(pcm); digits != "" {
			t.Errorf("%s: heard %q", name, digits)
		}
	}
}

func BenchmarkInbandSecond(b *testing.B) {
	pcm := tones{digit: '1', length: time.Second, lowDB: -10, highDB: -10}.render(rand.New(rand.NewPCG(7, 7)), 20)[:Rate]
	d := NewInband()
	b.ReportAllocs()
	for b.Loop() {
		d.Write(pcm, func(Press) {})
	}
}
