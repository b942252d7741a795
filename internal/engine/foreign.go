package engine

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"zvonar/internal/calls"
)

// A foreign call is one at a provider that nobody here asked for: an employee's
// telephone rang, or he dialled himself. No goroutine owns it. Every report is a unit of
// work of its own that reads the call, moves it by a table and writes it: units run
// one after another, and after a restart the next report goes on.

// The longest silence of a provider about a call that is rung, and about one that was
// answered. What is not told of for longer ends as lost.
const (
	foreignRings = 15 * time.Minute
	foreignTalks = 6 * time.Hour
)

// foreignCall is one report at work.
type foreignCall struct {
	e      *Engine
	c      *calls.Call
	now    time.Time
	events []calls.Event
}

// foreignSteps says what a report does by where the call stands. What is not listed
// does nothing: it came late, or twice. Where the sound lies is told in any state.
var foreignSteps = map[calls.Status]map[calls.ReportState]func(*foreignCall, calls.ProviderReport){
	calls.StatusDialing: {
		calls.ReportRinging:  (*foreignCall).rings,
		calls.ReportAnswered: (*foreignCall).answered,
		calls.ReportJoined:   (*foreignCall).joined,
		calls.ReportDigit:    (*foreignCall).digit,
		calls.ReportVerdict:  (*foreignCall).verdict,
		calls.ReportEnded:    (*foreignCall).ended,
	},
	calls.StatusRinging: {
		calls.ReportManager:  (*foreignCall).managerAnswered,
		calls.ReportAnswered: (*foreignCall).answered,
		calls.ReportJoined:   (*foreignCall).joined,
		calls.ReportDigit:    (*foreignCall).digit,
		calls.ReportVerdict:  (*foreignCall).verdict,
		calls.ReportEnded:    (*foreignCall).ended,
	},
	calls.StatusAnswered: {
		calls.ReportJoined:  (*foreignCall).joined,
		calls.ReportDigit:   (*foreignCall).digit,
		calls.ReportVerdict: (*foreignCall).verdict,
		calls.ReportEnded:   (*foreignCall).ended,
	},
	calls.StatusBridged: {
		calls.ReportDigit:   (*foreignCall).digit,
		calls.ReportVerdict: (*foreignCall).verdict,
		calls.ReportEnded:   (*foreignCall).ended,
	},
}

// Foreign implements API.
func (e *Engine) Foreign(ctx context.Context, f calls.ForeignCall, r calls.ProviderReport) (id string, err error) {
	if err := checkForeign(&f); err != nil {
		return "", err
	}
	e.metrics.report(f.Provider, r.State)
	var begun, done *calls.Call
	err = e.store.Update(ctx, func(tx calls.Tx) error {
		begun, done = nil, nil
		x, isNew, err := e.foreign(tx, f, r)
		if err != nil {
			return err
		}
		id = x.c.ID
		if !x.c.Foreign {
			return nil // we placed it; who follows it hears of it
		}
		over := x.c.Over()
		x.hear(f, r)
		switch {
		case isNew:
			begun = x.c
			err = errors.Join(tx.InsertCall(x.c), tx.NameProviderCall(f.Account, f.Provider, f.ProviderCallID, id))
		case !over:
			err = tx.UpdateCall(x.c)
		}
		if x.c.Over() && !over {
			done = x.c
		}
		return errors.Join(err, appendEvents(tx, x.events))
	})
	if err != nil {
		return "", err
	}
	if begun != nil {
		e.metrics.started(begun)
		e.log.Info("a provider tells of a call", "call", id, "provider", f.Provider, "direction", f.Direction, "from", calls.Mask(f.From), "to", calls.Mask(f.To))
	}
	if done != nil {
		e.metrics.completed(done)
		e.log.Info("call completed", "call", id, "provider", f.Provider, "outcome", done.Outcome, "talk_ms", done.TalkMS)
	}
	return id, nil
}

// checkForeign completes what names a foreign call, and refuses what cannot be one.
func checkForeign(f *calls.ForeignCall) error {
	f.Account = cmp.Or(f.Account, calls.MainAccount)
	switch {
	case f.Provider == "" || f.ProviderCallID == "":
		return calls.Errorf(calls.CodeInvalidField, "a provider's call needs the names of both").At("provider_call_id", nil)
	case len(f.ProviderCallID) > maxProviderID || !calls.Printable(f.ProviderCallID):
		return calls.Errorf(calls.CodeInvalidField, "the provider's name of a call has at most %d printable bytes", maxProviderID).At("provider_call_id", nil)
	case f.Direction != calls.In && f.Direction != calls.Out:
		return calls.Errorf(calls.CodeInvalidField, "a call comes in or goes out").At("direction", f.Direction)
	}
	f.To, f.From, f.Line = digitsOnly(f.To), digitsOnly(f.From), digitsOnly(f.Line)
	return nil
}

// foreign finds the call, or makes it where the report can begin one.
func (e *Engine) foreign(tx calls.ReadTx, f calls.ForeignCall, r calls.ProviderReport) (x *foreignCall, isNew bool, err error) {
	x = &foreignCall{e: e, now: e.clock.Now()}
	id, err := tx.ProviderCall(f.Account, f.Provider, f.ProviderCallID)
	if err == nil {
		x.c, err = tx.Call(f.Account, id)
	}
	if !errors.Is(err, calls.ErrNotFound) {
		return x, false, err
	}
	switch r.State {
	case calls.ReportRinging, calls.ReportManager, calls.ReportAnswered, calls.ReportJoined, calls.ReportEnded:
	default:
		return nil, false, calls.Errorf(calls.CodeNotFound, "the provider tells more of a call that is not known")
	}
	x.c = &calls.Call{ID: e.ids.New("call_"), Account: f.Account, Direction: f.Direction, Status: calls.StatusDialing, To: f.To, From: f.From, Line: f.Line,
		Employee: f.Employee, Trunk: ProviderLane(f.Provider), Provider: f.Provider, ProviderCallID: f.ProviderCallID, Foreign: true,
		CreatedAt: x.now, DueAt: x.now, Flow: calls.DefaultFlow()}
	return x, true, nil
}

// hear moves the call by a report.
func (x *foreignCall) hear(f calls.ForeignCall, r calls.ProviderReport) {
	c := x.c
	if c.ReportedAt == nil {
		x.begin(r)
	}
	if !c.Over() {
		now := x.now
		c.ReportedAt = &now
		x.learn(f, r)
	}
	if r.State == calls.ReportRecord && goodLink(r.RecordURL) {
		x.tell(calls.CallRecordingReady, recordData{URL: r.RecordURL, Provider: c.Provider, DurationMS: r.TalkMS})
	}
	if step := foreignSteps[c.Status][r.State]; step != nil {
		step(x, r)
	}
}

func (x *foreignCall) tell(t calls.EventType, data any) {
	x.events = append(x.events, x.e.event(x.c, t, data))
}

// begin tells of a call that is new to us.
func (x *foreignCall) begin(r calls.ProviderReport) {
	c := x.c
	x.tell(calls.ProviderCall, providerData{Provider: c.Provider, State: "foreign", ProviderCallID: c.ProviderCallID})
	if c.Direction == calls.In {
		x.rings(r)
		return
	}
	x.tell(calls.CallDialing, dialingData{Trunk: c.Trunk, Target: c.To, From: c.From})
}

// learn keeps what was not known of the call before. Whose telephone answered has it.
func (x *foreignCall) learn(f calls.ForeignCall, r calls.ProviderReport) {
	c := x.c
	c.To, c.From, c.Line = cmp.Or(c.To, f.To), cmp.Or(c.From, f.From), cmp.Or(c.Line, f.Line)
	takes := c.AnsweredAt == nil && (r.State == calls.ReportManager || r.State == calls.ReportAnswered || r.State == calls.ReportJoined)
	if f.Employee != "" && (takes || c.Employee == "") {
		c.Employee = f.Employee
	}
}

// at is when a report was true, by our clock and in the order of the call's life.
func (x *foreignCall) at(r calls.ProviderReport) time.Time {
	from := x.c.CreatedAt
	if x.c.RingingAt != nil {
		from = *x.c.RingingAt
	} else if x.c.ReportedAt == nil {
		from = x.now.Add(-foreignTalks) // it may tell late of what was
	}
	if x.c.AnsweredAt != nil {
		from = *x.c.AnsweredAt
	}
	if r.At.IsZero() || r.At.After(x.now) || r.At.Before(from) {
		return x.now
	}
	return r.At
}

func (x *foreignCall) rings(r calls.ProviderReport) {
	if x.c.RingingAt != nil {
		return
	}
	at := x.at(r)
	if r.State == calls.ReportEnded && r.TalkMS > 0 { // it tells of it only now
		at = at.Add(-time.Duration(r.TalkMS) * time.Millisecond)
	}
	x.c.Status, x.c.RingingAt = calls.StatusRinging, &at
	x.tell(calls.CallRinging, ringingData{})
}

// managerAnswered: the employee's telephone was answered. Of a call that came in that is
// the answer.
func (x *foreignCall) managerAnswered(r calls.ProviderReport) {
	if x.c.Direction == calls.In {
		x.answered(r)
	}
}

func (x *foreignCall) answered(r calls.ProviderReport) { x.answeredAt(x.at(r)) }

func (x *foreignCall) answeredAt(at time.Time) {
	c := x.c
	c.Status, c.AnsweredAt = calls.StatusAnswered, &at
	if c.RingingAt != nil {
		c.RingMS = max(0, at.Sub(*c.RingingAt).Milliseconds())
	}
	x.tell(calls.CallAnswered, answeredData{Leg: calls.RoleCustomer, RingMS: c.RingMS})
}

func (x *foreignCall) joined(r calls.ProviderReport) {
	if x.c.AnsweredAt == nil {
		x.answered(r)
	}
	x.c.Status = calls.StatusBridged
	x.tell(calls.CallBridged, nil)
}

// digit keeps what was pressed; what was told with the same time is told twice.
func (x *foreignCall) digit(r calls.ProviderReport) {
	at := x.now
	if !r.At.IsZero() && !r.At.After(x.now) {
		at = r.At
	}
	same := func(d calls.DigitPress) bool { return !r.At.IsZero() && d.At.Equal(at) && d.Digit == r.Digit }
	if len(r.Digit) != 1 || !strings.Contains("0123456789*#", r.Digit) || len(x.c.Digits) >= maxDigits || slices.ContainsFunc(x.c.Digits, same) {
		return
	}
	x.c.Digits = append(x.c.Digits, calls.DigitPress{Digit: r.Digit, At: at, Leg: calls.RoleCustomer, Via: "provider"})
	x.tell(calls.CallDigit, digitData{Digit: r.Digit, Leg: calls.RoleCustomer, Via: "provider"})
}

func (x *foreignCall) verdict(r calls.ProviderReport) {
	if r.Verdict == calls.VerdictNone || r.Verdict == x.c.Verdict {
		return
	}
	j := calls.Judged{Kind: calls.JudgedVerdict, Verdict: r.Verdict, Cause: causeProvider}
	if x.c.Verdict != calls.VerdictNone {
		j.Kind = calls.JudgedRevised
	}
	x.c.Verdict = r.Verdict
	x.tell(calls.CallAMD, j.Told())
}

// ended completes the call. One that came in and was not answered is missed.
func (x *foreignCall) ended(r calls.ProviderReport) {
	c := x.c
	at := x.at(r)
	if c.AnsweredAt == nil && saysAnswered(r) {
		x.answeredAt(at.Add(-time.Duration(r.TalkMS) * time.Millisecond))
	}
	result, by := calls.Result{Reason: cmp.Or(r.Reason, calls.ReasonHangup)}, cmp.Or(r.By, calls.ByProvider)
	switch {
	case c.AnsweredAt != nil:
		if result.Outcome = c.Verdict.Answered(); r.Outcome == calls.OutcomeMachine || r.Outcome == calls.OutcomeFax {
			result.Outcome = r.Outcome
		}
		c.TalkMS = r.TalkMS
	case c.Direction == calls.In:
		result.Outcome, by = calls.OutcomeMissed, cmp.Or(r.By, calls.ByCustomer)
	default:
		result = endOfUnanswered(r, c)
	}
	c.SIPCode, c.Q850 = r.SIPCode, r.Q850
	if c.Status == calls.StatusBridged {
		x.tell(calls.CallUnbridged, unbridgedData{By: by, Reason: result.Reason, TalkMS: cmp.Or(r.TalkMS, max(0, at.Sub(*c.AnsweredAt).Milliseconds()))})
	}
	endCall(c, result, by, at)
	x.tell(calls.CallCompleted, completedOf(c))
}

// silent reports whether a foreign call was not told of for too long.
func (e *Engine) silent(c *calls.Call) bool {
	patience, last := foreignRings, c.CreatedAt
	if c.AnsweredAt != nil {
		patience = foreignTalks
	}
	if c.ReportedAt != nil {
		last = *c.ReportedAt
	}
	return e.clock.Now().Sub(last) > patience
}

// forsake ends foreign calls that their providers forgot. How long they talked
// is not known; they end when they were told of last.
func (e *Engine) forsake(list []*calls.Call) {
	for _, c := range list {
		e.log.Warn("a provider never told how a call ended; it ends as lost", "call", c.ID, "provider", c.Provider)
		c.EndedAt = c.ReportedAt
		e.loseOne(c, verdict{reason: calls.ReasonProviderTimeout})
	}
}
