package store

import (
	"strings"
	"time"

	"zvonar/internal/calls"
)

const eventColumns = `pos, id, account, subject, seq, type, time, call_id, ref, direction, line, employee, data`

func scanEvent(sc scanner) (e calls.Event, err error) {
	var at int64
	var data string
	err = sc.Scan(&e.Pos, &e.ID, &e.Account, &e.Subject, &e.Seq, &e.Type, &at, &e.CallID, &e.Ref, &e.Direction, &e.Line, &e.Employee, &data)
	e.Time, e.Data = fromMicros(at), []byte(data)
	e.Timestamp = e.Time.UnixMilli()
	return e, err
}

// Events implements calls.ReadTx.
func (t *tx) Events(f calls.EventFilter) ([]calls.Event, error) {
	var w where
	w.add("pos > ?", f.After)
	w.equal("account", f.Account)
	if id, ok := strings.CutPrefix(f.Subject, "call:"); ok {
		w.add("call_id = ? AND call_id <> ''", id) // the index by call; subject decides
	}
	w.equal("subject", f.Subject)
	if len(f.Types) > 0 {
		args := make([]any, len(f.Types))
		for i, typ := range f.Types {
			args[i] = typ
		}
		w.add("type IN (?"+strings.Repeat(", ?", len(args)-1)+")", args...)
	}
	return many(t, scanEvent, `SELECT `+eventColumns+` FROM events`+w.sql()+` ORDER BY pos LIMIT ?`, append(w.args, limited(f.Limit, 1000))...)
}

// LastPos implements calls.ReadTx.
func (t *tx) LastPos() (int64, error) {
	return one(t, scalar[int64], `SELECT coalesce(max(pos), 0) FROM events`)
}

// AppendEvent implements calls.Tx. The time is cut to milliseconds, as
// published. Retention must leave the last event of every subject in place:
// seq goes on from it.
func (t *tx) AppendEvent(e *calls.Event) error {
	e.Time = e.Time.UTC().Truncate(time.Millisecond)
	e.Timestamp = e.Time.UnixMilli()
	if e.Account == "" {
		e.Account = calls.MainAccount
	}
	if len(e.Data) == 0 {
		e.Data = []byte(`{}`)
	}
	if t.over {
		return errTxOver
	}
	pos, seq, err := t.c.appendEvent(t.ctx, e)
	if err != nil {
		err = t.fail(err)
	}
	if conflict(err, "events.subject") && e.Type == calls.CallCompleted {
		return calls.Errorf(calls.CodeWrongState, "%s is completed already; a call ends once", e.Subject)
	}
	if err != nil {
		return err
	}
	e.Pos, e.Seq, t.notify = pos, seq, true
	return nil
}
