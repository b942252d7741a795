package engine

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// inbound and outbound are foreign calls of an employee.
var (
	inbound = calls.ForeignCall{Account: "main", Provider: "pbx", ProviderCallID: "f-1", Direction: calls.In, From: "79161234567", To: "78005553535",
		Line: "78005553535", Employee: "emp_1"}
	outbound = calls.ForeignCall{Account: "main", Provider: "pbx", ProviderCallID: "f-2", Direction: calls.Out, From: "78005553535", To: "79161234567", Employee: "emp_1"}
)

// hears tells reports of a foreign call, one second apart, and returns the call.
func (b *bench) hears(f calls.ForeignCall, reports ...calls.ProviderReport) *calls.Call {
	b.t.Helper()
	id := ""
	for _, r := range reports {
		got, err := b.e.Foreign(context.Background(), f, r)
		if err != nil || id != "" && got != id {
			b.t.Fatalf("%s: call %s after %s, %v", r.State, got, id, err)
		}
		id = got
		b.clock.Advance(time.Second)
	}
	c, err := b.store.Call("", id)
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// trail is the types of all that was told of a call, without "call.".
func (b *bench) trail(id string) string {
	var names []string
	for _, ev := range b.store.events {
		if ev.CallID == id {
			names = append(names, strings.TrimPrefix(string(ev.Type), "call."))
		}
	}
	return strings.Join(names, " ")
}

func TestForeignCallBecomesACallOfItsOwn(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		is      calls.ForeignCall
		reports []calls.ProviderReport
		trail   string
		outcome calls.Outcome
		talk    int64
	}{
		"it comes in and is answered": {inbound, []calls.ProviderReport{report(calls.ReportRinging), report(calls.ReportManager), report(calls.ReportJoined), report(calls.ReportEnded)},
			"provider.call ringing answered bridged unbridged completed", calls.OutcomeAnswered, 2000},
		"it comes in and is missed": {inbound, []calls.ProviderReport{report(calls.ReportRinging), {State: calls.ReportEnded, Q850: 16}},
			"provider.call ringing completed", calls.OutcomeMissed, 0},
		"everything twice, and late": {inbound, []calls.ProviderReport{report(calls.ReportRinging), report(calls.ReportRinging), report(calls.ReportAnswered), report(calls.ReportAnswered),
			report(calls.ReportRinging), {State: calls.ReportEnded, TalkMS: 700}, report(calls.ReportEnded), report(calls.ReportAnswered), report(calls.ReportRinging)},
			"provider.call ringing answered completed", calls.OutcomeAnswered, 700},
		"only its end is told": {inbound, []calls.ProviderReport{{State: calls.ReportEnded, TalkMS: 61_000}},
			"provider.call ringing answered completed", calls.OutcomeAnswered, 61_000},
		"it goes out and is answered": {outbound, []calls.ProviderReport{report(calls.ReportManager), report(calls.ReportRinging), report(calls.ReportAnswered), report(calls.ReportEnded),
			{State: calls.ReportRecord, RecordURL: "https://pbx.example.com/1.mp3"}},
			"provider.call dialing ringing answered completed recording_ready", calls.OutcomeAnswered, 1000},
		"it goes out, busy": {outbound, []calls.ProviderReport{report(calls.ReportRinging), {State: calls.ReportEnded, SIPCode: 486}},
			"provider.call dialing ringing completed", calls.OutcomeBusy, 0},
		"answered, and rung only then": {outbound, []calls.ProviderReport{report(calls.ReportAnswered), report(calls.ReportRinging), reportDigit("5"), report(calls.ReportEnded)},
			"provider.call dialing answered digit completed", calls.OutcomeAnswered, 3000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			c := b.hears(tc.is, tc.reports...)
			if got := b.trail(c.ID); got != tc.trail {
				t.Errorf("told %s, want %s", got, tc.trail)
			}
			if c.Outcome != tc.outcome || c.TalkMS != tc.talk || !c.Over() || c.Employee != "emp_1" || c.Direction != tc.is.Direction || c.Provider != "pbx" || c.ProviderCallID != tc.is.ProviderCallID {
				t.Errorf("the call is %+v", c)
			}
			if len(b.store.rows) != 1 {
				t.Errorf("%d calls", len(b.store.rows))
			}
		})
	}
}

func TestForeignCallHasTheTimesOfItsProvider(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.clock.Advance(time.Minute)
	at := func(s int) time.Time { return epoch.Add(time.Duration(s) * time.Second) }
	c := b.hears(inbound, calls.ProviderReport{State: calls.ReportRinging, At: at(1)}, calls.ProviderReport{State: calls.ReportManager, At: at(5)},
		calls.ProviderReport{State: calls.ReportEnded, At: at(25), By: calls.ByCustomer})
	if c.RingMS != 4000 || c.TalkMS != 20_000 || !c.EndedAt.Equal(at(25)) || c.HangupBy != calls.ByCustomer {
		t.Errorf("the call is %+v", c)
	}
}

func TestForeignCallOutlivesARestart(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.hears(inbound, report(calls.ReportRinging), report(calls.ReportManager))
	if err := b.e.recover(context.Background()); err != nil {
		t.Fatal(err)
	}
	for range roundsOfPatience + 1 {
		if err := b.e.checkCalls(); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.hears(inbound, report(calls.ReportEnded)); got.ID != c.ID || got.Outcome != calls.OutcomeAnswered {
		t.Errorf("ended %s/%s", got.Outcome, got.Reason)
	}
}

func TestForeignCallThatNeverEndsIsLost(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		reports  []calls.ProviderReport
		patience time.Duration
	}{
		"rung":     {[]calls.ProviderReport{report(calls.ReportRinging)}, foreignRings},
		"answered": {[]calls.ProviderReport{report(calls.ReportRinging), report(calls.ReportManager)}, foreignTalks},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			c := b.hears(inbound, tc.reports...)
			b.clock.Advance(tc.patience - time.Minute)
			_ = b.e.checkCalls()
			if now, _ := b.store.Call("", c.ID); now.Over() {
				t.Fatal("it is over too early")
			}
			b.clock.Advance(2 * time.Minute)
			_ = b.e.checkCalls()
			now, _ := b.store.Call("", c.ID)
			if now.Outcome != calls.OutcomeLost || now.Reason != calls.ReasonProviderTimeout || now.TalkMS > 1000 {
				t.Errorf("ended %s/%s, talked %d ms", now.Outcome, now.Reason, now.TalkMS)
			}
			b.hears(inbound, report(calls.ReportEnded)) // it comes at last, and changes nothing
			if n := strings.Count(b.trail(c.ID), "completed"); n != 1 {
				t.Errorf("%d call.completed", n)
			}
		})
	}
}

func TestForeignCallsThatAreNone(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, tc := range map[string]struct {
		is   func(*calls.ForeignCall)
		told calls.ReportState
		code calls.Code
	}{
		"without a name":          {func(f *calls.ForeignCall) { f.ProviderCallID = "" }, calls.ReportRinging, calls.CodeInvalidField},
		"a name that is too long": {func(f *calls.ForeignCall) { f.ProviderCallID = strings.Repeat("x", 300) }, calls.ReportRinging, calls.CodeInvalidField},
		"without a direction":     {func(f *calls.ForeignCall) { f.Direction = "" }, calls.ReportRinging, calls.CodeInvalidField},
		"a link to what was":      {func(*calls.ForeignCall) {}, calls.ReportRecord, calls.CodeNotFound},
		"a digit of nobody":       {func(*calls.ForeignCall) {}, calls.ReportDigit, calls.CodeNotFound},
	} {
		f := inbound
		tc.is(&f)
		if _, err := b.e.Foreign(context.Background(), f, report(tc.told)); calls.CodeOf(err) != tc.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(b.store.rows)+len(b.store.events) != 0 {
		t.Errorf("%d calls and %d events are stored", len(b.store.rows), len(b.store.events))
	}
}

func TestForeignCallTakesNoRequests(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.hears(inbound, report(calls.ReportRinging))
	if _, err := b.e.Hangup(context.Background(), "main", c.ID); calls.CodeOf(err) != calls.CodeWrongState {
		t.Errorf("hang up: %v", err)
	}
}

func TestACallThatWePlacedIsNotForeign(t *testing.T) {
	t.Parallel()
	b, p, _ := providerBench(t, plays)
	c, _ := b.byProvider(p)
	b.events(calls.CallQueued, calls.CallDialing, calls.ProviderCall, calls.ProviderCall)
	b.settle(c.ID)
	f := outbound
	f.Provider, f.ProviderCallID = "cloud", "pc-1"
	if id, err := b.e.Foreign(context.Background(), f, report(calls.ReportEnded)); id != c.ID || err != nil {
		t.Errorf("call %s, %v", id, err)
	}
	p.tells(t, report(calls.ReportEnded))
	if got := b.over(c.ID); got.Outcome != calls.OutcomeNoAnswer || len(b.store.rows) != 1 {
		t.Errorf("ended %s/%s beside %d", got.Outcome, got.Reason, len(b.store.rows)-1)
	}
}

func TestReportsOfAForeignCallInAnyOrderEndItOnce(t *testing.T) {
	t.Parallel()
	states := []calls.ReportState{calls.ReportRinging, calls.ReportManager, calls.ReportAnswered, calls.ReportJoined, calls.ReportDigit, calls.ReportVerdict, calls.ReportRecord}
	for seed := range uint64(300) {
		b := newBench(t)
		rng := newRand(seed)
		f := []calls.ForeignCall{inbound, outbound}[rng.IntN(2)]
		id := ""
		for n := range 12 {
			r := calls.ProviderReport{State: states[rng.IntN(len(states))], Digit: "1", Verdict: calls.VerdictMachine, RecordURL: "https://pbx.example.com/1"}
			if rng.IntN(3) == 0 {
				r.At = epoch.Add(time.Duration(rng.IntN(100)-30) * time.Second)
			}
			if n > 8 || rng.IntN(8) == 0 {
				r = calls.ProviderReport{State: calls.ReportEnded, TalkMS: int64(rng.IntN(2) * 5000), Outcome: []calls.Outcome{"", calls.OutcomeBusy, calls.OutcomeAnswered}[rng.IntN(3)]}
			}
			if got, err := b.e.Foreign(context.Background(), f, r); err == nil {
				id = got
			} else if calls.CodeOf(err) != calls.CodeNotFound || id != "" {
				t.Fatalf("seed %d: %s: %v", seed, r.State, err)
			}
			b.clock.Advance(time.Duration(rng.IntN(5)) * time.Second)
		}
		c, _ := b.store.Call("", id)
		trail := b.trail(id)
		if strings.Count(trail, "completed") != 1 || strings.Count(trail, "answered") > 1 || strings.Count(trail, "ringing") > 1 || len(b.store.rows) != 1 {
			t.Fatalf("seed %d: told %s", seed, trail)
		}
		if answered := c.AnsweredAt != nil; answered != strings.Contains(trail, "answered") || answered != (c.Outcome == calls.OutcomeAnswered || c.Outcome == calls.OutcomeMachine) || c.TalkMS < 0 || c.RingMS < 0 || c.EndedAt == nil {
			b, _ := json.Marshal(c)
			t.Fatalf("seed %d: the call is %s", seed, b)
		}
	}
}
