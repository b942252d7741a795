package audio

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"time"

	"zvonar/internal/calls"
)

// Format tags (RFC 2361 appendix A; Microsoft mmreg.h).
const (
	tagPCM        = 1
	tagFloat      = 3
	tagALaw       = 6
	tagMuLaw      = 7
	tagExtensible = 0xFFFE
)

const (
	maxChunks = 128
	maxFmt    = 64
)

// subformatTail is what follows the format tag in the SubFormat GUID of
// WAVEFORMATEXTENSIBLE.
var subformatTail = []byte{0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71}

// sampleRates that are taken. A list, because a resampler's table grows with the
// denominator of the ratio and odd rates are lies or mistakes.
var sampleRates = []uint32{8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000}

// TakesRate reports whether files with so many samples a second are taken.
func TakesRate(rate int) bool {
	return slices.Contains(sampleRates, uint32(min(max(rate, 0), math.MaxInt32)))
}

// depths that each encoding is taken in, in bits.
var depths = map[uint16][]uint16{
	tagPCM:   {8, 16, 24, 32},
	tagFloat: {32, 64},
	tagALaw:  {8},
	tagMuLaw: {8},
}

// Wave is what the guard has found out about a WAV file: all of it checked.
type Wave struct {
	tag      uint16
	channels uint16
	rate     uint32
	bits     uint16
	offset   int64 // of the first sample
	length   int64 // in bytes: whole frames, and within the file
}

func (w Wave) frameBytes() int64 { return int64(w.channels) * int64(w.bits/8) }

// Rate is the sample rate in Hz, from 8,000 to 48,000.
func (w Wave) Rate() int { return int(w.rate) }

// Channels is 1 or 2.
func (w Wave) Channels() int { return int(w.channels) }

// Frames is how many samples each channel has.
func (w Wave) Frames() int64 { return w.length / w.frameBytes() }

// Duration of the sound.
func (w Wave) Duration() time.Duration {
	return time.Duration(w.Frames()) * time.Second / time.Duration(w.rate)
}

// bad is the refusal of a file.
func bad(format string, args ...any) *calls.Error {
	return calls.Errorf(calls.CodeBadAudio, format, args...).At("body.file", nil)
}

// Inspect walks the chunks of a RIFF file of size bytes. It reads chunk headers
// and the fmt chunk and nothing else, whatever sizes are declared, and takes at
// most maxChunks steps.
func Inspect(r io.ReaderAt, size int64) (Wave, error) {
	var head [12]byte
	if err := readAt(r, head[:], 0); err != nil {
		return Wave{}, notWAV(err)
	}
	switch id := string(head[:4]); {
	case id == "RF64" || id == "BW64":
		return Wave{}, bad("64-bit WAV files (%s) are not read: save it as an ordinary WAV file", id)
	case id != "RIFF" || string(head[8:]) != "WAVE":
		return Wave{}, notWAV(nil)
	}
	var w Wave
	haveFmt := false
	at := int64(len(head))
	for range maxChunks {
		var h [8]byte
		if err := readAt(r, h[:], at); err != nil {
			return Wave{}, &calls.Error{Code: calls.CodeBadAudio, Detail: "the WAV file ends before its sound begins", Err: err}
		}
		declared := int64(binary.LittleEndian.Uint32(h[4:]))
		at += int64(len(h))
		switch string(h[:4]) {
		case "fmt ":
			if haveFmt {
				return Wave{}, bad("the WAV file has two fmt chunks")
			}
			var err error
			if w, err = readFmt(r, at, declared); err != nil {
				return Wave{}, err
			}
			haveFmt = true
		case "data":
			if !haveFmt {
				return Wave{}, bad("the WAV file has its data before its format")
			}
			return w.withData(at, declared, size)
		}
		at += declared + declared%2
	}
	return Wave{}, bad("the WAV file has more than %d chunks before its sound", maxChunks)
}

// withData places the samples. Programs that write to a pipe cannot go back to
// fill the length in and leave 0 or 0xFFFFFFFF: then, and where more is declared
// than is there, the sound goes on to the end of the file.
func (w Wave) withData(at, declared, size int64) (Wave, error) {
	rest := max(size-at, 0)
	if declared == 0 || declared > rest {
		declared = rest
	}
	w.offset, w.length = at, declared-declared%w.frameBytes()
	if w.length == 0 {
		return Wave{}, bad("the WAV file has no sound in it")
	}
	return w, nil
}

func readFmt(r io.ReaderAt, at, length int64) (Wave, error) {
	if length < 16 || length > maxFmt {
		return Wave{}, bad("the fmt chunk of the WAV file has %d bytes, it must have 16 to %d", length, maxFmt)
	}
	b := make([]byte, length)
	if err := readAt(r, b, at); err != nil {
		return Wave{}, &calls.Error{Code: calls.CodeBadAudio, Detail: "the WAV file ends within its format", Err: err}
	}
	le := binary.LittleEndian
	w := Wave{tag: le.Uint16(b), channels: le.Uint16(b[2:]), rate: le.Uint32(b[4:]), bits: le.Uint16(b[14:])}
	align := le.Uint16(b[12:])
	if w.tag == tagExtensible {
		if length < 40 || !slices.Equal(b[26:40], subformatTail) {
			return Wave{}, bad("the WAV file is of an extensible format that is not known: save it as 16-bit PCM")
		}
		w.tag = le.Uint16(b[24:])
	}
	allowed, known := depths[w.tag]
	switch {
	case !known:
		return Wave{}, bad("the WAV file is compressed in a way that is not read (format %d): save it as 16-bit PCM", w.tag)
	case w.channels < 1 || w.channels > 2:
		return Wave{}, bad("the WAV file has %d channels: one or two are read", w.channels)
	case !slices.Contains(sampleRates, w.rate):
		return Wave{}, bad("the WAV file has %d samples a second: 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100 and 48000 are read", w.rate)
	case !slices.Contains(allowed, w.bits):
		return Wave{}, bad("the WAV file has %d bits a sample, which is not read in its format: save it as 16-bit PCM", w.bits)
	case int64(align) != w.frameBytes():
		return Wave{}, bad("the WAV file contradicts itself: its block alignment is %d, not %d", align, w.frameBytes())
	}
	return w, nil
}

func notWAV(cause error) *calls.Error {
	e := bad("this is not a WAV file: save the recording as WAV (16-bit PCM)")
	e.Err = cause
	return e
}

// readAt fills b or fails.
func readAt(r io.ReaderAt, b []byte, at int64) error {
	n, err := r.ReadAt(b, at)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
