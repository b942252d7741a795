package capture

import (
	"encoding/binary"
	"io"

	"zvonar/media/codec"
)

// layout is how the samples of a stereo WAV file of ours lie in it.
type layout struct {
	index   int    // among layouts
	tag     uint16 // wFormatTag (RFC 2361)
	header  int64  // bytes before the first sample
	sample  int    // bytes of one channel
	codec   int    // index of the codec, where a sample is a code word
	silence byte
}

// The layouts: 16-bit samples, and the code words of G.711 as they were on the line.
var layouts = [...]layout{
	{tag: 1, header: headerLen, sample: 2},
	{index: 1, tag: 6, header: headerLen + 14, sample: 1, codec: indexOf(codec.PCMA), silence: 0xD5},
	{index: 2, tag: 7, header: headerLen + 14, sample: 1, codec: indexOf(codec.PCMU), silence: 0xFF},
}

func indexOf(id codec.ID) int {
	info, _ := codec.Lookup(id)
	return info.Index
}

// linear is the layout of 16-bit samples.
func linear() layout { return layouts[0] }

// layoutOf is the layout for a talk that begins with that codec.
func layoutOf(codec int) layout {
	for _, l := range layouts[1:] {
		if l.codec == codec {
			return l
		}
	}
	return linear()
}

// layoutIn is that of a file, by its header; ok is false where there is none yet.
func layoutIn(f io.ReaderAt) (l layout, ok bool) {
	var b [2]byte
	if _, err := f.ReadAt(b[:], 20); err != nil {
		return layout{}, false
	}
	for _, l := range layouts {
		if l.tag == binary.LittleEndian.Uint16(b[:]) {
			return l, true
		}
	}
	return layout{}, false
}

// frame is the bytes of one instant: what we sent, what we heard.
func (l layout) frame() int64 { return 2 * int64(l.sample) }

// headerOf is the header of a file of so many frames. Code words need the count of
// samples in a chunk of its own.
func (l layout) headerOf(frames int64) []byte {
	bytes := uint32(min(frames*l.frame(), 1<<32-1-l.header))
	if l.sample == 2 {
		return headerOf(2, Rate, bytes)
	}
	const extension, fact = 2, 12
	h := make([]byte, 0, l.header)
	h = append(h, "RIFF"...)
	h = binary.LittleEndian.AppendUint32(h, uint32(l.header)-8+bytes)
	h = append(h, "WAVEfmt "...)
	h = binary.LittleEndian.AppendUint32(h, 16+extension)
	h = binary.LittleEndian.AppendUint16(h, l.tag)
	h = binary.LittleEndian.AppendUint16(h, 2)
	h = binary.LittleEndian.AppendUint32(h, Rate)
	h = binary.LittleEndian.AppendUint32(h, Rate*2)
	h = binary.LittleEndian.AppendUint16(h, 2)
	h = binary.LittleEndian.AppendUint16(h, 8)
	h = binary.LittleEndian.AppendUint16(h, 0)
	h = append(h, "fact"...)
	h = binary.LittleEndian.AppendUint32(h, fact-8)
	h = binary.LittleEndian.AppendUint32(h, bytes/2)
	h = append(h, "data"...)
	return binary.LittleEndian.AppendUint32(h, bytes)
}
