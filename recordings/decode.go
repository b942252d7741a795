package recordings

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"time"

	goaudio "github.com/go-audio/audio"
	"github.com/go-audio/wav"

	"zvonar/media/codec"
)

// blockFrames is how much is decoded at a time.
const blockFrames = 4096

// clipLevel is the magnitude from which a sample counts as clipped.
const clipLevel = 0.999

// audio is a clip in the form of the line, with what was seen on the way there.
type audio struct {
	pcm     []int16 // 8 kHz mono
	samples int64   // of the source, over all channels
	clipped int64   // of these
}

func (a *audio) duration() time.Duration {
	return time.Duration(len(a.pcm)) * time.Second / sampleRate
}

// Decode turns a WAV file of size bytes, of any kind that the library takes,
// into 8 kHz mono samples. Errors are *calls.Error (bad-audio) where the file is
// to blame.
func Decode(ctx context.Context, r io.ReaderAt, size int64) ([]int16, error) {
	a, err := convert(ctx, r, size)
	if err != nil {
		return nil, err
	}
	return a.pcm, nil
}

// convert turns a WAV file of size bytes into 8 kHz mono. Errors of the file are
// *calls.Error (bad-audio).
func convert(ctx context.Context, r io.ReaderAt, size int64) (*audio, error) {
	w, err := inspect(r, size)
	if err != nil {
		return nil, err
	}
	if d := w.duration(); d > MaxDuration {
		return nil, badAudio("the recording lasts %s, at most %s are taken", d.Round(time.Second), MaxDuration)
	}
	rs := newResampler(int(w.rate))
	a := &audio{pcm: make([]int16, 0, w.frames()*sampleRate/int64(w.rate)+1)}
	mono := make([]float64, 0, blockFrames)
	err = decode(r, w, func(block []float64) error {
		var err error
		if mono, err = a.mix(mono[:0], block, int(w.channels)); err != nil {
			return err
		}
		a.pcm = rs.write(a.pcm, mono)
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	a.pcm = rs.flush(a.pcm)
	return a, nil
}

// mix averages the channels of interleaved samples into dst, which mono needs
// because a voice on one channel must not come out twice as loud as on both.
func (a *audio) mix(dst, block []float64, channels int) ([]float64, error) {
	for i := 0; i+channels <= len(block); i += channels {
		sum := 0.0
		for _, s := range block[i : i+channels] {
			if math.IsNaN(s) || math.IsInf(s, 0) {
				return nil, badAudio("the WAV file holds values that are not numbers")
			}
			s = max(-1, min(s, 1))
			a.samples++
			if math.Abs(s) >= clipLevel {
				a.clipped++
			}
			sum += s
		}
		dst = append(dst, sum/float64(channels))
	}
	return dst, nil
}

// decode calls emit with blocks of interleaved samples, full scale ±1.
func decode(r io.ReaderAt, w wave, emit func([]float64) error) error {
	if w.tag == tagPCM {
		return decodePCM(r, w, emit)
	}
	return decodeWords(r, w, emit)
}

// decodePCM lets go-audio/wav read integer samples. It sees a header that we
// wrote and the samples, nothing that the uploader could have made up.
func decodePCM(r io.ReaderAt, w wave, emit func([]float64) error) error {
	d := wav.NewDecoder(behindHeader(r, w))
	buf := &goaudio.IntBuffer{Data: make([]int, blockFrames*int(w.channels))}
	out := make([]float64, len(buf.Data))
	scale, zero := math.Exp2(float64(w.bits)-1), 0
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
			out[i] = float64(v-zero) / scale
		}
		if err := emit(out[:n]); err != nil {
			return err
		}
	}
	return nil
}

// decodeWords reads what go-audio would take for integers: float and G.711.
func decodeWords(r io.ReaderAt, w wave, emit func([]float64) error) error {
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
			out[i] = word(w.tag, block[i*size:])
		}
		if err := emit(out[:n]); err != nil {
			return err
		}
	}
	return nil
}

func word(tag uint16, b []byte) float64 {
	switch tag {
	case tagALaw:
		return float64(codec.DecodeALaw(b[0])) / 32768
	case tagMuLaw:
		return float64(codec.DecodeULaw(b[0])) / 32768
	default:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
}

// behindHeader reads as a canonical WAV file: a fresh header, then the samples
// of w where they lie in r.
func behindHeader(r io.ReaderAt, w wave) io.ReadSeeker {
	s := spliced{head: wavHeader(w.channels, w.rate, w.bits, uint32(w.length)), tail: io.NewSectionReader(r, w.offset, w.length)}
	return io.NewSectionReader(s, 0, headerLen+w.length)
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
