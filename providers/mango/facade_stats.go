package mango

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/providers"
)

// Bounds of statistics that wait to be had.
const (
	maxAskedStats = 1000
	maxStatCalls  = 20000 // that are looked at for one answer
)

// askedStats are statistics that were asked for.
type askedStats struct {
	account   string
	request   statsRequest
	columns   []string
	ready     time.Time
	forgotten time.Time
}

// statsDesk keeps what was asked for until it is had. Safe for concurrent use.
type statsDesk struct {
	clock clock.Clock
	set   facadeSettings

	mu   sync.Mutex
	list map[string]askedStats
}

func newStatsDesk(c clock.Clock, set facadeSettings) *statsDesk {
	return &statsDesk{clock: c, set: set, list: map[string]askedStats{}}
}

// keep takes a request; false: too many wait.
func (d *statsDesk) keep(key string, a askedStats) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.clock.Now()
	for k, old := range d.list {
		if now.After(old.forgotten) {
			delete(d.list, k)
		}
	}
	if len(d.list) >= maxAskedStats {
		return false
	}
	a.ready = now.Add(time.Duration(d.set.StatsReady))
	a.forgotten = a.ready.Add(time.Duration(d.set.StatsKept))
	d.list[key] = a
	return true
}

// get finds what an account asked for.
func (d *statsDesk) get(account, key string) (a askedStats, found, ready bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.clock.Now()
	a, found = d.list[key]
	if !found || a.account != account || now.After(a.forgotten) {
		return askedStats{}, false, false
	}
	return a, true, !now.Before(a.ready)
}

// allColumns are those that can be asked for.
var allColumns = append(slices.Clone(defaultColumns), colEntry, colCreate)

// statsRequest is stats/request.
func (f *facade) statsRequest(q *query) outcome {
	var b statsRequest
	if err := q.form.parse(&b); err != nil {
		return refused(codeBadJSON, "json cannot be read")
	}
	from, to := b.From.time(), b.To.time()
	switch {
	case from.IsZero() || to.IsZero() || to.Before(from):
		return refused(codeBadParams, "date_from and date_to are seconds of UNIX, in their order")
	case to.Sub(from) > maxStats:
		return refused(codeBadParams, "statistics are of a month at the most")
	case b.Party != nil && (b.Caller != nil || b.Callee != nil):
		return refused(codeBadParams, "call_party stands alone, without from and to")
	}
	columns := defaultColumns
	if b.Fields != "" {
		columns = nil
		for c := range strings.SplitSeq(string(b.Fields), ",") {
			if c = strings.TrimSpace(c); !slices.Contains(allColumns, c) {
				return refused(codeBadParams, "there is no field %q", calls.Clean(c, 40))
			}
			columns = append(columns, c)
		}
	}
	key := f.house.IDs.New("")
	if !f.stats.keep(key, askedStats{account: q.key.Account, request: b, columns: columns}) {
		return refused(codeOverloaded, "too many statistics wait to be had")
	}
	writeJSON(q.w, http.StatusOK, statsKey{Key: text(key)})
	if f.set.StatsReady == 0 {
		f.notify(q, pathStat, statNotice{Key: text(key), Request: b.Request})
	}
	return outcome{done: true}
}

// statsResult is stats/result: 200 with the rows, 204 not ready yet, 404 there are none.
func (f *facade) statsResult(q *query) outcome {
	var b statsKey
	if err := q.form.parse(&b); err != nil {
		return refused(codeBadJSON, "json cannot be read")
	}
	a, found, ready := f.stats.get(q.key.Account, string(b.Key))
	switch {
	case !found:
		providers.Named(q.r.Context(), providers.Label{Fault: "there are no statistics of this key, or not any more"})
		q.w.WriteHeader(http.StatusNotFound)
		return outcome{done: true}
	case !ready:
		q.w.WriteHeader(http.StatusNoContent)
		return outcome{done: true}
	}
	var rows []row
	err := f.view(q, func(tx calls.ReadTx, _ string) (err error) {
		rows, err = f.statRows(tx, a)
		return err
	})
	if err != nil {
		return outcome{err: err}
	}
	var body strings.Builder
	for _, r := range slices.Backward(rows) {
		// Captures look into the store themselves: within a view of it they would wait
		// for a reader while this one keeps one.
		if id := r[colEntry]; slices.Contains(a.columns, colRecords) && f.hasCapture(a.account, id) {
			r[colRecords] = fmt.Sprintf("[%s]", id)
		}
		body.WriteString(r.line(a.columns))
	}
	q.w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	_, _ = q.w.Write([]byte(body.String()))
	return outcome{done: true}
}

// statRows are the rows of an answer, the newest call first, without their records.
func (f *facade) statRows(tx calls.ReadTx, a askedStats) (rows []row, err error) {
	from, to := a.request.From.time(), a.request.To.time()
	filter := calls.CallFilter{Account: a.account, Limit: page}
	extensions := map[string]string{}
	for seen := 0; seen < maxStatCalls; seen += page {
		list, err := tx.Calls(filter)
		if err != nil {
			return nil, err
		}
		for _, c := range list {
			if c.CreatedAt.Before(from) {
				list = nil
				break
			}
			if c.CreatedAt.After(to) || !c.Over() {
				continue
			}
			r := f.rowOf(tx, c, extensions)
			if a.request.wants(r) {
				rows = append(rows, r)
			}
		}
		if len(list) < page {
			break
		}
		filter.Cursor = list[len(list)-1].ID
	}
	return rows, nil
}

// rowOf is a call as a row. A call that an employee placed is from him, one that
// reached him is to him.
func (f *facade) rowOf(tx calls.ReadTx, c *calls.Call, extensions map[string]string) row {
	seconds := func(t *time.Time) string {
		if t == nil {
			return "0"
		}
		return strconv.FormatInt(t.Unix(), 10)
	}
	extension := ""
	if c.Employee != "" {
		known, ok := extensions[c.Employee]
		if !ok {
			if e, err := tx.Employee(c.Account, c.Employee); err == nil {
				known = e.Extension
			}
			extensions[c.Employee] = known
		}
		extension = known
	}
	r := row{colRecords: "[]", colStart: strconv.FormatInt(c.CreatedAt.Unix(), 10), colFinish: seconds(c.EndedAt), colAnswer: seconds(c.AnsweredAt),
		colFrom: c.From, colTo: c.To, colReason: strconv.Itoa(endOf(c.Outcome, c.HangupBy, c.Direction)), colLine: c.Line,
		colLocation: "abonent", colEntry: c.ID, colCreate: strconv.FormatInt(c.CreatedAt.Unix(), 10), colFromExt: "", colToExt: ""}
	if c.Direction == calls.In {
		r[colToExt] = extension
	} else {
		r[colFromExt] = extension
	}
	return r
}

// wants reports whether a row is of the sides that were asked for.
func (s statsRequest) wants(r row) bool {
	is := func(e *endpoint, extension, number string) bool {
		return e == nil || (e.Extension == "" || string(e.Extension) == r[extension]) && (e.Number == "" || sameNumber(string(e.Number), r[number]))
	}
	if s.Party != nil {
		return is(s.Party, colFromExt, colFrom) || is(s.Party, colToExt, colTo)
	}
	return is(s.Caller, colFromExt, colFrom) && is(s.Callee, colToExt, colTo)
}

// line is a row as text. Nothing in it is quoted, so what would break it is taken out.
func (r row) line(columns []string) string {
	fields := make([]string, len(columns))
	for i, c := range columns {
		fields[i] = strings.Map(func(x rune) rune {
			if x == ';' || x == '\n' || x == '\r' {
				return -1
			}
			return x
		}, r[c])
	}
	return strings.Join(fields, ";") + "\n"
}

// endOf is how a call ended, in the provider's codes.
func endOf(o calls.Outcome, by calls.Party, d calls.Direction) int {
	if code, ok := reasonOf[o]; ok {
		return code
	}
	byCallee := by == calls.ByCustomer
	if d == calls.In {
		byCallee = by == calls.ByManager
	}
	switch {
	case byCallee:
		return codeByCallee
	case by == calls.ByCustomer || by == calls.ByManager:
		return codeByCaller
	case by == calls.ByZvonar:
		return codeBySystem
	}
	return codeNormal
}
