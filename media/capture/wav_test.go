package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/go-audio/wav"
)

func TestAWrittenFileReadsBackSampleForSample(t *testing.T) {
	t.Parallel()
	pcm := make([]int16, 9001) // more than one block
	for i := range pcm {
		pcm[i] = int16(i*7 - 32000)
	}
	var b bytes.Buffer
	if err := WriteWAV(&b, 8000, pcm); err != nil {
		t.Fatal(err)
	}
	d := wav.NewDecoder(bytes.NewReader(b.Bytes()))
	buf, err := d.FullPCMBuffer()
	if err != nil {
		t.Fatal(err)
	}
	if d.SampleRate != 8000 || d.NumChans != 1 || d.BitDepth != 16 {
		t.Errorf("%d Hz, %d channels, %d bits", d.SampleRate, d.NumChans, d.BitDepth)
	}
	got := make([]int16, len(buf.Data))
	for i, x := range buf.Data {
		got[i] = int16(x)
	}
	if !slices.Equal(got, pcm) {
		t.Errorf("%d samples came back, not the %d written", len(got), len(pcm))
	}
}

func TestTheHeaderIsTheCanonicalOne(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := WriteWAV(&b, 8000, []int16{1, -1}); err != nil {
		t.Fatal(err)
	}
	h := b.Bytes()
	if len(h) != 48 {
		t.Fatalf("%d bytes, want 44 of header and 4 of samples", len(h))
	}
	if string(h[:4]) != "RIFF" || string(h[8:16]) != "WAVEfmt " || string(h[36:40]) != "data" {
		t.Errorf("chunks are not in place: % x", h[:44])
	}
	if size := binary.LittleEndian.Uint32(h[4:]); size != 40 {
		t.Errorf("RIFF size %d, want 40", size)
	}
	if rate := binary.LittleEndian.Uint32(h[28:]); rate != 16000 {
		t.Errorf("byte rate %d, want 16000", rate)
	}
}

func TestANonsenseRateIsRefused(t *testing.T) {
	t.Parallel()
	for _, rate := range []int{0, -8000} {
		if err := WriteWAV(&bytes.Buffer{}, rate, nil); err == nil {
			t.Errorf("%d Hz was accepted", rate)
		}
	}
}

type fullDisk struct{ room int }

var errFull = errors.New("no space left")

func (d *fullDisk) Write(b []byte) (int, error) {
	if d.room -= len(b); d.room < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestAFailingWriterIsReported(t *testing.T) {
	t.Parallel()
	for _, room := range []int{0, 44} {
		if err := WriteWAV(&fullDisk{room}, 8000, make([]int16, 10)); !errors.Is(err, errFull) {
			t.Errorf("with room for %d bytes: %v", room, err)
		}
	}
}
