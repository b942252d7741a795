package foreign

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"

	"github.com/hajimehoshi/go-mp3"
)

// decodeMP3 reads MPEG-1 and MPEG-2 layer III. The decoder always makes two
// channels of it.
func decodeMP3(in *bufio.Reader, s *sender) error {
	if err := skipID3(in); err != nil {
		return err
	}
	// A reader that cannot seek: the decoder would read the whole file for its length.
	var from io.Reader = in
	if needsPacking(in) {
		from = &packer{in: in}
	}
	d, err := mp3.NewDecoder(struct{ io.Reader }{from})
	if errors.Is(err, errPacked) {
		return errPacked
	}
	if err != nil {
		return refusal("the MP3 file is damaged, or of a kind that is not read (MPEG 2.5, layer I or II)")
	}
	if err := s.begin(d.SampleRate(), 2); err != nil {
		return err
	}
	b := make([]byte, 16<<10)
	out := make([]float32, len(b)/2)
	for {
		n, err := io.ReadFull(d, b)
		n -= n % 4
		for i := range n / 2 {
			out[i] = float32(int16(binary.LittleEndian.Uint16(b[2*i:]))) / 32768
		}
		if e := s.send(out[:n/2]); e != nil {
			return e
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// skipID3 steps over the tag, which may be large (pictures) and whose length the
// decoder would allocate.
func skipID3(in *bufio.Reader) error {
	head, err := in.Peek(10)
	if err != nil || string(head[:3]) != "ID3" {
		return nil // the decoder says what is wrong with so short a file
	}
	length := 10
	for i, b := range head[6:10] {
		if b >= 0x80 {
			return refusal("the tag of the MP3 file is damaged")
		}
		length += int(b) << (21 - 7*i)
	}
	if _, err := in.Discard(length); err != nil {
		return refusal("the MP3 file ends within its tag")
	}
	return nil
}
