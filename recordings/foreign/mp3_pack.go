package foreign

import (
	"bufio"
	"bytes"
	"io"
)

// The decoder reckons the length of padded frames of 22,050 Hz one byte short and
// makes noise of them. packer writes such a stream anew without padding: every frame
// gets the bits that belong to it, which lie in frames before it too (the bit
// reservoir), and a bitrate with room for them. Nothing of the sound is changed.
// ISO/IEC 13818-3 2.4.1.

const (
	mp3Head = 4
	// low22050 is the sampling rate of the streams that are packed, maxReservoir
	// how far back the bits of a frame may begin.
	low22050     = 22050
	maxReservoir = 255
)

// lowBitrates are those of MPEG-2 layer III, by their index, in bit/s.
var lowBitrates = [15]int{1: 8000, 16000, 24000, 32000, 40000, 48000, 56000, 64000, 80000, 96000, 112000, 128000, 144000, 160000}

// packer is an io.Reader of the stream written anew.
type packer struct {
	in        *bufio.Reader
	out       bytes.Buffer
	reservoir []byte
}

// needsPacking reports whether the first frame is one of MPEG-2 layer III with
// 22,050 Hz. What stands before it is passed over, up to a bound.
func needsPacking(in *bufio.Reader) bool {
	b, _ := in.Peek(in.Size()) // what there is
	for at := 0; at+mp3Head <= len(b); at++ {
		if b[at] == 0xff && b[at+1]&0xe0 == 0xe0 && b[at+1]&0x06 != 0 {
			return isLow(b[at:])
		}
	}
	return false
}

// isLow reports whether b begins a frame that packer reads.
func isLow(b []byte) bool {
	index := b[2] >> 4
	return b[0] == 0xff && b[1]&0xfe == 0xf2 && b[2]&0x0c == 0 && index > 0 && index < 15
}

// Read implements io.Reader.
func (p *packer) Read(b []byte) (int, error) {
	for p.out.Len() == 0 {
		if err := p.frame(); err != nil {
			return 0, err
		}
	}
	return p.out.Read(b)
}

// frame reads one frame and writes it anew.
func (p *packer) frame() error {
	head, err := p.sync()
	if err != nil {
		return err
	}
	size := 72*lowBitrates[head[2]>>4]/low22050 + int(head[2]>>1&1)
	frame := make([]byte, size)
	if _, err := io.ReadFull(p.in, frame); err != nil {
		return io.EOF // a last frame that is cut short says nothing
	}
	body := frame[mp3Head:]
	if head[1]&1 == 0 {
		body = body[2:] // its checksum
	}
	side := 17
	if head[3]>>6 == 3 {
		side = 9 // mono
	}
	if len(body) < side {
		return refusal("the MP3 file is damaged: a frame is too short for what it says")
	}
	info, data := bytes.Clone(body[:side]), body[side:]
	back := int(info[0])
	main, whole := p.bits(info, data, back)
	p.keep(data)
	if !whole {
		clear(info) // what it needs was cut off: silence, as a decoder makes of it
		main = nil
	}
	info[0] = 0
	return p.write(head, info, main)
}

// sync finds the next frame and gives its header.
func (p *packer) sync() ([mp3Head]byte, error) {
	for {
		b, err := p.in.Peek(mp3Head)
		if err != nil {
			return [mp3Head]byte{}, io.EOF
		}
		if isLow(b) {
			return [mp3Head]byte(b), nil
		}
		if _, err := p.in.Discard(1); err != nil {
			return [mp3Head]byte{}, err
		}
	}
}

// bits are those of a frame, of which back bytes lie before it; false: they are not
// all there.
func (p *packer) bits(info, data []byte, back int) (main []byte, whole bool) {
	if back > len(p.reservoir) {
		return nil, false
	}
	need := 0
	if len(info) == 9 {
		need = field(info, 9, 12)
	} else {
		need = field(info, 10, 12) + field(info, 73, 12)
	}
	n := (need + 7) / 8
	all := append(bytes.Clone(p.reservoir[len(p.reservoir)-back:]), data...)
	if n > len(all) {
		return nil, false
	}
	return all[:n], true
}

// keep remembers what the frames behind this one may use.
func (p *packer) keep(data []byte) {
	p.reservoir = append(p.reservoir, data...)
	if extra := len(p.reservoir) - maxReservoir; extra > 0 {
		p.reservoir = append(p.reservoir[:0], p.reservoir[extra:]...)
	}
}

// errPacked: no frame has room for what this one needs.
var errPacked = refusal("the MP3 file of 22,050 Hz has more bits than are read: save it with 44,100 or 24,000 Hz, or as WAV")

// write writes a frame that needs nothing before it.
func (p *packer) write(head [mp3Head]byte, info, main []byte) error {
	for index := 1; index < len(lowBitrates); index++ {
		size := 72 * lowBitrates[index] / low22050
		if size < mp3Head+len(info)+len(main) {
			continue
		}
		head[1] |= 1                                  // no checksum
		head[2] = byte(index)<<4 | head[2]&0x0d&^0x02 // no padding
		p.out.Write(head[:])
		p.out.Write(info)
		p.out.Write(main)
		p.out.Write(make([]byte, size-mp3Head-len(info)-len(main)))
		return nil
	}
	return errPacked
}

// field reads bits of b.
func field(b []byte, from, n int) (v int) {
	for i := from; i < from+n; i++ {
		v = v<<1 | int(b[i/8]>>(7-i%8)&1)
	}
	return v
}
