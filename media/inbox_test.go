package media

import (
	"sync"
	"testing"
)

func TestCommandsComeInTheOrderOfTheirGiverAndEachThatWasTakenIsDone(t *testing.T) {
	t.Parallel()
	const givers, each = 8, 500
	var box inbox
	var done [givers][]int // of the taking goroutine alone
	taken := make([]int, givers)
	var wg sync.WaitGroup
	for g := range givers {
		wg.Go(func() {
			for i := range each {
				if !box.put(func(*shard) { done[g] = append(done[g], i) }) {
					return
				}
				taken[g] = i + 1
			}
		})
	}
	finished := make(chan struct{})
	go func() { wg.Wait(); close(finished) }()
	for turn := 0; ; turn++ {
		if turn == 50 {
			box.stopping.Store(true)
		}
		commands, last := box.take()
		for _, f := range commands {
			f(nil)
		}
		if last {
			break
		}
	}
	<-finished
	if box.put(func(*shard) {}) {
		t.Error("a command was taken after the last")
	}
	if commands, _ := box.take(); len(commands) != 0 {
		t.Errorf("%d commands after the last", len(commands))
	}
	for g := range givers {
		if len(done[g]) != taken[g] {
			t.Errorf("giver %d: %d commands were taken, %d done", g, taken[g], len(done[g]))
		}
		for i, n := range done[g] {
			if n != i {
				t.Fatalf("giver %d: command %d was done as number %d", g, n, i)
			}
		}
	}
}

func TestEventsWaitWhereSomebodyReadsAndComeInOrder(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.open("127.0.0.1:20000")
	f.answer()
	s.shard.box.mu.Lock() // a reader that was put aside
	f.port.Play(1, rampClip(160), false)
	s.shard.advance(s.now)
	s.now += beat
	s.shard.advance(s.now)
	s.shard.box.mu.Unlock()
	s.run(100 * beat)
	kinds := f.kinds()
	if len(kinds) != 2 || kinds[0] != EventPlaybackStarted || kinds[1] != EventPlaybackFinished {
		t.Errorf("%v", kinds)
	}
}
