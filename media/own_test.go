package media

import (
	"runtime"
	"testing"
	"time"

	"github.com/pion/rtp"

	"zvonar/internal/calls"
)

// Not parallel: it changes how many processors there are.
func TestShardsThatKeepTheirProcessorsPlayAndLetTheRestGoOn(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	e, err := NewEngine(Config{IP: loopback, Shards: 2})
	if err != nil {
		t.Fatal(err)
	}
	restore := e.OwnProcessors()
	if n := runtime.GOMAXPROCS(0); n < before+2 {
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

func TestNoProcessorWorksForTheCollectorPartOfItsTime(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int{1: 4, 2: 4, 3: 4, 4: 4, 5: 5, 6: 7, 7: 7, 8: 8, 9: 9, 10: 10, 64: 64} {
		if got := wholeCollectors(n); got != want {
			t.Errorf("%d processors become %d", n, got)
		}
	}
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

type panicky struct{ heard int }

func (p *panicky) Hear(Sound) {
	p.heard++
	panic("a bug of the analyser")
}

type counting struct{ heard int }

func (c *counting) Hear(Sound) { c.heard++ }

func TestAnAnalyserThatPanicsIsTakenOffItsLegWhichGoesOn(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.open("127.0.0.1:20000")
	f.answer()
	bad, good := &panicky{}, &counting{}
	f.port.Analyse(bad)
	f.port.Analyse(good)
	s.settle()
	for range 5 {
		f.say(0x12)
		s.run(20 * time.Millisecond)
	}
	if bad.heard != 1 || good.heard != 5 || s.engine.analyserPanics.Load() != 1 {
		t.Errorf("the one that panics heard %d packets, the other %d; %d panics were counted", bad.heard, good.heard, s.engine.analyserPanics.Load())
	}
	if list := *f.port.leg.in.tap.heard.Load(); len(list) != 1 {
		t.Errorf("%d analysers are left", len(list))
	}
	if n := len(f.heard()); n < 5 {
		t.Errorf("%d packets were sent meanwhile", n)
	}
}

func TestADigitDuringAClipStopsItWithinOneFrame(t *testing.T) {
	t.Parallel()
	for _, phase := range []time.Duration{0, 5, 10, 15} {
		s := newStage(t)
		f := s.open("127.0.0.1:20000")
		tell := f.port.events
		f.port.events = func(ev Event) {
			tell(ev)
			if ev.Kind == EventDigit {
				f.port.StopPlayback(calls.PlayDigit)
			}
		}
		f.answer()
		f.port.Play(1, rampClip(80000), false)
		s.run(time.Second + phase*time.Millisecond)
		f.heard()
		f.packet(f.addr, rtp.Header{Version: 2, PayloadType: 101, Marker: true, SequenceNumber: f.seq, Timestamp: f.ts, SSRC: f.ssrc}, []byte{5, 10, 0, 160})
		s.run(200 * time.Millisecond)
		clip := 0
		for _, p := range f.heard() {
			if p.Payload[0] != 0xD5 || p.Payload[80] != 0xD5 {
				clip++
			}
		}
		last := f.events[len(f.events)-1]
		if clip > 1 || last.Kind != EventPlaybackFinished || last.Reason != calls.PlayDigit {
			t.Errorf("%v after a frame: %d frames of the clip followed the digit; %+v", phase*time.Millisecond, clip, last)
		}
	}
}
