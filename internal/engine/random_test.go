package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// begin brings a call into being, of one of the three kinds.
func (w *wild) begin() {
	kind := w.rng.IntN(3)
	if kind == 0 {
		c := &calls.Call{ID: w.e.ids.New("call_"), Account: "main", Direction: calls.In, Status: calls.StatusRinging, To: "78005553535",
			From: "79161234567", Line: "78005553535", Trunk: "main", Flow: w.e.cfg.Routes[0].Flow, CreatedAt: epoch, DueAt: epoch, RingingAt: &epoch}
		w.s = w.e.newSession(c)
		w.s.customer.leg = w.leg(calls.RoleCustomer, true)
		w.legs[0].hear = w.s.listen(w.s.customer)
		w.s.phase = offered
		w.launch(w.s.offer)
		return
	}
	r := CallRequest{Account: "main", To: "79161234567", Clip: "1001", Digits: wildDigits(), BodyHash: "h"}
	trunk := "main"
	if kind == 1 {
		r.Provider, trunk = "cloud", "pbx"
	}
	if w.rng.IntN(2) == 0 {
		r.AMD = &calls.AMDOptions{Mode: []string{calls.AMDAsync, calls.AMDMessageEnd}[w.rng.IntN(2)], MessageRecord: "1003",
			OnMachine: []string{calls.OnMachinePlay, calls.OnMachineHangup, calls.OnMachineMessage, calls.OnMachineRetry}[w.rng.IntN(4)]}
	}
	c, _, err := w.e.Submit(context.Background(), r)
	if err != nil {
		w.t.Fatal(err)
	}
	if w.rng.IntN(2) == 0 {
		c.Flow.Manager.Confirm = calls.ConfirmDigit
	}
	w.s = w.e.newSession(c)
	w.s.customer.slot, _, _ = w.limits.Acquire(trunk)
	w.launch(w.s.begin)
}

// launch is Engine.launch without the goroutine: the test takes its turns.
func (w *wild) launch(first func()) {
	w.e.sessions[w.s.call.ID] = w.s
	w.e.wg.Add(1)
	woken := make(chan struct{}, 1)
	w.woken, w.s.box.read = woken, func() {
		select {
		case woken <- struct{}{}:
		default: // nobody waits for it
		}
	}
	w.s.box.post(first)
}

var wildEndings = []calls.Ending{
	{Code: 486, By: calls.ByCustomer}, {Code: 487, Canceled: true, By: calls.ByZvonar}, {Timeout: true}, {Transport: true},
	{By: calls.ByCustomer}, {By: calls.ByManager}, {Q850: 17}, {Code: 503}, {},
}

var wildJudged = []calls.Judged{
	{Kind: calls.JudgedVerdict, Verdict: calls.VerdictMachine}, {Kind: calls.JudgedVerdict, Verdict: calls.VerdictHuman},
	{Kind: calls.JudgedRevised, Verdict: calls.VerdictMachine}, {Kind: calls.JudgedRevised, Verdict: calls.VerdictHuman},
	{Kind: calls.JudgedGreetingEnd, Cause: "beep"}, {Kind: calls.JudgedVerdict, Verdict: calls.VerdictFax},
	{Kind: calls.JudgedVerdict, Verdict: calls.VerdictAnnouncement, Cause: calls.CauseRingback},
}

var wildAsks = []calls.TransferAsk{
	{To: "202"}, {To: "74951234567"}, {To: "19005550000"}, {To: "203", Replaces: calls.Dialog{CallID: "x", ToTag: "a", FromTag: "b"}},
}

var wildReferrals = []calls.LegEvent{
	{Refer: calls.ReferAccepted, Code: 202}, {Refer: calls.ReferProgress, Code: 180}, {Refer: calls.ReferEnded, Code: 200},
	{Refer: calls.ReferEnded, Code: 486}, {Refer: calls.ReferRefused, Code: 405}, {Refer: calls.ReferRefused}, {Refer: calls.ReferUnknown},
}

// legDoes lets some leg report something that its contract allows.
func (w *wild) legDoes() {
	if len(w.legs) == 0 {
		return
	}
	l := w.legs[w.rng.IntN(len(w.legs))]
	switch w.rng.IntN(13) {
	case 0:
		if !l.inbound && !l.answered {
			l.emit(calls.LegEvent{Kind: calls.LegRinging, Code: 180})
		}
	case 1:
		if !l.inbound && !l.answered {
			l.emit(calls.LegEvent{Kind: calls.LegEarlyMedia, Code: 183})
		}
	case 2, 3:
		if !l.answered && (!l.inbound || l.connected) {
			l.answered = true
			l.emit(calls.LegEvent{Kind: calls.LegAnswered, Codec: "PCMA", Dialog: []byte("d")})
		}
	case 4:
		l.emit(calls.LegEvent{Kind: calls.LegFirstAudio})
	case 5:
		l.emit(calls.LegEvent{Kind: calls.LegPlaybackStarted, PlayID: l.play})
		if w.rng.IntN(2) == 0 {
			l.emit(calls.LegEvent{Kind: calls.LegPlaybackFinished, PlayID: l.play, Play: calls.PlayEnd})
		}
	case 6, 7:
		l.emit(calls.LegEvent{Kind: calls.LegDigit, Digit: '0' + byte(w.rng.IntN(7)), Via: "info"})
	case 12:
		if l.answered && !l.ended && l.asks == 0 {
			l.asks++
			l.emit(calls.LegEvent{Kind: calls.LegAsked, Ask: wildAsks[w.rng.IntN(len(wildAsks))]})
		}
	case 11:
		if l.refers > 0 {
			ev := wildReferrals[w.rng.IntN(len(wildReferrals))]
			if ev.Refer != calls.ReferAccepted && ev.Refer != calls.ReferProgress {
				l.refers--
			}
			ev.Kind = calls.LegReferred
			l.emit(ev)
		}
	case 9, 10:
		if l.judge != nil {
			l.judge(wildJudged[w.rng.IntN(len(wildJudged))])
		}
	case 8:
		switch w.rng.IntN(6) {
		case 0:
			l.emit(calls.LegEvent{Kind: calls.LegMediaTimeout})
		case 1:
			end := wildEndings[w.rng.IntN(len(wildEndings))]
			end.Answered = l.answered
			l.emit(calls.LegEvent{Kind: calls.LegEnded, Ending: end, Facts: calls.LegFacts{Codec: "PCMA"}})
		}
	}
}

func (w *wild) something() {
	switch n := w.rng.IntN(100); {
	case n < 60:
		w.legDoes()
	case n < 75:
		if len(w.store.waiting) > 0 {
			w.store.step()
		}
	case n < 83:
		w.clock.Advance(time.Duration(1+w.rng.IntN(20_000)) * time.Millisecond)
	case n < 84:
		w.clock.Advance(time.Duration(w.rng.IntN(40)) * time.Minute)
	case n < 85:
		if w.store.fail = nil; w.rng.IntN(2) == 0 {
			w.store.fail, w.lossy = errors.New("disk full"), true
		}
	case n < 87:
		w.refuse = !w.refuse
	case n < 88:
		w.limits.full = !w.limits.full
	case n < 93 && n >= 91:
		w.s.box.post(func() { _ = w.s.transferTo([]string{"74951234567", "201@pbx"}[w.rng.IntN(2)]) })
	case n == 93 && len(w.legs) > 0:
		w.e.replace(w.leg(calls.RoleManager, true), calls.Invite{Trunk: "pbx", From: "204", SIPCallID: "taken over", Replaces: w.legs[w.rng.IntN(len(w.legs))].name})
	case n < 89:
		w.asked = true
		w.s.box.post(func() { w.s.hangup(calls.ReasonByAPI, calls.ByZvonar) })
	case n < 94 && w.s.call.Provider != "":
		l := w.leg(calls.RoleCustomer, true)
		w.e.Incoming(l, calls.Invite{Trunk: "pbx", To: "201"})
	case n < 98 && w.s.provider.asked && w.placed == 0 && w.s.phase != over:
		w.placed++
		for { // the mailbox is taken empty, so that the next message is the provider's
			if !w.s.turn() {
				return
			}
			if w.s.box.leave() {
				break
			}
		}
		select {
		case <-w.woken: // by what was taken
		default:
		}
		w.answer <- []error{nil, &calls.PlaceUnknown{Reason: "?"}, &calls.PlaceRefused{Reason: "no money"}}[w.rng.IntN(3)]
		<-w.woken
	}
}

// finish brings the call to its end: what was hung up ends, sometimes only by the watchdog.
func (w *wild) finish() {
	if w.store.fail = nil; w.rng.IntN(8) == 0 {
		w.store.fail, w.lossy = errors.New("disk full"), true // at the very end
	}
	if w.s.phase != over {
		w.asked = true
		w.s.box.post(func() { w.s.hangup(calls.ReasonByAPI, calls.ByZvonar) })
	}
	if w.quit != nil {
		close(w.quit)
	}
	stuck := w.rng.IntN(8) == 0
	for range 20 {
		w.store.flush()
		if !w.s.turn() {
			break
		}
		for _, l := range w.legs {
			if l.hangups+l.rejects > 0 && !stuck {
				l.emit(calls.LegEvent{Kind: calls.LegEnded, Ending: calls.Ending{Answered: l.answered, By: calls.ByZvonar}})
			}
		}
		w.clock.Advance(10 * time.Second)
	}
	if w.s.phase != over {
		w.fail("the call does not end: phase %s", w.s.phase)
	}
	w.s.box.close()
	w.e.forget(w.s)
	w.e.wg.Wait()
	for range len(closePauses) {
		w.store.flush()
		w.store.fail = nil
		w.clock.Advance(3 * time.Minute)
	}
}

// check asserts what holds at the end of every call.
func (w *wild) check() {
	if w.limits.used != 0 {
		w.fail("%d channels were not given back", w.limits.used)
	}
	for _, l := range w.legs {
		if n := l.hangups + l.rejects; n > 1 || n == 0 && !l.ended {
			w.fail("%s of the %s: %d hang-ups, %d rejections, ended %v", l.name, l.role, l.hangups, l.rejects, l.ended)
		}
	}
	for _, l := range w.legs {
		if l.awaits != 0 {
			w.fail("%s was never told how %d transfers ended that it asked for", l.name, l.awaits)
		}
		if l.judge != nil {
			w.fail("%s is still listened to", l.name)
		}
	}
	if n := len(w.e.expect.list) + len(w.e.expect.arrived) + len(w.s.timers); n != 0 {
		w.fail("%d expectations and timers are left", n)
	}
	c, stored := w.store.rows[w.s.call.ID]
	if !stored {
		for _, ev := range w.store.events {
			if ev.Subject == calls.CallSubject(w.s.call.ID) {
				w.fail("%s of a call that is not there", ev.Type)
			}
		}
		return // an inbound call that a broken store never saw
	}
	if w.s.back {
		dialled := slices.ContainsFunc(w.legs, func(l *wildLeg) bool { return !l.inbound })
		if a := c.Attempts[0]; c.Status != calls.StatusQueued || !w.e.cfg.Queue.Has(c.ID) || a.Open() || a.Charged || dialled {
			w.fail("the call went back to the queue as %+v", c)
		}
		return
	}
	completed, answered, last := 0, false, calls.EventType("")
	for _, ev := range w.store.events {
		if strings.HasPrefix(string(ev.Type), "sms.") || strings.HasPrefix(string(ev.Type), "number.") {
			continue
		}
		last = ev.Type
		answered = answered || ev.Type == calls.CallAnswered
		if ev.Type == calls.CallCompleted {
			completed++
		}
	}
	if completed != 1 || last != calls.CallCompleted {
		w.fail("%d call.completed, the last event is %s", completed, last)
	}
	w.checkOutcome(c, answered)
}

func (w *wild) checkOutcome(c *calls.Call, answered bool) {
	if !c.Over() || c.Outcome == "" || c.HangupBy == "" || c.EndedAt == nil || len(c.Dialog) != 0 {
		w.fail("the call is stored as %+v", c)
	}
	if answered && c.Outcome != c.Verdict.Answered() {
		w.fail("an answered call ended %s/%s", c.Outcome, c.Reason)
	}
	if c.Outcome == calls.OutcomeCanceled && !w.asked {
		w.fail("canceled for %s, though nobody asked for it", c.Reason)
	}
	if c.Outcome == c.Verdict.Answered() && c.AnsweredAt == nil {
		w.fail("answered without a time")
	}
	if len(c.Attempts) != 0 && c.Direction == calls.Out && c.Attempts[0].Role != calls.RoleCustomer {
		w.fail("the first attempt is the %s's", c.Attempts[0].Role)
	}
	for _, a := range w.store.attempts {
		if a.Open() || a.Dialog != nil {
			w.fail("attempt %d of the %s is still %s", a.N, a.Role, a.State)
		}
	}
	texts := 0
	for _, a := range c.Actions {
		if a.Action == string(calls.ActionSMS) && a.Result == "ok" {
			texts++
		}
	}
	if texts < len(w.store.sms) || len(w.store.sms) > maxTexts {
		w.fail("%d texts are stored, the call tells of %d", len(w.store.sms), texts)
	}
}

func TestWhateverHappensInWhateverOrderACallEndsOnceAndTruly(t *testing.T) {
	t.Parallel()
	seeds := uint64(4000)
	if testing.Short() {
		seeds = 400
	}
	ends := map[calls.Outcome]int{}
	for seed := range seeds {
		w := newWild(t, seed)
		w.begin()
		for range 20 + w.rng.IntN(150) {
			if w.rng.IntN(4) != 0 && !w.s.turn() {
				break
			}
			w.something()
		}
		w.finish()
		w.check()
		ends[w.s.call.Outcome]++
		if t.Failed() {
			t.FailNow()
		}
	}
	for _, o := range []calls.Outcome{calls.OutcomeAnswered, calls.OutcomeBusy, calls.OutcomeNoAnswer, calls.OutcomeCanceled,
		calls.OutcomeMissed, calls.OutcomeTrunkError, calls.OutcomeLost} {
		if ends[o] == 0 && seeds > 1000 {
			t.Errorf("no call ended %s: the test does not reach it (%v)", o, ends)
		}
	}
}
