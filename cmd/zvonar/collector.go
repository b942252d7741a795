package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// How far the heap may grow between two collections, in percent of what lives, is
// by how much garbage is made: calls that talk make little and need little room, a
// storm of them that come and go is worth more (docs/decisions/060).
const (
	gcLeast = 35
	gcMost  = 300
	gcLook  = 2 * time.Second
	gcRoom  = 5 // percent for each MB of new memory a second
)

// gcNext is the percentage after one during which so many bytes a second were
// allocated. Each change stops the world, so small ones are left out.
func gcNext(percent int, rate float64) int {
	want := min(max(int(gcRoom*rate/1e6), gcLeast), gcMost)
	if 4*want > 5*percent || 5*want < 3*percent {
		return want
	}
	return percent
}

// steering steers the collector until stop, unless the environment does (GOGC).
func steering(ctx context.Context) (stop func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		steerCollector(ctx)
	}()
	return func() {
		cancel()
		<-ended
	}
}

// steerCollector sets the collector by what is allocated, until ctx ends.
func steerCollector(ctx context.Context) {
	percent, before := gcLeast, allocated()
	debug.SetGCPercent(percent)
	for tick := time.NewTicker(gcLook); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
		now := allocated()
		next := gcNext(percent, float64(now-before)/gcLook.Seconds())
		before = now
		if next != percent {
			percent = next
			debug.SetGCPercent(percent)
		}
	}
}

// allocated is how many bytes of the heap were ever given out.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
