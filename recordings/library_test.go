package recordings

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/recordings/audio"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func library(t *testing.T, change ...func(*Config)) (*Library, *memory) {
	t.Helper()
	m := &memory{}
	c := clock.NewFake(noon)
	cfg := Config{Store: m, Dir: filepath.Join(t.TempDir(), "clips"), Clock: c, IDs: clock.NewIDs(c, nil), FirstID: 1460168,
		Decoder: []string{os.Args[0], "decode-audio"}}
	for _, fn := range change {
		fn(&cfg)
	}
	l, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l, m
}

func clip(hz float64, d time.Duration) io.Reader {
	return bytes.NewReader(tone(hz, 0.5, d))
}

func add(t *testing.T, l *Library, hz float64) *calls.Recording {
	t.Helper()
	r, err := l.Add(context.Background(), "main", "Hello", "bot", false, clip(hz, 7*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantCode(t *testing.T, err error, code calls.Code) *calls.Error {
	t.Helper()
	var e *calls.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Fatalf("error %v, want %s", err, code)
	}
	return e
}

func TestAddLeavesAPendingRecordingAndItsEvent(t *testing.T) {
	t.Parallel()
	l, m := library(t)
	r := add(t, l, 440)
	if r.State != calls.RecordingPending || r.RecordID != nil || r.DurationMS != 7000 || r.Version != 1 ||
		r.UploadedBy != "bot" || r.Title != "Hello" || !r.CreatedAt.Equal(noon) || r.DecidedAt != nil {
		t.Errorf("%+v", r)
	}
	if len(m.state.recordings) != 1 || len(m.state.events) != 1 {
		t.Fatalf("%d rows, %d events", len(m.state.recordings), len(m.state.events))
	}
	e := m.state.events[0]
	var data calls.Recording
	if err := json.Unmarshal(e.Data, &data); err != nil {
		t.Fatal(err)
	}
	if e.Type != calls.RecordingUploaded || e.Subject != "recording:"+r.ID || e.Account != "main" || !strings.HasPrefix(e.ID, "evt_") || data.SHA256 != r.SHA256 {
		t.Errorf("%+v %s", e, e.Data)
	}
	if want := `"created_at":"` + noon.UTC().Format("2006-01-02T15:04:05.000Z") + `"`; !strings.Contains(string(e.Data), want) || !strings.Contains(string(e.Data), `"decided_at":null`) {
		t.Errorf("the times of %s are not as published; want %s", e.Data, want)
	}
}

func TestClipsAreStoredByTheHashOfTheirContent(t *testing.T) {
	t.Parallel()
	l, _ := library(t)
	r := add(t, l, 440)
	b, err := os.ReadFile(filepath.Join(l.cfg.Dir, r.SHA256[:2], r.SHA256+".wav"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	if hex.EncodeToString(sum[:]) != r.SHA256 {
		t.Error("the name is not the hash of the content")
	}
	if want := audio.Header(1, 8000, 16, 7*16000); !bytes.Equal(b[:audio.HeaderLen], want) || len(b) != audio.HeaderLen+7*16000 {
		t.Errorf("stored as %q", b[:audio.HeaderLen])
	}
	f, err := l.Open(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, b) {
		t.Error("Open gives something else", err)
	}
	pcm, err := l.Load(r.SHA256)
	if err != nil || len(pcm) != 7*8000 {
		t.Fatalf("%d samples, %v", len(pcm), err)
	}
	if want, err := audio.Samples(b); err != nil || !slices.Equal(pcm, want) {
		t.Error("Load gives something else", err)
	}
	left, err := filepath.Glob(filepath.Join(l.cfg.Dir, "*", ".*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if left, _ = filepath.Glob(filepath.Join(l.cfg.Dir, uploadPattern)); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestShortRecordingsAreRefusedUnlessOurOwn(t *testing.T) {
	t.Parallel()
	l, m := library(t)
	_, err := l.Add(context.Background(), "main", "", "bot", false, clip(440, 6999*time.Millisecond))
	if e := wantCode(t, err, calls.CodeRecordingTooShort); e.Extra["measured_ms"] != int64(6999) {
		t.Errorf("measured_ms %v", e.Extra["measured_ms"])
	}
	if len(m.state.recordings) != 0 || len(m.state.events) != 0 {
		t.Error("something was written")
	}
	r, err := l.Add(context.Background(), "main", "busy", "system", true, clip(440, time.Second))
	if err != nil || !r.System || r.DurationMS != 1000 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestTheMinimumCanBeRaisedButNotLowered(t *testing.T) {
	t.Parallel()
	l, _ := library(t, func(c *Config) { c.MinDuration = 9 * time.Second })
	_, err := l.Add(context.Background(), "main", "", "bot", false, clip(440, 8*time.Second))
	wantCode(t, err, calls.CodeRecordingTooShort)
	if _, err := New(Config{Store: &memory{}, Dir: t.TempDir(), MinDuration: 6 * time.Second}); err == nil || !strings.Contains(err.Error(), "min_duration") {
		t.Errorf("6 s: %v", err)
	}
}

func TestUploadsOverTheLimitAreRefused(t *testing.T) {
	t.Parallel()
	exact := tone(440, 0.5, 7*time.Second)
	l, m := library(t, func(c *Config) { c.MaxBytes = int64(len(exact)) })
	if _, err := l.Add(context.Background(), "main", "", "bot", false, bytes.NewReader(exact)); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	_, err := l.Add(context.Background(), "main", "", "bot", false, bytes.NewReader(append(exact, 0)))
	wantCode(t, err, calls.CodeTooLarge)
	if len(m.state.recordings) != 1 {
		t.Errorf("%d rows", len(m.state.recordings))
	}
}

func TestABrokenUploadComesBackAsItsOwnError(t *testing.T) {
	t.Parallel()
	l, _ := library(t)
	broken := errors.New("connection reset")
	if _, err := l.Add(context.Background(), "main", "", "bot", false, iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Error(err)
	}
}

func TestTitlesAreChecked(t *testing.T) {
	t.Parallel()
	l, _ := library(t)
	for _, title := range []string{"a\r\nb", "\x00", strings.Repeat("я", 201), "\xff"} {
		_, err := l.Add(context.Background(), "main", title, "bot", false, clip(440, 7*time.Second))
		wantCode(t, err, calls.CodeInvalidField)
	}
}

func TestSameContentIsAllowedAndNoted(t *testing.T) {
	t.Parallel()
	l, _ := library(t)
	a, b := add(t, l, 440), add(t, l, 440)
	if a.SHA256 != b.SHA256 || a.ID == b.ID {
		t.Errorf("%s %s", a.SHA256, b.SHA256)
	}
	if c := named(t, a, "duplicates"); c.Value != 0 || c.Level != levelOK {
		t.Errorf("first: %+v", c)
	}
	if c := named(t, b, "duplicates"); c.Value != 1 || c.Level != levelWarning {
		t.Errorf("second: %+v", c)
	}
}

func named(t *testing.T, r *calls.Recording, name string) calls.Check {
	t.Helper()
	for _, c := range r.Checks {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no check %q in %+v", name, r.Checks)
	return calls.Check{}
}

func TestChecksMeasureSilenceLevelAndClipping(t *testing.T) {
	t.Parallel()
	l, _ := library(t)
	quiet := tone(440, 0.005, 8*time.Second)
	padded := wav(slices.Concat(make([]int16, 7200), sine(440, 0.5, 6*time.Second), make([]int16, 24000)))
	mute := wav(make([]int16, 64000))
	cut := tone(440, 1.5, 8*time.Second)
	for name, c := range map[string]struct {
		f      []byte
		check  string
		value  float64
		within float64
		level  string
	}{
		"leading":       {padded, "leading_silence_ms", 900, 20, levelWarning},
		"trailing":      {padded, "trailing_silence_ms", 3000, 20, levelWarning},
		"level of it":   {padded, "level_dbfs", -9.03, 0.2, levelOK},
		"not clipped":   {padded, "clipped_percent", 0, 0, levelOK},
		"quiet":         {quiet, "level_dbfs", -49, 1, levelWarning},
		"mute":          {mute, "level_dbfs", floor, 0, levelWarning},
		"mute, leading": {mute, "leading_silence_ms", 8000, 0, levelWarning},
		"clipped":       {cut, "clipped_percent", 53, 3, levelWarning},
		"duration":      {padded, "duration_ms", 9900, 0, levelOK},
	} {
		r, err := l.Add(context.Background(), "main", "", "bot", false, bytes.NewReader(c.f))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := named(t, r, c.check)
		if got.Value < c.value-c.within || got.Value > c.value+c.within || got.Level != c.level {
			t.Errorf("%s: %+v, want %v %s", name, got, c.value, c.level)
		}
	}
}

func TestChangedOrMissingFilesAreNotPlayed(t *testing.T) {
	t.Parallel()
	l, _ := library(t)
	r := add(t, l, 440)
	name := l.files.path(r.SHA256)
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b[1000] ^= 1
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Load(r.SHA256); err == nil || !strings.Contains(err.Error(), "changed") {
		t.Errorf("changed: %v", err)
	}
	if add(t, l, 440); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Load(r.SHA256); err != nil {
		t.Errorf("uploading it again does not mend it: %v", err)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	_, err = l.Open(context.Background(), r)
	wantCode(t, err, calls.CodeNotFound)
	for _, sha := range []string{"", "../../etc/passwd", strings.Repeat("A", 64), strings.Repeat("a", 63), strings.Repeat("../", 21) + "a"} {
		if _, err := l.Load(sha); err == nil || !strings.Contains(err.Error(), "not a hash") {
			t.Errorf("Load(%q): %v", sha, err)
		}
		if _, err := l.Open(context.Background(), &calls.Recording{SHA256: sha}); err == nil {
			t.Errorf("Open(%q) works", sha)
		}
	}
}

func TestOldLeftoversAreSwept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, age := range map[string]time.Duration{".upload-old": 25 * time.Hour, ".upload-young": time.Hour} {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(p, noon.Add(-age), noon.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	library(t, func(c *Config) { c.Dir = dir })
	left, err := filepath.Glob(filepath.Join(dir, ".upload-*"))
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != ".upload-young" {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestManyMayUploadAtOnce(t *testing.T) {
	t.Parallel()
	l, m := library(t)
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			if _, err := l.Add(context.Background(), "main", "", "bot", false, clip(300+float64(i%3)*100, 7*time.Second)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(m.state.recordings) != 6 {
		t.Errorf("%d rows", len(m.state.recordings))
	}
}

func TestResultsAreCounted(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	l, _ := library(t, func(c *Config) { c.Metrics = reg })
	r := add(t, l, 440)
	l.Add(context.Background(), "main", "", "bot", false, strings.NewReader("text"))
	if _, err := l.Approve(context.Background(), by("anna", r)); err != nil {
		t.Fatal(err)
	}
	l.Approve(context.Background(), by("anna", r))
	if got := testutil.ToFloat64(l.metrics.uploads.WithLabelValues("bad-audio")); got != 1 {
		t.Errorf("bad-audio: %v", got)
	}
	if got := testutil.ToFloat64(l.metrics.decisions.WithLabelValues("approve")); got != 1 {
		t.Errorf("approve: %v", got)
	}
	if n, err := testutil.GatherAndCount(reg); err != nil || n != 5 {
		t.Errorf("%d series, %v", n, err)
	}
}
