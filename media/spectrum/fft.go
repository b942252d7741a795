package spectrum

import "math"

// half is the length of the complex transform that a real window of twice the
// length needs.
const half = Window / 2

// The factors of the transform, made once: roots of unity of length half and of
// length Window, and where each element goes at first.
var (
	roots     = makeRoots(half)
	realRoots = makeRoots(Window)
	places    = makePlaces()
)

func makeRoots(n int) (r [half]complex64) {
	for i := range r {
		s, c := math.Sincos(-2 * math.Pi * float64(i) / float64(n))
		r[i] = complex(float32(c), float32(s))
	}
	return r
}

func makePlaces() (p [half]uint8) {
	for i := range p {
		for bit := 1; bit < half; bit <<= 1 {
			p[i] <<= 1
			if i&bit != 0 {
				p[i] |= 1
			}
		}
	}
	return p
}

// transform is the discrete Fourier transform of x, whose elements stand in the
// order of places. Radix 2, the first two stages in one, for they need no factors.
func transform(x *[half]complex64) {
	for i := 0; i < half; i += 4 {
		a, b := x[i]+x[i+1], x[i]-x[i+1]
		c, d := x[i+2]+x[i+3], x[i+2]-x[i+3]
		d = complex(imag(d), -real(d))
		x[i], x[i+1], x[i+2], x[i+3] = a+c, b+d, a-c, b-d
	}
	for size := 8; size <= half; size *= 2 {
		mid, step := size/2, half/size
		for from := 0; from < half; from += size {
			lo, hi := x[from:from+mid:from+mid], x[from+mid:from+size:from+size]
			for j, k := 0, 0; j < mid && j < len(lo) && j < len(hi); j, k = j+1, k+step {
				w, h := roots[k&(half-1)], hi[j]
				t := complex(real(w)*real(h)-imag(w)*imag(h), real(w)*imag(h)+imag(w)*real(h))
				lo[j], hi[j] = lo[j]+t, lo[j]-t
			}
		}
	}
}

// powers turns the transform of a packed real signal (even samples real, odd ones
// imaginary) into the one-sided power of its bins.
func powers(x *[half]complex64, out *[Bins]float32) {
	dc, top := real(x[0])+imag(x[0]), real(x[0])-imag(x[0])
	out[0], out[half] = scale/2*dc*dc, scale/2*top*top
	for k := 1; k <= half/2; k++ {
		a, b := x[k], x[half-k]
		er, ei := real(a)+real(b), imag(a)-imag(b)
		or, oi := imag(a)+imag(b), real(b)-real(a)
		w := realRoots[k]
		tr, ti := real(w)*or-imag(w)*oi, real(w)*oi+imag(w)*or
		pr, pi := er+tr, ei+ti
		mr, mi := er-tr, ei-ti
		out[k] = scale / 4 * (pr*pr + pi*pi)
		out[half-k] = scale / 4 * (mr*mr + mi*mi)
	}
}
