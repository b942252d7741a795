package engine

import (
	"context"
	"fmt"
	"sync"

	"zvonar/internal/calls"
)

// memLeg records what the engine tells a leg.
type memLeg struct {
	id    string
	told  chan string
	mu    sync.Mutex
	hear  func(calls.LegEvent)
	held  []calls.LegEvent // what happened before anybody listened
	judge func(calls.Judged)
}

func newMemLeg(id string) *memLeg { return &memLeg{id: id, told: make(chan string, 100)} }

func (l *memLeg) say(s string) { l.told <- s }

func (l *memLeg) ID() string { return l.id }

func (l *memLeg) Ring() { l.say("ring") }

func (l *memLeg) Answer() { l.say("answer") }

func (l *memLeg) Hangup(int) { l.say("hangup") }

func (l *memLeg) Tone(k calls.ToneKind) { l.say([]string{"", "ringback", "busy", "beep", "music"}[k]) }

func (l *memLeg) SendDigits(d string) { l.say("digits " + d) }

func (l *memLeg) Hold(on bool) { l.say(fmt.Sprint("hold ", on)) }

func (l *memLeg) Refer(number string) { l.say("refer " + number) }

func (l *memLeg) AnswerRefer(code int) { l.say(fmt.Sprint("answers refer ", code)) }

func (l *memLeg) NotifyRefer(code int) { l.say(fmt.Sprint("notifies ", code)) }

func (l *memLeg) Take() Take { return nil }

func (l *memLeg) Capture(call string) (func(func(calls.Capture, error)), error) {
	l.say("capture " + call)
	return func(done func(calls.Capture, error)) {
		l.say("capture ends")
		done(calls.Capture{DurationMS: 1500, SHA256: "abc"}, nil)
	}, nil
}

func (l *memLeg) StopPlayback(reason calls.PlayReason) { l.say("stop " + string(reason)) }

func (l *memLeg) Reject(code, _ int, _ string) {
	l.say("reject")
	l.emit(calls.LegEvent{Kind: calls.LegEnded, Ending: calls.Ending{Code: code, By: calls.ByZvonar}})
}

func (l *memLeg) Play(_ int64, clip calls.RecordingRef, _ bool) error {
	l.say("play " + clip.RecordingID)
	return nil
}

func (l *memLeg) Judge(_ calls.ToJudge, told func(calls.Judged)) (stop func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.judge = told
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.judge = nil
	}
}

// judged lets the leg's sound be judged; false where nobody listens.
func (l *memLeg) judged(j calls.Judged) bool {
	l.mu.Lock()
	told := l.judge
	l.mu.Unlock()
	if told != nil {
		told(j)
	}
	return told != nil
}

func (l *memLeg) Listen(_ string, f func(calls.LegEvent)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hear = f
	for _, ev := range l.held {
		f(ev)
	}
	l.held = nil
}

// emit lets the leg report an event; to who listens, or will.
func (l *memLeg) emit(ev calls.LegEvent) {
	if ev.At.IsZero() {
		ev.At = epoch
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hear == nil {
		l.held = append(l.held, ev)
		return
	}
	l.hear(ev)
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
	leg.Listen("", events)
	m.dialled <- &dialled{r, leg}
	return leg, nil
}

func (m *memLine) Prepare([]calls.RecordingRef) error { return nil }

func (m *memLine) Bridge(a, b Leg) { m.bridges <- "bridge " + a.ID() + " " + b.ID() }

func (m *memLine) Unbridge(a, b Leg) { m.bridges <- "unbridge " + a.ID() + " " + b.ID() }

func (m *memLine) HangupOrphan(_ context.Context, dialog []byte) error {
	m.orphans <- string(dialog)
	return nil
}

// memQueue holds what was enqueued until the test lets it go.
type memQueue struct {
	mu        sync.Mutex
	queued    map[string]*calls.Call
	trunks    int // for Others
	attempted []calls.Attempted
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

func (q *memQueue) Has(id string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.queued[id] != nil
}

func (q *memQueue) Look(...string) {}

func (q *memQueue) Why(string) (calls.Hold, bool) { return calls.Hold{}, false }

// Foresee tells which call it was asked of.
func (q *memQueue) Foresee(_ calls.ReadTx, c *calls.Call) (calls.Hold, error) {
	return calls.Hold{Gate: calls.GateTurn, Text: c.From + "→" + c.To + " over " + c.Trunk}, nil
}

// Others: there is one trunk more than failed the call, up to q.trunks.
func (q *memQueue) Others(c *calls.Call) bool {
	return c.Trunk == "" && c.From == "" && len(c.Avoid) < q.trunks
}

func (q *memQueue) Attempted(a calls.Attempted) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.attempted = append(q.attempted, a)
}

func (q *memQueue) Recheck(string) {}

// memSlot counts its releases.
type memSlot struct {
	trunk string
	once  sync.Once
	out   *memLimits
}

func (s *memSlot) Trunk() string { return s.trunk }

func (s *memSlot) Confirm(calls.ReadTx, *calls.Call) error { return s.out.closed }

func (s *memSlot) Release() { s.once.Do(func() { s.out.change(-1) }) }

type memLimits struct {
	mu     sync.Mutex
	used   int
	full   bool
	shut   map[string]bool // trunks without a channel
	closed error           // what Confirm says
}

// shutTrunk has a trunk give no channel any more, or again.
func (l *memLimits) shutTrunk(trunk string, on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shut = map[string]bool{trunk: on}
}

func (l *memLimits) change(n int) { l.mu.Lock(); l.used += n; l.mu.Unlock() }

func (l *memLimits) Acquire(trunk string) (Slot, calls.Gate, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full || l.shut[trunk] {
		return nil, calls.GateChannels, false
	}
	l.used++
	return &memSlot{trunk: trunk, out: l}, "", true
}

func (l *memLimits) Retake(trunk string) (Slot, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.used++
	return &memSlot{trunk: trunk, out: l}, true
}

// memClips knows the clips 1001…1009.
type memClips struct{}

func (memClips) Fill(rec *calls.Recording, _ map[string]string) (calls.RecordingRef, error) {
	return rec.Ref(), nil
}

func (memClips) Resolve(_ calls.ReadTx, _ string, id calls.ClipID) (*calls.Recording, error) {
	if len(id) != 4 || id[:3] != "100" {
		return nil, calls.Errorf(calls.CodeUnknownRecording, "there is no recording %s", id)
	}
	return &calls.Recording{ID: string(id), SHA256: "sha" + string(id)}, nil
}

// memNodes is a node whose lease the test holds in its hands.
type memNodes struct {
	name  string
	fence int64

	mu   sync.Mutex
	err  error
	take func(string, []*calls.Call)
}

func (n *memNodes) Node() (string, int64) { return n.name, n.fence }

func (n *memNodes) Held() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.err
}

func (n *memNodes) lose(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.err = err
}

func (n *memNodes) Fenced() <-chan struct{} { return nil }

func (n *memNodes) Lead(string) (bool, <-chan struct{}) { return true, nil }

func (n *memNodes) OnTaken(take func(string, []*calls.Call)) { n.take = take }
