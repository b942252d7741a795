package foreign

import (
	"bufio"
	"errors"
	"io"

	"github.com/mewkiz/flac"
)

// decodeFLAC reads native FLAC of 8 to 24 bits. What the stream says about its
// length is believed only where it is too long.
func decodeFLAC(in *bufio.Reader, s *sender) error {
	stream, err := flac.New(struct{ io.Reader }{in})
	if err != nil {
		return err
	}
	rate, channels := int(stream.Info.SampleRate), int(stream.Info.NChannels)
	if rate == 0 {
		return refusal("the FLAC file does not say its rate")
	}
	if err := s.begin(rate, channels); err != nil {
		return err
	}
	if stream.Info.NSamples > uint64(s.left) {
		return refusal("the FLAC file says that it is longer than is taken")
	}
	var out []float32
	for {
		f, err := stream.ParseNext()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.begin(rate, len(f.Subframes)); err != nil {
			return err
		}
		bits := int(f.BitsPerSample)
		if bits == 0 {
			bits = int(stream.Info.BitsPerSample)
		}
		if bits < 8 || bits > 24 {
			return refusal("the FLAC file has a depth that is not read: 8 to 24 bits are")
		}
		scale := 1 / float32(int(1)<<(bits-1))
		n := len(f.Subframes[0].Samples)
		out = out[:0]
		for i := range n {
			for _, sub := range f.Subframes {
				out = append(out, float32(sub.Samples[i])*scale)
			}
		}
		if err := s.send(out); err != nil {
			return err
		}
	}
}
