package store

import (
	"time"

	"zvonar/internal/calls"
)

const smsColumns = `id, account, call_id, callee, caller, body, state, error, created_at, provider_id, tries, next_at, sent_at, reported_at`

func scanSMS(sc scanner) (m calls.SMS, err error) {
	var created, next, sent, reported int64
	err = sc.Scan(&m.ID, &m.Account, &m.CallID, &m.To, &m.From, &m.Text, &m.State, &m.Error, &created, &m.ProviderID, &m.Tries, &next, &sent, &reported)
	m.CreatedAt, m.NextAt, m.SentAt, m.ReportedAt = fromMicros(created), fromMicros(next), fromMicros(sent), fromMicros(reported)
	return m, err
}

// SMS implements calls.ReadTx.
func (t *tx) SMS(account, id string) (*calls.SMS, error) {
	m, err := one(t, scanSMS, `SELECT `+smsColumns+` FROM sms WHERE id = ? AND (CAST(? AS TEXT) = '' OR account = ?)`, id, account, account)
	if err != nil {
		return nil, err
	}
	return &m, nil
}

// SMSByProviderID implements calls.ReadTx: the newest of that name.
func (t *tx) SMSByProviderID(providerID string) (*calls.SMS, error) {
	m, err := one(t, scanSMS, `SELECT `+smsColumns+` FROM sms WHERE provider_id = ? AND provider_id <> '' ORDER BY created_at DESC, id DESC LIMIT 1`, providerID)
	if err != nil {
		return nil, err
	}
	return &m, nil
}

// Texts implements calls.ReadTx.
func (t *tx) Texts(f calls.SMSFilter) ([]calls.SMS, error) {
	var w where
	w.equal("account", f.Account)
	w.equal("call_id", f.CallID)
	w.equal("state", string(f.State))
	if f.Cursor != "" {
		w.add("id < ?", f.Cursor)
	}
	return many(t, scanSMS, `SELECT `+smsColumns+` FROM sms`+w.sql()+` ORDER BY id DESC LIMIT ?`, append(w.args, limited(f.Limit, 500))...)
}

// TextsDue implements calls.ReadTx.
func (t *tx) TextsDue(now time.Time, limit int) ([]calls.SMS, error) {
	return many(t, scanSMS, `SELECT `+smsColumns+` FROM sms s WHERE state = 'queued' AND state IN ('queued', 'sending') AND next_at <= ?
		AND NOT EXISTS (SELECT 1 FROM sms e WHERE e.account = s.account AND e.callee = s.callee AND e.state IN ('queued', 'sending')
			AND (e.created_at < s.created_at OR (e.created_at = s.created_at AND e.id < s.id)))
		ORDER BY created_at, id LIMIT ?`, micros(now), limited(limit, 1000))
}

// NextTextAt implements calls.ReadTx.
func (t *tx) NextTextAt(now time.Time) (time.Time, error) {
	at, err := one(t, scalar[int64], `SELECT coalesce(min(next_at), 0) FROM sms WHERE state = 'queued' AND state IN ('queued', 'sending') AND next_at > ?`, micros(now))
	return fromMicros(at), err
}

// TextsCutOff implements calls.ReadTx.
func (t *tx) TextsCutOff(own bool, limit int) ([]calls.SMS, error) {
	now, err := t.s.leaseNow(t)
	if err != nil {
		return nil, err
	}
	return many(t, scanSMS, `SELECT `+smsColumns+` FROM sms s WHERE state = 'sending' AND state IN ('queued', 'sending')
		AND ((node = ? AND 1 = ?) OR (node <> ? AND NOT EXISTS (SELECT 1 FROM nodes n WHERE n.node = s.node AND n.lease_until > ?)))
		ORDER BY created_at, id LIMIT ?`, t.s.cfg.Node, flag(own), t.s.cfg.Node, now, limited(limit, 1000))
}

// InsertSMS implements calls.Tx.
func (t *tx) InsertSMS(m *calls.SMS) error {
	_, err := t.exec(`INSERT INTO sms (`+smsColumns+`, node) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		m.ID, m.Account, m.CallID, m.To, m.From, m.Text, m.State, m.Error, micros(m.CreatedAt), m.ProviderID, m.Tries,
		micros(m.NextAt), micros(m.SentAt), micros(m.ReportedAt), t.s.cfg.Node)
	return err
}

// MoveSMS implements calls.Tx. What a text never changes (account, call,
// numbers, words) is not looked at.
func (t *tx) MoveSMS(from calls.SMSState, m *calls.SMS) error {
	return changedOne(t.exec(`UPDATE sms SET state = ?, error = ?, provider_id = ?, tries = ?, next_at = ?, sent_at = ?, reported_at = ?, node = ?
		WHERE id = ? AND account = ? AND state = ?`, m.State, m.Error, m.ProviderID, m.Tries, micros(m.NextAt), micros(m.SentAt),
		micros(m.ReportedAt), t.s.cfg.Node, m.ID, m.Account, from))
}
