package store

import "zvonar/internal/calls"

const attentionColumns = `id, account, call_id, kind, why, number, state, created_at, taken_by, taken_at, done_by, done_at, note`

func scanAttention(sc scanner) (*calls.Attention, error) {
	var a calls.Attention
	var created, taken, done int64
	if err := sc.Scan(&a.ID, &a.Account, &a.CallID, &a.Kind, &a.Why, &a.Number, &a.State, &created, &a.TakenBy, &taken, &a.DoneBy, &done, &a.Note); err != nil {
		return nil, err
	}
	a.CreatedAt, a.TakenAt, a.DoneAt = fromMicros(created), fromMicros(taken), fromMicros(done)
	return &a, nil
}

// Attention implements calls.AttentionReads.
func (t *tx) Attention(account, id string) (*calls.Attention, error) {
	return one(t, scanAttention, `SELECT `+attentionColumns+` FROM attention WHERE account = ? AND id = ?`, account, id)
}

// Attentions implements calls.AttentionReads.
func (t *tx) Attentions(f calls.AttentionFilter) ([]*calls.Attention, error) {
	var w where
	w.add("account = ?", f.Account)
	if f.State == "" {
		w.add("state IN ('open', 'taken')")
	}
	w.equal("state", string(f.State))
	w.equal("kind", f.Kind)
	if f.Cursor != "" {
		w.add("id < ?", f.Cursor)
	}
	return many(t, scanAttention, `SELECT `+attentionColumns+` FROM attention`+w.sql()+` ORDER BY id DESC LIMIT ?`, append(w.args, limited(f.Limit, 500))...)
}

// PutAttention implements calls.AttentionWrites.
func (t *tx) PutAttention(a *calls.Attention) error {
	_, err := t.exec(`INSERT INTO attention (`+attentionColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET state = excluded.state, taken_by = excluded.taken_by, taken_at = excluded.taken_at,
		done_by = excluded.done_by, done_at = excluded.done_at, note = excluded.note WHERE attention.account = excluded.account`,
		a.ID, a.Account, a.CallID, a.Kind, a.Why, a.Number, string(a.State), micros(a.CreatedAt), a.TakenBy, micros(a.TakenAt), a.DoneBy, micros(a.DoneAt), a.Note)
	return err
}
