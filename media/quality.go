package media

import "time"

// heard is how a stream came: what an opinion of it is made of.
type heard struct {
	loss   float64 // share of the packets
	bursts float64 // mean length of a run of lost packets; 0: none was lost
	jitter float64 // ms
	rtt    time.Duration
}

// mos estimates the opinion score of G.711 (ITU-T G.107 with R0-Is 93.2, Ie 0 and
// Bpl 4.3 of G.113 appendix I, no concealment): delay is half the round trip, the
// frame and a buffer of twice the jitter. Losses in runs count for more (BurstR).
// G.722 is judged by the same scale, which has no room above the telephone's band.
func mos(h heard) float64 {
	const base, bpl = 93.2, 4.3
	delay := 20 + 2*h.jitter + float64(h.rtt/2)/float64(time.Millisecond)
	r := base - 0.024*delay
	if delay > 177.3 {
		r -= 0.11 * (delay - 177.3)
	}
	// BurstR: the runs as they are against those of random loss.
	burst := max(1, h.bursts*(1-h.loss))
	ppl := 100 * h.loss
	r -= 95 * ppl / (ppl/burst + bpl)
	r = max(0, min(100, r))
	score := 1 + 0.035*r + r*(r-60)*(100-r)*7e-6
	return float64(int(max(1, score)*100+0.5)) / 100
}
