package main

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
)

const rate = 8000 // samples a second of everything here

// samples is how many there are in a time.
func samples(seconds float64) int { return int(seconds * rate) }

// chance is randomness that belongs to a name.
func chance(name string) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return rand.New(rand.NewPCG(h.Sum64(), 8))
}

// between draws a number evenly.
func between(rnd *rand.Rand, low, high float64) float64 { return low + (high-low)*rnd.Float64() }

// pick draws one of a list.
func pick[T any](rnd *rand.Rand, of []T) T { return of[rnd.IntN(len(of))] }

// db is the factor of a level.
func db(level float64) float64 { return math.Pow(10, level/20) }

// peak is the largest sample.
func peak(x []float64) float64 {
	var top float64
	for _, v := range x {
		top = max(top, math.Abs(v))
	}
	return top
}

// power is the mean square.
func power(x []float64) float64 {
	var sum float64
	for _, v := range x {
		sum += v * v
	}
	return sum / float64(max(1, len(x)))
}

// scale multiplies.
func scale(x []float64, factor float64) []float64 {
	for i := range x {
		x[i] *= factor
	}
	return x
}

// fade takes the click from both ends of a piece that was cut out.
func fade(x []float64, n int) []float64 {
	n = min(n, len(x)/2)
	for i := range n {
		part := float64(i) / float64(n)
		x[i] *= part
		x[len(x)-1-i] *= part
	}
	return x
}

// mix adds y to x from a sample on, as far as x goes.
func mix(x, y []float64, at int) {
	for i, v := range y {
		if at+i < len(x) {
			x[at+i] += v
		}
	}
}

// root is the effective value of a power.
func root(power float64) float64 { return math.Sqrt(power) }

// hum is a sample of the mains with some of its harmonics.
func hum(i int) float64 {
	at := 2 * math.Pi * 50 * float64(i) / rate
	return math.Sin(at) + 0.5*math.Sin(3*at) + 0.3*math.Sin(5*at)
}
