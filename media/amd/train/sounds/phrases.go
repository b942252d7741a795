package main

import "slices"

// phrase is what somebody says without a pause.
type phrase struct {
	pcm   []float64
	from  *input
	noise float64 // effective value of what is heard between the words
}

// seconds is how long it lasts.
func (p *phrase) seconds() float64 { return float64(len(p.pcm)) / rate }

const (
	frame  = rate / 100 // in which loudness is measured
	before = 3          // frames kept before and after what is loud enough
	after  = 6
)

// phrases finds what is said in a recording, divided where somebody pauses for gap
// seconds. A recording whose noise comes within 25 dB of the voice has none.
func phrases(x []float64, from *input, gap float64) []*phrase {
	loud := make([]float64, 0, len(x)/frame)
	for i := 0; i+frame <= len(x); i += frame {
		loud = append(loud, power(x[i:i+frame]))
	}
	if len(loud) < 20 {
		return nil
	}
	sorted := slices.Sorted(slices.Values(loud))
	top := sorted[len(sorted)-3]
	floor := sorted[len(sorted)/20]
	if quiet := (sorted[2] + 1e-12) * 30; floor > quiet {
		floor = quiet // hardly a pause: a twentieth of it is speech
	}
	if top < 1e-7 || floor*316 > top {
		return nil
	}
	limit := max(4*floor, top/1000)
	var out []*phrase
	start, last := -1, 0
	cut := func() {
		if start >= 0 && last-start >= 8 {
			a, b := max(0, start-before)*frame, min(len(loud), last+1+after)*frame
			out = append(out, &phrase{pcm: fade(slices.Clone(x[a:b]), rate/200), from: from, noise: root(floor)})
		}
		start = -1
	}
	for i, p := range loud {
		if p < limit {
			continue
		}
		if start >= 0 && float64(i-last) > gap*100 {
			cut()
		}
		if start < 0 {
			start = i
		}
		last = i
	}
	cut()
	return out
}

// join lets one person say several things with the pauses given in seconds; all are
// as loud as the first.
func join(said []*phrase, pause func() float64) *phrase {
	whole := &phrase{from: said[0].from, noise: said[0].noise}
	for i, p := range said {
		if i > 0 {
			whole.pcm = append(whole.pcm, make([]float64, samples(pause()))...)
		}
		factor := peak(said[0].pcm) / max(1e-9, peak(p.pcm))
		whole.pcm = append(whole.pcm, scale(slices.Clone(p.pcm), factor)...)
		whole.noise = max(whole.noise, p.noise*factor)
	}
	return whole
}
