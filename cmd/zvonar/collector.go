package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// How far the heap may grow between two collections, in percent of what lives, is
// as little as the collector's time allows: calls that talk make little garbage,
// and need little room; a storm of them that come and go is worth more
// (docs/decisions/033).
const (
	gcLeast = 50
	gcMost  = 300
	gcLook  = 2 * time.Second
	gcMuch  = 0.015 // of a processor: more room
	gcFew   = 0.003 // less
)

// gcNext is the percentage after one during which the collector took so much of a
// processor.
func gcNext(percent int, share float64) int {
	switch {
	case share > gcMuch:
		return min(3*percent, gcMost)
	case share < gcFew:
		return max(percent/2, gcLeast)
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

// steerCollector sets the collector by what it takes, until ctx ends.
func steerCollector(ctx context.Context) {
	percent, before := gcLeast, collected()
	debug.SetGCPercent(percent)
	for tick := time.NewTicker(gcLook); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
		now := collected()
		next := gcNext(percent, (now-before)/gcLook.Seconds())
		before = now
		if next != percent {
			percent = next
			debug.SetGCPercent(percent)
		}
	}
}

// collected is the processor time in seconds that the collector took from others.
func collected() float64 {
	s := []metrics.Sample{{Name: "/cpu/classes/gc/total:cpu-seconds"}, {Name: "/cpu/classes/gc/mark/idle:cpu-seconds"}}
	metrics.Read(s)
	return s[0].Value.Float64() - s[1].Value.Float64()
}
