package codec

import (
	"slices"
	"testing"
)

// decisions returns the decision values of G.711 (the lowest magnitude of each
// interval, 16-bit scale) as tables 1a and 2a list them: first distance, then
// 16 equal steps a segment, doubling.
func decisions(aLaw bool) []int {
	var d []int
	if aLaw {
		x, step := 0, 16
		for segment := range 8 {
			if segment > 1 {
				step *= 2
			}
			for range 16 {
				d = append(d, x)
				x += step
			}
		}
		return d
	}
	x, step := 4, 8
	d = append(d, 0)
	for range 15 {
		d = append(d, x)
		x += step
	}
	for range 7 {
		step *= 2
		for range 16 {
			d = append(d, x)
			x += step
		}
	}
	return d
}

// search finds the interval of a magnitude the slow way.
func search(d []int, magnitude int) int {
	i := 0
	for i+1 < len(d) && magnitude >= d[i+1] {
		i++
	}
	return i
}

func TestEveryCodeWordSurvivesDecodingAndEncoding(t *testing.T) {
	t.Parallel()
	for c := range 256 {
		if got := EncodeALaw(DecodeALaw(byte(c))); got != byte(c) {
			t.Errorf("A-law %#02x came back as %#02x", c, got)
		}
		want := byte(c)
		if c == 0x7F {
			want = 0xFF // minus zero is encoded as plus zero
		}
		if got := EncodeULaw(DecodeULaw(byte(c))); got != want {
			t.Errorf("µ-law %#02x came back as %#02x, want %#02x", c, got, want)
		}
	}
}

func TestKnownValuesOfG711(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		decode func(byte) int16
		code   byte
		want   int16
	}{
		{"A-law smallest positive", DecodeALaw, 0xD5, 8},
		{"A-law smallest negative", DecodeALaw, 0x55, -8},
		{"A-law largest positive", DecodeALaw, 0xAA, 32256},
		{"A-law largest negative", DecodeALaw, 0x2A, -32256},
		{"A-law 0x00", DecodeALaw, 0x00, -5504},
		{"A-law 0x80", DecodeALaw, 0x80, 5504},
		{"A-law 0xFF", DecodeALaw, 0xFF, 848},
		{"µ-law zero", DecodeULaw, 0xFF, 0},
		{"µ-law minus zero", DecodeULaw, 0x7F, 0},
		{"µ-law largest positive", DecodeULaw, 0x80, 32124},
		{"µ-law largest negative", DecodeULaw, 0x00, -32124},
		{"µ-law first step of the second segment", DecodeULaw, 0xEF, 132},
		{"µ-law 0x10", DecodeULaw, 0x10, -15996},
	}
	for _, tt := range tests {
		if got := tt.decode(tt.code); got != tt.want {
			t.Errorf("%s: %#02x is %d, want %d", tt.name, tt.code, got, tt.want)
		}
	}
}

// One period of the 1 kHz test signal at 0 dBm0, G.711 tables 5 and 6.
func TestTheReferenceToneHasItsCodeWordsInOrder(t *testing.T) {
	t.Parallel()
	aLaw := []byte{0x34, 0x21, 0x21, 0x34, 0xB4, 0xA1, 0xA1, 0xB4}
	uLaw := []byte{0x1E, 0x0B, 0x0B, 0x1E, 0x9E, 0x8B, 0x8B, 0x9E}
	for i := range aLaw {
		a, u := int(DecodeALaw(aLaw[i])), int(DecodeULaw(uLaw[i]))
		if (a < 0) != (i < 4) || (u < 0) != (i < 4) {
			t.Errorf("word %d has the wrong sign: %d %d", i, a, u)
		}
		// Both laws describe the same tone; the levels differ by the 0.03 dB of
		// their overload points and by quantisation.
		if diff := max(a-u, u-a); diff > 512 {
			t.Errorf("word %d: A-law %d and µ-law %d are not the same tone", i, a, u)
		}
	}
}

func TestEncodingAgreesWithALinearSearchOfTheDecisionValues(t *testing.T) {
	t.Parallel()
	laws := []struct {
		name   string
		d      []int
		encode func(int16) byte
		word   func(interval int, negative bool) byte
	}{
		{"A-law", decisions(true), EncodeALaw, func(i int, negative bool) byte {
			c := byte(i) | 0x80
			if negative {
				c = byte(i)
			}
			return c ^ 0x55
		}},
		{"µ-law", decisions(false), EncodeULaw, func(i int, negative bool) byte {
			c := byte(i)
			if negative {
				c |= 0x80
			}
			return ^c
		}},
	}
	for _, law := range laws {
		for x := -32768; x <= 32767; x++ {
			magnitude := x
			if x < 0 {
				magnitude = -x - 1
			}
			want := law.word(search(law.d, magnitude), x < 0)
			if got := law.encode(int16(x)); got != want {
				t.Fatalf("%s: %d became %#02x, want %#02x", law.name, x, got, want)
			}
		}
	}
}

func TestDecodedValuesRiseWithTheInterval(t *testing.T) {
	t.Parallel()
	for _, info := range All() {
		if info.Stateful {
			continue
		}
		table := DecodeTable(info.Index)
		values := slices.Sorted(slices.Values(table[:]))
		if values[0] != -values[255] {
			t.Errorf("%s is not symmetric: %d and %d", info.ID, values[0], values[255])
		}
	}
}

func TestTranslationIsDecodingThenEncoding(t *testing.T) {
	t.Parallel()
	a, _ := Lookup(PCMA)
	u, _ := Lookup(PCMU)
	for c := range 256 {
		if got, want := Translation(a.Index, u.Index)[c], EncodeULaw(DecodeALaw(byte(c))); got != want {
			t.Errorf("PCMA %#02x to PCMU: %#02x, want %#02x", c, got, want)
		}
		if got, want := Translation(u.Index, a.Index)[c], EncodeALaw(DecodeULaw(byte(c))); got != want {
			t.Errorf("PCMU %#02x to PCMA: %#02x, want %#02x", c, got, want)
		}
		if got := Translation(a.Index, a.Index)[c]; got != byte(c) {
			t.Errorf("PCMA to itself changed %#02x", c)
		}
	}
}

func TestSilenceIsTheCodeWordOfZero(t *testing.T) {
	t.Parallel()
	for _, info := range All() {
		if info.Stateful {
			continue // TestSilenceOfG722IsSilentFromAnyState
		}
		var b [1]byte
		if Encode(info.ID, b[:], []int16{0}); b[0] != info.Silence {
			t.Errorf("%s: zero is %#02x, Silence is %#02x", info.ID, b[0], info.Silence)
		}
	}
}

func TestEncodeAndDecodeStopAtTheShorterSide(t *testing.T) {
	t.Parallel()
	dst := make([]byte, 2)
	if n := Encode(PCMA, dst, make([]int16, 5)); n != 2 {
		t.Errorf("encoded %d, want 2", n)
	}
	if n := Decode(PCMU, make([]int16, 5), dst); n != 2 {
		t.Errorf("decoded %d, want 2", n)
	}
	if Encode("opus", dst, make([]int16, 2)) != 0 || Decode("opus", make([]int16, 2), dst) != 0 {
		t.Error("an unknown codec did something")
	}
}
