package foreign

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"testing"
)

func TestAFrameThatNeedsMoreThanThereIsRoomForIsRefused(t *testing.T) {
	t.Parallel()
	var p packer
	head := [mp3Head]byte{0xff, 0xf3, 0xe2, 0xc0}
	if err := p.write(head, make([]byte, 9), make([]byte, 522-4-9)); err != nil || p.out.Len() != 522 {
		t.Errorf("%d bytes, %v", p.out.Len(), err)
	}
	if err := p.write(head, make([]byte, 9), make([]byte, 522-4-8)); !errors.Is(err, errPacked) {
		t.Errorf("%v", err)
	}
}

func TestAFrameWhoseBitsWereCutOffIsSilence(t *testing.T) {
	t.Parallel()
	// Mono, 32 kbit/s, no padding, bits from 200 bytes before: there is nothing.
	frame := append([]byte{0xff, 0xf3, 0x40, 0xc0, 200, 0xff}, bytes.Repeat([]byte{0xff}, 104-6)...)
	p := &packer{in: bufio.NewReader(bytes.NewReader(append([]byte("junk"), frame...)))}
	b, err := io.ReadAll(p)
	if err != nil || len(b) != 72*8000/22050 || !bytes.Equal(b[4:], make([]byte, len(b)-4)) {
		t.Errorf("% x, %v", b, err)
	}
}
