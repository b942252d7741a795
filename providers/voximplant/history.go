package voximplant

import (
	"context"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// historyMargin is how far the clocks may be apart.
const historyMargin = 10 * time.Minute

// lookUp asks the history for the session of a call and tells what it says of it that
// was not told before. Where the answer to StartScenarios was lost the session is found
// by its custom data, which no other session has; after a restart it is not found.
func (c *client) lookUp(ctx context.Context, f *follower) ([]calls.ProviderReport, error) {
	data, at := c.feed.whatWasAsked(f.line)
	if r := f.request.Resumed; r != nil {
		at = r.AskedAt // what it was asked for died with the process before; its session is known, or nothing is
	}
	if data == "" && f.session == "" {
		return nil, nil // it was not asked for yet
	}
	q := fields{}.date("from_date", at.Add(-historyMargin)).date("to_date", c.house.Clock.Now().Add(historyMargin)).text("timezone", "Etc/GMT").
		flag("with_calls", true).flag("with_records", true).number("count", 1)
	if f.session != "" {
		q.text("call_session_history_id", f.session)
	} else {
		q.text("call_session_history_custom_data", data)
	}
	answer, err := c.api.send(ctx, "GetCallHistory", q, nil, providers.Label{Account: f.request.Account, Correlation: f.request.CallID, Secrets: []string{c.house.IntakeURL(c.name)}})
	if err != nil {
		return nil, err
	}
	var got history
	if err := c.api.read(answer, &got); err != nil {
		return nil, err
	}
	var out []calls.ProviderReport
	for i := range got.Result {
		s := &got.Result[i]
		if f.session == "" && s.CustomData != data || f.session != "" && s.ID.String() != f.session {
			continue // a filter that the service does not know must not give us another's call
		}
		if f.session == "" {
			f.session = s.ID.String()
			c.feed.name(f.line, f.session)
		}
		for _, r := range c.read.session(s, f.request.To) {
			out = f.story.tell(out, r)
		}
	}
	return out, nil
}

// over reports whether a session is at its end.
func (s *session) over() bool { return s.Finish != "" || s.Duration != nil }

// session is what the history says of a session: nothing until it is over.
func (r *reading) session(s *session, to string) []calls.ProviderReport {
	if !s.over() {
		return nil
	}
	end := calls.ProviderReport{State: calls.ReportEnded, ProviderCallID: s.ID.String(), Words: calls.Clean(s.Finish, 100)}
	var out []calls.ProviderReport
	call := clientCall(s.Calls, to)
	switch {
	case call == nil && len(s.Calls) > 0: // somebody was called, under a number that we do not know again
		end.Outcome, end.Reason, end.By = calls.OutcomeTrunkError, calls.ReasonProviderTimeout, calls.ByProvider
	case call == nil:
		end.Outcome, end.Reason, end.By = calls.OutcomeTrunkError, calls.ReasonProviderFailed, calls.ByProvider
	case call.Successful:
		at := parseDate(call.StartTime)
		out = append(out, calls.ProviderReport{State: calls.ReportAnswered, At: at})
		if call.Duration != nil {
			end.TalkMS = *call.Duration * 1000
			if !at.IsZero() {
				end.At = at.Add(time.Duration(*call.Duration) * time.Second)
			}
		}
	default:
		f := r.failure("", call.EndReason)
		if code := codeOf(call.EndReason); code != 0 {
			f = r.failure(itoa(code), call.EndReason)
		}
		f.ProviderCallID = end.ProviderCallID
		end = f
		if end.Outcome == "" && end.SIPCode == 0 {
			end.Outcome = calls.OutcomeNoAnswer
		}
	}
	return append(append(out, end), soundOf(s)...)
}

// clientCall is the call to the client among those of a session.
func clientCall(list []sessionCall, to string) *sessionCall {
	for i := range list {
		if c := &list[i]; !c.Incoming && sameNumber(c.RemoteNumber, to) {
			return c
		}
	}
	return nil
}

// sameNumber reports whether the history's spelling of a number means to, which has
// digits only: with a plus sign, or as Russians dial it, with 8 or nothing before it.
// A call that is not found would count as one that never was.
func sameNumber(theirs, to string) bool {
	theirs = strings.TrimPrefix(theirs, "+")
	if theirs == to {
		return true
	}
	const national = 10
	if len(to) != national+1 || to[0] != '7' {
		return false
	}
	return theirs == to[1:] || theirs == "8"+to[1:]
}

// soundOf is where the sound of a session lies.
func soundOf(s *session) (out []calls.ProviderReport) {
	add := func(address string) {
		if strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://") {
			out = append(out, calls.ProviderReport{State: calls.ReportRecord, RecordURL: address})
		}
	}
	for i := range s.Calls {
		add(s.Calls[i].RecordURL)
	}
	for i := range s.Records {
		add(s.Records[i].URL)
	}
	return out
}
