package media

import (
	"context"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/media/codec"
)

func startEngine(t *testing.T, e *Engine) {
	t.Helper()
	if err := e.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := e.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
}

var loopback = netip.MustParseAddr("127.0.0.1")

// ways are the sockets that this system has.
func ways() map[string]func(netip.AddrPort) (socket, error) {
	return map[string]func(netip.AddrPort) (socket, error){"fast": listen, "plain": listenConn}
}

// owner receives the events of a port and lets a test wait for one.
type owner struct {
	mu     sync.Mutex
	events []Event
	more   chan struct{}
}

func newOwner() *owner { return &owner{more: make(chan struct{}, 1)} }

func (o *owner) take(ev Event) {
	o.mu.Lock()
	o.events = append(o.events, ev)
	o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
}

func (o *owner) all() []Event {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.events)
}

func (o *owner) digits() string {
	var d []byte
	for _, ev := range o.all() {
		if ev.Kind == EventDigit {
			d = append(d, ev.Digit)
		}
	}
	return string(d)
}

// until waits for the condition, which is asked again after each event.
func (o *owner) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	limit := time.After(60 * time.Second)
	for !ok() {
		select {
		case <-o.more:
		case <-limit:
			t.Fatalf("never: %s; events %+v", what, o.all())
		}
	}
}

func (o *owner) has(kind EventKind) func() bool {
	return func() bool {
		return slices.ContainsFunc(o.all(), func(ev Event) bool { return ev.Kind == kind })
	}
}

func open(t *testing.T, cfg Config) (*Port, *owner) {
	t.Helper()
	cfg.IP = loopback
	e, err := NewEngine(cfg)
	if err != nil {
		t.Fatal(err)
	}
	startEngine(t, e)
	o := newOwner()
	p, err := e.Open(o.take)
	if err != nil {
		t.Fatal(err)
	}
	if p.Addr().Port()%2 != 0 || p.Addr().Addr() != loopback {
		t.Fatalf("address %s", p.Addr())
	}
	return p, o
}

func towards(remote netip.AddrPort) Session {
	return Session{
		Remote: remote, Codec: codec.PCMA, PayloadType: 8, DTMFPayload: 101, DTMFReceive: []uint8{101},
		Send: true, Receive: true,
	}
}

func TestAClipIsHeardWholeThroughRealSockets(t *testing.T) {
	t.Parallel()
	for name, way := range ways() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, aOwner := open(t, Config{listen: way})
			b, bOwner := open(t, Config{listen: way})
			heard := b.Record(time.Minute)
			clip := rampClip(8123)
			b.Set(towards(a.Addr()))
			a.Play(1, clip, false)
			a.Set(towards(b.Addr()))
			aOwner.until(t, "the clip is over", aOwner.has(EventPlaybackFinished))
			a.SendDigits("7")
			bOwner.until(t, "the digit", bOwner.has(EventDigit))
			a.Close()
			b.Close()
			aOwner.until(t, "a closed", aOwner.has(EventClosed))
			bOwner.until(t, "b closed", bOwner.has(EventClosed))
			facts := bOwner.all()[len(bOwner.all())-1].Facts
			if facts.Lost != 0 || facts.RX < 50 {
				t.Errorf("%+v", facts)
			}
			want := make([]int16, 8123)
			codec.Decode(codec.PCMA, want, clip.words[0])
			// A sender that this machine kept waiting sets its clock on, amid the clip.
			if pcm := heard.PCM(); !contains(pcm, want) && reanchors(a.engine) == 0 {
				t.Errorf("the clip is not within the %d samples heard", len(pcm))
			}
		})
	}
}

func reanchors(e *Engine) (n uint64) {
	for _, s := range e.shards {
		c := s.box.snapshot()
		n += c.reanchors
	}
	return n
}

func contains(pcm, part []int16) bool {
	for i := 0; i+len(part) <= len(pcm); i++ {
		if pcm[i] == part[0] && slices.Equal(pcm[i:i+len(part)], part) {
			return true
		}
	}
	return false
}

func TestABridgeOverTwoShardsIsFreeOfRaces(t *testing.T) {
	t.Parallel()
	e, err := NewEngine(Config{IP: loopback, Shards: 2})
	if err != nil {
		t.Fatal(err)
	}
	startEngine(t, e)
	var middle [2]*Port
	for i := range middle {
		if middle[i], err = e.Open(nil); err != nil {
			t.Fatal(err)
		}
	}
	if middle[0].shard == middle[1].shard {
		t.Fatal("both ports are on one shard")
	}
	a, aOwner := open(t, Config{})
	b, bOwner := open(t, Config{})
	for i, end := range []*Port{a, b} {
		end.Set(towards(middle[i].Addr()))
		middle[i].Set(towards(end.Addr()))
	}
	Bridge(middle[0], middle[1])
	heard := b.Record(time.Minute)
	a.Play(1, rampClip(16000), false)
	b.Play(1, rampClip(8000), false)
	aOwner.until(t, "a's clip is over", aOwner.has(EventPlaybackFinished))
	Unbridge(middle[0], middle[1])
	b.Close()
	bOwner.until(t, "b closed", bOwner.has(EventClosed))
	loud := 0
	for _, x := range heard.PCM() {
		if x > 1000 || x < -1000 {
			loud++
		}
	}
	if loud < 4000 { // three quarters of the clip's samples are that loud
		t.Errorf("b heard %d loud samples of a's clip", loud)
	}
}

func TestEventsComeInOrderFromOneGoroutineAndTheirReceiverMayCallBack(t *testing.T) {
	t.Parallel()
	e, err := NewEngine(Config{IP: loopback})
	if err != nil {
		t.Fatal(err)
	}
	startEngine(t, e)
	closed := make(chan struct{})
	var mu sync.Mutex // never waited for: one at a time
	var kinds []EventKind
	var p *Port
	ready := make(chan struct{})
	p, err = e.Open(func(ev Event) {
		<-ready
		if !mu.TryLock() {
			t.Error("two events at once")
			return
		}
		defer mu.Unlock()
		kinds = append(kinds, ev.Kind)
		switch {
		case ev.Kind == EventPlaybackFinished && ev.PlayID < 5:
			p.Play(ev.PlayID+1, rampClip(160), false)
		case ev.Kind == EventPlaybackFinished:
			p.Close()
		case ev.Kind == EventClosed:
			close(closed)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	close(ready)
	p.Set(towards(netip.AddrPortFrom(loopback, 9)))
	p.Play(1, rampClip(160), false)
	<-closed
	mu.Lock()
	defer mu.Unlock()
	var want []EventKind
	for range 5 {
		want = append(want, EventPlaybackStarted, EventPlaybackFinished)
	}
	if want = append(want, EventClosed); !slices.Equal(kinds, want) {
		t.Errorf("events %v", kinds)
	}
}

func TestStopClosesEveryPortAndMayBeRepeated(t *testing.T) {
	t.Parallel()
	for name, way := range ways() {
		e, err := NewEngine(Config{IP: loopback, Shards: 2, listen: way})
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if e.Start(t.Context()) == nil {
			t.Error("started twice")
		}
		owners := make([]*owner, 5)
		for i := range owners {
			owners[i] = newOwner()
			p, err := e.Open(owners[i].take)
			if err != nil {
				t.Fatal(err)
			}
			p.Play(int64(i), rampClip(80000), true)
			p.Set(towards(netip.AddrPortFrom(loopback, 9)))
		}
		for range 2 {
			if err := e.Stop(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		for i, o := range owners {
			all := o.all()
			if len(all) == 0 || all[len(all)-1].Kind != EventClosed {
				t.Errorf("%s: port %d ended with %+v", name, i, all)
			}
		}
		if _, err := e.Open(nil); calls.CodeOf(err) != calls.CodeOverloaded {
			t.Errorf("opened after the stop: %v", err)
		}
	}
	e, err := NewEngine(Config{IP: loopback})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Stop(t.Context()); err != nil {
		t.Errorf("stop without start: %v", err)
	}
}

func TestSocketsPassDatagramsWithTheirSourceAndTime(t *testing.T) {
	t.Parallel()
	for name, way := range ways() {
		for _, ip := range []string{"127.0.0.1", "::1"} {
			local := netip.AddrPortFrom(netip.MustParseAddr(ip), 0)
			a, err := way(local)
			if err != nil {
				t.Logf("%s has no %s: %v", name, ip, err)
				continue
			}
			b, err := way(local)
			if err != nil {
				t.Fatal(err)
			}
			before := time.Now().Add(-time.Second)
			if !a.send([]byte("hello"), b.addr()) {
				t.Fatalf("%s %s: not sent", name, ip)
			}
			var in intake
			for !b.recv(&in) {
				runtime.Gosched()
			}
			if string(in.datagram()) != "hello" || in.from != a.addr() {
				t.Errorf("%s %s: %q from %s", name, ip, in.datagram(), in.from)
			}
			if d := time.Unix(0, in.at).Sub(before); d < 0 || d > time.Minute {
				t.Errorf("%s %s: arrived %v after", name, ip, d)
			}
			if b.recv(&in) {
				t.Errorf("%s %s: a second datagram", name, ip)
			}
			_, _ = a.close(), b.close()
		}
	}
}

func TestASleeperWakesAtTheCommandOrInTime(t *testing.T) {
	t.Parallel()
	fast, err := newSleeper(true)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []sleeper{fast, newTimerSleeper()} {
		s.wait(time.Millisecond)
		s.wake()
		s.wake()
		s.wait(time.Hour) // returns at once, or the test times out
		go s.wake()
		s.wait(time.Hour)
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}
}
