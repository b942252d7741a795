package sipuni

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// Bounds of tables.
const (
	mostRows  = 20_000 // of a table
	mostPages = 100    // of 500 calls that are looked through for one
	pageSize  = 500
)

// schemes lists those of the configuration.
func (f *facade) schemes(q *request) reply {
	type scheme struct {
		ID        string `json:"id"`
		Name      string `json:"name"`
		Type      string `json:"type"`
		CreatedAt string `json:"createdAt"`
	}
	list := []scheme{}
	for id, t := range f.set.Trees {
		kind := schemeTypes[t.Type]
		if t.Account != "" && t.Account != q.key.Account || q.p["type"] != "" && q.p["type"] != kind {
			continue
		}
		list = append(list, scheme{ID: id, Name: cmp.Or(t.Name, id), Type: kind})
	}
	slices.SortFunc(list, func(a, b scheme) int { return strings.Compare(a.ID, b.ID) })
	return reply{body: map[string]any{"success": true, "data": list}}
}

// operators lists the employees. Whether they are at their telephone nobody here
// knows: who may be called through the API counts as online.
func (f *facade) operators(q *request) reply {
	t := table{columns: []string{"Номер", "Имя", colStatus}, cells: [][]string{}}
	err := f.house.Store.View(q.ctx, func(tx calls.ReadTx) error {
		after := ""
		for {
			list, err := tx.Employees(q.key.Account, after, pageSize)
			if err != nil || len(list) == 0 {
				return err
			}
			for _, e := range list {
				status := "online"
				if e.Method == calls.MethodOff {
					status = "offline"
				}
				if e.Extension != "" {
					t.cells = append(t.cells, []string{e.Extension, e.Name, status})
				}
			}
			after = list[len(list)-1].ID
		}
	})
	if err != nil {
		return f.failed(q, err)
	}
	return reply{csv: t.write()}
}

// filter is what a statistic asks for.
type filter struct {
	from, to            time.Time // to is not among them
	direction           calls.Direction
	answered, missed    bool // only those
	inner               bool // only calls between colleagues: there are none of ours
	fromNumber, toOther string
	answeredBy, tree    string
}

// filterOf reads the parameters of statistic/export.
func (f *facade) filterOf(p params) (w filter, err error) {
	now := f.house.Clock.Now().In(f.zone)
	day := func(name, hour string, otherwise time.Time) (time.Time, error) {
		if p[name] == "" {
			return otherwise, nil
		}
		at, err := time.ParseInLocation("02.01.2006 15:04", p[name]+" "+cmp.Or(hour, "00:00"), f.zone)
		if err != nil {
			return at, errors.New(name + ": write the date like 31.12.2026, and times like 23:59")
		}
		return at, nil
	}
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, f.zone)
	if w.from, err = day("from", p["timeFrom"], today); err != nil {
		return w, err
	}
	if w.to, err = day("to", cmp.Or(p["timeTo"], "23:59"), now); err != nil {
		return w, err
	}
	w.to = w.to.Add(time.Minute) // to 23:59 means until the day is over
	switch p["type"] {
	case "", "0":
	case "1":
		w.direction = calls.In
	case "2":
		w.direction = calls.Out
	case "3":
		w.inner = true
	default:
		return w, errors.New("type: 0, 1, 2 or 3")
	}
	switch p["state"] {
	case "", "0":
	case "1":
		w.missed = true
	case "2":
		w.answered = true
	default:
		return w, errors.New("state: 0, 1 or 2")
	}
	w.fromNumber, w.toOther, w.answeredBy, w.tree = numberOf(p["fromNumber"]), numberOf(p["toNumber"]), numberOf(p["toAnswer"]), p["tree"]
	return w, nil
}

// wants reports whether a call is asked for.
func (w filter) wants(c *calls.Call, r []string) bool {
	answered := c.AnsweredAt != nil
	from, to, by := r[4], r[5], r[6]
	switch {
	case w.inner, w.direction != "" && c.Direction != w.direction, w.answered && !answered, w.missed && answered,
		w.fromNumber != "" && !sameNumber(from, w.fromNumber), w.toOther != "" && !sameNumber(to, w.toOther),
		w.answeredBy != "" && by != w.answeredBy, w.tree != "" && r[3] != w.tree:
		return false
	}
	return true
}

// statistic exports the calls of a time.
func (f *facade) statistic(q *request) reply {
	w, err := f.filterOf(q.p)
	if err != nil {
		return no(err.Error())
	}
	hide := q.p["anonymous"] == "1"
	t := table{columns: callColumns}
	cursor := lastIDAt(w.to)
	if !w.from.Before(w.to) || cursor == "" {
		return no("from must be before to")
	}
	err = f.eachCall(q, cursor, func(c *calls.Call) bool {
		if c.CreatedAt.Before(w.from) {
			return false
		}
		if r := f.rowOf(q, c); c.Over() && w.wants(c, r) {
			if hide {
				r[4], r[5] = hidden(c.Direction == calls.In, r[4]), hidden(c.Direction == calls.Out, r[5])
			}
			t.cells = append(t.cells, r)
		}
		return len(t.cells) < mostRows
	})
	if err != nil {
		return f.failed(q, err)
	}
	return reply{csv: t.write()}
}

// hidden keeps the last digits of a client's number.
func hidden(client bool, number string) string {
	if !client {
		return number
	}
	return calls.Mask(number)
}

// everything exports calls page by page, whenever they were.
func (f *facade) everything(q *request) reply {
	limit, err1 := strconv.Atoi(cmp.Or(q.p["limit"], "1000"))
	page, err2 := strconv.Atoi(cmp.Or(q.p["page"], "1"))
	order := cmp.Or(q.p["order"], "asc")
	if err1 != nil || err2 != nil || limit < 1 || limit > 200_000 || page < 1 || page > 1_000_000 || order != "asc" && order != "desc" {
		return no("limit is 1 to 200000, page from 1 on, order asc or desc")
	}
	if limit > mostRows || limit*page > mostPages*pageSize {
		return no("as many calls are exported by GET /v1/cdr; ask here for less, or for a time")
	}
	var all [][]string
	err := f.eachCall(q, "", func(c *calls.Call) bool {
		if c.Over() {
			all = append(all, f.rowOf(q, c))
		}
		return order == "asc" || len(all) < limit*page
	})
	if err != nil {
		return f.failed(q, err)
	}
	if order == "asc" {
		slices.Reverse(all)
	}
	t := table{columns: callColumns}
	if first := (page - 1) * limit; first < len(all) {
		t.cells = all[first:min(first+limit, len(all))]
	}
	return reply{csv: t.write()}
}

// eachCall gives the calls of the account, newest first, from behind a cursor on,
// until do has enough.
func (f *facade) eachCall(q *request, cursor string, do func(*calls.Call) bool) error {
	for range mostPages {
		var list []*calls.Call
		err := f.house.Store.View(q.ctx, func(tx calls.ReadTx) (err error) {
			list, err = tx.Calls(calls.CallFilter{Account: q.key.Account, Cursor: cursor, Limit: pageSize})
			return err
		})
		if err != nil || len(list) == 0 {
			return err
		}
		for _, c := range list {
			if !do(c) {
				return nil
			}
		}
		cursor = list[len(list)-1].ID
	}
	return nil
}

// rowOf is a call in the columns of callColumns.
func (f *facade) rowOf(q *request, c *calls.Call) []string {
	kind, from, to := "Исходящий", c.From, c.To
	if c.Direction == calls.In {
		kind = "Входящий"
	}
	by := ""
	if c.Employee != "" {
		if e, err := f.colleague(q, c.Employee); err == nil {
			by = e
		}
	}
	answered, record, has := "", "", "0"
	status := "Не отвечен"
	switch {
	case c.AnsweredAt != nil:
		status, answered = "Отвечен", strconv.FormatInt(c.AnsweredAt.Sub(c.CreatedAt).Milliseconds()/1000, 10)
	case c.Outcome == calls.OutcomeBusy:
		status = "Занят"
	case c.Outcome == calls.OutcomeCanceled:
		status = "Отменен"
	}
	if c.AnsweredAt == nil {
		by = ""
	} else if f.captured(q, c.ID) {
		record, has = eventID(c.ID), "1"
	}
	total := int64(0)
	if c.EndedAt != nil {
		total = c.EndedAt.Sub(c.CreatedAt).Milliseconds()
	}
	return []string{kind, status, c.CreatedAt.In(f.zone).Format("02.01.2006 15:04:05"), metaOf(c.Metadata).Tree, from, to, by,
		strconv.FormatInt(total/1000, 10), strconv.FormatInt(c.TalkMS/1000, 10), answered, "", record, "", "", orderID(c.ID), has, ""}
}

// colleague is the internal number of an employee.
func (f *facade) colleague(q *request, id string) (extension string, err error) {
	err = f.house.Store.View(q.ctx, func(tx calls.ReadTx) error {
		e, err := tx.Employee(q.key.Account, id)
		if err == nil {
			extension = e.Extension
		}
		return err
	})
	return extension, err
}

// captured reports whether the talk of a call is kept.
func (f *facade) captured(q *request, call string) bool {
	if f.house.Captures == nil {
		return false
	}
	_, err := f.house.Captures.Path(q.key.Account, call)
	return err == nil
}

// record sends the sound of a call: WAV, where the service has MP3.
func (f *facade) record(q *request) reply {
	call, err := f.call(q, q.p["id"])
	if err != nil {
		return f.failed(q, err)
	}
	var file *os.File
	if f.house.Captures != nil {
		var name string
		if name, err = f.house.Captures.Path(q.key.Account, call.ID); err == nil {
			file, err = os.Open(name)
		}
	}
	if file == nil || err != nil {
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, calls.ErrNotFound) {
			return f.failed(q, err)
		}
		return no("there is no record of this call")
	}
	err = f.house.Store.Update(q.ctx, func(tx calls.Tx) error {
		return tx.Audit(calls.AuditEntry{Account: q.key.Account, Actor: "facade key " + q.key.Name, Action: "call.listen", Object: call.ID, At: f.house.Clock.Now()})
	})
	if err != nil { // nobody listens without a trace
		_ = file.Close()
		return f.failed(q, err)
	}
	return reply{file: func(w http.ResponseWriter) {
		defer func() { _ = file.Close() }()
		w.Header().Set("Content-Type", "audio/wav")
		w.Header().Set("Cache-Control", "private, no-store")
		providers.GiveTime(w)
		_, _ = io.Copy(w, file)
	}}
}
