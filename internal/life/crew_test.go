package life

import (
	"sync"
	"testing"
	"time"

	"zvonar/internal/clock"
)

func TestGoroutinesAreUsedAgainAndSentAway(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(time.Unix(1e9, 0))
	var caught any
	w := NewCrew(c, func(v any) { caught = v })
	var wg sync.WaitGroup
	for range 10 {
		for range 2 * maxSpare {
			wg.Add(1)
			w.Start(wg.Done)
		}
		wg.Wait()
	}
	w.Start(func() { panic("caught") })
	<-w.Waiting()
	if caught != "caught" {
		t.Errorf("told of %v", caught)
	}
	spare := func() int {
		w.mu.Lock()
		defer w.mu.Unlock()
		return len(w.spare)
	}
	if n := spare(); n == 0 || n > maxSpare {
		t.Errorf("%d goroutines wait for work", n)
	}
	c.Advance(trimPeriod) // they were needed
	if spare() == 0 {
		t.Error("goroutines go although they were needed")
	}
	c.Advance(trimPeriod)
	if n := spare(); n != 0 || w.timer != nil {
		t.Errorf("%d goroutines are left that nobody needs", n)
	}
	w.Start(func() {})
	<-w.Waiting()
	w.Close()
	done := make(chan struct{})
	w.Start(func() { close(done) })
	<-done
	<-w.Waiting()
	if spare() != 0 {
		t.Error("a goroutine waits for work after closing")
	}
}
