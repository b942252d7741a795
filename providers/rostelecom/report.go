package rostelecom

import (
	"strconv"
	"strings"
	"time"

	"zvonar/internal/calls"
)

// telling turns the events of one session into reports of a call. It is pure and
// bears events that come twice, late and out of order: the end is told once, a talk
// that began is not taken back.
type telling struct {
	client   string // the number that is called
	own      string // who is rung first: a pin, or the user of a SIP URI
	ready    string // how a talk with the client is known: onNumber, onFirst, onSecond
	session  string
	seen     map[event]bool
	connects int
	rang     bool
	manager  bool
	answered time.Time // zero: he did not, as far as is known
	talking  bool
	over     bool // its end was told
	joins    bool // the other side is an employee's, not our user agent
	ownRang  bool // our side was rung
	foreign  bool // nobody here asked for it: it rings when it is new
	recorded bool
}

func newTelling(client, own, ready string) *telling {
	return &telling{client: client, own: own, ready: ready, seen: map[event]bool{}}
}

// resume goes on where a former process was; nil: there was none.
func (t *telling) resume(r *calls.Resumed) {
	if r != nil {
		t.rang, t.talking, t.manager = r.Rang, r.Answered, r.Answered
	}
}

// event gives what follows from an event.
func (t *telling) event(e event) []calls.ProviderReport {
	if t.over || t.seen[e] || len(t.seen) > maxParkedEvents {
		return nil
	}
	t.seen[e] = true
	t.recorded = t.recorded || e.IsRecord.yes()
	at := e.at()
	rep := func(s calls.ReportState) calls.ProviderReport {
		return calls.ProviderReport{State: s, At: at, ProviderCallID: string(e.SessionID)}
	}
	t.ownRang = t.ownRang || string(e.State) == stateCalling && t.own != "" && user(string(e.RequestPIN)) == t.own
	switch string(e.State) {
	case stateNew, stateCalling:
		if t.rang || !t.foreign && (!t.names(e) || string(e.State) == stateNew) {
			return nil
		}
		t.rang = true
		return []calls.ProviderReport{rep(calls.ReportRinging)}
	case stateConnected:
		return t.connected(e, rep)
	case stateEnd:
		t.over = true
		end := rep(calls.ReportEnded)
		end.Words = calls.Clean(string(e.DisconnectReason), 200)
		return []calls.ProviderReport{end}
	}
	return nil
}

// names reports whether an event is of the client's telephone and not of our side's.
func (t *telling) names(e event) bool {
	if t.own != "" && user(string(e.RequestPIN)) == t.own {
		return false
	}
	return same(string(e.RequestNumber), t.client)
}

// connected tells whose answer it was.
func (t *telling) connected(e event, rep func(calls.ReportState) calls.ProviderReport) []calls.ProviderReport {
	t.connects++
	client := t.names(e)
	switch t.ready {
	case onFirst:
		client = true
	case onSecond:
		client = t.connects > 1
	}
	if !client {
		if t.manager {
			return nil
		}
		t.manager = true
		return []calls.ProviderReport{rep(calls.ReportManager)}
	}
	if t.talking {
		return nil
	}
	t.talking, t.answered = true, e.at()
	return []calls.ProviderReport{rep(calls.ReportAnswered), rep(calls.ReportJoined)}
}

// The states of call_info.
const (
	infoAccepted    = 1
	infoNotAccepted = 2
)

// ended completes the report of the end by what call_info says; info nil: it said
// nothing, and the events decide.
func (t *telling) ended(rep calls.ProviderReport, info *callInfo) calls.ProviderReport {
	accepted := info != nil && info.State.whole() == infoAccepted
	if t.ownRang && !t.manager && !t.rang && !t.talking && !accepted {
		return t.notReached(rep)
	}
	if info == nil {
		if t.talking {
			rep.Outcome = calls.OutcomeAnswered
			if !t.answered.IsZero() && rep.At.After(t.answered) {
				rep.TalkMS = rep.At.Sub(t.answered).Milliseconds()
			}
			return rep
		}
		rep.Outcome = calls.OutcomeNoAnswer
		return rep
	}
	words := string(info.StatusString)
	if words != "" && words != "0" {
		rep.Words = calls.Clean(words, 200)
	}
	switch info.State.whole() {
	case infoAccepted:
		rep.Outcome, rep.TalkMS = calls.OutcomeAnswered, min(max(info.Duration.whole(), 0), maxTalk)*1000
		return rep
	case infoNotAccepted:
	default:
		return t.ended(rep, nil)
	}
	rep.SIPCode = sipCode(info.StatusCode)
	if rep.SIPCode == 0 {
		rep.Outcome = calls.OutcomeNoAnswer
	}
	return rep
}

// notReached is the end of a call whose own side was rung and did not come to the
// telephone, so that the client was not rung.
func (t *telling) notReached(rep calls.ProviderReport) calls.ProviderReport {
	rep.Outcome, rep.Reason = calls.OutcomeTrunkError, calls.ReasonProviderFailed
	if t.joins {
		rep.Outcome, rep.Reason, rep.By = calls.OutcomeCanceled, calls.ReasonManagerNotReached, calls.ByManager
	}
	return rep
}

// maxTalk bounds a duration that is told, in seconds.
const maxTalk = 7 * 24 * 3600

// sipCode is a final SIP status in a status code of the API; 0: it is none. That
// they are SIP's is not documented.
func sipCode(code text) int {
	n, err := strconv.Atoi(strings.TrimSpace(string(code)))
	if err != nil || n < 400 || n > 699 {
		return 0
	}
	return n
}
