package engine

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// patience is how long a test waits for something that must happen.
const patience = 5 * time.Second

// memStore is a calls.Store in memory: units run at once, one after another.
// Methods of Tx that the engine does not use are left nil.
type memStore struct {
	calls.Tx
	mu       sync.Mutex
	rows     map[string]*calls.Call
	attempts map[string]calls.Attempt
	events   []calls.Event
	blocked  map[string]calls.BlockEntry
	sms      []calls.SMS
	idem     map[string]calls.IdempotencyRecord
	webhooks []*calls.Webhook
	stream   chan calls.Event
	fail     error // what every unit of work returns while set
}

func newMemStore() *memStore {
	return &memStore{rows: map[string]*calls.Call{}, attempts: map[string]calls.Attempt{}, blocked: map[string]calls.BlockEntry{},
		idem: map[string]calls.IdempotencyRecord{}, stream: make(chan calls.Event, 1000)}
}

func (m *memStore) Update(_ context.Context, fn func(calls.Tx) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	return fn(m)
}

func (m *memStore) Observe(fn func(calls.Tx) error, done func(error)) {
	err := m.Update(context.Background(), fn)
	if done != nil {
		done(err)
	}
}

func (m *memStore) View(_ context.Context, fn func(calls.ReadTx) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return fn(m)
}

func (m *memStore) Changed() <-chan struct{} { return nil }

func (m *memStore) Call(_, id string) (*calls.Call, error) {
	if c, ok := m.rows[id]; ok {
		return c.Clone(), nil
	}
	return nil, calls.ErrNotFound
}

func (m *memStore) Calls(f calls.CallFilter) (out []*calls.Call, _ error) {
	for _, c := range m.rows {
		if f.Live && c.Over() || f.Series != "" && c.Series != f.Series || f.Ref != "" && c.Ref != f.Ref {
			continue
		}
		out = append(out, c.Clone())
	}
	slices.SortFunc(out, func(a, b *calls.Call) int { return strings.Compare(b.ID, a.ID) })
	return out, nil
}

func (m *memStore) Unfinished() ([]*calls.Call, error) {
	return m.Calls(calls.CallFilter{Live: true})
}

func (m *memStore) LiveCallByRef(_, ref string) (*calls.Call, error) {
	for _, c := range m.rows {
		if c.Ref == ref && !c.Over() {
			return c.Clone(), nil
		}
	}
	return nil, calls.ErrNotFound
}

func (m *memStore) Idempotent(_, key string) (*calls.IdempotencyRecord, error) {
	if r, ok := m.idem[key]; ok {
		return &r, nil
	}
	return nil, calls.ErrNotFound
}

func (m *memStore) PutIdempotent(r calls.IdempotencyRecord) error { m.idem[r.Key] = r; return nil }

func (m *memStore) Tokens() ([]*calls.Token, error) {
	return []*calls.Token{{ID: "tok_1", WebhookSecret: "whsec_abc"}}, nil
}

func (m *memStore) PutWebhook(w *calls.Webhook) error { m.webhooks = append(m.webhooks, w); return nil }

func (m *memStore) InsertCall(c *calls.Call) error {
	if m.rows[c.ID] != nil {
		return errors.New("the call is there already")
	}
	m.rows[c.ID] = c.Clone()
	return nil
}

func (m *memStore) UpdateCall(c *calls.Call) error {
	if m.rows[c.ID] == nil {
		return calls.ErrNotFound
	}
	m.rows[c.ID] = c.Clone()
	return nil
}

func (m *memStore) InsertAttempt(a *calls.Attempt) error { m.attempts[a.ID] = *a; return nil }

func (m *memStore) UpdateAttempt(a *calls.Attempt) error {
	if _, ok := m.attempts[a.ID]; !ok {
		return calls.ErrNotFound
	}
	m.attempts[a.ID] = *a
	return nil
}

func (m *memStore) AppendEvent(e *calls.Event) error {
	e.Pos = int64(len(m.events) + 1)
	m.events = append(m.events, *e)
	if m.stream != nil {
		m.stream <- *e
	}
	return nil
}

func (m *memStore) Blocked(_, number string) (*calls.BlockEntry, error) {
	if b, ok := m.blocked[number]; ok {
		return &b, nil
	}
	return nil, calls.ErrNotFound
}

func (m *memStore) Block(b calls.BlockEntry) (bool, error) {
	_, there := m.blocked[b.Number]
	m.blocked[b.Number] = b
	return !there, nil
}

func (m *memStore) Unblock(_, number string) (bool, error) {
	_, there := m.blocked[number]
	delete(m.blocked, number)
	return there, nil
}

func (m *memStore) InsertSMS(s *calls.SMS) error { m.sms = append(m.sms, *s); return nil }

func (m *memStore) broken(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = err
}

// memLeg records what the engine tells a leg.
type memLeg struct {
	id   string
	told chan string
	mu   sync.Mutex
	hear func(calls.LegEvent)
}

func newMemLeg(id string) *memLeg { return &memLeg{id: id, told: make(chan string, 100)} }

func (l *memLeg) say(s string)                         { l.told <- s }
func (l *memLeg) ID() string                           { return l.id }
func (l *memLeg) Ring()                                { l.say("ring") }
func (l *memLeg) Answer()                              { l.say("answer") }
func (l *memLeg) Hangup(int)                           { l.say("hangup") }
func (l *memLeg) Tone(k calls.ToneKind)                { l.say([]string{"", "ringback", "busy", "beep"}[k]) }
func (l *memLeg) StopPlayback(reason calls.PlayReason) { l.say("stop " + string(reason)) }

func (l *memLeg) Reject(code, _ int, _ string) {
	l.say("reject")
	l.emit(calls.LegEvent{Kind: calls.LegEnded, Ending: calls.Ending{Code: code, By: calls.ByZvonar}})
}

func (l *memLeg) Play(_ int64, clip calls.RecordingRef, _ bool) error {
	l.say("play " + clip.RecordingID)
	return nil
}

func (l *memLeg) Listen(f func(calls.LegEvent)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hear = f
}

// emit lets the leg report an event.
func (l *memLeg) emit(ev calls.LegEvent) {
	l.mu.Lock()
	hear := l.hear
	l.mu.Unlock()
	if ev.At.IsZero() {
		ev.At = epoch
	}
	if hear != nil {
		hear(ev)
	}
}

func (l *memLeg) end(e calls.Ending) { l.emit(calls.LegEvent{Kind: calls.LegEnded, Ending: e}) }

// memLine is a Line whose far ends are the test.
type memLine struct {
	dialled chan *dialled
	bridges chan string
	orphans chan string
	refuse  error
}

type dialled struct {
	calls.DialRequest
	leg *memLeg
}

func (m *memLine) Dial(r calls.DialRequest, events func(calls.LegEvent)) (Leg, error) {
	if m.refuse != nil {
		return nil, m.refuse
	}
	leg := newMemLeg("leg-" + r.To)
	leg.Listen(events)
	m.dialled <- &dialled{r, leg}
	return leg, nil
}

func (m *memLine) Prepare([]calls.RecordingRef) error { return nil }
func (m *memLine) Bridge(a, b Leg)                    { m.bridges <- "bridge " + a.ID() + " " + b.ID() }
func (m *memLine) Unbridge(a, b Leg)                  { m.bridges <- "unbridge " + a.ID() + " " + b.ID() }

func (m *memLine) HangupOrphan(_ context.Context, dialog []byte) error {
	m.orphans <- string(dialog)
	return nil
}

// memQueue holds what was enqueued until the test lets it go.
type memQueue struct {
	mu     sync.Mutex
	queued map[string]*calls.Call
}

func (q *memQueue) Enqueue(c *calls.Call) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.queued[c.ID] = c
}

func (q *memQueue) Remove(id string) (*calls.Call, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	c, ok := q.queued[id]
	delete(q.queued, id)
	return c, ok
}

func (q *memQueue) Kick() {}

// memSlot counts its releases.
type memSlot struct {
	trunk string
	once  sync.Once
	out   *memLimits
}

func (s *memSlot) Trunk() string { return s.trunk }
func (s *memSlot) Release()      { s.once.Do(func() { s.out.change(-1) }) }

type memLimits struct {
	mu   sync.Mutex
	used int
	full bool
}

func (l *memLimits) change(n int) { l.mu.Lock(); l.used += n; l.mu.Unlock() }

func (l *memLimits) Acquire(trunk string) (Slot, calls.Gate, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full {
		return nil, calls.GateChannels, false
	}
	l.used++
	return &memSlot{trunk: trunk, out: l}, "", true
}

// memClips knows the clips 1001…1009.
type memClips struct{}

func (memClips) Resolve(_ calls.ReadTx, _ string, id calls.ClipID) (*calls.Recording, error) {
	if len(id) != 4 || id[:3] != "100" {
		return nil, calls.Errorf(calls.CodeUnknownRecording, "there is no recording %s", id)
	}
	return &calls.Recording{ID: string(id), SHA256: "sha" + string(id)}, nil
}

var epoch = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// bench is an engine with everything around it in the test's hands.
type bench struct {
	t      *testing.T
	e      *Engine
	store  *memStore
	line   *memLine
	queue  *memQueue
	limits *memLimits
	clock  *clock.Fake
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
	b := &bench{t: t, store: newMemStore(), clock: clock.NewFake(epoch), limits: &memLimits{},
		queue: &memQueue{queued: map[string]*calls.Call{}},
		line:  &memLine{dialled: make(chan *dialled, 10), bridges: make(chan string, 10), orphans: make(chan string, 10)},
		place: &memOriginator{asked: make(chan calls.PlaceRequest, 10)}}
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
	r := CallRequest{Account: "main", To: "79161234567", Clip: "1001", BodyHash: "h"}
	for _, f := range change {
		f(&r)
	}
	c, _, err := b.e.Submit(context.Background(), r)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
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

func (b *bench) dialled(to string) *dialled {
	b.t.Helper()
	select {
	case d := <-b.line.dialled:
		if d.To != to {
			b.t.Fatalf("dialled %s, want %s", d.To, to)
		}
		return d
	case <-time.After(patience):
		b.t.Fatalf("%s was not dialled", to)
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
	return last
}

func (b *bench) bridging(want string) {
	b.t.Helper()
	select {
	case got := <-b.line.bridges:
		if got != want {
			b.t.Fatalf("the line did %q, want %q", got, want)
		}
	case <-time.After(patience):
		b.t.Fatalf("the line never did %q", want)
	}
}

// over waits for the end of every session and returns the call as stored.
func (b *bench) over(id string) *calls.Call {
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
	if n != 1 {
		b.t.Errorf("%d call.completed, want exactly one", n)
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
