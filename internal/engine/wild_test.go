package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// lazyStore runs units only when the test says so, in order, like a disk that
// takes its time.
type lazyStore struct {
	*memStore
	waiting []func()
}

func (l *lazyStore) Observe(fn func(calls.Tx) error, done func(error)) {
	l.waiting = append(l.waiting, func() { l.memStore.Observe(fn, done) })
}

func (l *lazyStore) Note(fn func(calls.Tx) error, done func(error)) { l.Observe(fn, done) }

func (l *lazyStore) Update(ctx context.Context, fn func(calls.Tx) error) error {
	l.flush()
	return l.memStore.Update(ctx, fn)
}

func (l *lazyStore) flush() {
	for len(l.waiting) > 0 {
		l.step()
	}
}

func (l *lazyStore) step() {
	next := l.waiting[0]
	l.waiting = l.waiting[1:]
	next()
}

// wildLeg is a leg whose far end does what it likes.
type wildLeg struct {
	w                *wild
	name             string
	role             calls.Role
	inbound          bool
	connected        bool // we answered it
	answered, ended  bool // it said so
	hangups, rejects int
	asks, awaits     int // REFERs of its far end without an answer, or without a last word
	refers           int // it may tell how a transfer goes on while this is above 0
	hear             func(calls.LegEvent)
	judge            func(calls.Judged)
	play             int64
}

func (l *wildLeg) ID() string { return l.name }

func (l *wildLeg) Listen(_ string, f func(calls.LegEvent)) { l.hear = f }

func (l *wildLeg) Judge(_ calls.ToJudge, told func(calls.Judged)) (stop func()) {
	if l.judge != nil {
		l.w.fail("a leg is judged twice")
	}
	l.judge = told
	return func() { l.judge = nil }
}

func (l *wildLeg) Ring() {}

func (l *wildLeg) Answer() { l.connected = true }

func (l *wildLeg) Hangup(int) { l.hangups++ }

func (l *wildLeg) Take() Take { return nil }

func (l *wildLeg) Capture(string) (func(func(calls.Capture, error)), error) {
	return func(func(calls.Capture, error)) {}, nil
}

func (l *wildLeg) Tone(calls.ToneKind) {}

func (l *wildLeg) SendDigits(string) {}

func (l *wildLeg) Hold(bool) {}

func (l *wildLeg) AnswerRefer(code int) {
	if l.asks--; code < 300 {
		l.awaits++
	}
}

func (l *wildLeg) NotifyRefer(code int) {
	if code >= 200 {
		l.awaits--
	}
}

func (l *wildLeg) Refer(string) { l.refers++ }

func (l *wildLeg) StopPlayback(calls.PlayReason) {}

func (l *wildLeg) Reject(code, q850 int, text string) { l.rejects++ }

func (l *wildLeg) Play(id int64, _ calls.RecordingRef, _ bool) error {
	l.play = id
	if l.w.rng.IntN(40) == 0 {
		return errors.New("no such file")
	}
	return nil
}

func (l *wildLeg) emit(ev calls.LegEvent) {
	ev.At = l.w.clock.Now()
	if l.ended {
		return
	}
	l.ended = ev.Kind == calls.LegEnded
	if l.hear != nil {
		l.hear(ev)
	}
}

// wild is one call in a world that does everything in any order.
type wild struct {
	t      *testing.T
	seed   uint64
	rng    *rand.Rand
	clock  *clock.Fake
	store  *lazyStore
	limits *memLimits
	e      *Engine
	s      *session
	woken  chan struct{} // something came into an idle mailbox
	legs   []*wildLeg
	refuse bool
	asked  bool // the test asked for the end
	answer chan error
	placed int
	lossy  bool          // the store did not take all that was told
	quit   chan struct{} // closed: the provider says no more; nil: it may
}

func (w *wild) fail(format string, args ...any) {
	w.t.Helper()
	w.t.Errorf("seed %d: %s", w.seed, fmt.Sprintf(format, args...))
}

func (w *wild) leg(role calls.Role, inbound bool) *wildLeg {
	l := &wildLeg{w: w, name: fmt.Sprintf("leg%d", len(w.legs)), role: role, inbound: inbound}
	w.legs = append(w.legs, l)
	return l
}

// Dial implements Line: it checks what must hold whenever somebody is rung.
func (w *wild) Dial(r calls.DialRequest, events func(calls.LegEvent)) (Leg, error) {
	a, stored := w.store.attempts[r.AttemptID]
	if !stored || a.SIPCallID != r.SIPCallID {
		w.fail("%s is rung without a stored attempt", r.Role)
	}
	handedOn := w.s.phase == bridged && w.s.transfer != nil && !w.s.transfer.referred
	if w.s.phase != dialing && w.s.phase != reaching && !handedOn || w.s.ending.reason != "" {
		w.fail("%s is rung in phase %s, which ends for %q", r.Role, w.s.phase, w.s.ending.reason)
	}
	others, most := 0, 0
	if handedOn { // beside the one who talks
		most = 1
	}
	for _, l := range w.legs {
		if l.role == r.Role && (r.Role == calls.RoleCustomer || !l.ended && l.hangups+l.rejects == 0) {
			others++
		}
	}
	if others > most {
		w.fail("one more %s is rung, beside %d", r.Role, others)
	}
	if w.s.customer.gone || w.s.customer.hung {
		w.fail("%s is rung after the customer left", r.Role)
	}
	if w.refuse {
		return nil, errors.New("no port")
	}
	l := w.leg(r.Role, false)
	l.hear = events
	return l, nil
}

func (w *wild) Prepare([]calls.RecordingRef) error { return nil }

func (w *wild) Bridge(a, b Leg) {}

func (w *wild) Unbridge(a, b Leg) {}

func (w *wild) HangupOrphan(context.Context, []byte) error { return nil }

// Place implements Originator: it answers when the test lets it.
func (w *wild) Place(ctx context.Context, r calls.PlaceRequest) (calls.PlaceResult, error) {
	select {
	case err := <-w.answer:
		return calls.PlaceResult{ProviderCallID: "p"}, err
	case <-w.quit:
		return calls.PlaceResult{}, &calls.PlaceUnknown{Reason: "it went away"}
	case <-ctx.Done():
		return calls.PlaceResult{}, &calls.PlaceUnknown{Reason: "no answer", Err: ctx.Err()}
	}
}

func newWild(t *testing.T, seed uint64) *wild {
	w := &wild{t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 1)), clock: clock.NewFake(epoch), limits: &memLimits{},
		store: &lazyStore{memStore: newMemStore()}, answer: make(chan error)}
	w.store.stream = nil
	ready := ReadyAudio
	if w.rng.IntN(2) == 0 {
		ready = ReadyAnswer
	}
	flow := calls.DefaultFlow()
	flow.Record = "1002"
	flow.Digits = wildDigits()
	e, err := New(Config{Store: w.store, Line: w, Clips: memClips{}, Queue: &memQueue{queued: map[string]*calls.Call{}}, Limits: w.limits,
		Clock: w.clock, IDs: clock.NewIDs(w.clock, nil), Log: slog.New(slog.DiscardHandler), Countries: []string{"RU"},
		Trunks:    []TrunkNumbers{{Name: "main", Numbers: []string{"78005553535"}, Refers: seed%2 == 0}, {Name: "pbx", Numbers: []string{"78005550000"}}},
		Routes:    []Route{{Number: "78005553535", Flow: flow}},
		Providers: []Provider{{Name: "cloud", Originator: w, Trunk: "pbx", Extension: "201", Ready: ready, ExpectTimeout: 30 * time.Second}}})
	if err != nil {
		t.Fatal(err)
	}
	w.e = e
	return w
}

func wildDigits() calls.DigitMap {
	manager := calls.Action{Kind: calls.ActionManager, Value: "74242490764"}
	text := calls.Action{Kind: calls.ActionSMS, Value: "hello"}
	return calls.DigitMap{nil, {{Kind: calls.ActionRecord, Value: "1003"}}, {manager}, {text}, {{Kind: calls.ActionBlock, Value: "1"}}, {text, manager}}
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 2)) }
