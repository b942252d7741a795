package amd

import (
	"math"
	"math/rand/v2"

	"zvonar/media/codec"
)

// talk is something like a voice: syllables of a glottal tone that glides, shaped
// by two formants that move, words apart by pauses. seconds of speech after lead
// seconds of quiet, then quiet until total.
func talk(seed uint64, lead, seconds, total float64) []int16 {
	rnd := rand.New(rand.NewPCG(seed, 3))
	y := make([]float64, int(total*Rate))
	at := lead
	for word := 0; at < lead+seconds; word++ {
		for range 1 + rnd.IntN(4) {
			length := 0.09 + 0.12*rnd.Float64()
			syllable(y, at, min(length, lead+seconds-at), rnd)
			at += length + 0.03
			if rnd.IntN(2) == 0 && at < lead+seconds-0.1 {
				hiss(y, at, 0.05+0.06*rnd.Float64(), rnd)
				at += 0.08
			}
		}
		at += 0.02 + 0.1*rnd.Float64()
		if word%5 == 4 {
			at += 0.25
		}
	}
	out := make([]int16, len(y))
	for i, v := range y {
		v += 12 * rnd.NormFloat64()
		out[i] = codec.DecodeALaw(codec.EncodeALaw(int16(v)))
	}
	return out
}

// hiss is a consonant like s or f.
func hiss(y []float64, at, length float64, rnd *rand.Rand) {
	n := int(length * Rate)
	last, loud := 0.0, 500+900*rnd.Float64()
	for i := range n {
		if k := int(at*Rate) + i; k < len(y) {
			x := rnd.NormFloat64()
			y[k] += loud * math.Sin(math.Pi*float64(i)/float64(n)) * (x - last)
			last = x
		}
	}
}

func syllable(y []float64, at, length float64, rnd *rand.Rand) {
	if length < 0.04 {
		return
	}
	pitch, glide := 95+90*rnd.Float64(), 0.7+0.6*rnd.Float64()
	f1, f2 := 300+500*rnd.Float64(), 900+1400*rnd.Float64()
	move := 0.8 + 0.4*rnd.Float64()
	loud := 4000 + 5000*rnd.Float64()
	n := int(length * Rate)
	phase := 0.0
	for i := range n {
		k := int(at*Rate) + i
		if k >= len(y) {
			return
		}
		part := float64(i) / float64(n)
		hz := pitch * math.Pow(glide, part)
		phase += 2 * math.Pi * hz / Rate
		var v float64
		for h := 1.0; h*hz < 3600; h++ {
			a := 1/(1+math.Pow((h*hz-f1*(1+(move-1)*part))/90, 2)) + 0.4/(1+math.Pow((h*hz-f2*math.Pow(move, part))/140, 2)) + 0.01
			v += a * math.Sin(h*phase)
		}
		y[k] += loud * math.Pow(math.Sin(math.Pi*part), 0.6) * v
	}
}
