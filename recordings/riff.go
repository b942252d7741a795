package recordings

import (
	"encoding/binary"
	"errors"
	"io"
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

// depths that each encoding is taken in, in bits.
var depths = map[uint16][]uint16{
	tagPCM:   {8, 16, 24, 32},
	tagFloat: {32},
	tagALaw:  {8},
	tagMuLaw: {8},
}

// wave is what the guard has found out about a file: all of it checked.
type wave struct {
	tag      uint16
	channels uint16
	rate     uint32
	bits     uint16
	offset   int64 // of the first sample
	length   int64 // in bytes: whole frames, and within the file
}

func (w wave) frameBytes() int64 { return int64(w.channels) * int64(w.bits/8) }

func (w wave) frames() int64 { return w.length / w.frameBytes() }

func (w wave) duration() time.Duration {
	return time.Duration(w.frames()) * time.Second / time.Duration(w.rate)
}

func badAudio(format string, args ...any) *calls.Error {
	return calls.Errorf(calls.CodeBadAudio, format, args...).At("body.file", nil)
}

// inspect walks the chunks of a RIFF file of size bytes. It reads chunk headers
// and the fmt chunk and nothing else, whatever sizes are declared, and takes at
// most maxChunks steps.
func inspect(r io.ReaderAt, size int64) (wave, error) {
	var head [12]byte
	if err := readAt(r, head[:], 0); err != nil {
		return wave{}, notWAV(err)
	}
	switch id := string(head[:4]); {
	case id == "RF64" || id == "BW64":
		return wave{}, badAudio("64-bit WAV files (%s) are not read: save it as an ordinary WAV file", id)
	case id != "RIFF" || string(head[8:]) != "WAVE":
		return wave{}, notWAV(nil)
	}
	var w wave
	haveFmt := false
	at := int64(len(head))
	for range maxChunks {
		var h [8]byte
		if err := readAt(r, h[:], at); err != nil {
			return wave{}, &calls.Error{Code: calls.CodeBadAudio, Detail: "the WAV file ends before its sound begins", Err: err}
		}
		declared := int64(binary.LittleEndian.Uint32(h[4:]))
		at += int64(len(h))
		switch string(h[:4]) {
		case "fmt ":
			if haveFmt {
				return wave{}, badAudio("the WAV file has two fmt chunks")
			}
			var err error
			if w, err = readFmt(r, at, declared); err != nil {
				return wave{}, err
			}
			haveFmt = true
		case "data":
			if !haveFmt {
				return wave{}, badAudio("the WAV file has its data before its format")
			}
			return w.withData(at, declared, size)
		}
		at += declared + declared%2
	}
	return wave{}, badAudio("the WAV file has more than %d chunks before its sound", maxChunks)
}

// withData places the samples. Programs that write to a pipe cannot go back to
// fill the length in and leave 0 or 0xFFFFFFFF: then, and where more is declared
// than is there, the sound goes on to the end of the file.
func (w wave) withData(at, declared, size int64) (wave, error) {
	rest := max(size-at, 0)
	if declared == 0 || declared > rest {
		declared = rest
	}
	w.offset, w.length = at, declared-declared%w.frameBytes()
	if w.length == 0 {
		return wave{}, badAudio("the WAV file has no sound in it")
	}
	return w, nil
}

func readFmt(r io.ReaderAt, at, length int64) (wave, error) {
	if length < 16 || length > maxFmt {
		return wave{}, badAudio("the fmt chunk of the WAV file has %d bytes, it must have 16 to %d", length, maxFmt)
	}
	b := make([]byte, length)
	if err := readAt(r, b, at); err != nil {
		return wave{}, &calls.Error{Code: calls.CodeBadAudio, Detail: "the WAV file ends within its format", Err: err}
	}
	le := binary.LittleEndian
	w := wave{tag: le.Uint16(b), channels: le.Uint16(b[2:]), rate: le.Uint32(b[4:]), bits: le.Uint16(b[14:])}
	align := le.Uint16(b[12:])
	if w.tag == tagExtensible {
		if length < 40 || !slices.Equal(b[26:40], subformatTail) {
			return wave{}, badAudio("the WAV file is of an extensible format that is not known: save it as 16-bit PCM")
		}
		w.tag = le.Uint16(b[24:])
	}
	allowed, known := depths[w.tag]
	switch {
	case !known:
		return wave{}, badAudio("the WAV file is compressed in a way that is not read (format %d): save it as 16-bit PCM", w.tag)
	case w.channels < 1 || w.channels > 2:
		return wave{}, badAudio("the WAV file has %d channels: one or two are read", w.channels)
	case !slices.Contains(sampleRates, w.rate):
		return wave{}, badAudio("the WAV file has %d samples a second: 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100 and 48000 are read", w.rate)
	case !slices.Contains(allowed, w.bits):
		return wave{}, badAudio("the WAV file has %d bits a sample, which is not read in its format: save it as 16-bit PCM", w.bits)
	case int64(align) != w.frameBytes():
		return wave{}, badAudio("the WAV file contradicts itself: its block alignment is %d, not %d", align, w.frameBytes())
	}
	return w, nil
}

func notWAV(cause error) *calls.Error {
	e := badAudio("this is not a WAV file: save the recording as WAV (16-bit PCM)")
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
