package recordings

import (
	"bytes"
	"context"
	"io"
	"slices"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/recordings/audio"
)

func TestPeaksAreTheOutlineOfTheClip(t *testing.T) {
	t.Parallel()
	l, _ := library(t)
	pcm := slices.Concat(make([]int16, 8000), sine(440, 0.5, 4*time.Second), sine(440, 1, 3*time.Second))
	rec, err := l.Add(context.Background(), "main", "", "bot", false, bytes.NewReader(wav(pcm)))
	if err != nil {
		t.Fatal(err)
	}
	p, err := l.Peaks(context.Background(), rec, 8)
	if err != nil {
		t.Fatal(err)
	}
	want := []int{0, 0, -64, 63, -64, 63, -64, 63, -64, 63, -128, 127, -128, 127, -128, 127}
	if p.Length != 8 || p.SamplesPerPixel != 8000 || p.SampleRate != 8000 || !slices.EqualFunc(p.Data, want, func(a, b int) bool { return a-b <= 1 && b-a <= 1 }) {
		t.Errorf("%+v", p)
	}
	for points, want := range map[int]int{0: DefaultPeaks, 1: 1, 7: 7, MaxPeaks: MaxPeaks} {
		if p, err := l.Peaks(context.Background(), rec, points); err != nil || p.Length != want || len(p.Data) != 2*want {
			t.Errorf("%d points: %d, %v", points, p.Length, err)
		}
	}
	if _, err := l.Peaks(context.Background(), &calls.Recording{}, 0); calls.CodeOf(err) != calls.CodeNotFound {
		t.Error(err)
	}
}

func TestTheWideFormIsOpenedWhereThereIsOne(t *testing.T) {
	t.Parallel()
	l, _ := library(t)
	wide := audio.Header(1, 16000, 16, 2*16000*8)
	wide = append(wide, make([]byte, 2*16000*8)...)
	rec, err := l.Add(context.Background(), "main", "", "bot", false, bytes.NewReader(wide))
	if err != nil {
		t.Fatal(err)
	}
	f, err := l.OpenWide(context.Background(), rec)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if b, err := io.ReadAll(f); err != nil || !bytes.Equal(b, wide) {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	_, err = l.OpenWide(context.Background(), add(t, l, 440))
	wantCode(t, err, calls.CodeNotFound)
}
