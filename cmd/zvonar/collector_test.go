package main

import (
	"runtime/debug"
	"testing"
)

func TestTheHeapGetsRoomByTheGarbageThatIsMade(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		percent int
		rate    float64 // bytes a second
		want    int
	}{
		{35, 0, 35}, {35, 7e6, 35}, {35, 8e6, 35}, {35, 30e6, 150}, {150, 1e9, 300}, {300, 1e9, 300}, {300, 40e6, 300}, {300, 20e6, 100}, {100, 0, 35},
	} {
		if got := gcNext(tc.percent, tc.rate); got != tc.want {
			t.Errorf("%d %% with %.0f MB a second: %d %%", tc.percent, tc.rate/1e6, got)
		}
	}
}

// Not parallel: the collector is the whole process's.
func TestSteeringTheCollectorEndsWhereItIsStopped(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	steering(t.Context())() // returns, or the test times out
	if allocated() == 0 {
		t.Error("nothing was ever allocated")
	}
}
