package store

import (
	"strings"
	"time"

	"zvonar/internal/calls"
)

// What deliveries.head says: see the schema.
const (
	headLive   = 1
	headParked = 2 // of a disabled webhook
)

const deliveryColumns = `d.id, d.webhook_id, d.event_pos, d.event_id, d.subject, d.state, d.attempts, d.replays, d.gap, d.next_at, d.round_at,
	d.last_status, d.last_error, d.response, d.sent_at, d.took_us, d.created_at, d.done_at`

// deliveryRow is a row on its way into a calls.Delivery.
type deliveryRow struct {
	d                                       calls.Delivery
	gap, next, round, sent, took, made, end int64
}

func (r *deliveryRow) targets() []any {
	return []any{&r.d.ID, &r.d.WebhookID, &r.d.EventPos, &r.d.EventID, &r.d.Subject, &r.d.State, &r.d.Attempts, &r.d.Replays, &r.gap, &r.next, &r.round,
		&r.d.LastStatus, &r.d.LastError, &r.d.Response, &r.sent, &r.took, &r.made, &r.end}
}

func (r *deliveryRow) delivery() calls.Delivery {
	d := r.d
	d.Gap, d.NextAt, d.RoundAt, d.SentAt = r.gap != 0, fromMicros(r.next), fromMicros(r.round), fromMicros(r.sent)
	d.Took, d.CreatedAt, d.DoneAt = time.Duration(r.took)*time.Microsecond, fromMicros(r.made), fromMicrosPtr(r.end)
	return d
}

func scanDelivery(sc scanner) (calls.Delivery, error) {
	var r deliveryRow
	err := sc.Scan(r.targets()...)
	return r.delivery(), err
}

// Deliveries implements calls.OutboxReads. Subject and event are found through
// the log, whose indexes know them.
func (t *tx) Deliveries(webhookID string, f calls.DeliveryFilter) ([]calls.Delivery, error) {
	var w where
	w.add("d.webhook_id = ?", webhookID)
	switch f.State {
	case "":
	case calls.DeliveryDead:
		w.add("d.state = 'dead'") // as the index of these says it
	case calls.DeliveryPending:
		w.add("d.state = 'pending'")
	default:
		w.add("d.state = ?", f.State)
	}
	if f.Subject != "" {
		w.add(`d.event_pos IN (SELECT e.pos FROM events e WHERE e.subject = ?
			AND e.account = (SELECT account FROM webhooks WHERE id = ?))`, f.Subject, webhookID)
	}
	if f.EventID != "" {
		w.add(`d.event_pos = (SELECT e.pos FROM events e WHERE e.id = ?)`, f.EventID)
	}
	if f.Before > 0 {
		w.add("d.id < ?", f.Before)
	}
	return many(t, scanDelivery, `SELECT `+deliveryColumns+` FROM deliveries d`+w.sql()+` ORDER BY d.id DESC LIMIT ?`, append(w.args, limited(f.Limit, 500))...)
}

// LogPage implements calls.OutboxReads.
func (t *tx) LogPage(after int64, limit int) ([]calls.LogEntry, error) {
	return many(t, scanLogEntry, `SELECT e.pos, e.id, e.account, e.subject, e.call_id, e.type, e.time,
			CASE WHEN e.call_id <> '' AND EXISTS (SELECT 1 FROM webhooks w WHERE w.call_id = e.call_id AND w.call_id <> '') THEN 1 ELSE 0 END
		FROM events e WHERE e.pos > ? ORDER BY e.pos LIMIT ?`, after, limited(limit, 1000))
}

func scanLogEntry(sc scanner) (e calls.LogEntry, err error) {
	var at int64
	var hook int
	err = sc.Scan(&e.Pos, &e.ID, &e.Account, &e.Subject, &e.CallID, &e.Type, &at, &hook)
	e.Time, e.CallHasWebhook = fromMicros(at), hook != 0
	return e, err
}

// EventPositions implements calls.OutboxReads.
func (t *tx) EventPositions(account string, ids []string) ([]calls.LogEntry, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	args := []any{account}
	for _, id := range ids {
		args = append(args, id)
	}
	return many(t, scanLogEntry, `SELECT e.pos, e.id, e.account, e.subject, e.call_id, e.type, e.time, 0 FROM events e
		WHERE e.account = ? AND e.id IN (?`+strings.Repeat(", ?", len(ids)-1)+`) ORDER BY e.pos`, args...)
}

// PosAt implements calls.OutboxReads: positions follow the time but for what
// was noted a little late, so halving finds the place.
func (t *tx) PosAt(at time.Time) (int64, error) {
	last, err := t.LastPos()
	if err != nil {
		return 0, err
	}
	at = at.Truncate(time.Millisecond) // as events are stamped
	type place struct{ pos, time int64 }
	low, high := int64(0), last+1 // everything up to low is before, what is at high is not
	for low+1 < high {
		mid := low + (high-low)/2
		p, err := many(t, func(sc scanner) (p place, err error) { err = sc.Scan(&p.pos, &p.time); return p, err },
			`SELECT pos, time FROM events WHERE pos >= ? ORDER BY pos LIMIT 1`, mid)
		switch {
		case err != nil:
			return 0, err
		case len(p) == 0 || p[0].pos >= high || p[0].time >= micros(at):
			high = mid
		default:
			low = p[0].pos
		}
	}
	return high, nil
}

// DueLanes implements calls.OutboxReads.
func (t *tx) DueLanes(destination string, now time.Time, skip func(webhookID, subject string) bool, lanes, perLane int) (out []calls.Lane, err error) {
	heads, err := many(t, func(sc scanner) (l calls.Lane, err error) { err = sc.Scan(&l.WebhookID, &l.Subject); return l, err },
		`SELECT webhook_id, subject FROM deliveries WHERE head = 1 AND head > 0 AND destination = ? AND next_at <= ?
		ORDER BY next_at, id LIMIT ?`, destination, micros(now), lanes)
	if err != nil {
		return nil, err
	}
	for _, l := range heads {
		if skip != nil && skip(l.WebhookID, l.Subject) {
			continue
		}
		if err := t.readLane(&l, perLane); err != nil {
			return nil, err
		}
		if len(l.Items) > 0 {
			out = append(out, l)
		}
	}
	return out, nil
}

// readLane reads the beginning of a lane with its events.
func (t *tx) readLane(l *calls.Lane, perLane int) (err error) {
	l.Items, err = many(t, scanQueued, `SELECT `+deliveryColumns+`,
			coalesce(e.pos, 0), coalesce(e.id, ''), coalesce(e.account, ''), coalesce(e.subject, ''), coalesce(e.seq, 0), coalesce(e.type, ''),
			coalesce(e.time, 0), coalesce(e.call_id, ''), coalesce(e.ref, ''), coalesce(e.direction, ''), coalesce(e.line, ''),
			coalesce(e.employee, ''), coalesce(e.data, '{}')
		FROM deliveries d LEFT JOIN events e ON e.pos = d.event_pos AND e.id = d.event_id
		WHERE d.webhook_id = ? AND d.subject = ? AND d.state = 'pending' ORDER BY d.event_pos LIMIT ?`, l.WebhookID, l.Subject, perLane)
	if err != nil || len(l.Items) == 0 {
		return err
	}
	gap, err := one(t, scalar[int], `SELECT CASE WHEN EXISTS (SELECT 1 FROM deliveries
		WHERE webhook_id = ? AND subject = ? AND gap = 1 AND event_pos < ?) THEN 1 ELSE 0 END`, l.WebhookID, l.Subject, l.Items[0].Delivery.EventPos)
	if err != nil {
		return err
	}
	l.Gap = gap != 0
	l.State, err = t.SinkState(l.WebhookID, l.Subject)
	return err
}

func scanQueued(sc scanner) (calls.QueuedEvent, error) {
	var r deliveryRow
	var e calls.Event
	var at int64
	var data string
	err := sc.Scan(append(r.targets(), &e.Pos, &e.ID, &e.Account, &e.Subject, &e.Seq, &e.Type, &at, &e.CallID, &e.Ref, &e.Direction, &e.Line, &e.Employee, &data)...)
	e.Time, e.Data = fromMicros(at), []byte(data)
	e.Timestamp = e.Time.UnixMilli()
	return calls.QueuedEvent{Delivery: r.delivery(), Event: e}, err
}

// NextDue implements calls.OutboxReads.
func (t *tx) NextDue(destination string, now time.Time) (time.Time, error) {
	at, err := one(t, scalar[int64], `SELECT coalesce(min(next_at), 0) FROM deliveries
		WHERE head = 1 AND head > 0 AND destination = ? AND next_at > ?`, destination, micros(now))
	return fromMicros(at), err
}

// LiveDestinations implements calls.OutboxReads: one step in the index for each,
// however many lanes it has.
func (t *tx) LiveDestinations() (list []calls.LiveDestination, err error) {
	read := func(sc scanner) (l calls.LiveDestination, err error) {
		var at int64
		err = sc.Scan(&l.Destination, &at)
		l.DueAt = fromMicros(at)
		return l, err
	}
	after := ""
	for {
		next, err := many(t, read, `SELECT destination, next_at FROM deliveries WHERE head = 1 AND head > 0 AND destination > ?
			ORDER BY destination, next_at LIMIT 1`, after)
		if err != nil || len(next) == 0 {
			return list, err
		}
		list = append(list, next[0])
		after = next[0].Destination
	}
}

// oldestHeads is how many of the lanes that are due first, and of those due
// last, are asked for their age: the former were never tried, the latter often.
const oldestHeads = 500

// Backlog implements calls.OutboxReads. The oldest of a lane is its head.
func (t *tx) Backlog() (pending int, oldest time.Time, err error) {
	if pending, err = one(t, scalar[int], `SELECT count(*) FROM deliveries WHERE state = 'pending'`); err != nil {
		return 0, time.Time{}, err
	}
	for _, head := range []int{headLive, headParked} {
		for _, order := range []string{`destination, next_at`, `destination DESC, next_at DESC`} {
			at, err := one(t, scalar[int64], `SELECT coalesce(min(created_at), 0) FROM (SELECT created_at FROM deliveries
				WHERE head = ? AND head > 0 ORDER BY `+order+` LIMIT ?) AS heads`, head, oldestHeads)
			if err != nil {
				return 0, time.Time{}, err
			}
			if found := fromMicros(at); at > 0 && (oldest.IsZero() || found.Before(oldest)) {
				oldest = found
			}
		}
	}
	return pending, oldest, nil
}

// DeadLetters implements calls.OutboxReads.
func (t *tx) DeadLetters() (int, error) {
	return one(t, scalar[int], `SELECT count(*) FROM deliveries WHERE state = 'dead'`)
}
