package demo

import (
	"math"
	"math/bits"
	"math/cmplx"
)

// The time axis of a call is not that of the clip: where the machine stands
// still for a moment, the sender pauses and goes on, and all that follows comes
// later. Pieces of a second are therefore looked for one after the other, each
// where the one before it ended: a little earlier (wander) or later (pause). The
// order and the whole of the content are judged here; that nothing pauses on a
// machine that is not busy is for the tests with outside peers.
const (
	piece  = sampleRate
	wander = sampleRate * 6 / 100  // 60 ms
	pause  = sampleRate * 40 / 100 // 400 ms
)

// aligned finds part in heard and says how well it matches there, piece by
// piece, each weighted with its energy. offset is where its first piece stands.
func aligned(heard, part []int16) (r float64, offset int) {
	r, offset = correlation(heard, part)
	if r >= match || len(heard) < len(part) {
		return r, offset
	}
	_, offset = correlation(heard, part[:min(piece, len(part))])
	next := offset // where the next piece should begin
	var sum, weight float64
	for from := 0; from < len(part); from += piece {
		p := part[from:min(from+piece, len(part))]
		low, high := max(0, next-wander), min(len(heard), next+len(p)+pause)
		q, at := correlation(heard[min(low, high):high], p)
		if next += len(p); q >= match {
			next = low + at + len(p)
		}
		energy := 0.0
		for _, v := range p {
			energy += float64(v) * float64(v)
		}
		sum, weight = sum+q*energy, weight+energy
	}
	if weight == 0 {
		return 0, offset
	}
	return max(r, sum/weight), offset
}

// correlation finds part in heard and says how well it matches there: the
// normalised correlation of the samples at the best offset, 1 = the same but for
// loudness. Every offset is tried (by Fourier transform, the product of the
// spectra being the correlation at all of them).
func correlation(heard, part []int16) (r float64, offset int) {
	if len(part) == 0 || len(heard) < len(part) {
		return 0, 0
	}
	size := 1 << bits.Len(uint(len(heard)+len(part)))
	h, p := spectrum(heard, size), spectrum(part, size)
	for i := range h {
		// Conjugated twice over, so that the forward transform inverts.
		h[i] = cmplx.Conj(h[i]) * p[i]
	}
	transform(h)

	var own, window float64 // energies of part, and of heard below it
	for i, v := range part {
		own += float64(v) * float64(v)
		window += float64(heard[i]) * float64(heard[i])
	}
	for lag := 0; ; lag++ {
		// Hardly any energy means silence, where rounding would decide.
		if window > own*1e-4 {
			if c := real(h[lag]) / float64(size) / math.Sqrt(own*window); c > r {
				r, offset = c, lag
			}
		}
		if lag+len(part) >= len(heard) {
			return r, offset
		}
		out, in := float64(heard[lag]), float64(heard[lag+len(part)])
		window += in*in - out*out
	}
}

func spectrum(pcm []int16, size int) []complex128 {
	x := make([]complex128, size)
	for i, v := range pcm {
		x[i] = complex(float64(v), 0)
	}
	transform(x)
	return x
}

// transform is the discrete Fourier transform in place (radix 2); len(x) is a
// power of two.
func transform(x []complex128) {
	shift := bits.UintSize - bits.Len(uint(len(x)-1))
	if len(x) == 1 {
		return
	}
	for i := range x {
		if j := int(bits.Reverse(uint(i)) >> shift); j > i {
			x[i], x[j] = x[j], x[i]
		}
	}
	for half := 1; half < len(x); half *= 2 {
		turn := make([]complex128, half)
		for k := range turn {
			turn[k] = cmplx.Rect(1, -math.Pi*float64(k)/float64(half))
		}
		for start := 0; start < len(x); start += 2 * half {
			a, b := x[start:start+half], x[start+half:start+2*half]
			for k, w := range turn {
				t := w * b[k]
				a[k], b[k] = a[k]+t, a[k]-t
			}
		}
	}
}
