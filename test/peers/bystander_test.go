package peers

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// Sound that is heard live is only as even as the machine lets programs run. A
// bystander does nothing but sleep a little, again and again: when it wakes late, the
// machine itself kept programs waiting.
type bystander struct {
	over    chan struct{}
	asleep  sync.WaitGroup
	longest time.Duration
}

const (
	// nap is how long a bystander sleeps at a time.
	nap = 5 * time.Millisecond
	// heldUp is how late it must wake for a bad sound to be the machine's doing: a whole frame
	// of sound came too late then.
	heldUp = 20 * time.Millisecond
	// hearings is how often a call is made at most, until one is well or the machine ran evenly.
	hearings = 3
)

func standBy() *bystander {
	b := &bystander{over: make(chan struct{})}
	b.asleep.Go(func() {
		runtime.LockOSThread()
		for tick, last := time.NewTicker(nap), time.Now(); ; {
			select {
			case <-b.over:
				tick.Stop()
				return
			case <-tick.C:
			}
			now := time.Now()
			b.longest, last = max(b.longest, now.Sub(last)-nap), now
		}
	})
	return b
}

// stop ends the watch and gives how late it woke at worst.
func (b *bystander) stop() time.Duration {
	close(b.over)
	b.asleep.Wait()
	return b.longest
}

// judgeSound makes calls whose sound is judged. What listen finds wrong with one is a fault
// of ours where the machine ran evenly meanwhile. Where it did not, nothing is known,
// and the next call is judged; a machine that is never even makes the test say so
// and judge nothing.
func judgeSound(t *testing.T, listen func() (wrong []string)) {
	t.Helper()
	var told []string
	for range hearings {
		watch := standBy()
		wrong := listen()
		late := watch.stop()
		if len(wrong) == 0 {
			return
		}
		words := fmt.Sprintf("%s; programs were kept waiting for up to %s", strings.Join(wrong, "; "), late.Round(time.Millisecond))
		if late < heldUp {
			t.Error(words)
			return
		}
		t.Log(words)
		told = append(told, words)
	}
	t.Skipf("the machine is too busy for sound to be judged, %d calls were tried:\n%s", hearings, strings.Join(told, "\n"))
}
