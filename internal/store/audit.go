package store

import "zvonar/internal/calls"

func scanAudit(sc scanner) (a calls.AuditEntry, err error) {
	var at int64
	err = sc.Scan(&a.ID, &a.Account, &a.Actor, &a.Action, &a.Object, &at, &a.Detail)
	a.At = fromMicros(at)
	return a, err
}

// Audit implements calls.Tx.
func (t *tx) Audit(a calls.AuditEntry) error {
	_, err := t.exec(`INSERT INTO audit (account, actor, action, object, at, detail) VALUES (?, ?, ?, ?, ?, ?)`,
		a.Account, a.Actor, a.Action, a.Object, micros(a.At), a.Detail)
	return err
}

// AuditEntries implements calls.LogReads.
func (t *tx) AuditEntries(f calls.AuditFilter) ([]calls.AuditEntry, error) {
	var w where
	w.equal("account", f.Account)
	w.equal("actor", f.Actor)
	w.equal("action", f.Action)
	w.equal("object", f.Object)
	if !f.Since.IsZero() {
		w.add("at >= ?", micros(f.Since))
	}
	if !f.Until.IsZero() {
		w.add("at < ?", micros(f.Until))
	}
	if f.Before > 0 {
		w.add("id < ?", f.Before)
	}
	return many(t, scanAudit, `SELECT id, account, actor, action, object, at, detail FROM audit`+w.sql()+` ORDER BY id DESC LIMIT ?`,
		append(w.args, limited(f.Limit, 500))...)
}
