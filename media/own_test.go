package media

import (
	"runtime"
	"testing"
	"time"
)

// Not parallel: it changes how many processors there are.
func TestShardsThatKeepTheirProcessorsPlayAndLetTheRestGoOn(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	e, err := NewEngine(Config{IP: loopback, Shards: 2})
	if err != nil {
		t.Fatal(err)
	}
	restore := e.OwnProcessors()
	if n := runtime.GOMAXPROCS(0); n != before+2 {
		t.Errorf("%d processors, there were %d", n, before)
	}
	startEngine(t, e)
	t.Cleanup(restore)
	var ports [2]*Port
	var owners [2]*owner
	for i := range ports {
		owners[i] = newOwner()
		if ports[i], err = e.Open(owners[i].take); err != nil {
			t.Fatal(err)
		}
	}
	for i, p := range ports {
		p.Set(towards(ports[1-i].Addr()))
		p.Play(1, rampClip(4000), false)
	}
	// Each collection stops every goroutine, the waiting shards, too.
	for range 20 {
		runtime.GC()
	}
	for _, o := range owners {
		o.until(t, "the far end is heard", o.has(EventFirstAudio))
		o.until(t, "the clip is over", o.has(EventPlaybackFinished))
	}
	for i, p := range ports {
		p.Close()
		owners[i].until(t, "the port is closed", owners[i].has(EventClosed))
	}
	// Shards without legs rest, and still hear a command.
	p, err := e.Open(owners[0].take)
	if err != nil {
		t.Fatal(err)
	}
	p.Close()
}

func TestAShardThatWorksMostOfTheTimeIsStrained(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for range strainMemory {
		s.shard.labour(beat * 7 / 10)
		s.run(beat)
	}
	if s.shard.strained.Load() {
		t.Error("strained by seven tenths of its time")
	}
	for range 2 * strainMemory {
		s.shard.labour(beat * 9 / 10)
		s.run(beat)
	}
	if !s.shard.strained.Load() {
		t.Error("not strained by nine tenths of its time")
	}
	s.run(5 * time.Second)
	if s.shard.strained.Load() {
		t.Error("strained for ever")
	}
}

func TestASocketIsNotAskedForWhatIsNotDueYet(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.open("127.0.0.1:20000")
	f.answer()
	s.run(50 * time.Millisecond)
	looks := func() (n int) {
		f.sock.looks = 0
		s.run(20 * time.Millisecond)
		return f.sock.looks
	}
	f.say(1)
	if n := looks(); n != 1 {
		t.Errorf("%d looks for one packet that has just come", n)
	}
	f.say(2)
	f.say(3)
	looks()
	if len(f.sock.in) != 1 {
		t.Errorf("%d packets wait of two that came together", len(f.sock.in))
	}
	f.say(4)
	if n := looks(); n != 2 || len(f.sock.in) != 0 {
		t.Errorf("%d looks where one packet was left; %d wait", n, len(f.sock.in))
	}
}
