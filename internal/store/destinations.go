package store

import (
	"errors"
	"time"

	"zvonar/internal/calls"
)

const healthColumns = `destination, account, failing_since, failures, probe_at, auth_failed_at, last_error`

func scanHealth(sc scanner) (*calls.DestinationHealth, error) {
	h := new(calls.DestinationHealth)
	var since, probe, auth int64
	err := sc.Scan(&h.Destination, &h.Account, &since, &h.Failures, &probe, &auth, &h.LastError)
	h.FailingSince, h.ProbeAt, h.AuthFailedAt = fromMicros(since), fromMicros(probe), fromMicros(auth)
	return h, err
}

// Health implements calls.OutboxReads.
func (t *tx) Health(destination string) (*calls.DestinationHealth, error) {
	return one(t, scanHealth, `SELECT `+healthColumns+` FROM destination_health WHERE destination = ?`, destination)
}

// UnwellDestinations implements calls.OutboxReads.
func (t *tx) UnwellDestinations() ([]calls.DestinationHealth, error) {
	return many(t, func(sc scanner) (calls.DestinationHealth, error) {
		h, err := scanHealth(sc)
		return *h, err
	}, `SELECT `+healthColumns+` FROM destination_health ORDER BY destination`)
}

// PutHealth implements calls.OutboxWrites.
func (t *tx) PutHealth(h calls.DestinationHealth) error {
	_, err := t.exec(`INSERT INTO destination_health (`+healthColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (destination) DO UPDATE SET failing_since = excluded.failing_since, failures = excluded.failures,
			probe_at = excluded.probe_at, auth_failed_at = excluded.auth_failed_at, last_error = excluded.last_error`,
		h.Destination, h.Account, micros(h.FailingSince), h.Failures, micros(h.ProbeAt), micros(h.AuthFailedAt), h.LastError)
	return err
}

// Recovered implements calls.OutboxWrites. Only lanes that were tried wait for
// a later time, so few rows are touched.
func (t *tx) Recovered(destination string, now time.Time) error {
	if _, err := t.exec(`DELETE FROM destination_health WHERE destination = ?`, destination); err != nil {
		return err
	}
	_, err := t.exec(`UPDATE deliveries SET next_at = ?1 WHERE head = 1 AND head > 0 AND destination = ?2 AND next_at > ?1`, micros(now), destination)
	return err
}

// SinkState implements calls.OutboxReads.
func (t *tx) SinkState(webhookID, subject string) (string, error) {
	state, err := one(t, scalar[string], `SELECT state FROM sink_states WHERE webhook_id = ? AND subject = ?`, webhookID, subject)
	if errors.Is(err, calls.ErrNotFound) {
		return "", nil
	}
	return state, err
}

// Credential implements calls.OutboxReads.
func (t *tx) Credential(account, name string) (*calls.Credential, error) {
	return one(t, func(sc scanner) (*calls.Credential, error) {
		c := new(calls.Credential)
		var at int64
		err := sc.Scan(&c.Account, &c.Name, &c.Doc, &c.Changes, &at)
		c.UpdatedAt = fromMicros(at)
		return c, err
	}, `SELECT account, name, doc, changes, updated_at FROM credentials WHERE account = ? AND name = ?`, account, name)
}

// PutCredential implements calls.OutboxWrites.
func (t *tx) PutCredential(c calls.Credential) error {
	_, err := t.exec(`INSERT INTO credentials (account, name, doc, changes, updated_at) VALUES (?, ?, ?, 1, ?)
		ON CONFLICT (account, name) DO UPDATE SET doc = excluded.doc, changes = credentials.changes + 1, updated_at = excluded.updated_at`,
		c.Account, c.Name, c.Doc, micros(c.UpdatedAt))
	if err != nil {
		return err
	}
	return t.turn()
}

// DeleteCredential implements calls.OutboxWrites.
func (t *tx) DeleteCredential(account, name string) error {
	return changedOne(t.exec(`DELETE FROM credentials WHERE account = ? AND name = ?`, account, name))
}
