package progress

import (
	"math"
	"math/rand/v2"

	"zvonar/media/amd"
	"zvonar/media/codec"
)

// way is what a tone goes through on its way to us.
type way struct {
	level   float64 // dBm0 of each tone
	twist   float64 // dB by which the second tone is stronger
	offset  float64 // of the frequency, a ratio
	stretch float64 // of the cadence, a ratio; 0 is 1
	snr     float64 // dB of white noise below it; 0: none
	ulaw    bool    // else A-law
	loss    float64 // share of packets of 20 ms that are lost
	block   int     // samples fed at once; 0: 160
	lead    int     // ms of silence before
	rng     *rand.Rand
}

// sine adds ms of tones; 0 Hz is silence.
func (w *way) sine(pcm []float64, ms float64, hz ...float64) []float64 {
	n := int(ms * 8)
	from := len(pcm)
	for range n {
		pcm = append(pcm, 0)
	}
	for k, f := range hz {
		if f == 0 {
			continue
		}
		db := w.level
		if k == 1 {
			db += w.twist
		}
		a := 32124 * math.Pow(10, (db-3.14)/20)
		for i := range n {
			edge := min(1, float64(i)/16, float64(n-1-i)/16)
			pcm[from+i] += a * edge * math.Sin(2*math.Pi*f*(1+w.offset)*float64(from+i)/8000)
		}
	}
	return pcm
}

// tone is ms of a tone of the table after the lead.
func (w *way) tone(t *Tone, ms float64) []float64 {
	stretch := w.stretch
	if stretch == 0 {
		stretch = 1
	}
	hz := t.Hz[:]
	if t.Hz[1] == 0 {
		hz = hz[:1]
	}
	pcm := w.sine(nil, float64(w.lead))
	if len(t.Cadence) == 0 {
		return w.sine(pcm, ms, hz...)
	}
	for done := 0.0; done < ms; {
		for i, s := range t.Cadence {
			if i%2 == 0 {
				pcm = w.sine(pcm, s.middle()*stretch, hz...)
			} else {
				pcm = w.sine(pcm, s.middle()*stretch)
			}
			done += s.middle() * stretch
		}
		if t.Once {
			return w.sine(pcm, ms-done)
		}
	}
	return pcm
}

// noise adds what w.snr says, measured against a tone of w.level.
func (w *way) noise(pcm []float64) []int16 {
	sigma := 0.0
	if w.snr != 0 {
		sigma = 32124 * math.Pow(10, (w.level-3.14-w.snr)/20) / math.Sqrt2
	}
	out := make([]int16, len(pcm))
	for i, x := range pcm {
		out[i] = int16(max(-32768, min(32767, math.Round(x+sigma*w.rng.NormFloat64()))))
	}
	id := codec.PCMA
	if w.ulaw {
		id = codec.PCMU
	}
	words := make([]byte, len(out))
	codec.Encode(id, words, out)
	info, _ := codec.Lookup(id)
	table := codec.DecodeTable(info.Index)
	for i, c := range words {
		out[i] = table[c]
	}
	return out
}

// found is a finding and when it was told, in ms of audio.
type found struct {
	amd.Finding
	told int
}

// hear feeds the samples as the line brings them.
func (w *way) hear(l *Listener, pcm []int16) []found {
	var all []found
	block := w.block
	if block == 0 {
		block = 160
	}
	for i := 0; i < len(pcm); i += block {
		end := min(i+block, len(pcm))
		if w.loss > 0 && w.rng.Float64() < w.loss {
			l.Gap(end - i)
			continue
		}
		l.Feed(pcm[i:end], func(f amd.Finding) { all = append(all, found{f, end / 8}) })
	}
	return all
}

func newWay(seed uint64, change func(*way)) *way {
	w := &way{level: -15, lead: 200, rng: rand.New(rand.NewPCG(seed, 7))}
	if change != nil {
		change(w)
	}
	return w
}
