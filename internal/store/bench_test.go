package store

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/store/pgtest"
)

// callers is how many goroutines wait for the disk at the same time.
const callers = 64

// BenchmarkRawFsync is the yardstick: 4 KiB appended and synced, by one writer,
// in a directory of the same disk.
func BenchmarkRawFsync(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "raw"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	page := make([]byte, 4096)
	for b.Loop() {
		if _, err := f.Write(page); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "syncs/s")
}

// rawRate is how often a second this disk syncs 4 KiB.
func rawRate(b *testing.B) float64 {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "raw"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	page, n, start := make([]byte, 4096), 0, time.Now()
	for ; time.Since(start) < 500*time.Millisecond; n++ {
		if _, err := f.Write(page); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	return float64(n) / time.Since(start).Seconds()
}

func benchmarkEvents(b *testing.B, cfg Config) {
	cfg.Path, cfg.Clock = filepath.Join(b.TempDir(), "zvonar.db"), clock.System()
	raw := rawRate(b)
	s, err := Open(b.Context(), cfg)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close(b.Context()) }()
	data := map[string]string{"trunk": "main", "target": "192.0.2.7:5060", "from": "78005553535"}
	var n atomic.Int64
	b.SetParallelism(max(1, callers/runtime.GOMAXPROCS(0)))
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			c := &calls.Call{ID: fmt.Sprint("call_", i/12), Account: "main"}
			e := calls.ForCall(fmt.Sprint("evt_", i), testTime, c, calls.CallDialing, data)
			if err := s.Update(b.Context(), func(tx calls.Tx) error { return tx.AppendEvent(&e) }); err != nil {
				b.Error(err)
			}
		}
	})
	rate := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(rate, "events/s")
	b.ReportMetric(raw, "raw-syncs/s")
	b.ReportMetric(rate/raw, "x-raw")
}

// BenchmarkDurableEvents measures one event a unit, from callers that each wait
// for the disk.
func BenchmarkDurableEvents(b *testing.B) {
	b.Run("SQLite", func(b *testing.B) { benchmarkEvents(b, Config{}) })
	b.Run("PostgreSQL", func(b *testing.B) { benchmarkEvents(b, Config{URL: pgtest.URL(b)}) })
}

// BenchmarkNodes is the same with two nodes on one PostgreSQL database.
func BenchmarkNodes(b *testing.B) {
	url := pgtest.URL(b)
	var stores []*Store
	for _, node := range []string{"a", "b"} {
		s, err := Open(b.Context(), Config{Path: filepath.Join(b.TempDir(), "zvonar.db"), URL: url, Node: node, Clock: clock.System()})
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = s.Close(b.Context()) }()
		stores = append(stores, s)
	}
	var n atomic.Int64
	b.SetParallelism(max(1, callers/runtime.GOMAXPROCS(0)))
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			e := calls.NewEvent(fmt.Sprint("evt_", i), testTime, fmt.Sprint("trunk:", i/12), calls.TrunkUp, nil)
			if err := stores[i%2].Update(b.Context(), func(tx calls.Tx) error { return tx.AppendEvent(&e) }); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkView is one read of one call.
func BenchmarkView(b *testing.B) {
	for name, cfg := range map[string]func() Config{
		"SQLite":     func() Config { return Config{} },
		"PostgreSQL": func() Config { return Config{URL: pgtest.URL(b)} },
	} {
		b.Run(name, func(b *testing.B) {
			cfg := cfg()
			cfg.Path, cfg.Clock = filepath.Join(b.TempDir(), "zvonar.db"), clock.System()
			s, err := Open(b.Context(), cfg)
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = s.Close(b.Context()) }()
			c := &calls.Call{ID: "call_1", Account: "main", Status: calls.StatusQueued, CreatedAt: testTime}
			if err := s.Update(b.Context(), func(tx calls.Tx) error { return tx.InsertCall(c) }); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				err := s.View(b.Context(), func(r calls.ReadTx) error { _, err := r.Call("main", "call_1"); return err })
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
