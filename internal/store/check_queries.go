package store

// invariant is something that holds of every store whose daemon did not err and
// whose disk did not lie. sql lists what breaks it, one text a row; its argument
// ?1 is the lowest id of a call that is looked at ("" all of them).
type invariant struct {
	name string
	text string // a sentence about what was found
	do   string // what to do about it
	sql  string
	args int // 1 where sql takes the argument
}

const (
	tellUs      = "this is a fault of zvonar or of the disk: keep a copy of the data directory, and ask for help with it"
	itHeals     = "restart zvonar: it ends what a former process left open"
	deliverThem = "replay what the webhook waits for (zvonar webhooks replay): that puts the lanes in order"
)

// invariants is what check-store looks at besides the database's own checks.
// Every text is understood by SQLite and PostgreSQL.
var invariants = []invariant{
	{"call.completed missing", "calls are over and have no call.completed: receivers were never told", tellUs,
		`SELECT c.id FROM calls c WHERE c.is_over = 1 AND c.id >= ?1
			AND NOT EXISTS (SELECT 1 FROM events e WHERE e.subject = 'call:' || c.id AND e.type = 'call.completed')`, 1},
	{"call.completed too early", "calls are not over and have a call.completed", itHeals,
		`SELECT c.id FROM calls c WHERE c.is_over = 0
			AND EXISTS (SELECT 1 FROM events e WHERE e.subject = 'call:' || c.id AND e.type = 'call.completed')`, 0},
	{"call.completed twice", "calls have more than one call.completed", tellUs,
		`SELECT e.subject FROM events e WHERE e.type = 'call.completed' GROUP BY e.subject HAVING count(*) > 1`, 0},
	{"call status", "calls contradict themselves: over without outcome or end, or with an outcome before their end", tellUs,
		`SELECT id FROM calls WHERE id >= ?1 AND ((is_over = 1 AND (status <> 'completed' OR outcome = '' OR ended_at = 0))
			OR (is_over = 0 AND (status = 'completed' OR outcome <> '')))`, 1},
	{"ref", "a ref belongs to several calls that are not over", tellUs,
		`SELECT ref FROM calls WHERE is_over = 0 AND ref <> '' GROUP BY account, ref HAVING count(*) > 1`, 0},
	{"seq", "the events of a call are not numbered 1, 2, 3 …: some are missing", tellUs,
		`SELECT subject FROM events WHERE subject >= 'call:' || ?1 AND subject < 'call;'
			GROUP BY account, subject HAVING min(seq) <> 1 OR max(seq) <> count(*)`, 1},
	{"events without call", "events belong to a call that is not there", tellUs,
		`SELECT e.subject FROM events e WHERE e.seq = 1 AND e.subject >= 'call:' || ?1 AND e.subject < 'call;'
			AND NOT EXISTS (SELECT 1 FROM calls c WHERE c.id = substr(e.subject, 6))`, 1},
	{"attempt numbers", "the attempts of a call are not numbered 1, 2, 3 …: some are missing", tellUs,
		`SELECT call_id FROM attempts WHERE call_id >= ?1 GROUP BY call_id HAVING min(n) <> 1 OR max(n) <> count(*)`, 1},
	{"open attempts", "attempts are open although their call is over", itHeals,
		`SELECT a.id FROM attempts a JOIN calls c ON c.id = a.call_id
			WHERE a.call_id >= ?1 AND c.is_over = 1 AND a.state IN ('dialing', 'answered')`, 1},
	{"lane heads", "lanes of deliveries have no head, several, or not their first: they stand still or go out of order", deliverThem,
		`SELECT webhook_id || ' ' || subject FROM deliveries WHERE state = 'pending' GROUP BY webhook_id, subject
			HAVING sum(CASE WHEN head > 0 THEN 1 ELSE 0 END) <> 1 OR min(event_pos) <> min(CASE WHEN head > 0 THEN event_pos END)`, 0},
	{"heads that are done", "deliveries are done and still the head of their lane", deliverThem,
		`SELECT CAST(id AS TEXT) FROM deliveries WHERE head > 0 AND state <> 'pending'`, 0},
	{"parked lanes", "lanes of an enabled webhook are parked, or go on for a disabled one", deliverThem,
		`SELECT CAST(d.id AS TEXT) FROM deliveries d JOIN webhooks w ON w.id = d.webhook_id WHERE d.head > 0 AND d.head <> 1 + w.disabled`, 0},
	{"deliveries without webhook", "deliveries wait for a webhook that is not there", tellUs,
		`SELECT CAST(d.id AS TEXT) FROM deliveries d WHERE d.state = 'pending' AND NOT EXISTS (SELECT 1 FROM webhooks w WHERE w.id = d.webhook_id)`, 0},
	{"deliveries without event", "deliveries wait whose event is no longer in the log", tellUs,
		`SELECT CAST(d.id AS TEXT) FROM deliveries d WHERE d.state = 'pending' AND NOT EXISTS (SELECT 1 FROM events e WHERE e.pos = d.event_pos)`, 0},
	{"cursors", "cursors stand beyond the end of the log: their destination would miss what comes next", tellUs,
		`SELECT name FROM cursors WHERE (name = 'outbox' OR name LIKE 'webhook:%') AND pos > (SELECT coalesce(max(pos), 0) FROM events)
			AND pos > (SELECT coalesce(max(pos), 0) FROM cursors WHERE name = 'retention:horizon')`, 0},
	{"texts without call", "texts belong to a call that is not there", tellUs,
		`SELECT s.id FROM sms s WHERE s.call_id <> '' AND NOT EXISTS (SELECT 1 FROM calls c WHERE c.id = s.call_id)`, 0},
	{"record numbers", "recordings are approved and have no record_id, or one that can be given out again", tellUs,
		`SELECT id FROM recordings WHERE (state = 'approved' AND record_id IS NULL)
			OR record_id >= (SELECT coalesce(max(next), 0) FROM sequences WHERE name = 'record_id')`, 0},
}

// documents are the columns that hold JSON.
var documents = []struct{ table, key, column string }{
	{"calls", "id", "doc"}, {"attempts", "id", "doc"}, {"events", "id", "data"}, {"recordings", "id", "doc"},
	{"tokens", "id", "doc"}, {"webhooks", "id", "doc"}, {"credentials", "name", "doc"},
	{"facade_keys", "id", "doc"}, {"exchanges", "CAST(id AS TEXT)", "doc"},
}
