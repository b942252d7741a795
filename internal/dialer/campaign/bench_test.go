package campaign

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/store"
	"zvonar/internal/store/pgtest"
)

// collected is how far the heap may grow between two collections, in percent: what
// the daemon would set itself during an import (docs/decisions/060).
const collected = 225

// rows is a list of n contacts as it would be uploaded.
func rows(b *testing.B, n int) io.Reader {
	f := create(b, filepath.Join(b.TempDir(), "list.csv"))
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "phone;ref;name;debt")
	for i := range n {
		fmt.Fprintf(w, "+7 (900) %03d-%02d-%02d;contract-%d;Иванов Иван Иванович;%d\n", i/10000%1000, i/100%100, i%100, i, i%90000)
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		b.Fatal(err)
	}
	return f
}

// arriving is a list that stays away in the turns of others.
type arriving struct {
	io.Reader
	turns turns
}

func (a arriving) Read(p []byte) (int, error) {
	a.turns.wait()
	return a.Reader.Read(p)
}

// told appends 100 events a second until stop is called, as calls that run do,
// and gives how long each took to be durable.
func told(st calls.Store, ids *clock.IDs) (stop func() []sample) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan []sample)
	go func() {
		var took []sample
		answers := make(chan sample, 100000)
		ticks := time.NewTicker(10 * time.Millisecond)
		defer ticks.Stop()
		sent := 0
		for i := 0; ctx.Err() == nil; i++ {
			<-ticks.C
			e := calls.NewEvent(ids.New("evt_"), time.Now(), fmt.Sprintf("call:c%d", i), calls.CallRinging, nil)
			e.Account = "main"
			began := time.Now()
			sent++
			st.Observe(func(tx calls.Tx) error { e := e; return tx.AppendEvent(&e) }, func(error) { answers <- sample{began, time.Since(began)} })
		}
		for range sent {
			took = append(took, <-answers)
		}
		done <- took
	}()
	return func() []sample { cancel(); return <-done }
}

// BenchmarkImport reads a million contacts into a real store, in turns of two
// seconds, while 100 events a second are told; ZVONAR_CONTACTS says another number.
// What it reports goes into docs/performance.md.
func BenchmarkImport(b *testing.B) {
	benchmarkImport(b, func(clk clock.Clock) store.Config {
		return store.Config{Path: filepath.Join(b.TempDir(), "z.db"), Clock: clk}
	})
}

// BenchmarkImportPostgreSQL is the same on a server that runs beside it.
func BenchmarkImportPostgreSQL(b *testing.B) {
	benchmarkImport(b, func(clk clock.Clock) store.Config {
		return store.Config{Path: filepath.Join(b.TempDir(), "z.db"), URL: pgtest.URL(b), Node: "a", Clock: clk}
	})
}

func benchmarkImport(b *testing.B, config func(clock.Clock) store.Config) {
	n := 1_000_000
	if _, err := fmt.Sscan(os.Getenv("ZVONAR_CONTACTS"), &n); err != nil {
		n = 1_000_000
	}
	for b.Loop() {
		clk := clock.System()
		cfg := config(clk)
		st, err := store.Open(b.Context(), cfg)
		if err != nil {
			b.Fatal(err)
		}
		ids := clock.NewIDs(clk, nil)
		gate := &memGate{rules: map[string]calls.CampaignRule{}}
		r, err := New(Config{Store: st, Gate: gate, Caller: &memCaller{store: st}, Opens: openAlways, Clock: clk, IDs: ids, Log: slog.New(slog.DiscardHandler),
			Resolve: func(calls.ReadTx, string, calls.ClipID) error { return nil }})
		if err != nil {
			b.Fatal(err)
		}
		c := &calls.Campaign{Account: "main", Flow: calls.DefaultFlow()}
		if err := r.Desk().Create(b.Context(), c); err != nil {
			b.Fatal(err)
		}
		list := rows(b, n)
		var before, after runtime.MemStats
		debug.SetGCPercent(collected)
		runtime.GC()
		runtime.ReadMemStats(&before)
		stop := told(st, ids)
		began := time.Now()
		t := turns{began}
		var longest atomic.Int64
		r.desk.store = timed{st, &longest}
		out, err := r.Desk().Import(b.Context(), "main", c.ID, List{Country: "RU", Countries: []string{"RU"}}, arriving{list, t})
		took := time.Since(began)
		idle, busy := t.split(stop())
		if err != nil || out.Added != int64(n) {
			b.Fatalf("%+v, %v", out, err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(n)/importing(took).Seconds(), "lines/s")
		b.ReportMetric(float64(longest.Load())/1e6, "ms-longest-unit")
		quantiles(b, idle, "idle")
		quantiles(b, busy, "importing")
		b.ReportMetric((float64(after.HeapAlloc)-float64(before.HeapAlloc))/1e6, "MB-heap")
		if cfg.URL == "" {
			size, err := os.Stat(cfg.Path)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(size.Size())/float64(n), "B/contact-on-disk")
		}
		b.ReportMetric(nextTakes(b, r, st, c), "µs/next-contact")
		if err := st.Close(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

// importing is how much of d, from the first turn on, were the import's turns.
func importing(d time.Duration) time.Duration {
	return d/(2*turnLasts)*turnLasts + max(0, d%(2*turnLasts)-turnLasts)
}

// nextTakes is how long the runner needs to find a contact, of a hundred at once.
func nextTakes(b *testing.B, r *Runner, st calls.Store, c *calls.Campaign) float64 {
	b.Helper()
	const looks, each = 50, 100
	began := time.Now()
	for range looks {
		err := st.View(b.Context(), func(tx calls.ReadTx) error {
			list, _, err := r.nextInLine(tx, c, each, time.Now())
			if len(list) != each {
				b.Fatalf("%d contacts", len(list))
			}
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return float64(time.Since(began).Microseconds()) / looks / each
}

// timed notes the longest unit of work.
type timed struct {
	calls.Store
	longest *atomic.Int64
}

func (t timed) Update(ctx context.Context, fn func(calls.Tx) error) error {
	return t.Store.Update(ctx, func(tx calls.Tx) error {
		began := time.Now()
		err := fn(tx)
		t.longest.Store(max(t.longest.Load(), int64(time.Since(began))))
		return err
	})
}

func openAlways(_, _ string, _ *calls.Window, now time.Time) (bool, time.Time) { return true, now }
