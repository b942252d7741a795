package codec

import "math/bits"

// G.711 (11/88). Samples are 16-bit here: A-law has 13 significant bits (the
// lowest 3 of a decoded value are 0), µ-law 14 (the lowest 2 are 0).

var (
	aLawToLinear = buildDecode(expandALaw)
	uLawToLinear = buildDecode(expandULaw)
	// The magnitude of an A-law sample is decided by its upper 12 bits, that of
	// a µ-law sample by its upper 14: the tables need no more entries.
	linearToALaw = buildALaw()
	linearToULaw = buildULaw()
)

// DecodeALaw is the 16-bit linear value of an A-law code word.
func DecodeALaw(c byte) int16 { return aLawToLinear[c] }

// DecodeULaw is the 16-bit linear value of a µ-law code word.
func DecodeULaw(c byte) int16 { return uLawToLinear[c] }

// EncodeALaw is the A-law code word of a sample.
func EncodeALaw(x int16) byte { return linearToALaw[uint16(x)>>4] }

// EncodeULaw is the µ-law code word of a sample.
func EncodeULaw(x int16) byte { return linearToULaw[uint16(x)>>2] }

func buildDecode(expand func(byte) int16) (t [256]int16) {
	for c := range 256 {
		t[c] = expand(byte(c))
	}
	return t
}

func buildALaw() (t [1 << 12]byte) {
	for i := range t {
		t[i] = compressALaw(int16(i << 4))
	}
	return t
}

func buildULaw() (t [1 << 14]byte) {
	for i := range t {
		t[i] = compressULaw(int16(i << 2))
	}
	return t
}

// expandALaw undoes the inversion of the even bits (G.711 2.1), then puts the
// value in the middle of its interval.
func expandALaw(c byte) int16 {
	c ^= 0x55
	segment, step := c>>4&7, int16(c&15)
	x := step<<4 + 8
	if segment > 0 {
		x = (x + 0x100) << (segment - 1)
	}
	if c&0x80 == 0 {
		return -x
	}
	return x
}

// compressALaw takes negative samples by their ones' complement, so that both
// signs have the same intervals.
func compressALaw(x int16) byte {
	sign := byte(0x80)
	if x < 0 {
		x, sign = ^x, 0
	}
	m := uint16(x) >> 4 // 11 bits
	c := byte(m)
	if m > 15 {
		segment := bits.Len16(m) - 4
		c = byte(segment<<4) | byte(m>>(segment-1)&15)
	}
	return (c | sign) ^ 0x55
}

// uLawBias moves the segment borders to powers of two (14-bit scale).
const uLawBias = 33

func expandULaw(c byte) int16 {
	c = ^c
	segment, step := c>>4&7, int16(c&15)
	x := ((2*step+uLawBias)<<segment - uLawBias) << 2
	if c&0x80 != 0 {
		return -x
	}
	return x
}

func compressULaw(x int16) byte {
	sign := byte(0)
	if x < 0 {
		x, sign = ^x, 0x80
	}
	m := min(uint16(x)>>2+uLawBias, 0x1FFF)
	segment := bits.Len16(m) - 6
	return ^(sign | byte(segment<<4) | byte(m>>(segment+1)&15))
}
