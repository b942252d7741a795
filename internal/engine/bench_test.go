package engine

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// patience is how long a test waits for something that must happen; the machine
// may be busy.
const patience = time.Minute

var epoch = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// bench is an engine with everything around it in the test's hands.
type bench struct {
	t      *testing.T
	e      *Engine
	store  *memStore
	line   *memLine
	queue  *memQueue
	limits *memLimits
	clock  patientClock
	place  *memOriginator
}

type memOriginator struct {
	asked chan calls.PlaceRequest
	err   error
}

func (o *memOriginator) Place(_ context.Context, r calls.PlaceRequest) (calls.PlaceResult, error) {
	o.asked <- r
	return calls.PlaceResult{ProviderCallID: "pbx-1"}, o.err
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, store: newMemStore(), limits: &memLimits{},
		queue: &memQueue{queued: map[string]*calls.Call{}},
		line:  &memLine{dialled: make(chan *dialled, 10), bridges: make(chan string, 10), orphans: make(chan string, 10)},
		place: &memOriginator{asked: make(chan calls.PlaceRequest, 10)}}
	b.clock = patientClock{clock.NewFake(epoch), b}
	flow := calls.DefaultFlow()
	flow.Record = "1002"
	e, err := New(Config{
		Store: b.store, Line: b.line, Clips: memClips{}, Queue: b.queue, Limits: b.limits, Clock: b.clock,
		IDs: clock.NewIDs(b.clock, nil), Log: slog.New(slog.DiscardHandler), Countries: []string{"RU"},
		Trunks:    []TrunkNumbers{{Name: "main", Numbers: []string{"78005553535"}}, {Name: "pbx", Numbers: []string{"78005550000"}}},
		Routes:    []Route{{Number: "78005553535", Trunk: "main", Flow: flow}},
		Providers: []Provider{{Name: "cloud", Originator: b.place, Trunk: "pbx", Extension: "201", Ready: ReadyAudio, ExpectTimeout: 30 * time.Second}},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.e = e
	t.Cleanup(func() {
		if t.Failed() {
			return // its sessions may wait for legs that will never end
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = e.Stop(ctx)
	})
	return b
}

// submit asks for a call to an answering mobile with clip 1001 and the given map.
func (b *bench) submit(change ...func(*CallRequest)) *calls.Call {
	b.t.Helper()
	c, _, err := b.e.Submit(context.Background(), b.request(change...))
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// request is what submit asks for.
func (b *bench) request(change ...func(*CallRequest)) CallRequest {
	r := CallRequest{Account: "main", To: "79161234567", Clip: "1001", BodyHash: "h"}
	for _, f := range change {
		f(&r)
	}
	return r
}

// drain forgets the events told so far.
func (b *bench) drain() {
	for {
		select {
		case <-b.store.stream:
		default:
			return
		}
	}
}

// start lets the dialer start the call and returns the customer's leg.
func (b *bench) start(c *calls.Call, trunk string) *memLeg {
	b.t.Helper()
	b.release(c, trunk)
	return b.dialled(c.To).leg
}

func (b *bench) release(c *calls.Call, trunk string) {
	b.t.Helper()
	queued, ok := b.queue.Remove(c.ID)
	if !ok {
		b.t.Fatal("the call is not queued")
	}
	slot, _, _ := b.limits.Acquire(trunk)
	b.e.Begin(queued, slot)
}

// dialled waits until somebody is dialled, who must be to.
func (b *bench) dialled(to string) *dialled {
	b.t.Helper()
	d := b.anyDialled()
	if d.To != to {
		b.t.Fatalf("dialled %s, want %s", d.To, to)
	}
	return d
}

// anyDialled waits until somebody is dialled.
func (b *bench) anyDialled() *dialled {
	b.t.Helper()
	select {
	case d := <-b.line.dialled:
		b.quiet()
		return d
	case <-time.After(patience):
		b.t.Fatal("nobody was dialled")
		return nil
	}
}

// told waits until the leg was told what; anything else first is an error.
func (b *bench) told(l *memLeg, want ...string) {
	b.t.Helper()
	for _, w := range want {
		select {
		case got := <-l.told:
			if got != w {
				b.t.Fatalf("leg %s was told %q, want %q", l.id, got, w)
			}
		case <-time.After(patience):
			b.t.Fatalf("leg %s was never told %q", l.id, w)
		}
	}
	b.quiet()
}

// events waits for exactly these event types, in order, and returns the last.
func (b *bench) events(want ...calls.EventType) calls.Event {
	b.t.Helper()
	var last calls.Event
	for _, w := range want {
		select {
		case last = <-b.store.stream:
			if last.Type != w {
				b.t.Fatalf("event %s %s, want %s", last.Type, last.Data, w)
			}
		case <-time.After(patience):
			b.t.Fatalf("event %s did not come", w)
		}
	}
	b.quiet()
	return last
}

func (b *bench) bridging(want string) {
	b.t.Helper()
	select {
	case got := <-b.line.bridges:
		if got != want {
			b.t.Fatalf("the line did %q, want %q", got, want)
		}
		b.quiet()
	case <-time.After(patience):
		b.t.Fatalf("the line never did %q", want)
	}
}

// over waits for the end of every session and returns the call as stored.
func (b *bench) over(id string) *calls.Call {
	b.t.Helper()
	return b.outcome(id, 1)
}

// putBack waits likewise for a call that returned to the queue.
func (b *bench) putBack(id string) *calls.Call {
	b.t.Helper()
	return b.outcome(id, 0)
}

func (b *bench) outcome(id string, completed int) *calls.Call {
	b.t.Helper()
	b.e.wg.Wait()
	b.store.mu.Lock()
	defer b.store.mu.Unlock()
	c, err := b.store.Call("", id)
	if err != nil {
		b.t.Fatal(err)
	}
	b.limits.mu.Lock()
	defer b.limits.mu.Unlock()
	if b.limits.used != 0 {
		b.t.Errorf("%d channels were not given back", b.limits.used)
	}
	n := 0
	for _, e := range b.store.events {
		if e.CallID == id && e.Type == calls.CallCompleted {
			n++
		}
	}
	if n != completed {
		b.t.Errorf("%d call.completed, want %d", n, completed)
	}
	return c
}

func digits(m map[int]calls.Action) calls.DigitMap {
	d := make(calls.DigitMap, 10)
	for i, a := range m {
		d[i] = []calls.Action{a}
	}
	return d
}
