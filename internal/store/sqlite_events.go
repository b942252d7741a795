package store

import (
	"context"
	"strings"

	"zvonar/internal/calls"
)

// sequences remember the last seq of subjects that the writer met, so that an
// event of a call costs one statement that looks nothing up. They may only be
// kept where nobody else writes. The zero value keeps nothing.
type sequences struct {
	last map[string]int64 // by account and subject, of calls that are not over
}

// maxSequences bounds what is remembered: more calls than can be live at once.
const maxSequences = 100_000

func (q *sequences) next(e *calls.Event) (seq int64, known bool) {
	seq, known = q.last[e.Account+"\x00"+e.Subject]
	return seq + 1, known
}

// note remembers the seq that e was given. Only calls are worth it, up to their
// end; erasure may begin other subjects anew.
func (q *sequences) note(e *calls.Event, seq int64) {
	switch key := e.Account + "\x00" + e.Subject; {
	case q.last == nil || !strings.HasPrefix(e.Subject, "call:"):
	case e.Type == calls.CallCompleted:
		delete(q.last, key)
	default:
		if len(q.last) >= maxSequences {
			clear(q.last) // most are of what came after the end of a call
		}
		q.last[key] = seq
	}
}

// forget is for when it is not certain what is in the database.
func (q *sequences) forget() { clear(q.last) }

func (c *sqliteConn) appendEvent(ctx context.Context, e *calls.Event) (pos, seq int64, err error) {
	seq, known := c.seqs.next(e)
	if !known {
		err = c.query(ctx, func(sc scanner) error { return sc.Scan(&seq) }, `SELECT coalesce(max(seq), 0) + 1 FROM events WHERE account = ? AND subject = ?`, e.Account, e.Subject)
		if err != nil {
			return 0, 0, err
		}
	}
	_, err = c.exec(ctx, `INSERT INTO events (id, account, subject, seq, type, time, call_id, ref, direction, line, employee, data)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		e.ID, e.Account, e.Subject, seq, string(e.Type), micros(e.Time), e.CallID, e.Ref, string(e.Direction), e.Line, e.Employee, string(e.Data))
	if err != nil {
		return 0, 0, err
	}
	c.seqs.note(e, seq)
	return c.lastRow, seq, nil
}
