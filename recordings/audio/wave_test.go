package audio

import (
	"bytes"
	"encoding/binary"
	"math"
	"time"

	"zvonar/media/codec"
)

// file builds WAV files, honest and otherwise.
type file struct {
	tag, channels, bits uint16
	rate                uint32
	extensible          bool
	before, after       []byte // chunks around the data
	dataSize            *uint32
	data                []byte
}

func (f file) bytes() []byte {
	le := binary.LittleEndian
	align := f.channels * (f.bits / 8)
	tag, size := f.tag, uint32(16)
	if f.extensible {
		tag, size = tagExtensible, 40
	}
	b := append([]byte("RIFF\x00\x00\x00\x00WAVE"), f.before...)
	b = append(b, "fmt "...)
	b = le.AppendUint32(b, size)
	b = le.AppendUint16(b, tag)
	b = le.AppendUint16(b, f.channels)
	b = le.AppendUint32(b, f.rate)
	b = le.AppendUint32(b, f.rate*uint32(align))
	b = le.AppendUint16(b, align)
	b = le.AppendUint16(b, f.bits)
	if f.extensible {
		b = le.AppendUint16(b, 22)
		b = le.AppendUint16(b, f.bits)
		b = le.AppendUint32(b, 0)
		b = le.AppendUint16(b, f.tag)
		b = append(b, subformatTail...)
	}
	b = append(b, "data"...)
	n := uint32(len(f.data))
	if f.dataSize != nil {
		n = *f.dataSize
	}
	b = le.AppendUint32(b, n)
	b = append(b, f.data...)
	if len(f.data)%2 == 1 && len(f.after) > 0 {
		b = append(b, 0)
	}
	b = append(b, f.after...)
	le.PutUint32(b[4:], uint32(len(b)-8))
	return b
}

// tone is d of a sine of amplitude amp on every channel, encoded as f says.
func (f file) tone(hz, amp float64, d time.Duration) file {
	n := int(d * time.Duration(f.rate) / time.Second)
	var b bytes.Buffer
	for i := range n {
		x := amp * math.Sin(2*math.Pi*hz*float64(i)/float64(f.rate))
		for range f.channels {
			f.sample(&b, x)
		}
	}
	f.data = b.Bytes()
	return f
}

func (f file) sample(b *bytes.Buffer, x float64) {
	le := binary.LittleEndian
	switch {
	case f.tag == tagFloat && f.bits == 64:
		b.Write(le.AppendUint64(nil, math.Float64bits(x)))
	case f.tag == tagFloat:
		b.Write(le.AppendUint32(nil, math.Float32bits(float32(x))))
	case f.tag == tagALaw:
		b.WriteByte(nearest(codec.DecodeALaw, x))
	case f.tag == tagMuLaw:
		b.WriteByte(nearest(codec.DecodeULaw, x))
	case f.bits == 8:
		b.WriteByte(byte(math.Round(x*127) + 128))
	default:
		v := int64(math.Round(x * (math.Exp2(float64(f.bits)-1) - 1)))
		b.Write(le.AppendUint64(nil, uint64(v))[:f.bits/8])
	}
}

// nearest finds a code word by trying all.
func nearest(decode func(byte) int16, x float64) (best byte) {
	least := math.Inf(1)
	for c := range 256 {
		if d := math.Abs(float64(decode(byte(c))) - x*32767); d < least {
			least, best = d, byte(c)
		}
	}
	return best
}

func pcm16(rate uint32, channels uint16) file {
	return file{tag: tagPCM, channels: channels, bits: 16, rate: rate}
}
