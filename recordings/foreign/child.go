package foreign

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"os"
)

// What goes through the pipe: a head of magic, rate and channels (uint32,
// little endian), then interleaved float32.
const (
	magic    = "zpcm"
	pipeHead = len(magic) + 8
)

// exit codes of the child.
const (
	exitOK      = 0
	exitRefused = 3 // standard error has one line that a person may read
)

// maxWords bounds that line, in bytes.
const maxWords = 200

// errTooLong is what a sound beyond its limit ends with.
var errTooLong = errors.New("the sound is longer than is taken")

// refusal is a fault of the file, in words.
type refusal string

func (r refusal) Error() string { return string(r) }

// Child is the process that Decode starts: it decodes a file of this kind from
// in to out, at most maxSeconds of sound, and gives the exit code. Limits hold
// from its first line on.
func Child(kind Kind, maxSeconds int, in io.Reader, out, words io.Writer) (code int) {
	if err := Confine(decoderLimits); err != nil {
		fmt.Fprintln(words, "limits cannot be set:", err)
		return 1
	}
	log.SetOutput(io.Discard) // of the decoders: a line is for a person
	defer func() {
		if r := recover(); r != nil { // a decoder that meets what its author did not think of
			fmt.Fprintf(words, "the %s file is damaged\n", kind)
			code = exitRefused
		}
	}()
	s := &sender{out: bufio.NewWriterSize(out, 64<<10), seconds: maxSeconds}
	err := decode(kind, bufio.NewReaderSize(in, 64<<10), s)
	if err == nil {
		err = s.out.Flush()
	}
	var told refusal
	switch {
	case err == nil && s.rate == 0:
		fmt.Fprintf(words, "the %s file has no sound in it\n", kind)
	case err == nil:
		return exitOK
	case errors.Is(err, errTooLong):
		return exitOK // whoever counts has seen it
	case errors.As(err, &told):
		fmt.Fprintln(words, told)
	case errors.Is(err, os.ErrClosed):
		return 1
	default:
		fmt.Fprintf(words, "the %s file is damaged\n", kind)
	}
	return exitRefused
}

func decode(kind Kind, in *bufio.Reader, s *sender) error {
	switch kind {
	case MP3:
		return decodeMP3(in, s)
	case FLAC:
		return decodeFLAC(in, s)
	case Opus:
		return decodeOpus(in, s)
	}
	return refusal("there is no decoder for this")
}

// sender writes samples to the pipe.
type sender struct {
	out      *bufio.Writer
	seconds  int
	rate     int
	channels int
	left     int64 // frames that may still be sent
	word     [4]byte
}

// begin says what comes; the same again is nothing new, anything else a refusal.
func (s *sender) begin(rate, channels int) error {
	if s.rate != 0 {
		if rate != s.rate || channels != s.channels {
			return refusal("the file changes its rate or its channels on the way")
		}
		return nil
	}
	if channels < 1 || channels > 2 {
		return refusal(fmt.Sprintf("the file has %d channels: one or two are read", channels))
	}
	s.rate, s.channels = rate, channels
	s.left = int64(s.seconds)*int64(rate) + 1 // one more tells that it is too long
	head := binary.LittleEndian.AppendUint32([]byte(magic), uint32(rate))
	_, err := s.out.Write(binary.LittleEndian.AppendUint32(head, uint32(channels)))
	return err
}

// send writes whole frames of interleaved samples, full scale ±1.
func (s *sender) send(samples []float32) error {
	frames := int64(len(samples) / s.channels)
	over := frames > s.left
	frames = min(frames, s.left)
	s.left -= frames
	for _, x := range samples[:frames*int64(s.channels)] {
		binary.LittleEndian.PutUint32(s.word[:], math.Float32bits(x))
		if _, err := s.out.Write(s.word[:]); err != nil {
			return err
		}
	}
	if over {
		return errors.Join(s.out.Flush(), errTooLong)
	}
	return nil
}
