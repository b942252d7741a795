package codec

// G.722 (11/88) at 64 kbit/s: the band of 0-8 kHz in two halves, each an ADPCM of
// its own, six bits for the lower one and two for the upper. The names in capitals
// are the blocks of the Recommendation (clause 5.2, 6.2).
//
// A byte is two samples of 16 kHz, and one unit of the RTP clock, which is 8 kHz by
// an old mistake that RFC 3551 4.5.2 keeps. The lower half alone is the telephone's
// band at 8 kHz: the Narrow functions code only it.

// band is the predictor and quantiser state of one half.
type band struct {
	s, sz  int // predicted value, its part from zeros
	r, a   [3]int
	p      [3]int
	d, b   [7]int
	nb     int // logarithm of the scale
	det    int // scale
	factor uint
}

const (
	lowShift  = 8
	highShift = 10
)

func lowBand() band  { return band{det: 32, factor: lowShift} }
func highBand() band { return band{det: 8, factor: highShift} }

func saturate(x int) int { return max(-32768, min(x, 32767)) }

// scale moves the quantiser's step (LOGSCL, SCALEL; LOGSCH, SCALEH).
func (t *band) scale(change, limit int) {
	t.nb = max(0, min(t.nb*127>>7+change, limit))
	step := inverseLog[t.nb>>6&31]
	if down := int(t.factor) - t.nb>>11; down >= 0 {
		t.det = step >> down << 2
	} else {
		t.det = step << -down << 2
	}
}

// adapt takes the quantised difference and moves the predictor on (RECONS, PARREC,
// UPPOL1, UPPOL2, UPZERO, DELAYA, FILTEP, FILTEZ, PREDIC).
func (t *band) adapt(d int) {
	r0, p0 := saturate(t.s+d), saturate(t.sz+d)
	same := func(x, y int) bool { return x>>15 == y>>15 }

	w := saturate(t.a[1] << 2)
	if same(p0, t.p[1]) {
		w = min(-w, 32767)
	}
	a2 := w>>7 + t.a[2]*32512>>15
	if same(p0, t.p[2]) {
		a2 += 128
	} else {
		a2 -= 128
	}
	a2 = max(-12288, min(a2, 12288))
	a1 := t.a[1] * 32640 >> 15
	if same(p0, t.p[1]) {
		a1 += 192
	} else {
		a1 -= 192
	}
	bound := saturate(15360 - a2)
	a1 = max(-bound, min(saturate(a1), bound))

	gain := 128
	if d == 0 {
		gain = 0
	}
	for i := 6; i > 0; i-- {
		b := t.b[i] * 32640 >> 15
		if same(t.d[i], d) {
			b += gain
		} else {
			b -= gain
		}
		t.b[i] = saturate(b)
	}
	t.d[0] = d
	copy(t.d[1:], t.d[:6])
	t.r[2], t.r[1] = t.r[1], r0
	t.p[2], t.p[1] = t.p[1], p0
	t.a[2], t.a[1] = a2, a1

	sp := saturate(t.a[1]*saturate(2*t.r[1])>>15 + t.a[2]*saturate(2*t.r[2])>>15)
	sz := 0
	for i := 6; i > 0; i-- {
		sz += t.b[i] * saturate(2*t.d[i]) >> 15
	}
	t.sz = saturate(sz)
	t.s = saturate(sp + t.sz)
}

// low is the lower half's part of a code word for a sample (SUBTRA, QUANTL, INVQAL).
func (t *band) low(x int) byte {
	e := saturate(x - t.s)
	size := e
	if e < 0 {
		size = ^e
	}
	i := 1
	for i < 30 && size >= lowLevels[i]*t.det>>12 {
		i++
	}
	code := lowPositive[i]
	if e < 0 {
		code = lowNegative[i]
	}
	t.lowAdapt(code)
	return code
}

func (t *band) lowAdapt(code byte) {
	d := t.det * lowFour[code>>2] >> 15
	t.scale(lowLog[lowLogIndex[code>>2]], 18432)
	t.adapt(d)
}

// lowValue is the sample of the lower half's six bits (INVQBL, LIMIT).
func (t *band) lowValue(code byte) int {
	x := max(-16384, min(t.s+t.det*lowSix[code]>>15, 16383))
	t.lowAdapt(code)
	return x
}

// high is the upper half's part of a code word (SUBTRA, QUANTH).
func (t *band) high(x int) byte {
	e := saturate(x - t.s)
	size, code := e, byte(2) // small and positive is 3
	if e < 0 {
		size, code = ^e, 0
	}
	if size < 564*t.det>>12 {
		code++
	}
	t.highAdapt(code)
	return code
}

func (t *band) highAdapt(code byte) int {
	d := t.det * highTwo[code] >> 15
	t.scale(highLog[code], 22528)
	t.adapt(d)
	return d
}

// highValue is the sample of the upper half's two bits (INVQAH, LIMIT).
func (t *band) highValue(code byte) int {
	s := t.s
	return max(-16384, min(s+t.highAdapt(code), 16383))
}

// G722Encoder is one direction of one stream. Make it with NewG722Encoder.
type G722Encoder struct {
	lower, upper band
	x            [24]int // the last samples, oldest first
}

// NewG722Encoder is an encoder at its start.
func NewG722Encoder() G722Encoder { return G722Encoder{lower: lowBand(), upper: highBand()} }

// Encode turns samples of 16 kHz, two a byte, into code words and returns the
// number of bytes: min(len(dst), len(pcm)/2).
func (e *G722Encoder) Encode(dst []byte, pcm []int16) int {
	n := min(len(dst), len(pcm)/2)
	for i := range n {
		copy(e.x[:], e.x[2:])
		e.x[22], e.x[23] = int(pcm[2*i]), int(pcm[2*i+1])
		even, odd := 0, 0
		for k, c := range qmf {
			odd += e.x[2*k] * c
			even += e.x[2*k+1] * qmf[11-k]
		}
		dst[i] = e.upper.high((even-odd)>>14)<<6 | e.lower.low((even+odd)>>14)
	}
	return n
}

// EncodeNarrow turns samples of 8 kHz into code words with nothing in the upper
// half; it returns their number, min(len(dst), len(pcm)).
func (e *G722Encoder) EncodeNarrow(dst []byte, pcm []int16) int {
	n := min(len(dst), len(pcm))
	for i, x := range pcm[:n] {
		dst[i] = e.upper.high(0)<<6 | e.lower.low(int(x)>>1)
	}
	return n
}

// G722Decoder is one direction of one stream. Make it with NewG722Decoder.
type G722Decoder struct {
	lower, upper band
	x            [24]int
}

// NewG722Decoder is a decoder at its start.
func NewG722Decoder() G722Decoder { return G722Decoder{lower: lowBand(), upper: highBand()} }

// Decode turns code words into samples of 16 kHz, two a byte, and returns the
// number of samples.
func (d *G722Decoder) Decode(dst []int16, b []byte) int {
	n := min(len(dst)/2, len(b))
	for i, c := range b[:n] {
		low, high := d.lower.lowValue(c&63), d.upper.highValue(c>>6)
		copy(d.x[:], d.x[2:])
		d.x[22], d.x[23] = low+high, low-high
		even, odd := 0, 0
		for k, c := range qmf {
			odd += d.x[2*k] * c
			even += d.x[2*k+1] * qmf[11-k]
		}
		dst[2*i], dst[2*i+1] = int16(saturate(even>>11)), int16(saturate(odd>>11))
	}
	return 2 * n
}

// DecodeNarrow turns code words into samples of 8 kHz, without what lies above 4
// kHz, and returns their number: min(len(dst), len(b)).
func (d *G722Decoder) DecodeNarrow(dst []int16, b []byte) int {
	n := min(len(dst), len(b))
	for i, c := range b[:n] {
		dst[i] = int16(d.lower.lowValue(c&63) << 1)
	}
	return n
}
