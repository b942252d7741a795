package cdr

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

type desk struct {
	t     *testing.T
	clock *clock.Fake
	store calls.Store
	dir   string
	n     int
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, clock: clock.NewFake(noon), dir: filepath.Join(t.TempDir(), "cdr")}
	s, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "zvonar.db"), Node: "a", Clock: d.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	d.store = s
	return d
}

func (d *desk) files(change ...func(*FilesConfig)) *Files {
	d.t.Helper()
	cfg := FilesConfig{Dir: d.dir, Format: CSV, Rotation: Hourly, Store: d.store, Clock: d.clock}
	for _, f := range change {
		f(&cfg)
	}
	f, err := NewFiles(cfg)
	if err == nil {
		err = os.MkdirAll(d.dir, 0o750)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	return f
}

// ends lets n calls end.
func (d *desk) ends(n int) {
	d.t.Helper()
	err := d.store.Update(d.t.Context(), func(tx calls.Tx) error {
		for range n {
			d.n++
			at := d.clock.Now()
			c := &calls.Call{ID: fmt.Sprintf("call_%04d", d.n), Account: "main", Direction: calls.Out, Status: calls.StatusCompleted, Outcome: calls.OutcomeBusy, To: "79004443322", EndedAt: &at}
			e := calls.ForCall("evt_"+c.ID, at, c, calls.CallCompleted, struct {
				calls.CallView
				Digits string `json:"digits"`
			}{calls.View(c), "13"})
			other := calls.ForCall("evt_x"+c.ID, at, c, calls.CallDigit, nil)
			if err := errors.Join(tx.InsertCall(c), tx.AppendEvent(&other), tx.AppendEvent(&e)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// seen counts in how many lines of the directory each call is.
func (d *desk) seen() (names []string, times map[string]int) {
	d.t.Helper()
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		d.t.Fatal(err)
	}
	times = map[string]int{}
	for _, e := range entries {
		names = append(names, e.Name())
		b, err := os.ReadFile(filepath.Join(d.dir, e.Name()))
		if err != nil {
			d.t.Fatal(err)
		}
		for i, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
			if i > 0 {
				times[strings.Split(line, ",")[1]]++
			}
		}
	}
	slices.Sort(names)
	return names, times
}

func (d *desk) once() []string {
	d.t.Helper()
	names, times := d.seen()
	if len(times) != d.n {
		d.t.Errorf("%d calls in files, %d ended", len(times), d.n)
	}
	for id, n := range times {
		if n != 1 {
			d.t.Errorf("call %s is there %d times", id, n)
		}
	}
	return names
}

func TestEachCallIsInOneFile(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	f := d.files()
	for range 3 {
		d.ends(1200) // more than a page
		d.clock.Advance(time.Hour)
		if err := f.write(t.Context(), d.clock.Now()); err != nil {
			t.Fatal(err)
		}
		if err := f.write(t.Context(), d.clock.Now()); err != nil { // nothing new: no file
			t.Fatal(err)
		}
	}
	if names := d.once(); len(names) != 3 || names[0] != "cdr-20261121T12-0-2400.csv" {
		t.Errorf("files %v", names)
	}
}

func TestAFileThatIsThereIsNotWrittenAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.ends(10)
	f := d.files()
	after, last, err := f.stretch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// The process ended behind the rename, and before it could note that.
	if _, err := f.writeFile(t.Context(), fmt.Sprintf("cdr-20261121T11-%d-%d.csv", after, last), after, last); err != nil {
		t.Fatal(err)
	}
	d.ends(5)
	for range 2 {
		if err := d.files().write(t.Context(), d.clock.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if names := d.once(); len(names) != 2 {
		t.Errorf("files %v", names)
	}
}

func TestAFileThatBrokeOffLeavesNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.ends(3)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.files().write(ctx, d.clock.Now()); err == nil {
		t.Fatal("it was written")
	}
	names, _ := d.seen()
	if len(names) != 0 {
		t.Errorf("left: %v", names)
	}
}

func TestFilesAreWrittenAtTheEndOfAPeriod(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	leads := false
	f := d.files(func(c *FilesConfig) {
		c.Rotation = Daily
		c.Lead = func() (bool, <-chan struct{}) { return leads, nil }
	})
	if got := f.periodEnd(noon); !got.Equal(noon.Add(12 * time.Hour)) {
		t.Errorf("the day ends at %v", got)
	}
	if got := f.previous(noon.Add(13 * time.Hour)).Format("20060102"); got != "20261121" {
		t.Errorf("the day before is %s", got)
	}
	if err := f.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := f.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}
