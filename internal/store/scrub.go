package store

import (
	"context"
	"fmt"

	"zvonar/internal/calls"
)

var _ calls.Scrubber = (*Store)(nil)

// Scrub implements calls.Scrubber: what was overwritten or deleted before is in
// none of the database's files any more. The writer fills what it frees with
// zeros (secure_delete); what it wrote before lies in the write-ahead log until
// that is copied into the file and cut, which is done here. Readers that look
// at an older moment are waited for.
func (s *Store) Scrub(ctx context.Context) error {
	if s.queue.isClosed() {
		return ErrClosed
	}
	db, err := openDB(s.path, false, 1)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	var busy, logged, copied int
	if err := db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &logged, &copied); err != nil {
		return fmt.Errorf("cut the write-ahead log: %w", err)
	}
	if busy != 0 {
		return calls.Errorf(calls.CodeOverloaded, "the rows are erased, but the write-ahead log is in use and still has their old bytes; ask again in a moment")
	}
	return nil
}
