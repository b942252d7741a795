package beeline

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// A record of the portal is a call.recording_ready of ours: its position in the log is
// the id, a number that grows and is never given twice, as clients want who read on
// from the last one.

const (
	recordPage = 100
	// scanPages bounds how many portions of the log one request reads.
	scanPages = 50
)

var noRecord = &Refusal{http.StatusNotFound, "RecordNotFound", "there is no such record"}

// sound is what a call.recording_ready tells.
type sound struct {
	URL        string `json:"url"`
	DurationMS int64  `json:"duration_ms"`
}

// period reads dateFrom and dateTo.
func period(q url.Values) (from, to time.Time, err error) {
	for _, d := range []struct {
		name string
		at   *time.Time
	}{{"dateFrom", &from}, {"dateTo", &to}} {
		v := q.Get(d.name)
		if v == "" {
			continue
		}
		ok := false
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02"} {
			if t, err := time.Parse(layout, v); err == nil {
				*d.at, ok = t, true
				break
			}
		}
		if !ok {
			return from, to, &Refusal{http.StatusBadRequest, "ParameterInvalid", d.name + " is a time like 2026-11-21T09:30:00Z"}
		}
	}
	return from, to, nil
}

// whole reads a number of a query; "" is otherwise.
func whole(q url.Values, name string, otherwise, most int64) (int64, error) {
	v := q.Get(name)
	if v == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 0 || n > most {
		return 0, &Refusal{http.StatusBadRequest, "ParameterInvalid", name + " is a number from 0 to " + strconv.FormatInt(most, 10)}
	}
	return n, nil
}

func (f *facade) listRecords(a *asked) (any, error) {
	q := a.URL.Query()
	from, to, err := period(q)
	if err != nil {
		return nil, err
	}
	after, err := whole(q, "id", 0, 1<<62)
	if err != nil {
		return nil, err
	}
	if after > 0 && f.settings.RecordsInclusive {
		after--
	}
	var only *calls.Employee
	if user := q.Get("userId"); user != "" {
		if only, err = f.who(a.Context(), a.account(), user); err != nil {
			return nil, err
		}
	}
	list := []Record{}
	err = f.house.Store.View(a.Context(), func(tx calls.ReadTx) error {
		if !from.IsZero() {
			pos, err := tx.PosAt(from)
			if err != nil {
				return err
			}
			after = max(after, pos-1)
		}
		for range scanPages {
			page, err := tx.Events(calls.EventFilter{Account: a.account(), Types: []calls.EventType{calls.CallRecordingReady}, After: after, Limit: recordPage})
			if err != nil || len(page) == 0 {
				return err
			}
			for _, ev := range page {
				after = ev.Pos
				if ev.Time.Before(from) || !to.IsZero() && ev.Time.After(to) || only != nil && ev.Employee != only.ID {
					continue
				}
				r, err := f.record(tx, ev)
				if errors.Is(err, calls.ErrNotFound) {
					continue
				}
				if err != nil {
					return err
				}
				if list = append(list, r); len(list) == recordPage {
					return nil
				}
			}
		}
		return nil
	})
	for i := range list {
		f.weigh(a.account(), &list[i])
	}
	return list, err
}

// record is the event of a capture as a record.
func (f *facade) record(tx calls.ReadTx, ev calls.Event) (Record, error) {
	c, err := tx.Call(ev.Account, ev.CallID)
	if err != nil {
		return Record{}, err
	}
	var s sound
	_ = json.Unmarshal(ev.Data, &s) // what is not told is 0
	client, _ := ten(clientOf(c))
	r := Record{ID: strconv.FormatInt(ev.Pos, 10), ExternalID: c.ID, Phone: client, Direction: directionOf(c.Direction),
		Date: Millis(c.CreatedAt.UnixMilli()), Duration: Millis(s.DurationMS)}
	if c.AnsweredAt != nil {
		r.Date = Millis(c.AnsweredAt.UnixMilli())
	}
	r.Abonent, err = f.abonentOf(tx, c)
	return r, err
}

// weigh fills in how long the file of a record is, where it is here. Captures look into
// the store themselves: within a view of it they would wait for a reader while that one
// keeps one.
func (f *facade) weigh(account string, r *Record) {
	file, err := f.file(account, r.ExternalID)
	if err != nil {
		return
	}
	if info, err := os.Stat(file); err == nil {
		r.FileSize = Millis(info.Size())
	}
}

func (f *facade) file(account, call string) (string, error) {
	if f.house.Captures == nil {
		return "", calls.ErrNotFound
	}
	return f.house.Captures.Path(account, call)
}

// abonentOf is the employee of a call; nil: it has none, or he is gone.
func (f *facade) abonentOf(tx calls.ReadTx, c *calls.Call) (*Abonent, error) {
	if c.Employee == "" {
		return nil, nil
	}
	e, err := tx.Employee(c.Account, c.Employee)
	if errors.Is(err, calls.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	ab := f.abonent(e)
	return &ab, nil
}

// clientOf is the number of the party outside.
func clientOf(c *calls.Call) string {
	if c.Direction == calls.In {
		return c.From
	}
	return c.To
}

func directionOf(d calls.Direction) string {
	if d == calls.In {
		return inbound
	}
	return outbound
}

// ready finds the event that a path names: by record id, or by tracking id and user.
func (f *facade) ready(a *asked) (ev calls.Event, err error) {
	filter := calls.EventFilter{Account: a.account(), Types: []calls.EventType{calls.CallRecordingReady}, Limit: 1}
	if ext := a.PathValue("ext"); ext != "" {
		if _, err := f.who(a.Context(), a.account(), a.PathValue("user")); err != nil {
			return ev, err
		}
		filter.Subject = calls.CallSubject(ext)
	} else if pos, err := strconv.ParseInt(a.PathValue("id"), 10, 64); err == nil && pos > 0 {
		filter.After = pos - 1
	} else {
		filter.Subject = calls.CallSubject(a.PathValue("id"))
	}
	err = f.house.Store.View(a.Context(), func(tx calls.ReadTx) error {
		page, err := tx.Events(filter)
		if err == nil && (len(page) == 0 || filter.Subject == "" && page[0].Pos != filter.After+1) {
			err = noRecord
		}
		if err == nil {
			ev = page[0]
		}
		return err
	})
	return ev, err
}

func (f *facade) showRecord(a *asked) (any, error) {
	ev, err := f.ready(a)
	if err != nil {
		return nil, err
	}
	var r Record
	err = f.house.Store.View(a.Context(), func(tx calls.ReadTx) error {
		r, err = f.record(tx, ev)
		return err
	})
	if errors.Is(err, calls.ErrNotFound) {
		err = noRecord
	}
	if err == nil {
		f.weigh(a.account(), &r)
	}
	return r, err
}

// reference gives the address under which a record is fetched without a token.
func (f *facade) reference(a *asked) (any, error) {
	ev, err := f.ready(a)
	if err != nil {
		return nil, err
	}
	return map[string]string{"url": f.link(ev)}, nil
}

func (f *facade) link(ev calls.Event) string {
	var s sound
	if json.Unmarshal(ev.Data, &s) == nil && strings.Contains(s.URL, "://") {
		return s.URL // it lies at a provider
	}
	return f.house.Links.URL(ev.CallID, f.house.Clock.Now().Add(f.settings.ReferenceLife))
}

func (f *facade) download(a *asked) (any, error) {
	ev, err := f.ready(a)
	if err != nil {
		return nil, err
	}
	file, err := f.file(ev.Account, ev.CallID)
	if err != nil {
		if link := f.link(ev); strings.Contains(string(ev.Data), "://") {
			http.Redirect(a.w, a.Request, link, http.StatusFound)
			return sent{}, nil
		}
		return nil, noRecord
	}
	if _, err := os.Stat(file); err != nil {
		return nil, noRecord
	}
	err = f.house.Store.Update(a.Context(), func(tx calls.Tx) error {
		return tx.Audit(calls.AuditEntry{Account: ev.Account, Actor: a.token.Name, Action: "call.listen", Object: ev.CallID, At: f.house.Clock.Now()})
	})
	if err != nil { // nobody listens without a trace
		return nil, err
	}
	providers.GiveTime(a.w)
	http.ServeFile(a.w, a.Request, file)
	return sent{}, nil
}
