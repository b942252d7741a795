package store

import (
	"time"

	"zvonar/internal/calls"
)

// horizonCursor is the cursor that tells how far retention has thinned the log.
const horizonCursor = "retention:horizon"

// Horizon implements calls.LogReads.
func (t *tx) Horizon() (int64, error) { return t.Cursor(horizonCursor) }

// OldestKept implements calls.LogReads.
func (t *tx) OldestKept() (event, call time.Time, err error) {
	at, err := one(t, scalar[int64], `SELECT coalesce((SELECT time FROM events ORDER BY pos LIMIT 1), 0)`)
	if err != nil {
		return event, call, err
	}
	ended, err := one(t, scalar[int64], `SELECT coalesce((SELECT ended_at FROM calls WHERE is_over = 1 AND ended_at > 0 ORDER BY ended_at, id LIMIT 1), 0)`)
	return fromMicros(at), fromMicros(ended), err
}

// The texts of retention. Each looks at a bounded stretch of an index; a test
// asks SQLite for its plan.
const (
	overCalls = `SELECT id, account, ended_at FROM calls
		WHERE is_over = 1 AND ended_at > 0 AND ended_at < ? AND (ended_at, id) > (?, ?) ORDER BY ended_at, id LIMIT ?`
	lastOfCall      = `SELECT coalesce(max(pos), 0) FROM events WHERE call_id = ? AND call_id <> ''`
	pendingOfCall   = `SELECT count(*) FROM deliveries WHERE event_pos IN (SELECT pos FROM events WHERE call_id = ? AND call_id <> '') AND state = 'pending'`
	textsOfCall     = `SELECT count(*) FROM sms WHERE call_id = ? AND state IN ('queued', 'sending')`
	lastingEvents   = `SELECT pos, time, account, subject, seq FROM events WHERE subject <> 'call:' || call_id AND time < ? AND (time, pos) > (?, ?) ORDER BY time, pos LIMIT ?`
	lastSeq         = `SELECT max(seq) FROM events WHERE account = ? AND subject = ?`
	pendingOfEvent  = `SELECT count(*) FROM deliveries WHERE event_pos = ? AND state = 'pending'`
	finished        = `DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries WHERE state <> 'pending' AND done_at > 0 AND done_at < ? ORDER BY done_at, id LIMIT ?)`
	singleHooks     = `SELECT id, call_id, created_at FROM webhooks WHERE call_id <> '' AND id > ? ORDER BY id LIMIT ?`
	deliveriesOf    = `SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE webhook_id = ? LIMIT 1) AS owed`
	endOfCall       = `SELECT ended_at FROM calls WHERE id = ? AND is_over = 1`
	expiredKeys     = `DELETE FROM idempotency WHERE (account, key) IN (SELECT account, key FROM idempotency WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`
	expiredAudit    = `DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < ? ORDER BY at, id LIMIT ?)`
	expiredBlocks   = `DELETE FROM blacklist WHERE (account, number) IN (SELECT account, number FROM blacklist WHERE expires_at > 0 AND expires_at <= ? ORDER BY expires_at LIMIT ?)`
	expiredNarrow   = `DELETE FROM narrow_blocks WHERE (account, number, scope) IN (SELECT account, number, scope FROM narrow_blocks WHERE expires_at > 0 AND expires_at <= ? ORDER BY expires_at LIMIT ?)`
	expiredDays     = `DELETE FROM number_days WHERE (account, number, day) IN (SELECT account, number, day FROM number_days WHERE day < ? ORDER BY day LIMIT ?)`
	overCampaigns   = `SELECT doc FROM campaigns WHERE id > ? AND state IN ('finished', 'stopped') ORDER BY id LIMIT ?`
	deliveriesOfRow = `DELETE FROM deliveries WHERE event_pos = ?`
)

// belongings are what goes with a call, in an order that foreign keys allow.
// Each text has the places that its args are for.
var belongings = []struct {
	rows, sql string
	subject   bool // args are id and subject, else id alone
}{
	{"deliveries", `DELETE FROM deliveries WHERE event_pos IN (SELECT pos FROM events WHERE call_id = ? AND call_id <> '' AND subject = ?)`, true},
	{"events", `DELETE FROM events WHERE call_id = ? AND call_id <> '' AND subject = ?`, true},
	{"deliveries", `DELETE FROM deliveries WHERE webhook_id IN (SELECT id FROM webhooks WHERE call_id = ? AND call_id <> '')`, false},
	{"webhooks", `DELETE FROM webhooks WHERE call_id = ? AND call_id <> ''`, false},
	{"amd_evidence", `DELETE FROM amd_evidence WHERE call_id = ?`, false},
	{"attention", `DELETE FROM attention WHERE call_id = ?`, false},
	{"contacts", `DELETE FROM contacts WHERE call_id = ? AND call_id <> ''`, false},
	{"attempts", `DELETE FROM attempts WHERE call_id = ?`, false},
	{"sms", `DELETE FROM sms WHERE call_id = ?`, false},
	{"provider_calls", `DELETE FROM provider_calls WHERE call_id = ?`, false},
	{"foreign_numbers", `DELETE FROM foreign_numbers WHERE id = ?`, false},
	{"calls", `DELETE FROM calls WHERE id = ?`, false},
}

const dropSinkStates = `DELETE FROM sink_states WHERE account = ? AND subject = ?`

// expiry is one step of a sweep.
type expiry struct {
	t      *tx
	e      calls.Expiry
	from   calls.ExpiryMark
	limit  int
	fanned int64 // up to here every webhook has been given its deliveries
	top    int64 // highest pos removed
	out    calls.Expired
}

// Expire implements calls.LogChanges.
func (t *tx) Expire(e calls.Expiry, from calls.ExpiryMark, limit int) (calls.Expired, error) {
	x := &expiry{t: t, e: e, from: from, limit: limited(limit, 1000), out: calls.Expired{Rows: map[string]int{}, Next: from}}
	step := map[calls.ExpiryKind]func() error{
		calls.ExpireDeliveries: func() error { return x.plain("deliveries", finished) },
		calls.ExpireWebhooks:   x.webhooks,
		calls.ExpireCalls:      x.calls,
		calls.ExpireEvents:     x.events,
		calls.ExpireKeys:       func() error { return x.plain("idempotency", expiredKeys) },
		calls.ExpireAudit:      func() error { return x.plain("audit", expiredAudit) },
		calls.ExpireBlocks:     x.blocks,
		calls.ExpireDays:       x.days,
		calls.ExpireCampaigns:  x.campaigns,
	}[e.Kind]
	if step == nil {
		return calls.Expired{}, calls.Errorf(calls.CodeInternal, "there is nothing of kind %q to expire", e.Kind)
	}
	if err := step(); err != nil {
		return calls.Expired{}, err
	}
	return x.out, x.moveHorizon()
}

// plain removes rows that nothing hangs on.
func (x *expiry) plain(rows, query string) error {
	n, err := x.t.exec(query, micros(x.e.Before), x.limit)
	x.count(rows, n)
	x.out.More = n >= int64(x.limit)
	return err
}

// blocks removes what stood on the blacklist for a time.
func (x *expiry) blocks() error {
	if err := x.plain("narrow_blocks", expiredNarrow); err != nil || x.out.More {
		return err
	}
	return x.plain("blacklist", expiredBlocks)
}

// days removes what caller numbers did on days that are long over.
func (x *expiry) days() error {
	n, err := x.t.exec(expiredDays, calls.DayOf(x.e.Before), x.limit)
	x.count("number_days", n)
	x.out.More = n >= int64(x.limit)
	return err
}

func (x *expiry) count(rows string, n int64) {
	if n > 0 {
		x.out.Rows[rows] += int(n)
	}
}

// moveHorizon notes the highest pos that is gone, in the unit that removed it.
func (x *expiry) moveHorizon() error {
	if x.top == 0 {
		return nil
	}
	at, err := x.t.Horizon()
	if err != nil || at >= x.top {
		return err
	}
	return x.t.SetCursor(horizonCursor, x.top)
}

// learnFanned finds the place up to which fan-out has come: beyond it an event
// may still be owed to a webhook that has no delivery of it yet.
func (x *expiry) learnFanned() (err error) {
	x.fanned, err = x.t.Cursor(calls.OutboxCursor)
	return err
}

type overCall struct {
	id, account string
	ended       int64
}

func (x *expiry) calls() error {
	if err := x.learnFanned(); err != nil {
		return err
	}
	rows, err := many(x.t, func(sc scanner) (c overCall, err error) { err = sc.Scan(&c.id, &c.account, &c.ended); return c, err },
		overCalls, micros(x.e.Before), x.from.At, x.from.ID, x.limit)
	if err != nil {
		return err
	}
	for _, c := range rows {
		x.out.Next = calls.ExpiryMark{At: c.ended, ID: c.id}
		if err := x.call(c); err != nil {
			return err
		}
	}
	x.out.More = len(rows) == x.limit
	return nil
}

// call removes one call, unless something of it is still on its way.
func (x *expiry) call(c overCall) error {
	last, err := one(x.t, scalar[int64], lastOfCall, c.id)
	if err != nil || last > x.fanned {
		return err
	}
	for _, query := range []string{pendingOfCall, textsOfCall} {
		if n, err := one(x.t, scalar[int64], query, c.id); err != nil || n > 0 {
			return err
		}
	}
	subject := calls.CallSubject(c.id)
	for _, b := range belongings {
		args := []any{c.id}
		if b.subject {
			args = append(args, subject)
		}
		n, err := x.t.exec(b.sql, args...)
		if err != nil {
			return err
		}
		x.count(b.rows, n)
	}
	n, err := x.t.exec(dropSinkStates, c.account, subject)
	x.count("sink_states", n)
	x.top = max(x.top, last)
	return err
}

type lastingEvent struct {
	pos, time, seq   int64
	account, subject string
}

func (x *expiry) events() error {
	if err := x.learnFanned(); err != nil {
		return err
	}
	rows, err := many(x.t, func(sc scanner) (e lastingEvent, err error) {
		err = sc.Scan(&e.pos, &e.time, &e.account, &e.subject, &e.seq)
		return e, err
	}, lastingEvents, micros(x.e.Before), x.from.At, x.from.N, x.limit)
	if err != nil {
		return err
	}
	for _, e := range rows {
		x.out.Next = calls.ExpiryMark{At: e.time, N: e.pos}
		if err := x.event(e); err != nil {
			return err
		}
	}
	x.out.More = len(rows) == x.limit
	return nil
}

// event removes one event of something that is no call, unless it is the last
// of its subject or on its way.
func (x *expiry) event(e lastingEvent) error {
	if e.pos > x.fanned {
		return nil
	}
	last, err := one(x.t, scalar[int64], lastSeq, e.account, e.subject)
	if err != nil || last == e.seq {
		return err
	}
	if n, err := one(x.t, scalar[int64], pendingOfEvent, e.pos); err != nil || n > 0 {
		return err
	}
	n, err := x.t.exec(deliveriesOfRow, e.pos)
	if err != nil {
		return err
	}
	x.count("deliveries", n)
	n, err = x.t.exec(`DELETE FROM events WHERE pos = ?`, e.pos)
	x.count("events", n)
	x.top = max(x.top, e.pos)
	return err
}

type singleHook struct {
	id, callID string
	created    int64
}

// webhooks goes through the webhooks of single calls in the order of their
// ids, which is that of their making, and stops at the first that is young.
func (x *expiry) webhooks() error {
	fanned, err := x.t.Cursor(calls.OutboxCursor)
	if err != nil {
		return err
	}
	rows, err := many(x.t, func(sc scanner) (w singleHook, err error) { err = sc.Scan(&w.id, &w.callID, &w.created); return w, err },
		singleHooks, x.from.ID, x.limit)
	if err != nil {
		return err
	}
	for _, w := range rows {
		if w.created >= micros(x.e.Before) {
			return nil
		}
		x.out.Next = calls.ExpiryMark{ID: w.id}
		if err := x.webhook(w, fanned); err != nil {
			return err
		}
	}
	x.out.More = len(rows) == x.limit
	return nil
}

func (x *expiry) webhook(w singleHook, fanned int64) error {
	ended, err := many(x.t, scalar[int64], endOfCall, w.callID)
	if err != nil || len(ended) == 0 || ended[0] >= micros(x.e.Before) {
		return err
	}
	if last, err := one(x.t, scalar[int64], lastOfCall, w.callID); err != nil || last > fanned {
		return err
	}
	if n, err := one(x.t, scalar[int64], deliveriesOf, w.id); err != nil || n > 0 {
		return err
	}
	n, err := x.t.exec(`DELETE FROM webhooks WHERE id = ?`, w.id)
	x.count("webhooks", n)
	return err
}
