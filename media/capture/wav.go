// Package capture writes down talks: stereo WAV files, what we said on the left,
// what they said on the right.
//
// A [Store] has one goroutine that writes. A [Take] is given to a port as its scribe
// and only collects code words on a tape (tape.go), on the port's shard; the writer
// puts a tape's runs in their place (sheet.go), as samples or as the code words
// they are (layout.go). Start reading at store.go, then take.go; wav.go knows the
// header.
package capture

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
)

const headerLen = 44

// WriteWAV writes mono 16-bit samples as a WAV file with the canonical 44-byte
// header (RIFF, one fmt chunk, one data chunk). rate is in Hz, 1 or more. The
// samples are only read.
func WriteWAV(w io.Writer, rate int, pcm []int16) error {
	if rate < 1 || rate > math.MaxUint32/2 {
		return fmt.Errorf("write WAV: %d Hz is not a sample rate", rate)
	}
	if int64(len(pcm))*2 > math.MaxUint32-headerLen {
		return fmt.Errorf("write WAV: %d samples do not fit a WAV file", len(pcm))
	}
	if _, err := w.Write(headerOf(1, uint32(rate), uint32(len(pcm)*2))); err != nil {
		return fmt.Errorf("write WAV header: %w", err)
	}
	block := make([]byte, 0, 2*4096)
	for len(pcm) > 0 {
		n := min(len(pcm), 4096)
		block = block[:0]
		for _, x := range pcm[:n] {
			block = binary.LittleEndian.AppendUint16(block, uint16(x))
		}
		if _, err := w.Write(block); err != nil {
			return fmt.Errorf("write WAV samples: %w", err)
		}
		pcm = pcm[n:]
	}
	return nil
}

// headerOf is the header of so many bytes of samples.
func headerOf(channels uint16, rate, bytes uint32) []byte {
	const bytesPerSample, pcmFormat = 2, 1
	h := make([]byte, 0, headerLen)
	h = append(h, "RIFF"...)
	h = binary.LittleEndian.AppendUint32(h, headerLen-8+bytes)
	h = append(h, "WAVEfmt "...)
	h = binary.LittleEndian.AppendUint32(h, 16)
	h = binary.LittleEndian.AppendUint16(h, pcmFormat)
	h = binary.LittleEndian.AppendUint16(h, channels)
	h = binary.LittleEndian.AppendUint32(h, rate)
	h = binary.LittleEndian.AppendUint32(h, rate*uint32(channels)*bytesPerSample)
	h = binary.LittleEndian.AppendUint16(h, channels*bytesPerSample)
	h = binary.LittleEndian.AppendUint16(h, 8*bytesPerSample)
	h = append(h, "data"...)
	return binary.LittleEndian.AppendUint32(h, bytes)
}
