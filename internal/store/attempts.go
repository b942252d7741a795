package store

import (
	"encoding/json"
	"fmt"
	"time"

	"zvonar/internal/calls"
)

const attemptColumns = `doc, call_id, account, dialog, node, fence, lease_until`

type plainAttempt calls.Attempt

func packAttempt(a *calls.Attempt) (string, error) {
	p := plainAttempt(*a)
	p.SentAt, p.EndedAt = stored(p.SentAt), storedPtr(p.EndedAt)
	b, err := json.Marshal(p)
	if err != nil {
		return "", fmt.Errorf("store: attempt %s cannot be written: %w", a.ID, err)
	}
	return string(b), nil
}

func scanAttempt(sc scanner) (*calls.Attempt, error) {
	var doc, callID, account, node string
	var dialog []byte
	var fence, lease int64
	if err := sc.Scan(&doc, &callID, &account, &dialog, &node, &fence, &lease); err != nil {
		return nil, err
	}
	var p plainAttempt
	if err := json.Unmarshal([]byte(doc), &p); err != nil {
		return nil, err
	}
	a := calls.Attempt(p)
	a.CallID, a.Account, a.Dialog = callID, account, dialog
	a.Node, a.Fence, a.LeaseUntil = node, fence, fromMicros(lease)
	return &a, nil
}

// InsertAttempt implements calls.Tx.
func (t *tx) InsertAttempt(a *calls.Attempt) error {
	t.own(&a.Node, &a.Fence, &a.LeaseUntil)
	doc, err := packAttempt(a)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO attempts (id, account, call_id, n, role, trunk, callee, sip_call_id, sent_at, charged,
		state, node, fence, lease_until, doc, dialog) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		a.ID, a.Account, a.CallID, a.N, a.Role, a.Trunk, a.To, a.SIPCallID, micros(a.SentAt), flag(a.Charged),
		a.State, a.Node, a.Fence, micros(a.LeaseUntil), doc, a.Dialog)
	return err
}

// UpdateAttempt implements calls.Tx.
func (t *tx) UpdateAttempt(a *calls.Attempt) error {
	t.own(&a.Node, &a.Fence, &a.LeaseUntil)
	doc, err := packAttempt(a)
	if err != nil {
		return err
	}
	return changedOne(t.exec(`UPDATE attempts SET trunk = ?, callee = ?, sip_call_id = ?, sent_at = ?, charged = ?, state = ?,
		node = ?, fence = ?, lease_until = ?, doc = ?, dialog = ? WHERE id = ?`,
		a.Trunk, a.To, a.SIPCallID, micros(a.SentAt), flag(a.Charged), a.State,
		a.Node, a.Fence, micros(a.LeaseUntil), doc, a.Dialog, a.ID))
}

// AttemptsSince implements calls.ReadTx.
func (t *tx) AttemptsSince(account, number string, since time.Time) (int, error) {
	return one(t, scalar[int], `SELECT count(*) FROM attempts
		WHERE account = ? AND callee = ? AND sent_at >= ? AND charged = 1 AND role = 'customer'`, account, number, micros(since))
}

// LastAttemptAt implements calls.ReadTx. Like AttemptsSince it sees the charged
// attempts: a trunk's fault did not disturb anybody.
func (t *tx) LastAttemptAt(account, number string) (time.Time, error) {
	at, err := one(t, scalar[int64], `SELECT sent_at FROM attempts
		WHERE account = ? AND callee = ? AND charged = 1 AND role = 'customer' ORDER BY sent_at DESC LIMIT 1`, account, number)
	return fromMicros(at), err
}

// ChargedSince implements calls.AttemptReads.
func (t *tx) ChargedSince(account, number string, since time.Time, limit int) ([]time.Time, error) {
	list, err := many(t, scalar[int64], `SELECT sent_at FROM attempts
		WHERE account = ? AND callee = ? AND sent_at >= ? AND charged = 1 AND role = 'customer'
		ORDER BY sent_at DESC LIMIT ?`, account, number, micros(since), limited(limit, 1000))
	times := make([]time.Time, len(list))
	for i, us := range list {
		times[i] = fromMicros(us)
	}
	return times, err
}

// TalksSince implements calls.AttemptReads.
func (t *tx) TalksSince(account, number string, since time.Time, limit int) (times []time.Time, err error) {
	list, err := many(t, scanAttempt, `SELECT `+attemptColumns+` FROM attempts
		WHERE account = ? AND callee = ? AND sent_at >= ? AND charged = 1 AND role = 'customer'
		ORDER BY sent_at DESC LIMIT ?`, account, number, micros(since), mostRead)
	for _, a := range list {
		if a.MayHaveTalked() && len(times) < limit {
			times = append(times, a.SentAt)
		}
	}
	return times, err
}

// mostRead bounds the attempts to one number that are looked through for talks.
const mostRead = 1000
