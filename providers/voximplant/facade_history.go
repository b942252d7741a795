package voximplant

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// maxWalk bounds the calls that one question to the history looks at.
const maxWalk = 100_000

// maxOffset is how far a history can be paged (its reference).
const maxOffset = 10_000

// historyFilter is what GetCallHistory asks for.
type historyFilter struct {
	from, to                              time.Time
	zone                                  *time.Location
	zoneName                              string
	sessions, remote, local               []string
	custom, rule                          string
	least, most                           int64 // seconds
	withCalls, withRecords, newest, total bool
	count, offset                         int64
}

// historySpan is what is listed where no dates are given.
const historySpan = 31 * 24 * time.Hour

func (f *facade) historyFilter(q *query) (w historyFilter, err error) {
	p := q.params
	w.zoneName = p.text("timezone")
	if w.zoneName == "" || w.zoneName == "auto" {
		w.zoneName = "Etc/GMT"
	}
	if w.zone, err = time.LoadLocation(w.zoneName); err != nil || w.zoneName == "Local" {
		return w, invalid("timezone")
	}
	w.sessions, w.remote, w.local = p.list("call_session_history_id"), p.list("remote_number"), p.list("local_number")
	w.custom, w.rule = p.text("call_session_history_custom_data"), p.text("rule_name")
	if text := p.text("remote_number_list"); text != "" {
		var list []string
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			return w, invalid("remote_number_list")
		}
		if len(list) > 0 {
			w.remote = list
		}
	}
	var errs [10]error
	w.from, errs[0] = p.date("from_date", w.zone)
	w.to, errs[1] = p.date("to_date", w.zone)
	w.withCalls, errs[2] = p.flag("with_calls")
	w.withRecords, errs[3] = p.flag("with_records")
	w.newest, errs[4] = p.flag("desc_order")
	w.total, errs[5] = p.flag("with_total_count")
	w.count, errs[6] = p.page("count", maxPage, 20)
	w.offset, errs[7] = p.page("offset", maxOffset, 0)
	w.least, errs[8] = p.page("min_duration", 1<<31, 0)
	w.most, errs[9] = p.page("max_duration", 1<<31, 1<<31)
	if err := cmpError(errs[:]...); err != nil {
		return w, err
	}
	if w.to.IsZero() {
		w.to = f.house.Clock.Now()
	}
	if w.from.IsZero() {
		w.from = w.to.Add(-historySpan)
	}
	if len(w.sessions) > maxPage || !w.from.Before(w.to) {
		return w, invalid("from_date")
	}
	return w, nil
}

// takes reports whether a call is asked for.
func (w *historyFilter) takes(c *calls.Call, meta sessionMeta, ruleName string) bool {
	seconds := c.TalkMS / 1000
	return (len(w.remote) == 0 || slices.ContainsFunc(w.remote, func(n string) bool { return strings.TrimPrefix(n, "+") == remoteOf(c) })) &&
		(len(w.local) == 0 || slices.ContainsFunc(w.local, func(n string) bool { return strings.TrimPrefix(n, "+") == c.Line })) &&
		(w.custom == "" || w.custom == meta.Voximplant.CustomData) && (w.rule == "" || w.rule == ruleName) &&
		seconds >= w.least && seconds <= w.most
}

// remoteOf is the number at the other end.
func remoteOf(c *calls.Call) string {
	if c.Direction == calls.In {
		return c.From
	}
	return c.To
}

// getCallHistory lists calls as sessions.
func (f *facade) getCallHistory(_ http.ResponseWriter, q *query) (any, error) {
	if q.params.text("output") != "" && q.params.text("output") != "json" {
		return nil, &apiError{105, "The output format is not supported."}
	}
	w, err := f.historyFilter(q)
	if err != nil {
		return nil, err
	}
	var found []*calls.Call
	if len(w.sessions) > 0 {
		found, err = f.sessionsOf(q, &w)
	} else {
		found, err = f.walk(q, &w)
	}
	if err != nil {
		return nil, err
	}
	if !w.newest {
		slices.Reverse(found)
	}
	all := len(found)
	found = found[min(int64(all), w.offset):]
	found = found[:min(int64(len(found)), w.count)]
	out := history{Result: make([]session, 0, len(found)), Timezone: w.zoneName}
	for _, c := range found {
		s, err := f.sessionView(q, &w, c)
		if err != nil {
			return nil, err
		}
		out.Result = append(out.Result, s)
	}
	out.Count = len(out.Result)
	if w.total {
		out.TotalCount = &all
	}
	return out, nil
}

// sessionsOf finds the calls of numbers, newest first.
func (f *facade) sessionsOf(q *query, w *historyFilter) (list []*calls.Call, err error) {
	err = f.house.Store.View(q.ctx, func(tx calls.ReadTx) error {
		for _, text := range w.sessions {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return invalid("call_session_history_id")
			}
			id, err := tx.Numbered(q.key.Account, numberSession, n)
			var c *calls.Call
			if err == nil {
				c, err = tx.Call(q.key.Account, id)
			}
			switch {
			case errors.Is(err, calls.ErrNotFound):
				continue
			case err != nil:
				return err
			}
			if meta, rule := f.ruleOf(c); w.takes(c, meta, rule.Name) {
				list = append(list, c)
			}
		}
		return nil
	})
	slices.SortFunc(list, func(a, b *calls.Call) int { return strings.Compare(b.ID, a.ID) })
	return list, err
}

// walk goes through the calls from the latest date back, newest first. The order of
// ids is that of time.
func (f *facade) walk(q *query, w *historyFilter) (list []*calls.Call, err error) {
	cursor := "call_" + bound(w.to.Add(time.Second))
	for seen := 0; ; {
		var page []*calls.Call
		err := f.house.Store.View(q.ctx, func(tx calls.ReadTx) (err error) {
			page, err = tx.Calls(calls.CallFilter{Account: q.key.Account, Cursor: cursor, Limit: 500})
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, c := range page {
			cursor = c.ID
			if c.CreatedAt.Before(w.from) {
				return list, nil
			}
			if meta, rule := f.ruleOf(c); !c.CreatedAt.After(w.to) && w.takes(c, meta, rule.Name) {
				list = append(list, c)
			}
		}
		if len(page) < 500 {
			return list, nil
		}
		if seen += len(page); seen >= maxWalk {
			return nil, &apiError{101, "Invalid arguments: there are too many calls between 'from_date' and 'to_date'."}
		}
	}
}

// bound is the least id of a time.
func bound(t time.Time) string {
	var id ulid.ULID
	if err := id.SetTime(ulid.Timestamp(t)); err != nil {
		return "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"
	}
	return id.String()
}

// ruleOf is by which rule a call was asked for, if by any.
func (f *facade) ruleOf(c *calls.Call) (m sessionMeta, r rule) {
	var list struct {
		List *listMeta `json:"voximplant_list"`
	}
	if err := json.Unmarshal(c.Metadata, &m); err != nil {
		return m, r
	}
	if err := json.Unmarshal(c.Metadata, &list); err == nil && list.List != nil {
		m.Voximplant.RuleID = list.List.RuleID
		if data, err := json.Marshal(withoutControls(c.Variables)); err == nil {
			m.Voximplant.CustomData = string(data)
		}
	}
	return m, f.settings.Rules[strconv.FormatInt(m.Voximplant.RuleID, 10)]
}

func withoutControls(v map[string]string) map[string]string {
	out := map[string]string{}
	for name, value := range v {
		if name != batchVariable {
			out[name] = value
		}
	}
	return out
}

// sessionView is a call as a CallSessionInfo.
func (f *facade) sessionView(q *query, w *historyFilter, c *calls.Call) (s session, err error) {
	n, err := f.sessionNumber(q, c.ID)
	if err != nil {
		return s, err
	}
	meta, rule := f.ruleOf(c)
	s = session{ID: number(n), AccountID: json.Number(q.key.Public), RuleName: rule.Name, AppName: rule.Application,
		StartDate: c.CreatedAt.In(w.zone).Format(dateLayout), CustomData: meta.Voximplant.CustomData}
	if c.Over() {
		s.Duration = seconds64(c.EndedAt.Sub(c.CreatedAt))
		s.Finish = "Normal termination"
		if c.Outcome == calls.OutcomeLost || c.Outcome == calls.OutcomeTrunkError {
			s.Finish = "JS session error"
		}
	}
	if w.withCalls {
		s.Calls = []sessionCall{f.callView(w, c, n)}
	}
	if w.withRecords {
		s.Records = f.records(w, c, n)
	}
	if !providers.NeedListen.MetBy(q.key.Roles) {
		for i := range s.Records {
			s.Records[i].URL = ""
		}
	}
	if w.withCalls && len(s.Records) > 0 {
		s.Calls[0].RecordURL = s.Records[0].URL
	}
	return s, nil
}

func number(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }

func seconds64(d time.Duration) *int64 {
	n := int64(max(0, d) / time.Second)
	return &n
}

// endCodes are the codes of end_reason by outcome, where the call has no SIP code.
var endCodes = map[calls.Outcome]string{
	calls.OutcomeBusy: "486 Busy here", calls.OutcomeNoAnswer: "408 No answer", calls.OutcomeRejected: "603 Rejected",
	calls.OutcomeUnreachable: "480 Unavailable", calls.OutcomeInvalidNumber: "404 Invalid number", calls.OutcomeCanceled: "487 Terminated",
	calls.OutcomeExpired: "487 Terminated", calls.OutcomeBlocked: "403 Blacklisted", calls.OutcomeAnnouncement: "480 Unavailable",
	calls.OutcomeMissed: "480 Unavailable", calls.OutcomeTrunkError: "503 Service unavailable", calls.OutcomeLost: "500 Internal error",
}

// endReason is how a call ended, in the form "486 Busy here", whose exact spelling at
// the service is not documented.
func endReason(c *calls.Call) string {
	if !c.Over() || c.AnsweredAt != nil {
		return ""
	}
	return endCodes[c.Outcome]
}

func (f *facade) callView(w *historyFilter, c *calls.Call, n int64) sessionCall {
	start := c.CreatedAt
	if c.AnsweredAt != nil {
		start = *c.AnsweredAt
	}
	v := sessionCall{ID: number(n), StartTime: start.In(w.zone).Format(dateLayout), LocalNumber: c.Line, RemoteNumber: remoteOf(c),
		RemoteType: "pstn", Incoming: c.Direction == calls.In, Successful: c.AnsweredAt != nil, EndReason: endReason(c)}
	if c.Over() {
		v.Duration = seconds64(time.Duration(c.TalkMS) * time.Millisecond)
	}
	return v
}

// records are where the sound of a talk lies; the link opens for a while.
func (f *facade) records(w *historyFilter, c *calls.Call, n int64) []sessionRecord {
	if f.house.Captures == nil || c.AnsweredAt == nil {
		return nil
	}
	file, err := f.house.Captures.Path(c.Account, c.ID)
	if err != nil {
		return nil
	}
	r := sessionRecord{ID: number(n), StartTime: c.AnsweredAt.In(w.zone).Format(dateLayout), Duration: seconds64(time.Duration(c.TalkMS) * time.Millisecond),
		URL: f.house.Links.URL(c.ID, f.house.Clock.Now().Add(calls.CaptureLinkLife))}
	if info, err := os.Stat(file); err == nil {
		size := info.Size()
		r.FileSize = &size
	}
	return []sessionRecord{r}
}
