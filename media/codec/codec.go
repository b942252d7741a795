// Package codec knows the audio codecs of the line: their names, static payload
// types and clock rates, and turns linear samples into code words and back.
//
// Tables and functions are pure and safe for use from any goroutine. Start reading at
// [All], then g711.go, g722.go, and stream.go, which hides which of them have a
// state. That state belongs to whoever made the [Decoder] or [Translator].
package codec

// ID names a codec as SDP's rtpmap does (RFC 3551 6).
type ID string

// The codecs.
const (
	PCMA ID = "PCMA" // G.711 A-law, payload type 8
	PCMU ID = "PCMU" // G.711 µ-law, payload type 0
	G722 ID = "G722" // G.722 at 64 kbit/s, payload type 9: 16 kHz, under a clock of 8 kHz
)

// Info is what the line must know of a codec. Every codec here makes one byte of
// one unit of the RTP clock, which is one sample of 8 kHz.
type Info struct {
	ID          ID
	Index       int   // position in All, for arrays per codec
	PayloadType uint8 // static payload type (RFC 3551 6)
	ClockRate   int   // of the RTP timestamp, Hz
	Silence     byte  // the code word that, said again and again, is silence
	// Stateful says that what a code word means depends on those before it.
	Stateful bool
}

// Count is the number of codecs.
const Count = 3

var all = [Count]Info{
	{ID: PCMA, Index: 0, PayloadType: 8, ClockRate: 8000, Silence: 0xD5},
	{ID: PCMU, Index: 1, PayloadType: 0, ClockRate: 8000, Silence: 0xFF},
	{ID: G722, Index: 2, PayloadType: 9, ClockRate: 8000, Silence: g722Silence, Stateful: true},
}

// All lists the codecs; the index is Info.Index.
func All() [Count]Info { return all }

// Lookup finds a codec by its name, in capitals.
func Lookup(id ID) (Info, bool) {
	for _, i := range all {
		if i.ID == id {
			return i, true
		}
	}
	return Info{}, false
}

// Encode turns samples of 8 kHz into the code words of id, of a stateful codec as
// they follow its Lead. It writes min(len(dst), len(pcm)) bytes and returns their
// number; 0 for an unknown id.
func Encode(id ID, dst []byte, pcm []int16) int {
	n := min(len(dst), len(pcm))
	switch id {
	case PCMA:
		for i, x := range pcm[:n] {
			dst[i] = linearToALaw[uint16(x)>>4]
		}
	case PCMU:
		for i, x := range pcm[:n] {
			dst[i] = linearToULaw[uint16(x)>>2]
		}
	case G722:
		e := g722AfterLead
		e.EncodeNarrow(dst, pcm)
	default:
		return 0
	}
	return n
}

// Decode turns code words of id, of a stateful codec from its start, into samples
// of 8 kHz. It writes min(len(dst), len(b))
// samples and returns their number; 0 for an unknown id.
func Decode(id ID, dst []int16, b []byte) int {
	info, known := Lookup(id)
	if !known {
		return 0
	}
	var d Decoder
	return d.Decode(info.Index, dst, b)
}

// DecodeTable is the linear value of each code word of the codec with that
// index, nil for a stateful one. The table is shared: read only.
func DecodeTable(index int) *[256]int16 {
	if all[index].Stateful {
		return nil
	}
	return &decodeTables[index]
}

// Translation is the code word of codec to for each code word of codec from
// (both by index), nil where one of them is stateful and they are not the same.
// The table is shared: read only.
func Translation(from, to int) *[256]byte {
	if from != to && (all[from].Stateful || all[to].Stateful) {
		return nil
	}
	return &translations[from][to]
}

var (
	decodeTables = [Count][256]int16{aLawToLinear, uLawToLinear}
	translations = buildTranslations()
)

func buildTranslations() (t [Count][Count][256]byte) {
	for from := range Count {
		for to := range Count {
			for c := range 256 {
				x := decodeTables[from][c]
				switch {
				case from == to:
					t[from][to][c] = byte(c)
				case all[to].ID == PCMA:
					t[from][to][c] = EncodeALaw(x)
				default:
					t[from][to][c] = EncodeULaw(x)
				}
			}
		}
	}
	return t
}
