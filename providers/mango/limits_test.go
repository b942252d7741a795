package mango

import (
	"context"
	"strconv"
	"testing"
	"time"

	"zvonar/internal/clock"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func TestEveryLimitLetsThroughWhatItSaysAndNoMore(t *testing.T) {
	t.Parallel()
	for g, l := range limits {
		c := clock.NewFake(noon)
		m := newMeter(c, 0)
		most := limits[groupAny].product.n
		if l.product.n > 0 {
			most = min(most, l.product.n)
		}
		for i := range most {
			if _, ok := m.try("a", g); !ok {
				t.Fatalf("%s: request %d was refused", g, i+1)
			}
		}
		until, ok := m.try("a", g)
		if ok {
			t.Errorf("%s: request %d passed", g, most+1)
			continue
		}
		c.Advance(until.Sub(c.Now()) - time.Millisecond)
		if _, ok := m.try("a", g); ok {
			t.Errorf("%s: passed before its time", g)
		}
		c.Advance(time.Millisecond)
		if _, ok := m.try("a", g); !ok {
			t.Errorf("%s: refused after its time", g)
		}
	}
}

func TestOneKeyDoesNotUseUpTheLimitsOfAnother(t *testing.T) {
	t.Parallel()
	m := newMeter(clock.NewFake(noon), 0)
	for range 4 {
		m.try("a", groupCallback)
	}
	if _, ok := m.try("a", groupCallback); ok {
		t.Error("the fifth callback in a second passed")
	}
	for i := range 4 {
		if _, ok := m.try("b", groupCallback); !ok {
			t.Errorf("callback %d of another key was refused", i+1)
		}
	}
	// The platform as a whole takes ten a second.
	passed := 8
	for _, key := range []string{"c", "d", "e"} {
		if _, ok := m.try(key, groupCallback); ok {
			passed++
		}
	}
	if passed != 10 {
		t.Errorf("%d callbacks passed in a second", passed)
	}
}

// awaited is a clock that says for how long somebody begins to wait.
type awaited struct {
	*clock.Fake
	waits chan time.Duration
}

func (a awaited) AfterFunc(d time.Duration, f func()) clock.Timer {
	t := a.Fake.AfterFunc(d, f)
	a.waits <- d
	return t
}

func TestAClientWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	c := awaited{clock.NewFake(noon), make(chan time.Duration, 10)}
	m := newMeter(c, slack)
	for range 4 {
		if err := m.wait(t.Context(), "k", groupCallback); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan error)
	go func() { done <- m.wait(context.Background(), "k", groupCallback) }()
	for waits := true; waits; {
		select {
		case d := <-c.waits:
			c.Advance(d)
		case err := <-done:
			if passed := c.Now().Sub(noon); err != nil || passed < time.Second || passed > time.Second+slack {
				t.Fatalf("went after %v: %v", passed, err)
			}
			waits = false
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 4 {
		_, _ = m.try("k", groupCallback)
	}
	if err := m.wait(ctx, "k", groupCallback); err == nil {
		t.Error("waited for a turn that nobody wants any more")
	}
}

func TestBadRequestsShutOutUntilTwoMinutesAfterTheFirst(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(noon)
	p := newPenalties(c, 1)
	p.count("a", 1)
	if !p.until("a").IsZero() {
		t.Error("one bad request shuts out")
	}
	c.Advance(30 * time.Second)
	p.count("a", 1)
	if got := p.until("a"); !got.Equal(noon.Add(penaltyTime)) {
		t.Errorf("shut out until %v", got)
	}
	if !p.until("b").IsZero() {
		t.Error("another key is shut out, too")
	}
	c.Advance(90 * time.Second)
	if !p.until("a").IsZero() {
		t.Error("shut out for longer than two minutes")
	}
	p.count("a", 1)
	if !p.until("a").IsZero() {
		t.Error("what was long ago counts")
	}
}

func TestOnlySoManyMisbehaveAtATimeAsAreRemembered(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(noon)
	p := newPenalties(c, 1)
	for i := range maxBuckets + 10 {
		p.count(strconv.Itoa(i), 2)
	}
	if len(p.bad) != maxBuckets {
		t.Errorf("%d are remembered", len(p.bad))
	}
	c.Advance(penaltyTime)
	p.count("a", 2)
	if len(p.bad) != 1 || p.until("a").IsZero() {
		t.Errorf("%d are remembered after their time", len(p.bad))
	}
}
