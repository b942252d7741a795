package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/ivr"
)

// session is one running call. Everything in it belongs to whoever reads box, one
// goroutine at a time; others only post to it.
type session struct {
	e     *Engine
	id    string // of the call; born and asked are read by the watchdog, too
	born  time.Time
	asked atomic.Bool // the watchdog asked for a sign of life

	log  *slog.Logger
	box  *mailbox
	call *calls.Call

	phase    phase
	customer *party
	manager  *party // the manager rung or talked to now, nil before the first
	parties  []*party
	flow     ivr.Flow // nil before the answer
	take     Take     // of a dictation, while its author speaks

	plays    map[int64]calls.RecordingRef // running and finished playbacks by id
	lastPlay int64
	timers   map[timerKey]clock.Timer
	forward  *forwarding // while a manager is rung or talked to
	// captured ends the capture of the talk; nil: there is none.
	captured func(func(calls.Capture, error))
	texts    int  // smsText actions so far
	deaf     bool // more digits came than are heard

	untold []calls.Event // what happened in this turn and is not on its way to the store yet
	hops   int           // used up by a leg that passes the call on, see calls.DialRequest
	stale  []*party      // whose attempts changed in this turn

	routing  routing      // who is responsible for a caller
	early    early        // what was heard before the answer
	provider providerSide // what a provider's call waits for

	// A call whose attempt comes too late returns to the queue as it was.
	wish struct{ trunk, line, from string }

	redirected redirection
	gone       chan struct{} // closed when the goroutine ends
	transfer   *transfer     // to another manager, while one talks; nil: none
	asker      *party        // whose telephone asked for the transfer and hears of it; nil: none
	hunting    *hunt         // a manager is looked for; nil: none is
	// bridgesOnly: the trunk refused to make a transfer itself.
	bridgesOnly bool
	steps       steps
	reportSteps map[phase]map[calls.ReportState]reportStep
	back        bool // it does
	final       bool // it is not tried again, whatever its policy says

	// Why the call ends, once that is known; the first answer stays.
	ending endCause
	judged *calls.Result // what became of a client who was rung while a manager waited; nil: see finish
	leftAt time.Time     // when we hung up; zero before
}

// party is one leg of the call with its durable attempt and its channel.
type party struct {
	role     calls.Role
	employee string         // whose telephone it is; "": nobody's
	ways     *ways          // to a manager's telephone; nil: he called in, or is a customer
	leg      Leg            // nil until dialled or taken
	attempt  *calls.Attempt // nil for an inbound customer
	slot     Slot
	deafen   func() // ends the judging of its sound; nil: it is not judged
	hung     bool   // we told the leg to end
	gone     bool   // LegEnded was seen, or the leg never came to be
	ended    calls.Ending
	holds    bool           // its far end holds the call
	waits    bool           // we asked it to hold
	music    bool           // it hears the hold clip
	via      calls.Redirect // where at the trunk we were sent; zero: as configured
	joined   string         // the call that gave the leg; "": it is this one's own
	// moved is who hears the leg since it was given to another call; nil: this one.
	moved atomic.Pointer[func(calls.LegEvent)]
}

// hangUp ends the party's leg, if it has one; LegEnded follows.
func (p *party) hangUp(q850 int) {
	if p.leg != nil && !p.gone && !p.hung {
		p.hung = true
		p.leg.Hangup(q850)
	}
}

// endCause is why we end, or ended, the call.
type endCause struct {
	reason calls.Reason
	by     calls.Party
}

type timerKey string

const (
	timerMax      timerKey = "max_duration"
	timerWatchdog timerKey = "watchdog"
	timerExpect   timerKey = "expect"
	timerConfirm  timerKey = "confirm"
	timerEarly    timerKey = "early"
	timerRate     timerKey = "rate"
	timerRouter   timerKey = "router"
)

func (e *Engine) newSession(c *calls.Call) *session {
	s := &session{
		e: e, id: c.ID, born: e.clock.Now(), call: c, box: &mailbox{},
		log:    e.log.With("call", c.ID),
		plays:  map[int64]calls.RecordingRef{},
		timers: map[timerKey]clock.Timer{}, gone: make(chan struct{}),
		steps: steps{calls.RoleCustomer: customerSteps, calls.RoleManager: managerSteps, roleNext: nextSteps}, reportSteps: reportSteps,
	}
	s.box.read = func() { e.crew.Start(s.run) }
	s.customer = s.addParty(calls.RoleCustomer, nil)
	return s
}

func (s *session) addParty(role calls.Role, slot Slot) *party {
	p := &party{role: role, slot: slot}
	s.parties = append(s.parties, p)
	return p
}

// run reads the mailbox until it is empty, or the call is over.
func (s *session) run() {
	for s.turn() {
		if s.box.leave() {
			return
		}
	}
	s.box.close()
	close(s.gone)
	s.e.forget(s)
}

// turn runs what waits in the mailbox and sends what came of it to the store, as
// one unit of work; false once the call is over.
func (s *session) turn() bool {
	list := s.box.take()
	for i, m := range list {
		if s.phase == over {
			drop(list[i:])
			return false
		}
		s.do(m.run)
	}
	if s.phase == over {
		return false
	}
	s.flush()
	return true
}

// do runs one message. A panic ends this call, not the daemon.
func (s *session) do(f func()) {
	defer func() {
		if r := recover(); r != nil {
			s.e.metrics.panics.Inc()
			s.log.Error("a step of the call panicked; the call is hung up", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			s.abandon("a step of the call failed inside zvonar; the log tells more")
		}
	}()
	f()
}

// abandon ends the call whatever state it is in, without running its steps; why
// is for the person who should look at it.
func (s *session) abandon(why string) {
	defer func() {
		if r := recover(); r != nil { // what was broken is needed for the end, too
			s.log.Error("the end of the call panicked; the call stays open until the next start", "panic", fmt.Sprint(r))
			s.letGo()
			s.phase = over
		}
	}()
	for _, p := range s.parties {
		p.hangUp(0)
	}
	s.e.metrics.stuck.Inc()
	s.tell(s.event(calls.CallNeedsAttention, attentionData{Why: why}))
	s.complete(calls.Result{Outcome: calls.OutcomeLost, Reason: calls.ReasonStuck, Charged: true}, calls.ByZvonar)
}

// letGo gives back what the call holds of the world: timers, channels, the
// provider's INVITE that it awaits.
func (s *session) letGo() {
	s.stopTimers()
	s.leaveProvider()
	s.leaveRouter()
	s.tellAsker(487)
	for _, p := range s.parties {
		p.hush()
		s.nameLeg(p, false)
		if p.slot != nil {
			p.slot.Release()
		}
	}
}

// after posts f once d has passed; a timer of the same key is replaced, d == 0
// only removes it.
func (s *session) after(key timerKey, d time.Duration, f func()) {
	if t := s.timers[key]; t != nil {
		t.Stop()
		delete(s.timers, key)
	}
	if d <= 0 {
		return
	}
	var mine clock.Timer
	mine = s.e.clock.AfterFunc(d, func() {
		s.box.post(func() {
			// A timer that fired while it was being replaced must not run.
			if s.timers[key] != mine {
				return
			}
			delete(s.timers, key)
			f()
		})
	})
	s.timers[key] = mine
}

func (s *session) stopTimers() {
	for k, t := range s.timers {
		t.Stop()
		delete(s.timers, k)
	}
}

// tell appends events and the call as it stands to the log, at the end of this
// turn and without waiting.
func (s *session) tell(events ...calls.Event) {
	s.untold = append(s.untold, events...)
	if s.log.Enabled(context.Background(), slog.LevelDebug) {
		for _, e := range events {
			s.log.Debug("told", "event", e.Type, "data", string(e.Data))
		}
	}
}

// flush sends what this turn told so far.
func (s *session) flush() {
	if len(s.untold)+len(s.stale) > 0 {
		s.send()
	}
}

// commit queues a unit of work behind everything this call told so far; then
// runs in the call's goroutine once it is durable (or failed). first may fail
// the unit for reasons of its own, so it takes nothing else along.
func (s *session) commit(first func(calls.Tx) error, then func(error), events ...calls.Event) {
	s.flush()
	s.tell(events...)
	s.sendNow(first, then)
}

// sendNow is the unit of work of first and of all that is untold; then runs in
// the call's goroutine.
func (s *session) sendNow(first func(calls.Tx) error, then func(error)) {
	s.e.store.Observe(s.unit(first), func(err error) {
		s.stored(err)
		s.box.post(func() { then(err) })
	})
}

// send is the unit of work of all that is untold; nobody waits for it.
func (s *session) send() { s.e.store.Note(s.unit(nil), s.stored) }

// unit takes all that is untold and the attempts that changed, behind first.
func (s *session) unit(first func(calls.Tx) error) func(calls.Tx) error {
	attempts, events := s.staleAttempts(), s.untold
	s.untold = nil
	if len(attempts) == 0 {
		return write(s.call.Clone(), events, first)
	}
	return write(s.call.Clone(), events, func(tx calls.Tx) error {
		if first != nil {
			if err := first(tx); err != nil {
				return err
			}
		}
		return rewriteAttempts(tx, attempts)
	})
}

// insert is the unit of work of a call that arrived, with its first event.
func (s *session) insert(event calls.Event) {
	row := s.call.Clone()
	s.e.store.Note(func(tx calls.Tx) error {
		if err := tx.InsertCall(row); err != nil {
			return err
		}
		return tx.AppendEvent(&event)
	}, s.stored)
}

// stored is told what became of a unit; it runs in the writer's goroutine.
func (s *session) stored(err error) {
	if err != nil && !takenAway(err) && !errors.Is(err, errBlocked) && !errors.Is(err, calls.ErrGateClosed) {
		s.log.Error("the call could not be written to the store", "err", err)
	}
}

func (s *session) event(t calls.EventType, data any) calls.Event { return s.e.event(s.call, t, data) }

func (s *session) now() time.Time { return s.e.clock.Now() }

// listen routes the events of a party's leg into the mailbox.
func (s *session) listen(p *party) func(calls.LegEvent) {
	return func(ev calls.LegEvent) {
		if to := p.moved.Load(); to != nil {
			(*to)(ev)
			return
		}
		s.box.post(func() { s.legEvent(p, ev) })
	}
}
