package store

import (
	"cmp"
	"slices"
	"strings"

	"zvonar/internal/calls"
)

// A block of the whole account is a row of blacklist, every narrower one a row of
// narrow_blocks. What has expired is not seen, and goes with the next sweep.

const (
	blockColumns = `account, number, scope, reason, source, call_id, created_at, expires_at, digit, digit_at`
	blockPlaces  = ` VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	// longer takes the place of an entry that ends before the new one does.
	longer = ` DO UPDATE SET scope = excluded.scope, reason = excluded.reason, source = excluded.source, call_id = excluded.call_id, created_at = excluded.created_at,
		expires_at = excluded.expires_at, digit = excluded.digit, digit_at = excluded.digit_at`
)

func scanBlock(sc scanner) (b calls.BlockEntry, err error) {
	var created, expires, pressed int64
	err = sc.Scan(&b.Account, &b.Number, &b.Scope, &b.Reason, &b.Source, &b.CallID, &created, &expires, &b.Digit, &pressed)
	b.CreatedAt, b.ExpiresAt, b.DigitAt = fromMicros(created), fromMicros(expires), fromMicros(pressed)
	return b, err
}

// now is the present for what has a time of its own.
func (t *tx) now() int64 { return micros(t.s.cfg.Clock.Now()) }

// Blocked implements calls.ReadTx.
func (t *tx) Blocked(account, number string) (*calls.BlockEntry, error) {
	b, err := one(t, scanBlock, `SELECT `+blockColumns+` FROM blacklist WHERE account = ? AND number = ? AND (expires_at = 0 OR expires_at > ?)`,
		account, number, t.now())
	if err != nil {
		return nil, err
	}
	return &b, nil
}

// BlockedFor implements calls.BlockReads.
func (t *tx) BlockedFor(q calls.BlockQuery) (*calls.BlockEntry, error) {
	list, err := t.BlocksOf(q.Account, q.Number)
	if err != nil {
		return nil, err
	}
	for _, b := range list {
		campaign, ofCampaign := strings.CutPrefix(b.Scope, calls.ScopeCampaign)
		line, ofLine := strings.CutPrefix(b.Scope, calls.ScopeNumber)
		switch {
		case ofCampaign && (q.Campaign == "" || campaign != q.Campaign):
		case ofLine && (q.Line == "" || line != q.Line):
		default:
			return &b, nil
		}
	}
	return nil, calls.ErrNotFound
}

// BlocksOf implements calls.BlockReads.
func (t *tx) BlocksOf(account, number string) ([]calls.BlockEntry, error) {
	now := t.now()
	return many(t, scanBlock, `SELECT `+blockColumns+` FROM blacklist WHERE account = ?1 AND number = ?2 AND (expires_at = 0 OR expires_at > ?3)
		UNION ALL SELECT `+blockColumns+` FROM narrow_blocks WHERE account = ?1 AND number = ?2 AND (expires_at = 0 OR expires_at > ?3) ORDER BY scope`,
		account, number, now)
}

// BlockEntries implements calls.ReadTx.
func (t *tx) BlockEntries(account, after string, limit int) ([]calls.BlockEntry, error) {
	number, scope, exact := strings.Cut(after, " ")
	if !exact {
		scope = "~" // behind every scope: the whole number was seen
	}
	limit, now := limited(limit, 1000), t.now()
	const page = ` WHERE account = ? AND number >= ? AND (number > ? OR scope > ?) AND (expires_at = 0 OR expires_at > ?) ORDER BY number`
	list, err := many(t, scanBlock, `SELECT `+blockColumns+` FROM blacklist`+page+` LIMIT ?`, account, number, number, scope, now, limit)
	if err != nil {
		return nil, err
	}
	narrow, err := many(t, scanBlock, `SELECT `+blockColumns+` FROM narrow_blocks`+page+`, scope LIMIT ?`, account, number, number, scope, now, limit)
	if len(narrow) > 0 {
		list = append(list, narrow...)
		slices.SortFunc(list, func(a, b calls.BlockEntry) int {
			return cmp.Or(strings.Compare(a.Number, b.Number), strings.Compare(a.Scope, b.Scope))
		})
	}
	return list[:min(limit, len(list))], err
}

// Block implements calls.Tx. Of entries that last as long the first reason
// stays: it is the evidence.
func (t *tx) Block(b calls.BlockEntry) (bool, error) {
	if b.Scope == "" {
		b.Scope = calls.ScopeAccount
	}
	args := []any{b.Account, b.Number, b.Scope, b.Reason, b.Source, b.CallID, micros(b.CreatedAt), micros(b.ExpiresAt), b.Digit, micros(b.DigitAt)}
	if b.Scope == calls.ScopeAccount {
		n, err := t.exec(`INSERT INTO blacklist (`+blockColumns+`)`+blockPlaces+` ON CONFLICT (account, number)`+longer+
			` WHERE blacklist.expires_at > 0 AND (excluded.expires_at = 0 OR excluded.expires_at > blacklist.expires_at)`, args...)
		return n > 0, err
	}
	n, err := t.exec(`INSERT INTO narrow_blocks (`+blockColumns+`)`+blockPlaces+` ON CONFLICT (account, number, scope)`+longer+
		` WHERE narrow_blocks.expires_at > 0 AND (excluded.expires_at = 0 OR excluded.expires_at > narrow_blocks.expires_at)`, args...)
	return n > 0, err
}

// Unblock implements calls.Tx.
func (t *tx) Unblock(account, number string) (bool, error) {
	return t.UnblockScope(account, number, "")
}

// UnblockScope implements calls.BlockWrites.
func (t *tx) UnblockScope(account, number, scope string) (bool, error) {
	wide, err := t.exec(`DELETE FROM blacklist WHERE account = ? AND number = ? AND (CAST(? AS TEXT) = '' OR scope = ?)`, account, number, scope, scope)
	if err != nil {
		return false, err
	}
	narrow, err := t.exec(`DELETE FROM narrow_blocks WHERE account = ? AND number = ? AND (CAST(? AS TEXT) = '' OR scope = ?)`, account, number, scope, scope)
	return wide+narrow > 0, err
}
