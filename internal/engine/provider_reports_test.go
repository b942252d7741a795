package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// teller is a provider that reports; the test says what, and how requests end.
type teller struct {
	asked   chan calls.PlaceRequest
	answer  chan error // what Place returns
	reports chan calls.ProviderReport
	told    chan struct{} // each report was heard
	placed  chan calls.PlaceResult
	n       atomic.Int32
}

// Place implements Originator.
func (p *teller) Place(ctx context.Context, r calls.PlaceRequest) (calls.PlaceResult, error) {
	p.asked <- r
	select {
	case err := <-p.answer:
		return calls.PlaceResult{ProviderCallID: fmt.Sprint("pc-", p.n.Add(1))}, err
	case <-ctx.Done():
		return calls.PlaceResult{}, &calls.PlaceUnknown{Reason: "no answer", Err: ctx.Err()}
	}
}

// Follow implements Follower.
func (p *teller) Follow(ctx context.Context, _ calls.PlaceRequest, placed <-chan calls.PlaceResult, tell func(calls.ProviderReport)) func() {
	return func() {
		for {
			select {
			case res, ok := <-placed:
				if placed = nil; ok {
					p.placed <- res
				}
			case r := <-p.reports:
				tell(r)
				p.told <- struct{}{}
			case <-ctx.Done():
				return
			}
		}
	}
}

// canceler is a teller that takes calls back, if it answers at all.
type canceler struct {
	*teller
	asks   chan calls.PlaceResult
	cancel chan error // what Cancel returns
}

// Cancel implements Canceler.
func (c canceler) Cancel(ctx context.Context, _ calls.PlaceRequest, placed calls.PlaceResult) error {
	c.asks <- placed
	select {
	case err := <-c.cancel:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tells lets the provider report, and waits until the call has heard it.
func (p *teller) tells(t *testing.T, reports ...calls.ProviderReport) {
	t.Helper()
	for _, r := range reports {
		p.reports <- r
		select {
		case <-p.told:
		case <-time.After(patience):
			t.Fatalf("%s was not heard", r.State)
		}
	}
}

func newTeller() *teller {
	return &teller{asked: make(chan calls.PlaceRequest, 10), answer: make(chan error, 1), reports: make(chan calls.ProviderReport),
		told: make(chan struct{}, 10), placed: make(chan calls.PlaceResult, 1)}
}

// providerBench is a bench whose provider "cloud" is p, changed.
func providerBench(t *testing.T, change func(*Provider)) (*bench, *teller, canceler) {
	t.Helper()
	b, tell := newBench(t), newTeller()
	c := canceler{tell, make(chan calls.PlaceResult, 1), make(chan error, 1)}
	p := b.e.providers["cloud"]
	p.Originator = tell
	change(&p)
	if p.Originator == nil {
		p.Originator = c
	}
	b.e.providers["cloud"] = p
	return b, tell, c
}

func plays(p *Provider) {
	p.Plays, p.Trunk, p.Extension, p.Numbers = true, "", "", []string{"78005551111"}
}

func report(s calls.ReportState) calls.ProviderReport { return calls.ProviderReport{State: s} }

func reportDigit(d string) calls.ProviderReport {
	return calls.ProviderReport{State: calls.ReportDigit, Digit: d}
}

// byProvider submits a call and lets the provider take it.
func (b *bench) byProvider(p *teller, change ...func(*CallRequest)) (*calls.Call, calls.PlaceRequest) {
	b.t.Helper()
	c := b.submit(append([]func(*CallRequest){viaCloud}, change...)...)
	b.release(c, c.Trunk)
	r := <-p.asked
	p.answer <- nil
	<-p.placed
	return c, r
}

func TestProviderThatPlaysIsFollowedByItsReports(t *testing.T) {
	t.Parallel()
	b, p, _ := providerBench(t, plays)
	c, r := b.byProvider(p, func(r *CallRequest) {
		r.Digits = digits(map[int]calls.Action{1: {Kind: calls.ActionSMS, Value: "hello"}, 3: {Kind: calls.ActionBlock, Value: "1"}})
		r.Metadata = json.RawMessage(`{"deal":7}`)
	})
	if r.Flow.Clips["1001"].SHA256 != "sha1001" || r.Extension != "" || r.From != "78005551111" || string(r.Metadata) != `{"deal":7}` || r.RingTimeout != defaultRingTimeout {
		t.Fatalf("asked for %+v", r)
	}
	if c.Trunk != "provider:cloud" {
		t.Errorf("the call goes by trunk %q", c.Trunk)
	}
	b.events(calls.CallQueued, calls.CallDialing, calls.ProviderCall, calls.ProviderCall)
	p.tells(t, report(calls.ReportRinging), report(calls.ReportRinging), report(calls.ReportAnswered), report(calls.ReportAnswered))
	b.events(calls.CallRinging, calls.CallAnswered)
	p.tells(t, reportDigit("1"), calls.ProviderReport{State: calls.ReportAction, Action: calls.ActionResult{Digit: "1", Action: "smsText", Value: "hello"}})
	if ev := b.events(calls.CallDigit, calls.CallAction); !strings.Contains(string(ev.Data), `"result":"ok"`) {
		t.Errorf("call.action says %s", ev.Data)
	}
	p.tells(t, reportDigit("3"))
	b.events(calls.CallDigit, calls.NumberBlocked, calls.CallAction)
	p.tells(t, calls.ProviderReport{State: calls.ReportEnded, TalkMS: 12_400, Q850: 16, By: calls.ByCustomer})
	got := b.over(c.ID)
	if got.Outcome != calls.OutcomeAnswered || got.TalkMS != 12_400 || got.BillableMS != 13_000 || got.HangupBy != calls.ByCustomer ||
		got.DigitString() != "13" || got.Q850 != 16 || got.ProviderCallID != "pc-1" || got.Digits[0].Via != "provider" || got.Digits[0].Action != "smsText" {
		t.Errorf("ended as %+v", got)
	}
	if len(b.store.sms) != 0 {
		t.Error("the provider sent the text, and we queued it once more")
	}
	b.events(calls.CallCompleted)
	p.tells(t, calls.ProviderReport{State: calls.ReportRecord, RecordURL: "https://pbx.example.com/r/1.mp3"}, report(calls.ReportAnswered))
	if ev := b.events(calls.CallRecordingReady); !strings.Contains(string(ev.Data), `"url":"https://pbx.example.com/r/1.mp3"`) {
		t.Errorf("call.recording_ready says %s", ev.Data)
	}
}

func TestUnansweredCallsOfAProviderEndAsItReports(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		end     calls.ProviderReport
		outcome calls.Outcome
		reason  calls.Reason
		charged bool
	}{
		"busy by cause":      {calls.ProviderReport{Q850: 17}, calls.OutcomeBusy, "", true},
		"rejected by code":   {calls.ProviderReport{SIPCode: 603}, calls.OutcomeRejected, "", true},
		"in its own words":   {calls.ProviderReport{Outcome: calls.OutcomeUnreachable, SIPCode: 480}, calls.OutcomeUnreachable, "", true},
		"its own fault":      {calls.ProviderReport{Outcome: calls.OutcomeTrunkError, Reason: calls.ReasonCongestion}, calls.OutcomeTrunkError, calls.ReasonCongestion, false},
		"without a word":     {calls.ProviderReport{}, calls.OutcomeNoAnswer, "", true},
		"no such number":     {calls.ProviderReport{SIPCode: 404}, calls.OutcomeInvalidNumber, "", true},
		"a machine, at once": {calls.ProviderReport{Outcome: calls.OutcomeMachine, TalkMS: 3000}, calls.OutcomeMachine, calls.ReasonHangup, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, p, _ := providerBench(t, plays)
			c, _ := b.byProvider(p)
			tc.end.State = calls.ReportEnded
			p.tells(t, tc.end)
			got := b.over(c.ID)
			if got.Outcome != tc.outcome || got.Reason != tc.reason || got.Attempts[0].Charged != tc.charged || got.Attempts[0].Open() {
				t.Errorf("ended %s/%s charged=%v", got.Outcome, got.Reason, got.Attempts[0].Charged)
			}
		})
	}
}

func TestAProviderThatSaysNothingMoreEndsTheCallByThatName(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		told    []calls.ProviderReport
		outcome calls.Outcome
	}{
		"never anything":   {nil, calls.OutcomeTrunkError},
		"after the answer": {[]calls.ProviderReport{report(calls.ReportAnswered)}, calls.OutcomeLost},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, p, _ := providerBench(t, plays)
			c, _ := b.byProvider(p)
			p.tells(t, tc.told...)
			b.settle(c.ID)
			b.clock.Advance(defaultMaxDuration + 10*time.Minute)
			if got := b.over(c.ID); got.Outcome != tc.outcome || got.Reason != calls.ReasonProviderTimeout {
				t.Errorf("ended %s/%s", got.Outcome, got.Reason)
			}
			if n := len(b.store.events); b.store.events[n-2].Type != calls.CallNeedsAttention {
				t.Errorf("before call.completed came %s", b.store.events[n-2].Type)
			}
		})
	}
}

func TestReportsCountWhereTheAnswerToTheRequestIsNotKnown(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]error{
		"unknown": &calls.PlaceUnknown{Reason: "the line broke"},
		"refused": &calls.PlaceRefused{Reason: "no money"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, p, _ := providerBench(t, plays)
			c := b.submit(viaCloud)
			b.release(c, c.Trunk)
			<-p.asked
			p.tells(t, calls.ProviderReport{State: calls.ReportRinging, ProviderCallID: "pc-9"}) // faster than the answer
			p.answer <- answer
			p.tells(t, report(calls.ReportAnswered), report(calls.ReportEnded))
			if got := b.over(c.ID); got.Outcome != calls.OutcomeAnswered || got.ProviderCallID != "pc-9" {
				t.Errorf("ended %s/%s, provider's id %q", got.Outcome, got.Reason, got.ProviderCallID)
			}
		})
	}
}

func joins(p *Provider) { p.Joins, p.ClientFirst, p.Trunk, p.Extension = true, true, "", "" }

func bridgeBy(order calls.Order, manager string) func(*CallRequest) {
	return func(r *CallRequest) {
		r.Clip = ""
		r.Bridge, r.ManagerAt = &calls.Bridge{Manager: manager, Order: order}, "body.first"
	}
}

func TestProviderJoinsAnEmployeeAndAClient(t *testing.T) {
	t.Parallel()
	b, p, _ := providerBench(t, joins)
	b.store.staff = map[string]calls.Employee{"emp_1": {ID: "emp_1", Extension: "201", Subscriber: "user1", Method: calls.MethodAPI}}
	c, r := b.byProvider(p, bridgeBy(calls.ManagerFirst, "201"))
	if r.Employee == nil || r.Employee.Subscriber != "user1" || r.Flow.Bridge == nil {
		t.Fatalf("asked for %+v", r)
	}
	b.events(calls.CallQueued, calls.CallDialing, calls.ProviderCall, calls.ProviderCall, calls.CallBridging)
	p.tells(t, report(calls.ReportManager), report(calls.ReportRinging), report(calls.ReportAnswered), report(calls.ReportJoined))
	b.events(calls.CallRinging, calls.CallAnswered, calls.CallBridged)
	b.clock.Advance(7 * time.Second)
	p.tells(t, calls.ProviderReport{State: calls.ReportEnded, By: calls.ByManager})
	if ev := b.events(calls.CallUnbridged); !strings.Contains(string(ev.Data), `"by":"manager"`) || !strings.Contains(string(ev.Data), `"talk_ms":7000`) {
		t.Errorf("call.unbridged says %s", ev.Data)
	}
	if got := b.over(c.ID); got.Outcome != calls.OutcomeAnswered || got.Employee != "emp_1" || got.HangupBy != calls.ByManager || got.TalkMS != 7000 {
		t.Errorf("ended as %+v", got)
	}
}

func TestProviderJoinsTheClientFirst(t *testing.T) {
	t.Parallel()
	b, p, _ := providerBench(t, joins)
	c, r := b.byProvider(p, bridgeBy(calls.ClientFirst, "79330001122@cloud"))
	if r.Employee == nil || r.Employee.Subscriber != "79330001122" || r.Employee.ID != "" {
		t.Fatalf("asked for %+v", r.Employee)
	}
	b.events(calls.CallQueued, calls.CallDialing, calls.ProviderCall, calls.ProviderCall)
	p.tells(t, report(calls.ReportAnswered))
	b.events(calls.CallAnswered, calls.CallBridging)
	p.tells(t, report(calls.ReportManager))
	b.events(calls.CallBridged)
	p.tells(t, report(calls.ReportEnded))
	b.over(c.ID)
}

func TestAManagerWhoDoesNotComeEndsWhatTheProviderWasToJoin(t *testing.T) {
	t.Parallel()
	b, p, _ := providerBench(t, joins)
	c, _ := b.byProvider(p, bridgeBy(calls.ManagerFirst, "79330001122@cloud"))
	p.tells(t, calls.ProviderReport{State: calls.ReportEnded, By: calls.ByManager})
	if got := b.over(c.ID); got.Outcome != calls.OutcomeCanceled || got.Reason != calls.ReasonManagerNotReached || got.Attempts[0].Charged {
		t.Errorf("ended %s/%s", got.Outcome, got.Reason)
	}
}

func TestWhatAProviderCannotDoIsRefusedInWords(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		is   func(*Provider)
		asks func(*CallRequest)
		says string
	}{
		"the client first":  {func(p *Provider) { joins(p); p.ClientFirst = false }, bridgeBy(calls.ClientFirst, "201@cloud"), "rings the manager first"},
		"a manager by us":   {func(*Provider) {}, bridgeBy(calls.ManagerFirst, "74242490764"), "order client_first"},
		"a bridge":          {plays, bridgeBy(calls.ManagerFirst, "74242490764"), "cannot join two parties"},
		"a clip":            {joins, func(*CallRequest) {}, "POST /v1/bridges"},
		"our trunk":         {plays, func(r *CallRequest) { r.Trunk = "main" }, "leave trunk out"},
		"others' accounts":  {func(p *Provider) { p.Account = "other" }, func(*CallRequest) {}, "there is no provider"},
		"a foreign number":  {plays, func(r *CallRequest) { r.From = "78005559999" }, "from is not a number"},
		"without numbers":   {joins, func(r *CallRequest) { bridgeBy(calls.ManagerFirst, "201@cloud")(r); r.Bridge.Anonymous = true }, "leave anonymous out"},
		"a strange partner": {func(*Provider) {}, bridgeBy(calls.ClientFirst, "201@cloud"), "does not join"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, _, _ := providerBench(t, tc.is)
			_, _, err := b.e.Submit(context.Background(), b.request(viaCloud, tc.asks))
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%v; want %q", err, tc.says)
			}
		})
	}
}
