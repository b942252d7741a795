package dialer

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

func TestNoSecondEverSeesMoreThanTheRate(t *testing.T) {
	t.Parallel()
	for _, cps := range []float64{0.5, 1, 3, 20} {
		r := rand.New(rand.NewPCG(uint64(cps*10), 1))
		fake := clock.NewFake(noon)
		l := NewLimits(fake, []TrunkLimits{{Name: "main", MaxCPS: cps}})
		most, window := int(cps), time.Second
		if cps < 1 {
			most, window = 1, time.Duration(float64(time.Second)/cps)
		}
		var began []time.Time
		for range 5000 {
			slot, gate, retry := l.Acquire("main")
			switch {
			case slot != nil:
				began = append(began, fake.Now())
				if n := len(began); n > most && began[n-1].Sub(began[n-1-most]) < window {
					t.Fatalf("cps %v: %d legs within %s", cps, most+1, began[n-1].Sub(began[n-1-most]))
				}
			case gate != calls.GateCPS || retry <= 0:
				t.Fatalf("cps %v: refused with gate %q, retry %s", cps, gate, retry)
			case r.IntN(2) == 0: // exactly when told: it must be granted
				fake.Advance(retry)
				if gate, _ := l.Check("main"); gate != "" {
					t.Fatalf("cps %v: refused again after the time it named", cps)
				}
			}
			if r.IntN(3) == 0 {
				fake.Advance(time.Duration(r.Int64N(int64(window) / 3)))
			}
		}
		if span := fake.Now().Sub(noon); float64(len(began)) < span.Seconds()*cps*0.5 {
			t.Errorf("cps %v: only %d legs in %s: the limit is too tight", cps, len(began), span)
		}
	}
}

func TestLimitsHoldUnderARaceOfAHundred(t *testing.T) {
	t.Parallel()
	l := NewLimits(clock.NewFake(noon), []TrunkLimits{{Name: "channels", MaxCalls: 7}, {Name: "rate", MaxCPS: 5}, {Name: "free"}})
	for trunk, want := range map[string]int{"channels": 7, "rate": 5, "free": 100, "unknown": 0} {
		var wg sync.WaitGroup
		var mu sync.Mutex
		var slots []*Slot
		for range 100 {
			wg.Go(func() {
				if slot, _, _ := l.Acquire(trunk); slot != nil {
					mu.Lock()
					slots = append(slots, slot)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if len(slots) != want || l.InUse(trunk) != want {
			t.Errorf("%s: %d channels were given out, %d counted, want %d", trunk, len(slots), l.InUse(trunk), want)
		}
		for _, s := range slots {
			wg.Go(s.Release)
			wg.Go(s.Release)
		}
		wg.Wait()
		if n := l.InUse(trunk); n != 0 {
			t.Errorf("%s: %d channels in use after all were given back", trunk, n)
		}
	}
}

func TestTheGateSaysWhatIsUsedUp(t *testing.T) {
	t.Parallel()
	fake := clock.NewFake(noon)
	l := NewLimits(fake, []TrunkLimits{{Name: "main", MaxCalls: 2, MaxCPS: 1}})
	a, _, _ := l.Acquire("main")
	if slot, gate, retry := l.Acquire("main"); slot != nil || gate != calls.GateCPS || retry != 1010*time.Millisecond {
		t.Errorf("too fast: %v %s %s", slot, gate, retry)
	}
	fake.Advance(1010 * time.Millisecond)
	if slot, _, _ := l.Acquire("main"); slot == nil || slot.Trunk() != "main" {
		t.Error("refused after a second and its slack")
	}
	fake.Advance(time.Minute)
	if _, gate, retry := l.Acquire("main"); gate != calls.GateChannels || retry != 0 {
		t.Errorf("full: %s %s", gate, retry)
	}
	a.Release()
	if slot, _, _ := l.Acquire("main"); slot == nil {
		t.Error("refused after a channel was given back")
	}
	if _, gate, _ := l.Acquire("other"); gate != calls.GateTrunkDown {
		t.Errorf("unknown trunk: %s", gate)
	}
}
