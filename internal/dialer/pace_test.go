package dialer

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// TestThePaceByTheRealClock measures how many calls begin in ten seconds, and at most in
// any second of them. It needs a quiet machine: make simulate.
func TestThePaceByTheRealClock(t *testing.T) {
	if os.Getenv("ZVONAR_PACE") == "" {
		t.Skip("it measures for a minute; make simulate")
	}
	for _, cps := range []float64{2.5, 7, 20, 50, 200} {
		for _, who := range []string{"trunk", "campaign"} {
			began := began(t, cps, who)
			first, most := began[0], 0
			inTen := 0
			for i, at := range began {
				if at.Sub(first) < 10*time.Second {
					inTen++
				}
				n := 0
				for j := i; j < len(began) && began[j].Sub(at) < time.Second; j++ {
					n++
				}
				most = max(most, n)
			}
			off := 100 * (float64(inTen)/(10*cps) - 1)
			t.Logf("%s of %g calls/s: %d in 10 s (%+.1f %%), at most %d in a second", who, cps, inTen, off, most)
			if float64(most) >= cps+1 || off < -2 || off > 2 {
				t.Errorf("%s of %g: out of its bounds", who, cps)
			}
		}
	}
}

// began lists when calls began under a rate, for a little over ten seconds.
func began(t *testing.T, cps float64, who string) (list []time.Time) {
	t.Helper()
	b := newBench(t, func(c *Config) {
		c.Clock = clock.System()
		c.Trunks = []TrunkLimits{{Name: "main"}}
		if who == "trunk" {
			c.Trunks[0].MaxCPS = cps
		}
	})
	var mu sync.Mutex
	over := make(chan struct{})
	b.log.note = func(line string) {
		mu.Lock()
		defer mu.Unlock()
		if line[0] == 'b' {
			if list = append(list, time.Now()); list[len(list)-1].Sub(list[0]) > 10500*time.Millisecond {
				select {
				case <-over:
				default:
					close(over)
				}
			}
		}
	}
	b.d.SetCampaign("x", calls.CampaignRule{Pace: calls.Pace{CPS: cps}})
	if err := b.d.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	for i := range int(cps*12) + 10 {
		b.enqueue(fmt.Sprintf("c%06d", i), "m1", func(c *calls.Call) {
			if c.DueAt = time.Now().Add(-time.Second); who == "campaign" {
				c.CampaignID = "x"
			}
		})
	}
	<-over
	stop(t, b.d)
	mu.Lock()
	defer mu.Unlock()
	return list
}
