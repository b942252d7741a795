package store

import "context"

// noteStart clears the mark of the last stop and keeps whether there was one: a
// node that was started before and did not stop was killed, or lost its power.
// The node has been taken.
func (s *Store) noteStart(t *tx) error {
	stopped, err := one(t, scalar[int64], `SELECT stopped_at FROM nodes WHERE node = ?`, s.cfg.Node)
	if err != nil {
		return err
	}
	s.unclean = stopped == 0 && s.fence > 1
	_, err = t.exec(`UPDATE nodes SET stopped_at = 0 WHERE node = ?`, s.cfg.Node)
	return err
}

// noteStop marks the stop as clean. The writer has ended.
func (s *Store) noteStop(ctx context.Context) {
	err := s.writer.begin(ctx)
	if err == nil {
		_, err = s.writer.exec(ctx, `UPDATE nodes SET stopped_at = ? WHERE node = ? AND fence = ?`, micros(s.cfg.Clock.Now()), s.cfg.Node, s.fence)
	}
	if err == nil {
		err = s.writer.commit(ctx, false)
	}
	if err != nil {
		s.writer.rollback(ctx)
		s.log.Warn("the stop could not be noted; the next start checks the store", "error", err)
	}
}

// startCheck begins the check that follows an unclean stop.
func (s *Store) startCheck() {
	ctx, cancel := context.WithCancel(context.Background())
	s.stopCheck = func() { cancel(); s.checking.Wait() }
	if s.unclean {
		s.checking.Go(func() { s.checkQuickly(ctx) })
	}
}
