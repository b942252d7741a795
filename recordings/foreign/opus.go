package foreign

import (
	"bufio"
	"errors"
	"io"
	"math"
	"strings"

	"github.com/pion/opus"
	"github.com/pion/opus/pkg/oggreader"
)

const (
	opusRate  = 48000 // of the granule position, and what we have it decoded at (RFC 7845 4)
	opusFrame = 5760  // longest packet, 120 ms
)

// decodeOpus reads Ogg Opus of one or two channels (RFC 7845): the pre-skip goes,
// the gain is applied, the end lies where the last page says.
func decodeOpus(in *bufio.Reader, s *sender) error {
	ogg, head, err := oggreader.NewWith(in)
	if err != nil {
		return err
	}
	channels := int(head.Channels)
	if head.ChannelMap != 0 {
		return refusal("the Ogg Opus file has several streams: one of one or two channels is read")
	}
	if err := s.begin(opusRate, channels); err != nil {
		return err
	}
	d, err := opus.NewDecoderWithOutput(opusRate, channels)
	if err != nil {
		return err
	}
	o := opusOut{s: s, channels: channels, skip: int(head.PreSkip), gain: float32(math.Pow(10, float64(int16(head.OutputGain))/256/20))}
	block := make([]float32, opusFrame*channels)
	for {
		packet, page, err := ogg.ParseNextPacket()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return o.end(int64(head.PreSkip))
		}
		if err != nil {
			return err
		}
		switch {
		case strings.HasPrefix(string(packet[:min(8, len(packet))]), "OpusTags"):
			continue
		case strings.HasPrefix(string(packet[:min(8, len(packet))]), "OpusHead"):
			return refusal("the Ogg Opus file has several parts: save it as one")
		}
		n, err := d.DecodeToFloat32(packet, block)
		if err != nil {
			return err
		}
		if err := o.take(block[:n*channels]); err != nil {
			return err
		}
		if page != nil && page.GranulePosition != math.MaxUint64 {
			o.granule = int64(min(page.GranulePosition, math.MaxInt64))
		}
	}
}

// opusOut sends decoded packets one behind, since the last of them is cut.
type opusOut struct {
	s        *sender
	channels int
	skip     int     // frames still to leave out
	gain     float32 // of the header
	held     []float32
	sent     int64 // frames, held ones included
	granule  int64 // of the last page seen
}

func (o *opusOut) take(block []float32) error {
	if err := o.s.send(o.held); err != nil {
		return err
	}
	drop := min(o.skip, len(block)/o.channels)
	o.skip -= drop
	block = block[drop*o.channels:]
	o.sent += int64(len(block) / o.channels)
	o.held = o.held[:0]
	for _, x := range block {
		o.held = append(o.held, x*o.gain)
	}
	return nil
}

// end sends what is held, up to where the last page says that the sound ends.
func (o *opusOut) end(preSkip int64) error {
	over := o.sent - (o.granule - preSkip)
	have := int64(len(o.held) / o.channels)
	if o.granule > preSkip && over > 0 && over < have {
		o.held = o.held[:(have-over)*int64(o.channels)]
	}
	return o.s.send(o.held)
}
