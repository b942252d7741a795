package mango

import (
	"time"

	"zvonar/internal/calls"
)

// locationPerson is where a leg is that rings or talks to somebody, not to a menu.
const locationPerson = "abonent"

// maxLegs bounds the legs of one call that are told apart.
const maxLegs = 64

// leg is one leg of a call as its notices tell.
type leg struct {
	seq    number
	state  legState
	client bool // it rings or connects the client; else our side
	taken  bool // another leg was made of it
	reason int
	at     time.Time
}

// tracker makes reports of the notices of one call. It is told of them in any
// order, some twice; it is used by one goroutine.
type tracker struct {
	to     string // the client's number
	in     bool   // the client called: he is the caller of every leg
	joins  bool   // both parties are the provider's: told when they hear each other
	legs   map[text]*leg
	dtmf   map[text]number // the last seq of each leg
	record map[text]bool   // recordings: whether they can be had
	entry  text
	live   text // the leg to be hung up: that of the client, once there is one

	rang, manager, answered, joined, ended bool
	reason                                 int // of the leg that ended last
	byClient                               bool
}

func newTracker(to string, joins bool) *tracker {
	return &tracker{to: to, joins: joins, legs: map[text]*leg{}, dtmf: map[text]number{}, record: map[text]bool{}}
}

// resume goes on where a former process was; nil: there was none. What it was told of
// legs is gone, so the next notice of each is the first.
func (t *tracker) resume(r *calls.Resumed) {
	if r == nil {
		return
	}
	t.rang, t.answered, t.manager, t.joined = r.Rang, r.Answered, r.Answered, r.Answered && t.joins
}

// call hears events/call.
func (t *tracker) call(n callNotice) []calls.ProviderReport {
	l := t.legs[n.Call]
	switch {
	case l == nil:
		if len(t.legs) >= maxLegs {
			return nil
		}
		l = &leg{client: sameNumber(string(n.To.Number), t.to)}
		t.legs[n.Call] = l
	case n.Seq <= l.seq || l.state == legDisconnected: // it came late, or twice
		return nil
	}
	l.seq, l.state, l.at = n.Seq, n.State, n.Timestamp.time()
	if from := t.legs[n.From.TakenFrom]; from != nil {
		from.taken = true
	}
	t.entry = n.Entry
	if t.ended {
		return nil
	}
	switch n.State {
	case legAppeared:
		return t.appeared(n, l)
	case legConnected, legOnHold:
		return t.connected(n, l)
	case legDisconnected:
		t.disconnected(n, l)
	}
	return nil
}

// report is one about this call.
func (t *tracker) report(state calls.ReportState, at time.Time) calls.ProviderReport {
	return calls.ProviderReport{State: state, At: at, ProviderCallID: string(t.entry)}
}

func (t *tracker) appeared(n callNotice, l *leg) []calls.ProviderReport {
	if l.client || t.live == "" {
		t.live = n.Call
	}
	if !l.client && !t.in || t.rang || t.answered {
		return nil
	}
	t.rang = true
	return []calls.ProviderReport{t.report(calls.ReportRinging, l.at)}
}

func (t *tracker) connected(n callNotice, l *leg) (out []calls.ProviderReport) {
	if t.in {
		// A menu or a queue answers, too; the call is answered once somebody does.
		if n.Location == locationPerson && !t.answered {
			t.answered = true
			out = append(out, t.report(calls.ReportAnswered, l.at))
		}
		return out
	}
	if l.client || t.live == "" || t.legs[t.live] == nil || !t.legs[t.live].client {
		t.live = n.Call
	}
	if l.client && !t.answered {
		t.answered = true
		out = append(out, t.report(calls.ReportAnswered, l.at))
	}
	if !l.client && !t.manager {
		t.manager = true
		out = append(out, t.report(calls.ReportManager, l.at))
	}
	if t.joins && t.manager && t.answered && !t.joined {
		t.joined = true
		out = append(out, t.report(calls.ReportJoined, l.at))
	}
	return out
}

// disconnected notes how a leg ended. What ended before another leg was made of it,
// or with a plain "done", says nothing of the call.
func (t *tracker) disconnected(n callNotice, l *leg) {
	l.reason = int(n.Reason)
	if t.live == n.Call {
		t.live = ""
	}
	if n.From.Transferred || n.To.Transferred || l.taken || l.reason == codeOK && t.reason != 0 {
		return
	}
	t.reason = l.reason
	m := meaningOf(l.reason)
	// The client is the callee of his leg; of a leg of our side, he is the caller.
	t.byClient = m.callee && l.client || m.caller && !l.client && (t.answered || t.in)
}

// idle reports whether the call has had legs and none of them lives.
func (t *tracker) idle() bool {
	for _, l := range t.legs {
		if l.state != legDisconnected {
			return false
		}
	}
	return len(t.legs) > 0 && !t.ended
}

// digits hears events/dtmf: a sequence of keys becomes one report for each.
func (t *tracker) digits(n dtmfNotice) (out []calls.ProviderReport) {
	if t.ended || n.Seq <= t.dtmf[n.Call] && n.Seq > 0 || len(t.dtmf) >= maxLegs {
		return nil
	}
	t.dtmf[n.Call] = n.Seq
	for _, d := range string(n.Digits) {
		if d >= '0' && d <= '9' || d == '*' || d == '#' {
			r := t.report(calls.ReportDigit, n.Timestamp.time())
			r.Digit = string(d)
			out = append(out, r)
		}
	}
	return out
}

// summary hears events/summary: the call is over, whatever its legs said so far.
func (t *tracker) summary(n summaryNotice) (out []calls.ProviderReport) {
	if t.ended {
		return nil
	}
	t.entry = n.Entry
	if n.Reason != 0 && (t.reason == 0 || t.reason == codeOK) {
		t.reason = int(n.Reason)
		m := meaningOf(t.reason)
		t.byClient = m.callee && !t.in || m.caller && t.in
	}
	end := n.Ended.time()
	var talk time.Duration
	// talk_time is when the talk began; some write its seconds. entry_result says
	// "talked" of a menu as well.
	switch began := n.Talked.time(); {
	case n.Talked <= 0:
	case n.Talked > 1e9 && !began.After(end):
		talk = end.Sub(began)
	default:
		talk = time.Duration(n.Talked) * time.Second
	}
	if n.Talked > 0 && !t.answered {
		t.answered = true
		out = append(out, t.report(calls.ReportAnswered, n.Forwarded.time()))
		if t.joins && !t.joined {
			t.joined = true
			out = append(out, t.report(calls.ReportJoined, n.Forwarded.time()))
		}
	}
	return append(out, t.end(end, talk))
}

// end is the report of the end, by what was heard until now.
func (t *tracker) end(at time.Time, talk time.Duration) calls.ProviderReport {
	t.ended = true
	r := t.report(calls.ReportEnded, at)
	m := meaningOf(t.reason)
	if t.reason == 0 {
		m = meaning{words: "no reason was told"}
	}
	r.TalkMS, r.Words, r.Verdict, r.SIPCode = talk.Milliseconds(), wordsOfEnd(t.reason, m), m.verdict, m.sip
	r.By = calls.ByProvider
	switch {
	case t.byClient:
		r.By = calls.ByCustomer
	case m.caller || m.callee:
		r.By = calls.ByManager
	}
	switch {
	case t.answered:
		r.SIPCode = 0
		if m.verdict != "" && m.verdict != calls.VerdictUnknown {
			r.Outcome = m.outcome
		}
	case t.in:
		r.Outcome, r.Reason = calls.OutcomeMissed, m.reason
	case t.manager || t.rang || t.hadClient() || len(t.legs) == 0 && t.reason < 2000: // a summary alone says nothing of whose telephone it was
		r.Outcome, r.Reason = m.outcome, m.reason
		if r.Outcome == "" {
			r.Outcome = calls.OutcomeNoAnswer
		}
	default:
		// Our side did not come to the telephone, so the client was not rung. Without a
		// manager that side is our user agent, which the provider did not reach.
		r.Outcome, r.Reason, r.SIPCode = calls.OutcomeTrunkError, calls.ReasonProviderFailed, 0
		if t.joins {
			r.Outcome, r.Reason = calls.OutcomeCanceled, calls.ReasonManagerNotReached
		}
		if t.reason >= 2000 {
			r.Outcome, r.Reason = m.outcome, m.reason
		}
	}
	return r
}

func wordsOfEnd(code int, m meaning) string {
	if code == 0 {
		return m.words
	}
	return wordsOf(code)
}

func (t *tracker) hadClient() bool {
	for _, l := range t.legs {
		if l.client {
			return true
		}
	}
	return false
}

// recording hears events/recording: something is, or was, recorded.
func (t *tracker) recording(n recordingNotice) {
	if len(t.record) < maxLegs && n.Recording != "" && !t.record[n.Recording] {
		t.record[n.Recording] = false
	}
}

// added hears events/record/added; it reports whether that is news.
func (t *tracker) added(n recordNotice) bool {
	if n.Recording == "" || t.record[n.Recording] || len(t.record) >= maxLegs {
		return false
	}
	t.record[n.Recording] = true
	return true
}

// awaited reports whether a recording was begun that cannot be had yet.
func (t *tracker) awaited() bool {
	for _, there := range t.record {
		if !there {
			return true
		}
	}
	return false
}
