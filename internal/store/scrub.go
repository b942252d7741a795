package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"zvonar/internal/calls"
)

var _ calls.Scrubber = (*Store)(nil)

// scrubber is a database whose files keep bytes of old rows.
type scrubber interface {
	scrub(ctx context.Context, word string) error
}

// Scrub implements calls.Scrubber. Where the database is a server, its own
// vacuum does this in its own time (docs/store.md).
func (s *Store) Scrub(ctx context.Context, word string) error {
	if s.queue.isClosed() {
		return ErrClosed
	}
	if d, ok := s.db.(scrubber); ok {
		return d.scrub(ctx, word)
	}
	return nil
}

// scrub implements scrubber. Three things keep bytes of old rows:
//
//   - what a row occupied before it was changed or deleted: the writer fills it
//     with zeros (secure_delete), always;
//   - the write-ahead log, until it is copied into the file and cut;
//   - the unused middle of pages that were split or merged: SQLite moves cells
//     there without wiping their old place, secure_delete or not.
//
// So the pages that hold word are found and their unused middle is filled with
// zeros, in short transactions beside the writer, and then the log is cut.
func (d *sqliteDB) scrub(ctx context.Context, word string) error {
	c, err := d.connect(ctx, false)
	if err != nil {
		return err
	}
	defer func() { _ = c.close() }()
	pages, err := pagesWith(ctx, c, word)
	if err != nil {
		return fmt.Errorf("look for pages with erased rows: %w", err)
	}
	for _, n := range pages {
		if err := wipePage(ctx, c, n); err != nil {
			return fmt.Errorf("wipe page %d: %w", n, err)
		}
	}
	d.copying.Lock()
	defer d.copying.Unlock()
	return cutLog(ctx, c)
}

// cutLog copies the write-ahead log into the file and makes it empty, waiting
// for readers that look at an older moment as long as busy_timeout says.
func cutLog(ctx context.Context, c conn) error {
	var busy, logged, copied int64
	if err := c.query(ctx, func(sc scanner) error { return sc.Scan(&busy, &logged, &copied) }, "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		return fmt.Errorf("cut the write-ahead log: %w", err)
	}
	if busy != 0 {
		return calls.Errorf(calls.CodeOverloaded, "the rows are erased, but the write-ahead log is in use and still has their old bytes; ask again in a moment")
	}
	return nil
}

// pagesWith lists the pages that hold word anywhere. It reads the whole file,
// through SQLite: a file of ours that we opened beside it and closed would take
// SQLite's locks with it (sqlite.org/howtocorrupt.html 2.2).
func pagesWith(ctx context.Context, c conn, word string) (pages []int64, err error) {
	err = c.query(ctx, func(sc scanner) error {
		var n int64
		if err := sc.Scan(&n); err != nil {
			return err
		}
		pages = append(pages, n)
		return nil
	}, `SELECT pgno FROM sqlite_dbpage WHERE instr(data, ?) > 0`, []byte(word))
	return pages, err
}

// mostPages is the page number from which the first byte of an overflow page,
// which is the number of the next one, looks like that of a b-tree page.
const mostPages = 0x02000000

// wipePage fills the unused middle of a page with zeros.
func wipePage(ctx context.Context, c conn, n int64) error {
	if n >= mostPages {
		return errors.New("the database is too large to be wiped in place; run VACUUM on it")
	}
	if err := c.begin(ctx); err != nil {
		return err
	}
	err := func() error {
		var page []byte
		if err := c.query(ctx, func(sc scanner) error { return sc.Scan(&page) }, `SELECT data FROM sqlite_dbpage WHERE pgno = ?`, n); err != nil {
			return err
		}
		from, to := unusedMiddle(page, n == 1)
		if from >= to {
			return nil
		}
		clear(page[from:to])
		_, err := c.exec(ctx, `UPDATE sqlite_dbpage SET data = ? WHERE pgno = ?`, page, n)
		return err
	}()
	if err == nil {
		err = c.commit(ctx, false)
	}
	if err != nil {
		c.rollback(context.WithoutCancel(ctx))
	}
	return err
}

// unusedMiddle is the stretch of a b-tree page between its array of cell
// pointers and its first cell; it is empty for every other kind of page
// (sqlite.org/fileformat2.html 1.6).
func unusedMiddle(page []byte, first bool) (from, to int) {
	header := 0
	if first {
		header = 100 // the header of the file stands before that of the page
	}
	if len(page) < header+12 {
		return 0, 0
	}
	size := 8
	switch page[header] {
	case 2, 5: // interior: the right-most child follows
		size = 12
	case 10, 13:
	default:
		return 0, 0
	}
	cells := int(binary.BigEndian.Uint16(page[header+3:]))
	to = int(binary.BigEndian.Uint16(page[header+5:]))
	if to == 0 {
		to = 65536
	}
	from = header + size + 2*cells
	if to > len(page) || from > to {
		return 0, 0
	}
	return from, to
}
