package main

import (
	"runtime/debug"
	"testing"
)

func TestTheCollectorGetsRoomOnlyWhereItTakesTime(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		percent int
		share   float64
		want    int
	}{
		{50, 0, 50}, {50, 0.014, 50}, {50, 0.05, 150}, {150, 0.05, 300}, {300, 0.5, 300}, {300, 0.01, 300}, {300, 0.001, 150}, {75, 0.001, 50},
	} {
		if got := gcNext(tc.percent, tc.share); got != tc.want {
			t.Errorf("%d %% after a share of %.3f: %d %%", tc.percent, tc.share, got)
		}
	}
}

// Not parallel: the collector is the whole process's.
func TestSteeringTheCollectorEndsWhereItIsStopped(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	steering(t.Context())() // returns, or the test times out
	if collected() < 0 {
		t.Error("less than no time")
	}
}
