package audio

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"math/bits"
	"math/cmplx"
)

// The print follows J. Haitsma and T. Kalker, "A highly robust audio
// fingerprinting system" (ISMIR 2002), made coarser: whole clips are compared,
// not three seconds of them found among a million.
const (
	printWindow = 2048 // samples, 256 ms
	printHop    = 512  // 64 ms
	printBands  = 16
	printLow    = 300.0 // Hz
	printHigh   = 2000.0

	isLoud    = 1 << 15 // the bit of a frame that is not silent
	spectrum  = isLoud - 1
	maxShift  = 31 // frames that two prints may be apart, 2 s
	minCommon = 40 // frames they must have in common, 2.5 s
)

// Print is what a recording sounds like, in 31 bytes a second: whether the
// difference of neighbouring bands grows or shrinks from frame to frame. Level,
// coding and a little noise hardly change it.
type Print []uint16

// String is the print for a row; see ParsePrint.
func (p Print) String() string {
	b := make([]byte, 0, 2*len(p))
	for _, w := range p {
		b = binary.LittleEndian.AppendUint16(b, w)
	}
	return base64.RawStdEncoding.EncodeToString(b)
}

// ParsePrint reads what String wrote; what is broken is an empty print, which
// is like no other.
func ParsePrint(s string) Print {
	b, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil || len(b)%2 != 0 {
		return nil
	}
	p := make(Print, len(b)/2)
	for i := range p {
		p[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return p
}

// Similarity of two recordings: 1 for the same, about 0 for different ones. Where
// one is part of the other it is the share that they have in common.
func (p Print) Similarity(q Print) float64 {
	most := max(p.loud(), q.loud())
	if p.loud() < minCommon || q.loud() < minCommon || 2*min(p.loud(), q.loud()) < most {
		return 0
	}
	best := 0.0
	for shift := -maxShift; shift <= maxShift; shift++ {
		a, b := p, q
		if shift > 0 {
			a = a[min(shift, len(a)):]
		} else {
			b = b[min(-shift, len(b)):]
		}
		common, wrong := compare(a, b)
		if common < minCommon {
			continue
		}
		alike := 1 - 2*float64(wrong)/float64(common*(printBands-1))
		best = max(best, alike*float64(common)/float64(most))
	}
	return best
}

// compare counts the frames in which both sound, and the bits there that differ.
func compare(a, b Print) (common, wrong int) {
	n := min(len(a), len(b))
	a, b = a[:n], b[:n]
	for i, x := range a {
		if y := b[i]; x&y&isLoud != 0 {
			common++
			wrong += bits.OnesCount16((x ^ y) & spectrum)
		}
	}
	return common, wrong
}

func (p Print) loud() (n int) {
	for _, w := range p {
		n += int(w >> 15)
	}
	return n
}

// printer makes the print of 8 kHz samples.
type printer struct {
	pending []int16
	last    [printBands]float64
	started bool
	made    Print
	fft     [printWindow / 2]complex128
	tables  *printTables
}

type printTables struct {
	hann  [printWindow]float64
	turn  [printWindow]complex128 // e^(-2πik/N)
	edges [printBands + 1]int     // bins
}

func newPrinter() *printer {
	t := &printTables{}
	for i := range t.hann {
		t.hann[i] = 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/printWindow)
		t.turn[i] = cmplx.Rect(1, -2*math.Pi*float64(i)/printWindow)
	}
	for i := range t.edges {
		hz := printLow * math.Pow(printHigh/printLow, float64(i)/printBands)
		t.edges[i] = int(math.Round(hz * printWindow / Narrow))
	}
	return &printer{tables: t, pending: make([]int16, 0, 2*printWindow)}
}

func (p *printer) write(pcm []int16) {
	for len(pcm) > 0 {
		n := min(len(pcm), printWindow-len(p.pending))
		p.pending = append(p.pending, pcm[:n]...)
		pcm = pcm[n:]
		if len(p.pending) == printWindow {
			p.frame()
			p.pending = p.pending[:copy(p.pending, p.pending[printHop:])]
		}
	}
}

func (p *printer) print() Print { return p.made }

func (p *printer) frame() {
	power := 0.0
	for i := range p.fft {
		a, b := float64(p.pending[2*i]), float64(p.pending[2*i+1])
		power += a*a + b*b
		p.fft[i] = complex(a*p.tables.hann[2*i], b*p.tables.hann[2*i+1])
	}
	p.transform()
	var now [printBands]float64
	for m := range now {
		for k := p.tables.edges[m]; k < p.tables.edges[m+1]; k++ {
			now[m] += p.bin(k)
		}
	}
	if p.started {
		w := uint16(0)
		for m := range printBands - 1 {
			if (now[m]-now[m+1])-(p.last[m]-p.last[m+1]) > 0 {
				w |= 1 << m
			}
		}
		if DBFS(power/printWindow) >= silenceLevel {
			w |= isLoud
		}
		p.made = append(p.made, w)
	}
	p.last, p.started = now, true
}

// bin is the power at bin k of the real signal, of which fft holds even samples
// as real and odd ones as imaginary parts.
func (p *printer) bin(k int) float64 {
	const half = printWindow / 2
	z, y := p.fft[k%half], cmplx.Conj(p.fft[(half-k)%half])
	even, odd := (z+y)/2, (z-y)*complex(0, -0.5)
	x := even + p.tables.turn[k]*odd
	return real(x)*real(x) + imag(x)*imag(x)
}

// transform is an FFT in place, radix 2.
func (p *printer) transform() {
	x := p.fft[:]
	n := len(x)
	shift := bits.UintSize - bits.Len(uint(n-1))
	for i := range x {
		if j := int(bits.Reverse(uint(i)) >> shift); i < j {
			x[i], x[j] = x[j], x[i]
		}
	}
	for size := 2; size <= n; size *= 2 {
		stride := printWindow / size
		for from := 0; from < n; from += size {
			low, high := x[from:from+size/2], x[from+size/2:from+size]
			for k := range low {
				t := p.tables.turn[k*stride] * high[k]
				low[k], high[k] = low[k]+t, low[k]-t
			}
		}
	}
}
