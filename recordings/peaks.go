package recordings

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"

	"zvonar/internal/calls"
	"zvonar/recordings/audio"
)

// Bounds of how many points Peaks gives.
const (
	DefaultPeaks = 800
	MaxPeaks     = 4000
)

// Peaks is the outline of a recording, in the form that the BBC's audiowaveform
// writes and wave viewers read: for each pixel the smallest and the largest
// sample, as 8-bit numbers.
type Peaks struct {
	Version         int   `json:"version"`
	Channels        int   `json:"channels"`
	SampleRate      int   `json:"sample_rate"`
	SamplesPerPixel int   `json:"samples_per_pixel"`
	Bits            int   `json:"bits"`
	Length          int   `json:"length" doc:"number of pixels"`
	Data            []int `json:"data" nullable:"false" doc:"least and largest of each pixel in turn, -128 to 127"`
}

// Peaks reads the outline of what rec shows, in at most points pixels (from 1 to
// MaxPeaks; 0: DefaultPeaks). Errors are those of Open.
func (l *Library) Peaks(ctx context.Context, rec *calls.Recording, points int) (*Peaks, error) {
	f, err := l.Open(ctx, rec)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(audio.HeaderLen, io.SeekStart); err != nil {
		return nil, err
	}
	if points <= 0 {
		points = DefaultPeaks
	}
	samples := int(size-audio.HeaderLen) / 2
	return outline(bufio.NewReaderSize(f, 64<<10), max(1, (samples+points-1)/points))
}

// outline reads 16-bit samples to their end.
func outline(r io.Reader, each int) (*Peaks, error) {
	p := &Peaks{Version: 2, Channels: 1, SampleRate: audio.Narrow, SamplesPerPixel: each, Bits: 8, Data: []int{}}
	b := make([]byte, 2*each)
	for {
		n, err := io.ReadFull(r, b)
		if n >= 2 {
			low, high := math.MaxInt16, math.MinInt16
			for i := 0; i+1 < n; i += 2 {
				s := int(int16(binary.LittleEndian.Uint16(b[i:])))
				low, high = min(low, s), max(high, s)
			}
			p.Data = append(p.Data, low>>8, high>>8)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			p.Length = len(p.Data) / 2
			return p, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
