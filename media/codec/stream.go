package codec

// Decoder turns the code words of one stream into samples of 8 kHz. Its codec may
// change. The zero value is ready for use; it belongs to one goroutine.
type Decoder struct {
	g722  G722Decoder
	begun bool
}

// Decode writes min(len(dst), len(b)) samples and returns their number. index is
// of the codec.
func (d *Decoder) Decode(index int, dst []int16, b []byte) int {
	t := DecodeTable(index)
	if t == nil {
		if !d.begun {
			d.g722, d.begun = NewG722Decoder(), true
		}
		return d.g722.DecodeNarrow(dst, b)
	}
	n := min(len(dst), len(b))
	for i, c := range b[:n] {
		dst[i] = t[c]
	}
	return n
}

// Translator turns the code words of one stream into those of another codec. The
// codecs may change. The zero value is ready for use; it belongs to one goroutine.
type Translator struct {
	in    Decoder
	out   G722Encoder
	begun bool
}

// translated is how much is decoded at a time.
const translated = 160

// Translate writes min(len(dst), len(src)) code words and returns their number. dst
// may be src.
func (t *Translator) Translate(from, to int, dst, src []byte) int {
	n := min(len(dst), len(src))
	if table := Translation(from, to); table != nil {
		for i, c := range src[:n] {
			dst[i] = table[c]
		}
		return n
	}
	var pcm [translated]int16
	for at := 0; at < n; at += translated {
		k := t.in.Decode(from, pcm[:], src[at:min(n, at+translated)])
		t.Encode(to, dst[at:], pcm[:k])
	}
	return n
}

// Encode writes samples of 8 kHz as the code words that come next in codec to, and
// returns their number: min(len(dst), len(pcm)).
func (t *Translator) Encode(to int, dst []byte, pcm []int16) int {
	if !all[to].Stateful {
		return Encode(all[to].ID, dst, pcm)
	}
	if !t.begun {
		t.out, t.begun = g722AfterLead, true
	}
	return t.out.EncodeNarrow(dst, pcm)
}

// leadBytes is 20 ms.
const leadBytes = 160

// g722Silence has no difference in either half: under it the poles of the
// predictors run to their bounds and everything else to zero, so that decoders
// forget what came before. The silence of an encoder would leave them wherever
// its last bits of noise do.
const g722Silence = 0xFD

// g722Lead brings a decoder near to where the encoder of a clip begins, which is
// where long silence leads.
var g722Lead, g722AfterLead = makeLead()

func makeLead() (lead [leadBytes]byte, after G722Encoder) {
	for i := range lead {
		lead[i] = g722Silence
	}
	d := NewG722Decoder()
	var pcm [leadBytes]int16
	for range 50 {
		d.DecodeNarrow(pcm[:], lead[:])
		for range lead {
			d.upper.highValue(g722Silence >> 6)
		}
	}
	return lead, G722Encoder{lower: d.lower, upper: d.upper}
}

// Lead is the silence that has to be sent before code words that Encode made: none
// where a code word means the same always. It is shared: read only.
func Lead(index int) []byte {
	if !all[index].Stateful {
		return nil
	}
	return g722Lead[:]
}

// EncodeWide turns samples of 16 kHz into code words of G.722 as they follow its
// Lead, and returns their number: min(len(dst), len(pcm)/2).
func EncodeWide(dst []byte, pcm []int16) int {
	e := g722AfterLead
	return e.Encode(dst, pcm)
}
