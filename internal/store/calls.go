package store

import (
	"strings"
	"time"

	"zvonar/internal/calls"
)

const callColumns = `doc, node, fence, lease_until`

func scanCall(sc scanner) (*calls.Call, error) {
	var doc, node string
	var fence, lease int64
	if err := sc.Scan(&doc, &node, &fence, &lease); err != nil {
		return nil, err
	}
	c, err := unpackCall(doc)
	if err != nil {
		return nil, err
	}
	c.Node, c.Fence, c.LeaseUntil = node, fence, fromMicros(lease)
	return c, nil
}

// Call implements calls.ReadTx.
func (t *tx) Call(account, id string) (*calls.Call, error) {
	c, err := one(t, scanCall, `SELECT `+callColumns+` FROM calls WHERE id = ? AND (? = '' OR account = ?)`, id, account, account)
	if err != nil {
		return nil, err
	}
	return c, t.fillAttempts([]*calls.Call{c})
}

// Calls implements calls.ReadTx.
func (t *tx) Calls(f calls.CallFilter) ([]*calls.Call, error) {
	rest, args := callsMatching(f)
	return t.callList(rest, args...)
}

// callsMatching is what follows "FROM calls" for a filter.
func callsMatching(f calls.CallFilter) (rest string, args []any) {
	var w where
	w.equal("account", f.Account)
	w.equal("callee", f.To)
	w.equal("ref", f.Ref)
	w.equal("series", f.Series)
	w.equal("campaign", f.Campaign)
	w.equal("status", string(f.Status))
	w.equal("outcome", string(f.Outcome))
	if f.Live || f.Status != "" && f.Status != calls.StatusCompleted {
		w.add("is_over = 0") // the few that live have indexes of their own
	}
	if f.Cursor != "" {
		w.add("id < ?", f.Cursor)
	}
	// SQLite proves that a partial index applies only from the text.
	for _, c := range []struct{ column, value string }{
		{"ref", f.Ref}, {"series", f.Series}, {"campaign", f.Campaign}, {"outcome", string(f.Outcome)},
	} {
		if c.value != "" {
			w.add(c.column + " <> ''")
		}
	}
	return w.sql() + ` ORDER BY id DESC LIMIT ?`, append(w.args, limited(f.Limit, 500))
}

// LiveCallByRef implements calls.ReadTx.
func (t *tx) LiveCallByRef(account, ref string) (*calls.Call, error) {
	if ref == "" {
		return nil, calls.ErrNotFound
	}
	list, err := t.callList(` WHERE account = ? AND ref = ? AND ref <> '' AND is_over = 0`, account, ref)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, calls.ErrNotFound
	}
	return list[0], nil
}

// Unfinished implements calls.ReadTx.
func (t *tx) Unfinished() ([]*calls.Call, error) {
	return t.callList(` WHERE is_over = 0 ORDER BY created_at, id`)
}

// UnfinishedOf implements calls.NodeReads.
func (t *tx) UnfinishedOf(node, after string, limit int) ([]*calls.Call, error) {
	return t.callList(unfinishedOf, node, after, limited(limit, 1000))
}

func (t *tx) callList(rest string, args ...any) ([]*calls.Call, error) {
	list, err := many(t, scanCall, `SELECT `+callColumns+` FROM calls`+rest, args...)
	if err != nil {
		return nil, err
	}
	return list, t.fillAttempts(list)
}

// fillAttempts gives each call its attempts, asking for up to 100 calls at once.
func (t *tx) fillAttempts(list []*calls.Call) error {
	const chunk = 100
	byID := make(map[string]*calls.Call, len(list))
	for _, c := range list {
		byID[c.ID] = c
	}
	for start := 0; start < len(list); start += chunk {
		part := list[start:min(start+chunk, len(list))]
		n := 1
		if len(part) > 1 {
			n = chunk // two statements in all; the places left over hold NULL
		}
		args := make([]any, n)
		for i, c := range part {
			args[i] = c.ID
		}
		attempts, err := many(t, scanAttempt, `SELECT `+attemptColumns+` FROM attempts WHERE call_id IN (?`+
			strings.Repeat(", ?", n-1)+`) ORDER BY call_id, n`, args...)
		if err != nil {
			return err
		}
		for _, a := range attempts {
			c := byID[a.CallID]
			c.Attempts = append(c.Attempts, *a)
		}
	}
	return nil
}

// InsertCall implements calls.Tx.
func (t *tx) InsertCall(c *calls.Call) error {
	t.own(&c.Node, &c.Fence, &c.LeaseUntil)
	if t.late != nil {
		return t.refused(t.late.put(c, true))
	}
	doc, err := packCall(c)
	if err != nil {
		return err
	}
	n, err := t.exec(`INSERT INTO calls (id, account, ref, series, campaign, direction, status, outcome, is_over,
		callee, caller, created_at, due_at, ended_at, node, fence, lease_until, doc)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (account, ref) WHERE is_over = 0 AND ref <> '' DO NOTHING`,
		c.ID, c.Account, c.Ref, c.Series, c.CampaignID, c.Direction, c.Status, c.Outcome, flag(c.Over()),
		c.To, c.From, micros(c.CreatedAt), micros(c.DueAt), microsPtr(c.EndedAt), c.Node, c.Fence, micros(c.LeaseUntil), doc)
	if err == nil && n == 0 {
		return calls.Errorf(calls.CodeRefConflict, "a call with ref %q is not over yet; use another ref, or wait for its call.completed", c.Ref)
	}
	return err
}

// UpdateCall implements calls.Tx. What a call never changes (account, ref,
// series, campaign, direction, callee) is not looked at, and the attempts go
// by UpdateAttempt. A call that is over stays so: whoever has not heard of its
// end yet is told by wrong-state.
func (t *tx) UpdateCall(c *calls.Call) error {
	t.own(&c.Node, &c.Fence, &c.LeaseUntil)
	if t.late != nil {
		return t.refused(t.late.put(c, false))
	}
	doc, err := packCall(c)
	if err != nil {
		return err
	}
	n, err := t.exec(`UPDATE calls SET status = ?, outcome = ?, is_over = ?, caller = ?, due_at = ?, ended_at = ?,
		node = ?, fence = ?, lease_until = ?, doc = ? WHERE id = ? AND (is_over = 0 OR is_over = ?)`,
		c.Status, c.Outcome, flag(c.Over()), c.From, micros(c.DueAt), microsPtr(c.EndedAt),
		c.Node, c.Fence, micros(c.LeaseUntil), doc, c.ID, flag(c.Over()))
	if err != nil || n == 1 {
		return err
	}
	if _, err := one(t, scalar[int], `SELECT is_over FROM calls WHERE id = ?`, c.ID); err != nil {
		return err
	}
	return calls.Errorf(calls.CodeWrongState, "call %s is over; it does not come back", c.ID)
}

// own marks what is written as this node's, with the fencing number of this run.
func (t *tx) own(node *string, fence *int64, lease *time.Time) {
	*node, *fence, *lease = t.s.cfg.Node, t.s.fence, stored(t.s.cfg.Clock.Now().Add(t.s.lease()))
}
