package audio

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"

	goaudio "github.com/go-audio/audio"
	"github.com/go-audio/wav"

	"fmt"

	"zvonar/media/codec"
)

// blockFrames is how much is decoded at a time.
const blockFrames = 4096

// DecodeWAV calls emit with blocks of the interleaved samples of w, full scale
// ±1; a block is valid until emit returns. Errors of emit and ctx come back as
// they are.
func DecodeWAV(ctx context.Context, r io.ReaderAt, w Wave, emit func([]float64) error) error {
	take := func(block []float64) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return emit(block)
	}
	if w.tag == tagPCM {
		return decodePCM(r, w, take)
	}
	return decodeWords(r, w, take)
}

// decodePCM lets go-audio/wav read integer samples. It sees a header that we
// wrote and the samples, nothing that the uploader could have made up.
func decodePCM(r io.ReaderAt, w Wave, emit func([]float64) error) error {
	d := wav.NewDecoder(behindHeader(r, w))
	buf := &goaudio.IntBuffer{Data: make([]int, blockFrames*int(w.channels))}
	out := make([]float64, len(buf.Data))
	scale, zero := math.Exp2(1-float64(w.bits)), 0
	if w.bits == 8 {
		zero = 128 // 8-bit samples are unsigned
	}
	for left := w.length / int64(w.bits/8); left > 0; {
		n, err := d.PCMBuffer(buf)
		if err != nil {
			return fmt.Errorf("decode upload: %w", err)
		}
		n = int(min(int64(n), left)) // the decoder takes a pad byte for a sample
		if n == 0 {
			return io.ErrUnexpectedEOF
		}
		left -= int64(n)
		for i, v := range buf.Data[:n] {
			out[i] = float64(v-zero) * scale
		}
		if err := emit(out[:n]); err != nil {
			return err
		}
	}
	return nil
}

// decodeWords reads what go-audio would take for integers: float and G.711.
func decodeWords(r io.ReaderAt, w Wave, emit func([]float64) error) error {
	size := int(w.bits / 8)
	b := make([]byte, blockFrames*int(w.frameBytes()))
	out := make([]float64, len(b)/size)
	for at, left := w.offset, w.length; left > 0; {
		block := b[:min(int64(len(b)), left)]
		if err := readAt(r, block, at); err != nil {
			return fmt.Errorf("decode upload: %w", err)
		}
		at, left = at+int64(len(block)), left-int64(len(block))
		n := len(block) / size
		for i := range n {
			out[i] = word(w, block[i*size:])
		}
		if err := emit(out[:n]); err != nil {
			return err
		}
	}
	return nil
}

func word(w Wave, b []byte) float64 {
	switch {
	case w.tag == tagALaw:
		return float64(codec.DecodeALaw(b[0])) / 32768
	case w.tag == tagMuLaw:
		return float64(codec.DecodeULaw(b[0])) / 32768
	case w.bits == 64:
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	default:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
}

// behindHeader reads as a canonical WAV file: a fresh header, then the samples
// of w where they lie in r.
func behindHeader(r io.ReaderAt, w Wave) io.ReadSeeker {
	head := Header(w.channels, w.rate, w.bits, uint32(w.length))
	s := spliced{head: head, tail: io.NewSectionReader(r, w.offset, w.length)}
	return io.NewSectionReader(s, 0, HeaderLen+w.length)
}

// spliced reads head, then tail.
type spliced struct {
	head []byte
	tail io.ReaderAt
}

// ReadAt implements io.ReaderAt.
func (s spliced) ReadAt(p []byte, off int64) (n int, err error) {
	if off < int64(len(s.head)) {
		n = copy(p, s.head[off:])
		if n == len(p) {
			return n, nil
		}
	}
	m, err := s.tail.ReadAt(p[n:], off+int64(n)-int64(len(s.head)))
	return n + m, err
}

// HeaderLen is the length of what Header gives.
const HeaderLen = 44

// Header is the head of a canonical WAV file: integer PCM, dataLen bytes of it.
func Header(channels uint16, rate uint32, bits uint16, dataLen uint32) []byte {
	le := binary.LittleEndian
	align := channels * (bits / 8)
	b := append(make([]byte, 0, HeaderLen), "RIFF"...)
	b = le.AppendUint32(b, HeaderLen-8+dataLen)
	b = append(b, "WAVEfmt "...)
	b = le.AppendUint32(b, 16)
	b = le.AppendUint16(b, tagPCM)
	b = le.AppendUint16(b, channels)
	b = le.AppendUint32(b, rate)
	b = le.AppendUint32(b, rate*uint32(align))
	b = le.AppendUint16(b, align)
	b = le.AppendUint16(b, bits)
	b = append(b, "data"...)
	return le.AppendUint32(b, dataLen)
}

// Samples reads the samples of a canonical WAV file as Header begins it.
func Samples(file []byte) ([]int16, error) {
	if len(file) < HeaderLen || string(file[:4]) != "RIFF" || len(file)%2 != 0 {
		return nil, errors.New("not a clip of the library")
	}
	file = file[HeaderLen:]
	pcm := make([]int16, len(file)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(file[2*i:]))
	}
	return pcm, nil
}
