package media

import (
	"fmt"
	"testing"
	"time"
)

func TestALegMovesBetweenShardsInTheMiddleOfACall(t *testing.T) {
	t.Parallel()
	e, err := NewEngine(Config{IP: loopback, Shards: 2})
	if err != nil {
		t.Fatal(err)
	}
	startEngine(t, e)
	var ports [2]*Port
	var owners [2]*owner
	for i := range ports {
		owners[i] = newOwner()
		if ports[i], err = e.Open(owners[i].take); err != nil {
			t.Fatal(err)
		}
	}
	a, b := ports[0], ports[1]
	a.Set(towards(b.Addr()))
	b.Set(towards(a.Addr()))
	owners[1].until(t, "sound", owners[1].has(EventFirstAudio))
	want := ""
	for n := range 12 {
		to := e.shards[n%2]
		a.Play(int64(n), rampClip(400), false)
		a.moveTo(to)
		digit := fmt.Sprint(n % 10)
		a.SendDigits(digit)
		want += digit
		owners[1].until(t, "the digit", func() bool { return len(owners[1].digits()) > n })
	}
	owners[0].until(t, "the clips are over", func() bool { return count(owners[0], EventPlaybackFinished) == 12 })
	a.moveTo(e.shards[1])
	a.Close()
	a.moveTo(e.shards[0])
	b.Close()
	for _, o := range owners {
		o.until(t, "the end", o.has(EventClosed))
	}
	if got := owners[1].digits(); got != want {
		t.Errorf("heard %q, want %q", got, want)
	}
	var at time.Time
	for i, ev := range owners[0].all() {
		if ev.At.Before(at.Add(-50 * time.Millisecond)) {
			t.Errorf("event %d %v comes after a later one", i, ev)
		}
		at = ev.At
	}
	all := owners[1].all()
	if facts := all[len(all)-1].Facts; facts.Lost != 0 {
		t.Errorf("packets were lost on the way: %+v", facts)
	}
	settleShards(e)
	for i, s := range e.shards {
		if n := s.load.Load(); n != 0 {
			t.Errorf("shard %d still counts %d legs", i, n)
		}
	}
}

func count(o *owner, kind EventKind) (n int) {
	for _, ev := range o.all() {
		if ev.Kind == kind {
			n++
		}
	}
	return n
}

// settleShards waits until both have done what they were asked, and what that
// asked of the other.
func settleShards(e *Engine) {
	for range 4 {
		for _, s := range e.shards {
			done := make(chan struct{})
			s.do(func(*shard) { close(done) })
			<-done
		}
	}
}

func TestLegsMoveToWhereFewAre(t *testing.T) {
	t.Parallel()
	e, err := NewEngine(Config{IP: loopback, Shards: 2})
	if err != nil {
		t.Fatal(err)
	}
	startEngine(t, e)
	var first []*Port
	closed := make(chan struct{}, 80) // told once the port was given back
	for range 80 {
		p, err := e.Open(func(ev Event) {
			if ev.Kind == EventClosed {
				closed <- struct{}{}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		p.Set(towards(p.Addr()))
		if p.shard == e.shards[0] {
			first = append(first, p)
		}
	}
	for _, p := range first {
		p.Close()
		<-closed
		settleShards(e)
	}
	a, b := e.shards[0].load.Load(), e.shards[1].load.Load()
	if a+b != 40 || max(a-b, b-a) > uneven {
		t.Errorf("the shards have %d and %d legs", a, b)
	}
}
