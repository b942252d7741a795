package sip

import (
	"fmt"
	"sync"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

func TestWhatIsRecentStaysForItsTimeAndThenGoes(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(time.Unix(1e9, 0))
	r := newRecent[int](c)
	for second := range 60 {
		r.keep(fmt.Sprint(second), second)
		c.Advance(time.Second)
	}
	for second := range 60 {
		age := time.Duration(60-second) * time.Second
		v, ok := r.get(fmt.Sprint(second))
		if age <= 32*time.Second && (!ok || v != second) || age > 9*slotPeriod && ok {
			t.Errorf("after %s: %d, %v", age, v, ok)
		}
	}
	c.Advance(9 * slotPeriod)
	if r.len() != 0 || r.timer != nil {
		t.Errorf("%d values and timer %v are left", r.len(), r.timer)
	}
	r.keep("again", 1)
	r.close()
	r.keep("late", 1)
	if r.len() != 1 {
		t.Errorf("%d values after closing; want the one of before", r.len())
	}
}

func TestARepeatedByeGetsItsAnswerAfterItsTransaction(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	k, tag := answered(t, a, p, rawSDP)
	p.send(p.request("ACK", "ack", "f", tag, "", 1))
	k.until(calls.LegAnswered)
	p.send(p.request("BYE", "bye", "f", tag, "", 2))
	first := p.read("200 BYE")
	k.end()
	eventually(t, func() bool { _, alive := a.ua.load.heed(keyOf(byeOf(t, p, tag))); return !alive })
	p.send(p.request("BYE", "bye", "f", tag, "", 2))
	if again := p.read("200 BYE", "481 BYE"); again.String() != first.String() {
		t.Errorf("the repetition got\n%s\nafter\n%s", again, first)
	}
}

// byeOf is the BYE as the edge sees it.
func byeOf(t *testing.T, p *rawPeer, tag string) *sipmsg.Request {
	t.Helper()
	m, err := sipmsg.ParseMessage([]byte(p.request("BYE", "bye", "f", tag, "", 2)))
	if err != nil {
		t.Fatal(err)
	}
	return m.(*sipmsg.Request)
}

func TestGoroutinesAreUsedAgainAndSentAway(t *testing.T) {
	t.Parallel()
	c := clock.NewFake(time.Unix(1e9, 0))
	w := &tasks{panicked: func(any) {}, clock: c}
	var wg sync.WaitGroup
	for range 10 {
		for range 2 * maxSpare {
			wg.Add(1)
			w.start(wg.Done)
		}
		wg.Wait()
	}
	w.start(func() { panic("caught") })
	<-w.waiting()
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
	w.start(func() {})
	<-w.waiting()
	w.close()
	done := make(chan struct{})
	w.start(func() { close(done) })
	<-done
	<-w.waiting()
	if spare() != 0 {
		t.Error("a goroutine waits for work after closing")
	}
}
