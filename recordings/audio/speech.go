package audio

import (
	"math"
	"slices"
)

// What speech does and tones, hum, noise and most music do not: its level and
// its share of high frequencies both go up and down several times a second.
const (
	frame         = Narrow / 50 // 20 ms
	around        = 20          // frames to either side of the one that is judged
	speechFloor   = -50.0       // dBFS below which nothing is speech
	speechRange   = 30.0        // dB below the loud parts of a clip
	leastSwing    = 12.0        // dB between the loudest and the quietest frame around
	leastCrossing = 0.03        // standard deviation of the zero crossings a sample
)

// speech tells how much of 8 kHz samples sounds like somebody speaking. It is a
// measure for a moderator, not a judgement.
type speech struct {
	n         int
	energy    float64
	crossings int
	before    int16
	levels    []float32 // dBFS a frame
	rates     []float32 // zero crossings a sample, a frame
}

func (s *speech) write(pcm []int16) {
	for _, x := range pcm {
		s.energy += float64(x) * float64(x)
		if (x < 0) != (s.before < 0) {
			s.crossings++
		}
		s.before = x
		if s.n++; s.n == frame {
			s.levels = append(s.levels, float32(max(DBFS(s.energy/frame), -70)))
			s.rates = append(s.rates, float32(s.crossings)/frame)
			s.n, s.energy, s.crossings = 0, 0, 0
		}
	}
}

// share is the share of frames that are speech, 0 to 1.
func (s *speech) share() float64 {
	if len(s.levels) == 0 {
		return 0
	}
	sorted := slices.Clone(s.levels)
	slices.Sort(sorted)
	least := max(speechFloor, sorted[len(sorted)*95/100]-speechRange)
	n := 0
	for i, level := range s.levels {
		if level >= least && s.alive(i, least) {
			n++
		}
	}
	return float64(n) / float64(len(s.levels))
}

// alive reports whether the sound around frame i moves as speech does.
func (s *speech) alive(i int, least float32) bool {
	from, to := max(0, i-around), min(len(s.levels), i+around+1)
	low, high := s.levels[i], s.levels[i]
	var n, sum, squares float64
	for k := from; k < to; k++ {
		low, high = min(low, s.levels[k]), max(high, s.levels[k])
		if s.levels[k] >= least {
			r := float64(s.rates[k])
			n, sum, squares = n+1, sum+r, squares+r*r
		}
	}
	mean := sum / n
	return high-low >= leastSwing && math.Sqrt(max(0, squares/n-mean*mean)) >= leastCrossing
}
