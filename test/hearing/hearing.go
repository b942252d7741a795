package hearing

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	// nap is how long a bystander sleeps at a time.
	nap = 5 * time.Millisecond
	// heldUp is how late it must wake for a bad sound to be the machine's doing: a whole frame
	// of sound came too late then.
	heldUp = 20 * time.Millisecond
	// tries is how often something is listened to at most, until it is well or the machine
	// ran evenly.
	tries = 3
)

// Judge listens, and says what is wrong. Faults are zvonar's where the machine ran evenly
// meanwhile: the test fails. Where it did not, nothing is known, and listen is called
// again; on a machine that is never even the test says so and is skipped.
func Judge(t testing.TB, listen func() (wrong []string)) {
	t.Helper()
	judge(t, listen, standBy)
}

// judge is Judge with a bystander of the caller's: watch begins to watch, and what it
// gives ends that and tells how long programs were kept waiting at worst.
func judge(t testing.TB, listen func() (wrong []string), watch func() func() time.Duration) {
	t.Helper()
	var told []string
	for range tries {
		stop := watch()
		wrong := listen()
		late := stop()
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
	t.Skipf("the machine is too busy for sound to be judged; it was tried %d times:\n%s", tries, strings.Join(told, "\n"))
}

// standBy starts a bystander: it does nothing but sleep a little, again and again. When it
// wakes late, the machine itself kept programs waiting.
func standBy() (stop func() time.Duration) {
	var asleep sync.WaitGroup
	var longest time.Duration
	over := make(chan struct{})
	asleep.Go(func() {
		runtime.LockOSThread()
		tick := time.NewTicker(nap)
		defer tick.Stop()
		for last := time.Now(); ; {
			select {
			case <-over:
				return
			case <-tick.C:
			}
			now := time.Now()
			longest, last = max(longest, now.Sub(last)-nap), now
		}
	})
	return func() time.Duration {
		close(over)
		asleep.Wait()
		return longest
	}
}
