package recordings

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/media/dtmf"
)

// jobs are started and stopped with the test.
func jobs(t *testing.T, l *Library) *Jobs {
	t.Helper()
	j := NewJobs(l)
	if err := j.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := j.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return j
}

// ended waits until no job runs and shows the recording.
func ended(t *testing.T, j *Jobs, m *memory, id string) *calls.Recording {
	t.Helper()
	if err := j.Stop(context.Background()); err != nil {
		t.Fatal(err)
	}
	return stored(t, m, id)
}

func stored(t *testing.T, m *memory, id string) (rec *calls.Recording) {
	t.Helper()
	if err := m.View(context.Background(), func(tx calls.ReadTx) (err error) { rec, err = tx.Recording("main", id); return err }); err != nil {
		t.Fatal(err)
	}
	return rec
}

func eventsOf(m *memory) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var types []string
	for _, e := range m.state.events {
		types = append(types, strings.TrimPrefix(string(e.Type), "recording."))
	}
	return strings.Join(types, " ")
}

func TestAFileIsTakenInBehindTheAnswer(t *testing.T) {
	t.Parallel()
	l, m := library(t, func(c *Config) { c.Node = "a" })
	j := jobs(t, l)
	rec, err := j.Add(context.Background(), "main", "Later", "bot", false, clip(440, 8*time.Second))
	if err != nil || rec.State != calls.RecordingProcessing {
		t.Fatalf("%+v, %v", rec, err)
	}
	gone(j, rec.ID)
	got := stored(t, m, rec.ID)
	if got.State != calls.RecordingPending || got.DurationMS != 8000 || got.SHA256 == "" || len(got.Checks) == 0 || eventsOf(m) != "started uploaded" {
		t.Errorf("%+v; %s", got, eventsOf(m))
	}
	if _, err := l.Approve(context.Background(), Decision{Account: "main", ID: rec.ID, Actor: "mod"}); err != nil {
		t.Error(err)
	}
}

// gone waits until the job of a recording has ended.
func gone(j *Jobs, id string) {
	j.mu.Lock()
	entry := j.running[id]
	j.mu.Unlock()
	if entry != nil {
		<-entry.done
	}
}

func TestAFileThatIsRefusedLaterSaysWhy(t *testing.T) {
	t.Parallel()
	l, m := library(t)
	j := jobs(t, l)
	rec, err := j.Add(context.Background(), "main", "Short", "bot", false, clip(440, 2*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	gone(j, rec.ID)
	got := stored(t, m, rec.ID)
	if got.State != calls.RecordingIsRejected || got.DecidedBy != "zvonar" || !strings.Contains(got.Reason, "2000 ms") || eventsOf(m) != "started rejected" {
		t.Errorf("%+v; %s", got, eventsOf(m))
	}
	if c := named(t, got, "duration_ms"); c.Level != "error" || c.Value != 2000 {
		t.Errorf("%+v", c)
	}
	if _, err := l.AddVersion(context.Background(), "main", rec.ID, "bot", clip(440, 8*time.Second)); err != nil {
		t.Errorf("it takes no better version: %v", err)
	}
}

func TestAJobIsCanceled(t *testing.T) {
	t.Parallel()
	l, m := library(t)
	j := jobs(t, l)
	for range converters { // nothing is converted meanwhile
		l.slots <- struct{}{}
	}
	rec, err := j.Add(context.Background(), "main", "Wrong one", "bot", false, clip(440, 8*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if p, running := j.Progress(rec.ID); !running || p != 0 {
		t.Errorf("%g, %v", p, running)
	}
	if err := j.Cancel(rec.ID, "bot"); err != nil {
		t.Fatal(err)
	}
	gone(j, rec.ID)
	if got := stored(t, m, rec.ID); got.State != calls.RecordingIsRejected || got.DecidedBy != "bot" || got.Reason != "canceled by bot" {
		t.Errorf("%+v", got)
	}
	wantCode(t, j.Cancel(rec.ID, "bot"), calls.CodeWrongState)
	if left, _ := filepath.Glob(filepath.Join(l.cfg.Dir, ".upload-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestAStopInterruptsWhatIsOnItsWay(t *testing.T) {
	t.Parallel()
	l, m := library(t)
	j := jobs(t, l)
	for range converters {
		l.slots <- struct{}{}
	}
	rec, err := j.Add(context.Background(), "main", "", "bot", false, clip(440, 8*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if got := ended(t, j, m, rec.ID); got.State != calls.RecordingIsRejected || got.Reason != interrupted {
		t.Errorf("%+v", got)
	}
}

func TestJobsThatNobodyWorksOnEnd(t *testing.T) {
	t.Parallel()
	l, m := library(t, func(c *Config) { c.Node = "a" })
	row := func(id, node string, age time.Duration) {
		rec := l.fresh("main", id, "bot", false, &product{})
		rec.ID, rec.State, rec.Node, rec.CreatedAt = id, calls.RecordingProcessing, node, noon.Add(-age)
		if err := m.Update(context.Background(), func(tx calls.Tx) error { return tx.InsertRecording(rec) }); err != nil {
			t.Fatal(err)
		}
	}
	row("rec_ours", "a", time.Second)
	row("rec_theirs", "b", jobLimit)
	row("rec_dead", "b", orphaned+time.Second)
	jobs(t, l)
	for id, want := range map[string]calls.RecordingState{"rec_ours": calls.RecordingIsRejected, "rec_theirs": calls.RecordingProcessing, "rec_dead": calls.RecordingIsRejected} {
		if got := stored(t, m, id); got.State != want || want == calls.RecordingIsRejected && got.Reason != interrupted {
			t.Errorf("%s: %s %q", id, got.State, got.Reason)
		}
	}
}

// draft is a dictation whose call stands as c says.
func draft(t *testing.T, l *Library, m *memory, c calls.Call) *calls.Recording {
	t.Helper()
	id, err := l.NewDictation("")
	if err != nil {
		t.Fatal(err)
	}
	var rec *calls.Recording
	err = m.Update(context.Background(), func(tx calls.Tx) (err error) {
		tx.(*memTx).calls = append(tx.(*memTx).calls, c)
		rec, err = l.Draft(tx, "main", "", "bot", id, c.ID)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

func TestADictationBecomesARecordingThroughEveryCheck(t *testing.T) {
	t.Parallel()
	l, m := library(t)
	rec := draft(t, l, m, calls.Call{ID: "call_1", Status: calls.StatusAnswered})
	if rec.State != calls.RecordingDraft || rec.Title != "Dictation" {
		t.Errorf("%+v", rec)
	}
	said := samples(t, clip(440, 9*time.Second))
	silence := make([]int16, 16000)
	if _, err := l.Take(append(silence, said[:8000]...)); calls.CodeOf(err) != calls.CodeRecordingTooShort {
		t.Errorf("a second of speech: %v", err)
	}
	take, err := l.Take(append(append(silence, said...), silence...))
	if err != nil || take.DurationMS != 9500 {
		t.Fatalf("%+v, %v", take, err)
	}
	if pcm, _, err := l.LoadRef(take); err != nil || len(pcm) != 76000 {
		t.Errorf("%d samples, %v", len(pcm), err)
	}
	if err := l.Keep(context.Background(), "main", rec.ID, take); err != nil {
		t.Fatal(err)
	}
	if got := stored(t, m, rec.ID); got.State != calls.RecordingPending || got.DurationMS != 9500 || got.CallID != "call_1" || len(got.Checks) == 0 || eventsOf(m) != "started uploaded" {
		t.Errorf("%+v; %s", got, eventsOf(m))
	}
	wantCode(t, l.Keep(context.Background(), "main", rec.ID, take), calls.CodeWrongState)
}

func TestADictationThatNobodyKeptEndsWithItsCall(t *testing.T) {
	t.Parallel()
	l, m := library(t)
	over, now := noon.Add(-2*time.Second), noon
	lost := draft(t, l, m, calls.Call{ID: "call_1", Status: calls.StatusCompleted, Outcome: calls.OutcomeBusy, EndedAt: &over})
	runs := draft(t, l, m, calls.Call{ID: "call_2", Status: calls.StatusAnswered})
	just := draft(t, l, m, calls.Call{ID: "call_3", Status: calls.StatusCompleted, EndedAt: &now})
	busy := draft(t, l, m, calls.Call{ID: "call_4", Status: calls.StatusCompleted, EndedAt: &over})
	l.keeping.Store(busy.ID, true)
	j := jobs(t, l)
	if got := stored(t, m, lost.ID); got.State != calls.RecordingIsRejected || !strings.Contains(got.Reason, "busy") {
		t.Errorf("%+v", got)
	}
	for _, r := range []*calls.Recording{runs, just, busy} {
		if got := stored(t, m, r.ID); got.State != calls.RecordingDraft {
			t.Errorf("%+v", got)
		}
	}
	l.cfg.Clock.(*clock.Fake).Advance(keepTime)
	if err := j.look(context.Background(), false); err != nil {
		t.Fatal(err)
	}
	if got := stored(t, m, busy.ID); got.State != calls.RecordingIsRejected {
		t.Errorf("%+v", got)
	}
	if err := l.Abandon(context.Background(), "main", runs.ID, "bot"); err != nil {
		t.Error(err)
	}
}

func TestSignalsAreSounds(t *testing.T) {
	t.Parallel()
	l, _ := library(t)
	for name, ref := range l.Signals() {
		pcm, _, err := l.LoadRef(ref)
		if err != nil || int64(len(pcm)) != 8*ref.DurationMS || len(pcm) == 0 {
			t.Errorf("%s: %d samples, %v", name, len(pcm), err)
		}
		heard := dtmf.NewInband()
		heard.Write(pcm, func(p dtmf.Press) { t.Errorf("the signal %s presses %c", name, p.Digit) })
	}
}

// samples are those of a WAV file.
func samples(t *testing.T, r io.Reader) []int16 {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	pcm, err := Decode(context.Background(), bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return pcm
}
