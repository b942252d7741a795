package store

import "zvonar/internal/calls"

const smsColumns = `id, account, call_id, callee, caller, body, state, error, created_at`

func scanSMS(sc scanner) (m calls.SMS, err error) {
	var at int64
	err = sc.Scan(&m.ID, &m.Account, &m.CallID, &m.To, &m.From, &m.Text, &m.State, &m.Error, &at)
	m.CreatedAt = fromMicros(at)
	return m, err
}

// SMSByState implements calls.ReadTx: oldest first.
func (t *tx) SMSByState(state calls.SMSState, limit int) ([]calls.SMS, error) {
	query := `SELECT ` + smsColumns + ` FROM sms WHERE state = ? ORDER BY created_at, id LIMIT ?`
	if state == calls.SMSIsQueued || state == calls.SMSIsSending {
		query = `SELECT ` + smsColumns + ` FROM sms WHERE state = ? AND state IN ('queued', 'sending') ORDER BY created_at, id LIMIT ?`
	}
	return many(t, scanSMS, query, state, limited(limit, 1000))
}

// SMS implements calls.ReadTx.
func (t *tx) SMS(id string) (*calls.SMS, error) {
	m, err := one(t, scanSMS, `SELECT `+smsColumns+` FROM sms WHERE id = ?`, id)
	if err != nil {
		return nil, err
	}
	return &m, nil
}

// InsertSMS implements calls.Tx.
func (t *tx) InsertSMS(m *calls.SMS) error {
	_, err := t.exec(`INSERT INTO sms (`+smsColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		m.ID, m.Account, m.CallID, m.To, m.From, m.Text, m.State, m.Error, micros(m.CreatedAt))
	if err == nil {
		t.notify = true
	}
	return err
}

// UpdateSMS implements calls.Tx.
func (t *tx) UpdateSMS(m *calls.SMS) error {
	return changedOne(t.exec(`UPDATE sms SET state = ?, error = ? WHERE id = ?`, m.State, m.Error, m.ID))
}
