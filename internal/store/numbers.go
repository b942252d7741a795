package store

import "zvonar/internal/calls"

// Number implements calls.PeopleReads.
func (t *tx) Number(account, number string) (*calls.Number, error) {
	return one(t, readDoc[calls.Number], `SELECT doc FROM caller_numbers WHERE account = ? AND number = ?`, account, number)
}

// Numbers implements calls.PeopleReads.
func (t *tx) Numbers(account, after string, limit int) ([]*calls.Number, error) {
	return many(t, readDoc[calls.Number], `SELECT doc FROM caller_numbers WHERE account = ? AND number > ? ORDER BY number LIMIT ?`, account, after, limited(limit, 500))
}

// PoolNumbers implements calls.PeopleReads.
func (t *tx) PoolNumbers(account, pool string) ([]*calls.Number, error) {
	return many(t, readDoc[calls.Number], `SELECT doc FROM caller_numbers WHERE account = ? AND pool = ? AND pool <> '' AND state = 'confirmed' ORDER BY number LIMIT 1000`, account, pool)
}

// NumberAccounts implements calls.PeopleReads.
func (t *tx) NumberAccounts(number string) ([]string, error) {
	return many(t, scalar[string], `SELECT account FROM caller_numbers WHERE number = ? AND state = 'confirmed' ORDER BY account LIMIT 100`, number)
}

// PutNumber implements calls.PeopleWrites.
func (t *tx) PutNumber(n *calls.Number) error {
	row := *n
	row.CreatedAt, row.ConfirmedAt, row.CodeUntil = stored(n.CreatedAt), stored(n.ConfirmedAt), stored(n.CodeUntil)
	doc, err := docOf(row)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO caller_numbers (account, number, state, pool, created_at, doc) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (account, number) DO UPDATE SET state = excluded.state, pool = excluded.pool, doc = excluded.doc`,
		n.Account, n.Number, string(n.State), n.Pool, micros(n.CreatedAt), doc)
	return err
}

// DeleteNumber implements calls.PeopleWrites. What it did stays in the counts.
func (t *tx) DeleteNumber(account, number string) (bool, error) {
	n, err := t.exec(`DELETE FROM caller_numbers WHERE account = ? AND number = ?`, account, number)
	return n > 0, err
}

// NumberDays implements calls.PeopleReads.
func (t *tx) NumberDays(account, number string, since int64) ([]calls.NumberDay, error) {
	return many(t, func(sc scanner) (d calls.NumberDay, err error) {
		err = sc.Scan(&d.Account, &d.Number, &d.Day, &d.Dialled, &d.Answered, &d.TalkMS)
		return d, err
	}, `SELECT account, number, CAST(min(day) AS BIGINT), CAST(sum(dialled) AS BIGINT), CAST(sum(answered) AS BIGINT), CAST(sum(talk_ms) AS BIGINT)
		FROM number_days WHERE account = ? AND (CAST(? AS TEXT) = '' OR number = ?) AND day >= ? GROUP BY account, number ORDER BY number`,
		account, number, number, since)
}

// CountNumber implements calls.PeopleWrites.
func (t *tx) CountNumber(d calls.NumberDay) error {
	_, err := t.exec(`INSERT INTO number_days (account, number, day, dialled, answered, talk_ms) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (account, number, day) DO UPDATE SET dialled = number_days.dialled + excluded.dialled,
		answered = number_days.answered + excluded.answered, talk_ms = number_days.talk_ms + excluded.talk_ms`,
		d.Account, d.Number, d.Day, d.Dialled, d.Answered, d.TalkMS)
	return err
}

// lastTo finds what somebody who calls back was called for.
const lastTo = ` WHERE account = ? AND callee = ? AND direction = 'out' AND caller = ?
	AND EXISTS (SELECT 1 FROM attempts WHERE attempts.call_id = calls.id AND attempts.role = 'customer') ORDER BY id DESC LIMIT 1`

// LastTo implements calls.PeopleReads.
func (t *tx) LastTo(account, callee, line string) (*calls.Call, error) {
	list, err := t.callList(lastTo, account, callee, line)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, calls.ErrNotFound
	}
	return list[0], nil
}
