package engine

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// wildProvider is a provider of any way that does what it likes.
type wildProvider struct {
	*wild
	places, cancels atomic.Int32
	cancel          error
}

// Place implements Originator.
func (p *wildProvider) Place(ctx context.Context, r calls.PlaceRequest) (calls.PlaceResult, error) {
	p.places.Add(1)
	return p.wild.Place(ctx, r)
}

// Follow implements Follower: the test posts its reports itself.
func (p *wildProvider) Follow(ctx context.Context, _ calls.PlaceRequest, _ <-chan calls.PlaceResult, _ func(calls.ProviderReport)) func() {
	return func() { <-ctx.Done() }
}

// wildCanceler can take calls back, or says so.
type wildCanceler struct{ *wildProvider }

// Cancel implements Canceler.
func (p wildCanceler) Cancel(context.Context, calls.PlaceRequest, calls.PlaceResult) error {
	p.cancels.Add(1)
	return p.cancel
}

// wildReports are what a provider may tell, true or not.
func (w *wild) wildReport() calls.ProviderReport {
	states := []calls.ReportState{calls.ReportRinging, calls.ReportManager, calls.ReportAnswered, calls.ReportAnswered, calls.ReportDigit, calls.ReportJoined,
		calls.ReportVerdict, calls.ReportAction, calls.ReportRecord, calls.ReportEnded}
	r := calls.ProviderReport{State: states[w.rng.IntN(len(states))], Digit: string(rune('0' + w.rng.IntN(6))), RecordURL: "https://pbx.example.com/1",
		Verdict: []calls.Verdict{calls.VerdictMachine, calls.VerdictHuman, "nonsense"}[w.rng.IntN(3)],
		Action:  calls.ActionResult{Digit: "4", Action: []string{"smsText", "needBlock", "dance"}[w.rng.IntN(3)]}}
	if w.rng.IntN(3) == 0 {
		r.At = w.clock.Now().Add(time.Duration(w.rng.IntN(120)-100) * time.Second)
	}
	if r.State == calls.ReportEnded {
		r.SIPCode, r.Q850 = []int{0, 0, 486, 200, 503}[w.rng.IntN(5)], []int{0, 16, 17}[w.rng.IntN(3)]
		r.Outcome = []calls.Outcome{"", "", calls.OutcomeBusy, calls.OutcomeAnswered, calls.OutcomeTrunkError}[w.rng.IntN(5)]
		r.By = []calls.Party{"", calls.ByManager, calls.ByCustomer}[w.rng.IntN(3)]
		r.TalkMS = int64(w.rng.IntN(2) * 4000)
	}
	return r
}

// beginBy brings a call by a provider of one of the ways into being.
func (w *wild) beginBy(p *wildProvider) {
	known := w.e.providers["cloud"]
	known.Originator, known.ReportTimeout = p, 20*time.Minute
	if w.rng.IntN(2) == 0 {
		known.Originator = wildCanceler{p}
	}
	r := CallRequest{Account: "main", To: "79161234567", Clip: "1001", Digits: wildDigits(), BodyHash: "h", Provider: "cloud"}
	switch w.rng.IntN(3) {
	case 0:
		known.Plays = true
	case 1:
		known.Joins, known.ClientFirst = true, true
		r.Clip, r.Digits = "", nil
		r.Bridge = &calls.Bridge{Manager: "user7@cloud", Order: []calls.Order{calls.ManagerFirst, calls.ClientFirst}[w.rng.IntN(2)]}
	default:
		known.Ready = []Ready{ReadyEvent, ReadyAudio, ReadyAnswer}[w.rng.IntN(3)]
	}
	w.e.providers["cloud"] = known
	c, _, err := w.e.Submit(context.Background(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	w.s = w.e.newSession(c)
	w.s.customer.slot, _, _ = w.limits.Acquire(c.Trunk)
	w.launch(w.s.begin)
}

// checkBy asserts what holds at the end of every call by a provider.
func (w *wild) checkBy(p *wildProvider) {
	if w.limits.used != 0 {
		w.fail("%d channels were not given back", w.limits.used)
	}
	if n := len(w.e.expect.list) + len(w.e.expect.arrived) + len(w.s.timers); n != 0 {
		w.fail("%d expectations and timers are left", n)
	}
	for _, l := range w.legs {
		if n := l.hangups + l.rejects; n > 1 || n == 0 && !l.ended {
			w.fail("%s: %d hang-ups, %d rejections, ended %v", l.name, l.hangups, l.rejects, l.ended)
		}
	}
	if p.places.Load() > 1 || p.cancels.Load() > 1 {
		w.fail("%d requests and %d cancellations", p.places.Load(), p.cancels.Load())
	}
	c := w.store.rows[w.s.call.ID]
	if w.s.back {
		if c.Status != calls.StatusQueued || p.places.Load() > 0 {
			w.fail("the call went back to the queue as %+v", c)
		}
		return
	}
	count, last := map[calls.EventType]int{}, calls.EventType("")
	for _, ev := range w.store.events {
		if ev.CallID == c.ID && strings.HasPrefix(string(ev.Type), "call.") {
			count[ev.Type]++
			last = ev.Type
		}
	}
	if count[calls.CallCompleted] != 1 || last != calls.CallCompleted {
		w.fail("%d call.completed, the last event is %s", count[calls.CallCompleted], last)
	}
	if count[calls.CallAnswered] > 1 || count[calls.CallRinging] > 1 || w.s.customer.leg == nil && count[calls.CallBridged] > 1 || !w.lossy && count[calls.CallBridged] != count[calls.CallUnbridged] {
		w.fail("told %v", count)
	}
	w.checkEndBy(c, count[calls.CallAnswered] > 0)
}

func (w *wild) checkEndBy(c *calls.Call, answered bool) {
	if !c.Over() || c.Outcome == "" || c.HangupBy == "" || c.EndedAt == nil || c.TalkMS < 0 || c.RingMS < 0 {
		w.fail("the call is stored as %+v", c)
	}
	reached := []calls.Outcome{calls.OutcomeAnswered, calls.OutcomeMachine, calls.OutcomeFax}
	if here := c.AnsweredAt != nil; answered && !here || here && !answered && !w.lossy || here != slices.Contains(reached, c.Outcome) && c.Outcome != calls.OutcomeLost {
		w.fail("answered %v, and it ended %s/%s", answered, c.Outcome, c.Reason)
	}
	if c.Outcome == calls.OutcomeCanceled && !w.asked && c.Reason != calls.ReasonManagerNotReached {
		w.fail("canceled for %s, though nobody asked for it", c.Reason)
	}
	for _, a := range w.store.attempts {
		if a.Open() || a.Dialog != nil {
			w.fail("attempt %d of the %s is still %s", a.N, a.Role, a.State)
		}
	}
}

func TestWhateverAProviderReportsInWhateverOrderItsCallEndsOnceAndTruly(t *testing.T) {
	t.Parallel()
	seeds := uint64(2000)
	if testing.Short() {
		seeds = 300
	}
	ends := map[calls.Outcome]int{}
	for seed := range seeds {
		w := newWild(t, seed)
		w.quit = make(chan struct{})
		p := &wildProvider{wild: w}
		if w.rng.IntN(3) == 0 {
			p.cancel = context.DeadlineExceeded
		}
		w.beginBy(p)
		for range 20 + w.rng.IntN(100) {
			if w.rng.IntN(4) != 0 && !w.s.turn() {
				break
			}
			if w.rng.IntN(4) == 0 && w.s.provider.asked {
				r := w.wildReport()
				w.s.box.post(func() { w.s.reported(r) })
				continue
			}
			w.something()
		}
		w.finish()
		w.e.endLife()
		w.e.tails.Wait()
		w.checkBy(p)
		ends[w.s.call.Outcome]++
		if t.Failed() {
			t.FailNow()
		}
	}
	for _, o := range []calls.Outcome{calls.OutcomeAnswered, calls.OutcomeBusy, calls.OutcomeNoAnswer, calls.OutcomeCanceled, calls.OutcomeTrunkError, calls.OutcomeMachine} {
		if ends[o] == 0 && seeds > 500 {
			t.Errorf("no call ended %s: the test does not reach it (%v)", o, ends)
		}
	}
}
