package store

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// BenchmarkDurableEvents measures one event a unit, from 64 callers that each
// wait for the disk.
func BenchmarkDurableEvents(b *testing.B) {
	s, err := Open(b.Context(), Config{Path: filepath.Join(b.TempDir(), "zvonar.db"), Clock: clock.System()})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close(b.Context()) }()
	data := map[string]string{"trunk": "main", "target": "192.0.2.7:5060", "from": "78005553535"}
	var n atomic.Int64
	b.SetParallelism(32)
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
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
