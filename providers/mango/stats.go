package mango

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"zvonar/providers"
)

// The columns of statistics.
const (
	colRecords  = "records"
	colStart    = "start"
	colFinish   = "finish"
	colAnswer   = "answer"
	colFromExt  = "from_extension"
	colFrom     = "from_number"
	colToExt    = "to_extension"
	colTo       = "to_number"
	colReason   = "disconnect_reason"
	colLine     = "line_number"
	colLocation = "location"
	colEntry    = "entry_id"
	colCreate   = "create"
)

// defaultColumns are those of a request that names none.
var defaultColumns = []string{colRecords, colStart, colFinish, colAnswer, colFromExt, colFrom, colToExt, colTo, colReason, colLine, colLocation}

// endpoint names one side of calls that are asked for.
type endpoint struct {
	Extension text `json:"extension,omitempty"`
	Number    text `json:"number,omitempty"`
}

// statsRequest is stats/request.
type statsRequest struct {
	From    number    `json:"date_from"`
	To      number    `json:"date_to"`
	Fields  text      `json:"fields,omitempty"`
	Caller  *endpoint `json:"from,omitempty"`
	Callee  *endpoint `json:"to,omitempty"`
	Party   *endpoint `json:"call_party,omitempty"`
	Request text      `json:"request_id,omitempty"`
}

// statsKey names statistics that were asked for.
type statsKey struct {
	Key text `json:"key"`
}

// maxStats is the longest time that statistics can be asked of.
const maxStats = 31 * 24 * time.Hour

// row is one line of statistics, by column.
type row map[string]string

// maxRows bounds what is read of statistics.
const maxRows = 200000

// parseStats reads statistics: fields divided by semicolons, without quotes.
func parseStats(body string, columns []string) ([]row, error) {
	var rows []row
	for line := range strings.SplitSeq(body, "\n") {
		if line = strings.TrimRight(line, "\r"); line == "" {
			continue
		}
		fields := strings.Split(line, ";")
		if len(fields) != len(columns) {
			return nil, fmt.Errorf("a row has %d fields, asked for were %d", len(fields), len(columns))
		}
		if len(rows) == maxRows {
			return nil, errors.New("there are too many rows")
		}
		r := row{}
		for i, c := range columns {
			r[c] = fields[i]
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// unix is a column that holds a time; zero where there is none.
func (r row) unix(column string) time.Time {
	n, err := strconv.ParseInt(strings.TrimSpace(r[column]), 10, 64)
	if err != nil {
		return time.Time{}
	}
	return number(n).time()
}

// recordings are the ids in the column of records.
func (r row) recordings() (ids []string) {
	for id := range strings.SplitSeq(strings.Trim(strings.TrimSpace(r[colRecords]), "[]"), ",") {
		if id = strings.TrimSpace(id); id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

// Polling of statistics.
const (
	statsPause = 5 * time.Second
	statsTries = 12
)

// stats asks for statistics and waits until they are ready. The error is for people.
func (c *client) stats(ctx context.Context, q statsRequest, columns []string) ([]row, error) {
	q.Fields = text(strings.Join(columns, ","))
	ask, _ := methodAt("stats/request")
	a, err := c.request(ctx, ask, q)
	if err != nil {
		return nil, err
	}
	var key statsKey
	if a.answer.Status != http.StatusOK || (form{JSON: string(a.answer.Body)}).parse(&key) != nil || key.Key == "" {
		return nil, fmt.Errorf("it gave no statistics: %w", a.outcome())
	}
	get, _ := methodAt("stats/result")
	for range statsTries {
		a, err := c.request(ctx, get, key)
		if err != nil {
			return nil, err
		}
		switch a.answer.Status {
		case http.StatusOK:
			return parseStats(string(a.answer.Body), columns)
		case http.StatusNoContent:
		case http.StatusNotFound:
			return nil, errors.New("the statistics are not there any more")
		default:
			return nil, fmt.Errorf("the statistics could not be had: status %d", a.answer.Status)
		}
		if err := c.pause(ctx, statsPause); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("the statistics were not ready in time")
}

// pause waits by the clock of the house.
func (c *client) pause(ctx context.Context, d time.Duration) error {
	a := newAlarm(c.house.Clock)
	a.set(d)
	defer a.stop()
	select {
	case <-a.rings:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reconcileColumns are what is asked of a call that nothing is heard of.
var reconcileColumns = []string{colRecords, colStart, colFinish, colAnswer, colFrom, colTo, colReason, colEntry}

// reconcile asks the statistics what became of the call: notices get lost, and
// whether the provider tries them again is not known.
func (f *following) reconcile(ctx context.Context) {
	ctx = providers.Labelled(ctx, providers.Label{Correlation: f.r.CallID, Account: f.r.Account})
	rows, err := f.c.stats(ctx, statsRequest{From: stamp(f.began.Add(-time.Minute)), To: stamp(f.c.house.Clock.Now().Add(time.Minute)),
		Party: &endpoint{Number: text(f.r.To)}}, reconcileColumns)
	if err != nil {
		f.c.log.Debug("statistics did not tell of the call", "call", f.r.CallID, "error", err)
		return
	}
	mine := f.mine(rows)
	if len(mine) == 0 {
		return
	}
	s := summaryNotice{Entry: text(mine[0][colEntry])}
	for _, r := range mine {
		finish, answer := r.unix(colFinish), r.unix(colAnswer)
		if finish.IsZero() {
			return // it goes on
		}
		s.Ended = max(s.Ended, stamp(finish))
		code, _ := strconv.Atoi(strings.TrimSpace(r[colReason]))
		s.Reason = number(code)
		if !answer.IsZero() && sameNumber(r[colTo], f.r.To) {
			s.Talked, s.Forwarded = stamp(answer), stamp(answer)
		}
	}
	f.say(f.t.summary(s)...)
	for _, r := range mine {
		for _, id := range r.recordings() {
			f.hear(recordNotice{Entry: s.Entry, Recording: text(id), Timestamp: s.Ended})
		}
	}
}

// mine are the rows of this call. Two calls to one number that cannot be told apart
// are nobody's.
func (f *following) mine(rows []row) (mine []row) {
	for _, r := range rows {
		switch {
		case !sameNumber(r[colTo], f.r.To) && !sameNumber(r[colFrom], f.r.To):
			continue
		case f.t.entry != "" && r[colEntry] != string(f.t.entry), r.unix(colStart).Before(f.began.Add(-time.Minute)):
			continue
		case len(mine) > 0 && r[colEntry] != mine[0][colEntry]:
			return nil
		}
		mine = append(mine, r)
	}
	return mine
}
