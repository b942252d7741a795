package campaign

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// What an import costs others is measured in turns of one run, for what a disk and
// a machine do besides changes from minute to minute: turnLasts with the import,
// turnLasts without.
const (
	turnLasts = 2 * time.Second
	turnEdges = 100 * time.Millisecond // at its beginning that belong to the turn before
)

// turns tell which turn it is.
type turns struct{ from time.Time }

func (t turns) importing(now time.Time) bool { return now.Sub(t.from)/turnLasts%2 == 1 }

// wait returns when it is the import's turn.
func (t turns) wait() {
	for !t.importing(time.Now()) {
		time.Sleep(time.Millisecond)
	}
}

// sample is how long something took that began then.
type sample struct {
	at   time.Time
	took time.Duration
}

// split sorts samples by turn, each by duration.
func (t turns) split(all []sample) (idle, importing []time.Duration) {
	for _, s := range all {
		switch {
		case s.at.Sub(t.from)%turnLasts < turnEdges:
		case t.importing(s.at):
			importing = append(importing, s.took)
		default:
			idle = append(idle, s.took)
		}
	}
	slices.Sort(idle)
	slices.Sort(importing)
	return idle, importing
}

// quantiles are the p50, p95, p98 and p99 of what was measured, in ms.
func quantiles(b *testing.B, took []time.Duration, when string) {
	for _, q := range []int{50, 95, 98, 99} {
		b.ReportMetric(float64(took[len(took)*q/100].Microseconds())/1000, fmt.Sprintf("ms-p%d-%s", q, when))
	}
}

// BenchmarkSyncsBesideAGrowingFile is what the disk itself makes of it: 100 times a
// second 12 KB of a file are written anew and synced, as commits of events are, and
// in turns another file grows by 10 MB a second, as the database does during an
// import, and is synced every 40 ms.
func BenchmarkSyncsBesideAGrowingFile(b *testing.B) {
	const page, each, grown, step = 4096, 3, 100, 40 * time.Millisecond
	for b.Loop() {
		dir := b.TempDir()
		log, data := create(b, filepath.Join(dir, "log")), create(b, filepath.Join(dir, "data"))
		write(b, log, make([]byte, 600*each*page), 0)
		durable(b, log)
		t, end := turns{time.Now()}, time.Now().Add(20*turnLasts)
		over := make(chan struct{})
		go func() {
			defer close(over)
			for at := int64(0); time.Now().Before(end); at += grown * page {
				t.wait()
				began := time.Now()
				write(b, data, make([]byte, grown*page), at)
				durable(b, data)
				time.Sleep(step - time.Since(began))
			}
		}()
		var all []sample
		ticks := time.NewTicker(10 * time.Millisecond)
		for i := int64(0); time.Now().Before(end); i++ {
			<-ticks.C
			began := time.Now()
			write(b, log, make([]byte, each*page), i%600*each*page)
			durable(b, log)
			all = append(all, sample{began, time.Since(began)})
		}
		ticks.Stop()
		<-over
		idle, importing := t.split(all)
		quantiles(b, idle, "idle")
		quantiles(b, importing, "importing")
	}
}

func create(b *testing.B, path string) *os.File {
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = f.Close() })
	return f
}

func write(b *testing.B, f *os.File, data []byte, at int64) {
	if _, err := f.WriteAt(data, at); err != nil {
		b.Error(err)
	}
}

func durable(b *testing.B, f *os.File) {
	if err := f.Sync(); err != nil {
		b.Error(err)
	}
}
