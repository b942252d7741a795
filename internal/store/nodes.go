package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"zvonar/internal/calls"
)

// ErrNodeAlive: this node's name is in use by a process elsewhere.
var ErrNodeAlive = errors.New("a node of this name is alive elsewhere")

// leaseTime is how long a node owns its calls after it was last heard of, where
// the configuration says nothing else.
const leaseTime = 30 * time.Second

// takePage is how many calls of a lapsed node change hands in one unit.
const takePage = 500

// What is read and written of calls that are not over must cost what there is of
// them, however many are.
const (
	adoptCalls  = `UPDATE calls SET node = ? WHERE is_over = 0 AND node <> ?`
	lapsedNodes = `SELECT node, fence FROM nodes WHERE node <> ? AND lease_until < ? AND (
			EXISTS (SELECT 1 FROM calls WHERE calls.node = nodes.node AND calls.is_over = 0) OR
			EXISTS (SELECT 1 FROM leases WHERE leases.node = nodes.node AND leases.fence = nodes.fence))
		ORDER BY node`
	unfinishedOf = ` WHERE node = ? AND id > ? AND is_over = 0 ORDER BY id LIMIT ?`
)

// takeNode gives this run of the node a fencing number of its own: whatever an
// earlier run wrote carries a smaller one.
//
// In a store that several processes share, a node that did not stop keeps its
// name until its lease ends, except towards its own data directory: whoever
// holds that (it is locked) knows that the former process is gone.
func (s *Store) takeNode(t *tx) error {
	now, err := s.leaseNow(t)
	if err != nil {
		return err
	}
	if s.cfg.shared {
		if err := s.refuseTwin(t, now); err != nil {
			return err
		}
	}
	s.fence, err = one(t, scalar[int64], `
		INSERT INTO nodes (node, fence, lease_until, started_at, home) VALUES (?, 1, ?, ?, ?)
		ON CONFLICT (node) DO UPDATE SET fence = nodes.fence + 1, lease_until = excluded.lease_until,
			started_at = excluded.started_at, home = excluded.home
		RETURNING fence`, s.cfg.Node, now+s.lease().Microseconds(), now, s.cfg.Home)
	if err != nil {
		return fmt.Errorf("take the lease of node %s: %w", s.cfg.Node, err)
	}
	if s.cfg.shared {
		return nil
	}
	// Nobody else can be alive: what another name left behind is ours, too.
	_, err = t.exec(adoptCalls, s.cfg.Node, s.cfg.Node)
	return err
}

// twin is what the table tells of a node of our name.
type twin struct {
	until, stopped int64
	home           string
}

func (s *Store) refuseTwin(t *tx, now int64) error {
	w, err := one(t, func(sc scanner) (w twin, err error) {
		return w, sc.Scan(&w.until, &w.stopped, &w.home)
	}, `SELECT lease_until, stopped_at, home FROM nodes WHERE node = ?`, s.cfg.Node)
	switch {
	case errors.Is(err, calls.ErrNotFound):
		return nil
	case err != nil:
		return err
	case w.stopped == 0 && w.until >= now && w.home != "" && w.home != s.cfg.Home:
		return fmt.Errorf("%w: node %q runs in %s, or did until a moment ago; give this one a name of its own (node:), or start it again after %s",
			ErrNodeAlive, s.cfg.Node, w.home, fromMicros(w.until).Format(time.RFC3339))
	}
	return nil
}

func (s *Store) lease() time.Duration {
	if s.cfg.Lease > 0 {
		return s.cfg.Lease
	}
	return leaseTime
}

// leaseNow is the time that leases go by, in microseconds.
func (s *Store) leaseNow(t *tx) (int64, error) { return s.db.now(t.ctx, t.c) }

// verifyFence fails with calls.ErrFenced where another run owns the node now. It
// runs first in every batch, inside its transaction.
func (s *Store) verifyFence(ctx context.Context) error {
	if !s.cfg.shared {
		return nil // the lock of the data directory keeps everybody else away
	}
	t := &tx{ctx: ctx, s: s, c: s.writer}
	fence, err := one(t, scalar[int64], `SELECT fence FROM nodes WHERE node = ?`, s.cfg.Node)
	if err == nil && fence != s.fence || errors.Is(err, calls.ErrNotFound) {
		s.keeper.fence()
		return calls.ErrFenced
	}
	return err
}

// lapsed is a node whose lease ran out and that left something behind.
type lapsed struct {
	node  string
	fence int64
}

// round is what one renewal found.
type round struct {
	lapsed []lapsed
	leads  map[string]bool
}

// renew prolongs this node's lease, looks for nodes that let theirs run out and
// applies for works: one that nobody leads is taken, and one whose leader was
// fenced. (A leader that only lapsed is taken over first, as a node.)
func (s *Store) renew(t *tx, works []string) (r round, err error) {
	now, err := s.leaseNow(t)
	if err != nil {
		return r, err
	}
	until := now + s.lease().Microseconds()
	n, err := t.exec(`UPDATE nodes SET lease_until = ? WHERE node = ? AND fence = ?`, until, s.cfg.Node, s.fence)
	if err != nil {
		return r, err
	}
	if n == 0 {
		return r, calls.ErrFenced
	}
	grace := s.lease() / 10 // for what its last check of Held let happen
	r.lapsed, err = many(t, func(sc scanner) (l lapsed, err error) { return l, sc.Scan(&l.node, &l.fence) }, lapsedNodes, s.cfg.Node, now-grace.Microseconds())
	if err != nil {
		return r, err
	}
	r.leads = map[string]bool{}
	for _, w := range works {
		n, err := t.exec(`INSERT INTO leases (name, node, fence, lease_until) VALUES (?, ?, ?, ?)
			ON CONFLICT (name) DO UPDATE SET node = excluded.node, fence = excluded.fence, lease_until = excluded.lease_until
			WHERE (leases.node = excluded.node AND leases.fence = excluded.fence) OR NOT EXISTS
				(SELECT 1 FROM nodes WHERE nodes.node = leases.node AND nodes.fence = leases.fence)`, w, s.cfg.Node, s.fence, until)
		if err != nil {
			return r, err
		}
		r.leads[w] = n > 0
	}
	return r, nil
}

// fenceOff takes a lapsed node's name from its last run: nothing of that run is
// stored any more. The lease of the row is ours meanwhile, so that exactly one
// node takes over. ok is false where somebody was faster, or the node is back.
func (s *Store) fenceOff(t *tx, l lapsed) (ok bool, err error) {
	now, err := s.leaseNow(t)
	if err != nil {
		return false, err
	}
	n, err := t.exec(`UPDATE nodes SET fence = fence + 1, lease_until = ?, home = '' WHERE node = ? AND fence = ? AND lease_until < ?`,
		now+s.lease().Microseconds(), l.node, l.fence, now)
	return n == 1, err
}

// takePart makes up to takePage calls of a node that was fenced off ours.
func (s *Store) takePart(t *tx, l lapsed) (taken []*calls.Call, err error) {
	now, err := s.leaseNow(t)
	if err != nil {
		return nil, err
	}
	// As long as the row is as fenceOff left it, the node has not come back.
	n, err := t.exec(`UPDATE nodes SET lease_until = ? WHERE node = ? AND fence = ?`, now+s.lease().Microseconds(), l.node, l.fence+1)
	if err != nil || n == 0 {
		return nil, err
	}
	taken, err = t.UnfinishedOf(l.node, "", takePage)
	if err != nil {
		return nil, err
	}
	for _, c := range taken {
		c.Node, c.Fence = s.cfg.Node, s.fence
		if _, err := t.exec(`UPDATE calls SET node = ?, fence = ? WHERE id = ?`, c.Node, c.Fence, c.ID); err != nil {
			return nil, err
		}
	}
	if len(taken) < takePage { // that was the rest: nobody needs to hold the name any longer
		_, err = t.exec(`UPDATE nodes SET lease_until = 0 WHERE node = ? AND fence = ?`, l.node, l.fence+1)
	}
	return taken, err
}

// leave lets go of what a clean stop leaves: the work this node led, and its
// name. Its queued calls wait for its return, or for another node once the
// lease has run out.
func (s *Store) leave(t *tx) error {
	if _, err := t.exec(`DELETE FROM leases WHERE node = ? AND fence = ?`, s.cfg.Node, s.fence); err != nil {
		return err
	}
	_, err := t.exec(`UPDATE nodes SET home = '' WHERE node = ? AND fence = ?`, s.cfg.Node, s.fence)
	return err
}
