package capture

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-audio/wav"

	"zvonar/media"
)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// tone is a frame of 20 ms with that value.
func tone(x int16) []int16 {
	pcm := make([]int16, 160)
	for i := range pcm {
		pcm[i] = x
	}
	return pcm
}

// read gives the two channels of a capture.
func read(t *testing.T, s *Store, call string) (left, right []int16, raw []byte) {
	t.Helper()
	f, err := s.Read(call)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if raw, err = io.ReadAll(f); err != nil {
		t.Fatal(err)
	}
	d := wav.NewDecoder(bytes.NewReader(raw))
	buf, err := d.FullPCMBuffer()
	if err != nil || d.NumChans != 2 || d.SampleRate != 8000 {
		t.Fatalf("%d channels at %d Hz: %v", d.NumChans, d.SampleRate, err)
	}
	for i := 0; i+1 < len(buf.Data); i += 2 {
		left, right = append(left, int16(buf.Data[i])), append(right, int16(buf.Data[i+1]))
	}
	return left, right, raw
}

func end(t *testing.T, take *Take) Result {
	t.Helper()
	done := make(chan Result, 1)
	take.End(func(r Result, err error) {
		if err != nil {
			t.Error(err)
		}
		done <- r
	})
	take.End(func(Result, error) { t.Error("ended twice") })
	return <-done
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// talk says seconds of sound both ways: 100 on our side, 200 on theirs.
func talk(take *Take, from time.Time, seconds int) {
	for i := range seconds * 50 {
		at := from.Add(time.Duration(i) * 20 * time.Millisecond)
		take.Spoke(media.Sound{PCM: tone(100), At: at, Fresh: i == 0})
		take.Hear(media.Sound{PCM: tone(200), At: at, Fresh: i == 0})
	}
}

func TestATalkHasUsOnTheLeftAndThemOnTheRight(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	take, err := s.Begin("call_1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Begin("call_1"); err == nil {
		t.Error("two captures of one call")
	}
	talk(take, noon, 3)
	r := end(t, take)
	left, right, raw := read(t, s, "call_1")
	sum := sha256.Sum256(raw)
	if r.Duration != 3*time.Second || r.SHA256 != hex.EncodeToString(sum[:]) || len(left) != 24000 {
		t.Errorf("%+v for %d frames", r, len(left))
	}
	for i := range left {
		if left[i] != 100 || right[i] != 200 {
			t.Fatalf("frame %d: %d and %d", i, left[i], right[i])
		}
	}
	// Once more in the same call: it goes on behind.
	if take, err = s.Begin("call_1"); err != nil {
		t.Fatal(err)
	}
	talk(take, noon.Add(time.Minute), 1)
	if r := end(t, take); r.Duration != 4*time.Second {
		t.Errorf("%+v", r)
	}
	if left, right, _ := read(t, s, "call_1"); len(left) != 32000 || left[31999] != 100 || right[24000] != 200 {
		t.Errorf("%d frames", len(left))
	}
}

func TestEachSideIsWhereItWasHeard(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	take, err := s.Begin("call_1")
	if err != nil {
		t.Fatal(err)
	}
	// We speak from the start; they a second later, with a lost packet, a pause of
	// their own and a stream that begins anew.
	for i := range 500 {
		at := noon.Add(time.Duration(i) * 20 * time.Millisecond)
		take.Spoke(media.Sound{PCM: tone(100), At: at, Fresh: i == 0})
		switch {
		case i < 50, i == 100, i >= 150 && i < 200, i >= 250 && i < 400:
		case i == 101:
			take.Hear(media.Sound{PCM: tone(200), At: at, Gap: 160, Lost: true})
		case i == 200:
			take.Hear(media.Sound{PCM: tone(200), At: at, Gap: 50 * 160})
		default:
			take.Hear(media.Sound{PCM: tone(200), At: at, Fresh: i == 50 || i == 400})
		}
		take.Hear(media.Sound{Pause: true, At: at})
	}
	end(t, take)
	left, right, _ := read(t, s, "call_1")
	if len(left) != 80000 {
		t.Fatalf("%d frames", len(left))
	}
	for i := range left {
		packet, want := i/160, int16(200)
		if packet < 50 || packet == 100 || packet >= 150 && packet < 200 || packet >= 250 && packet < 400 {
			want = 0
		}
		if left[i] != 100 || right[i] != want {
			t.Fatalf("frame %d of packet %d: %d and %d, want %d", i, packet, left[i], right[i], want)
		}
	}
}

func TestALeapOfTheFarEndMakesNoLongFile(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	take, err := s.Begin("call_1")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		take.Hear(media.Sound{PCM: tone(1), At: noon.Add(time.Duration(i) * 20 * time.Millisecond), Gap: 9 * 8000})
	}
	if r := end(t, take); r.Duration > 40*time.Second {
		t.Errorf("4 s became %v", r.Duration)
	}
}

func TestWhatWasWrittenIsWholeAfterACrash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	take, err := s.Begin("call_1")
	if err != nil {
		t.Fatal(err)
	}
	talk(take, noon, 5)
	flushed, _ := s.Begin("call_2") // its end comes behind what call_1 wrote
	end(t, flushed)
	// As a crash leaves it: some bytes behind what the header counts.
	left, _, raw := read(t, s, "call_1")
	if len(left) < 4*8000 {
		t.Fatalf("%d frames while it runs", len(left))
	}
	other := t.TempDir()
	for name, b := range map[string][]byte{"call_1.wav": append(raw, make([]byte, 4002)...), "call_1.wav.open": nil, "call_2.wav": raw} {
		if err := os.WriteFile(filepath.Join(other, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again := open(t, other)
	told := map[string]Result{}
	for range 2 {
		if err := again.Recover(func(call string, r Result) { told[call] = r }); err != nil {
			t.Fatal(err)
		}
	}
	if r := told["call_1"]; len(told) != 1 || r.Duration < 5*time.Second || r.SHA256 == "" {
		t.Errorf("recovered %+v", told)
	}
	if l, r, _ := read(t, again, "call_1"); l[100] != 100 || r[100] != 200 {
		t.Error("the sound is not there")
	}
	end(t, take)
}

func TestOldCapturesGoAndRunningOnesStay(t *testing.T) {
	t.Parallel()
	s := open(t, t.TempDir())
	for _, call := range []string{"call_running", "call_old", "call_new"} {
		take, err := s.Begin(call)
		if err != nil {
			t.Fatal(err)
		}
		talk(take, noon, 1)
		if call != "call_running" {
			end(t, take)
		} else {
			t.Cleanup(func() { end(t, take) })
		}
	}
	for _, call := range []string{"call_old", "call_running"} {
		if err := os.Chtimes(filepath.Join(s.dir, call+".wav"), noon, noon); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := s.Expire(noon.Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("%d went: %v", n, err)
	}
	if _, err := s.Read("call_old"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the old one is there: %v", err)
	}
	for _, bad := range []string{"", "../x", "a/b", "a.wav"} {
		if _, err := s.Begin(bad); err == nil {
			t.Errorf("%q is an id", bad)
		}
		if _, err := s.Read(bad); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q can be read: %v", bad, err)
		}
	}
}
