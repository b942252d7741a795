package capture

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"zvonar/media"
)

var answered = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func openings(t *testing.T, dir string, keep time.Duration) *Openings {
	t.Helper()
	o, err := OpenOpenings(OpeningsConfig{Dir: dir, Keep: keep})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Stop(context.Background()) })
	return o
}

func opening(t *testing.T, o *Openings, call string) *Opening {
	t.Helper()
	p, err := o.Begin(call, answered)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// keptOf stops the writer and gives the samples of a call.
func keptOf(t *testing.T, o *Openings, call string) []int16 {
	t.Helper()
	if err := o.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	f, err := o.Read(call)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(f)
	if err != nil || len(b) < headerLen {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
	pcm := make([]int16, (len(b)-headerLen)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(b[headerLen+2*i:]))
	}
	return pcm
}

func TestAnOpeningKeepsTheFirstSecondsAtTheirPlace(t *testing.T) {
	t.Parallel()
	o := openings(t, t.TempDir(), time.Second)
	p := opening(t, o, "call_1")
	said := slices.Repeat([]int16{7}, 800)
	p.Hear(media.Sound{PCM: said, Fresh: true, At: answered.Add(200 * time.Millisecond)})
	p.Hear(media.Sound{PCM: said, Gap: 1600})
	for range 100 {
		p.Hear(media.Sound{PCM: said})
	}
	p.End() // which is late, and does nothing
	quiet := make([]int16, 1600)
	want := slices.Concat(quiet, said, quiet, slices.Repeat([]int16{7}, 8000-1600-800-1600))
	if got := keptOf(t, o, "call_1"); !slices.Equal(got, want) {
		t.Errorf("%d samples were kept, or not at their place; want %d", len(got), len(want))
	}
}

func TestAnOpeningThatEndsEarlyIsKeptAsFarAsItCame(t *testing.T) {
	t.Parallel()
	o := openings(t, t.TempDir(), time.Hour)
	p := opening(t, o, "call_1")
	p.Hear(media.Sound{PCM: []int16{1, 2, 3}, Fresh: true, At: answered})
	p.End()
	opening(t, o, "call_2").End() // heard nothing
	if got := keptOf(t, o, "call_1"); !slices.Equal(got, []int16{1, 2, 3}) {
		t.Errorf("kept %v", got)
	}
	if _, err := o.Read("call_2"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a call that said nothing: %v", err)
	}
	if _, err := o.Begin("../call", answered); err == nil {
		t.Error("a path is no id of a call")
	}
}

func TestOpeningsThatAreTooOldGoAndHalvesAreRemoved(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	half := filepath.Join(dir, "call_0.wav.part")
	if err := os.WriteFile(half, []byte("RIFF"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := openings(t, dir, time.Second)
	if _, err := os.Stat(half); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a half file: %v", err)
	}
	for _, call := range []string{"call_old", "call_new"} {
		p := opening(t, o, call)
		p.Hear(media.Sound{PCM: []int16{1}, Fresh: true, At: answered})
		p.End()
	}
	keptOf(t, o, "call_new")
	if err := os.Chtimes(filepath.Join(dir, "call_old", "call_old.wav"), answered, answered); err != nil {
		t.Fatal(err)
	}
	if n, err := o.Expire(answered.Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("%d went, %v", n, err)
	}
	if _, err := o.Read("call_old"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the old one: %v", err)
	}
}
