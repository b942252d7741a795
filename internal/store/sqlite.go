package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"sync"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"zvonar/internal/clock"
)

// sqliteDB is the embedded database: one file that one daemon holds.
type sqliteDB struct {
	path  string // absolute
	clock clock.Clock
	alone bool // no other process writes
	// copying is held while the log is copied into the file: whoever cuts it would be
	// refused, not made to wait.
	copying sync.Mutex
	// shm is the index of the log as watch reads it. It is closed when no connection
	// is open any more: to close a file takes all locks of the process on it away,
	// those of SQLite too (sqlite.org/howtocorrupt.html 2.2).
	shm *os.File
}

// release implements releaser.
func (d *sqliteDB) release() error {
	if d.shm == nil {
		return nil
	}
	return d.shm.Close()
}

func (d *sqliteDB) name() string { return d.path }

func (d *sqliteDB) script(text string) string { return text }

func (d *sqliteDB) now(context.Context, conn) (int64, error) { return d.clock.Now().UnixMicro(), nil }

// exclusive has nothing to do: the data directory is locked.
func (d *sqliteDB) exclusive(context.Context, conn) (func(), error) { return func() {}, nil }

// keepCopy copies the file beside itself. A copy that a failed run of the same
// migration left there is of the same state, and is replaced.
func (d *sqliteDB) keepCopy(ctx context.Context, c conn, m migration) (string, error) {
	file := fmt.Sprintf("%s.before-%04d", d.path, m.version)
	return file, backupOnce(ctx, c, file)
}

func (d *sqliteDB) connect(_ context.Context, reader bool) (conn, error) {
	c, err := openSQLite(d.path, reader)
	if err != nil {
		return nil, err
	}
	if d.alone && !reader {
		c.seqs.last = map[string]int64{}
	}
	return c, nil
}

// sqliteConn is one connection to the file. It uses the driver without
// database/sql: the pool, the locks and the conversions of that are not needed
// by a connection that one goroutine owns, and cost a third of a small unit.
type sqliteConn struct {
	c      driver.Conn
	reader bool
	stmts  map[string]*sqliteStmt
	args   []driver.NamedValue // reused
	row    sqliteRow           // reused

	lastRow int64 // number of the row that was inserted last
	seqs    sequences
}

// openSQLite opens the file with the pragmas every connection of ours carries.
// A reader cannot write, whatever it is asked.
func openSQLite(path string, reader bool) (*sqliteConn, error) {
	q := url.Values{}
	for _, p := range []string{
		"busy_timeout(5000)", // somebody's sqlite3 shell may hold the file for a moment
		"foreign_keys(1)",
		"secure_delete(1)",  // what is erased leaves no bytes behind
		"synchronous(FULL)", // an acknowledged unit survives a power cut
		"temp_store(MEMORY)",
		"cache_size(-16000)",
		"journal_size_limit(67108864)",
		"wal_autocheckpoint(8000)",
	} {
		q.Add("_pragma", p)
	}
	if reader {
		q.Add("_pragma", "query_only(1)")
	} else {
		q.Add("_pragma", "journal_mode(WAL)")
	}
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String()
	c, err := new(sqlite.Driver).Open(dsn)
	if err != nil {
		if faultOf(err) == faultBroken {
			return nil, fmt.Errorf("%s is damaged, or no database of zvonar: keep it and restore a backup (zvonar restore --replace puts it aside): %w", path, err)
		}
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	return &sqliteConn{c: c, reader: reader, stmts: map[string]*sqliteStmt{}}, nil
}

// maxStmts bounds the prepared statements of a connection: filters combine to
// more texts than are worth keeping.
const maxStmts = 256

// sqliteStmt is a prepared statement. order says which argument stands at each
// place: the driver finds ? quickly and searches for ?1.
type sqliteStmt struct {
	driver.Stmt
	order []int
}

func (c *sqliteConn) stmt(query string) (*sqliteStmt, error) {
	if s, ok := c.stmts[query]; ok {
		return s, nil
	}
	text, order, err := placeholders(query, func(int) string { return "?" })
	if err != nil {
		return nil, err
	}
	p, err := c.c.Prepare(text)
	if err != nil {
		return nil, fmt.Errorf("prepare %.60q: %w", query, err)
	}
	if len(c.stmts) >= maxStmts {
		for _, old := range c.stmts {
			_ = old.Close() // nothing of it is running: rows are read to their end
		}
		clear(c.stmts)
	}
	s := &sqliteStmt{Stmt: p, order: order}
	c.stmts[query] = s
	return s, nil
}

// bind puts the arguments in the order of the places.
func (c *sqliteConn) bind(s *sqliteStmt, args []any) ([]driver.NamedValue, error) {
	c.args = c.args[:0]
	for i, n := range s.order {
		if n > len(args) {
			return nil, fmt.Errorf("argument %d of %d is used", n, len(args))
		}
		v, err := plainArg(args[n-1])
		if err != nil {
			return nil, err
		}
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	return c.args, nil
}

func (c *sqliteConn) exec(ctx context.Context, query string, args ...any) (int64, error) {
	s, err := c.stmt(query)
	if err != nil {
		return 0, err
	}
	bound, err := c.bind(s, args)
	if err != nil {
		return 0, err
	}
	r, err := s.Stmt.(driver.StmtExecContext).ExecContext(ctx, bound)
	if err != nil {
		return 0, sqliteError(err)
	}
	if c.lastRow, err = r.LastInsertId(); err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

func (c *sqliteConn) query(ctx context.Context, row func(scanner) error, query string, args ...any) (err error) {
	s, err := c.stmt(query)
	if err != nil {
		return err
	}
	bound, err := c.bind(s, args)
	if err != nil {
		return err
	}
	rows, err := s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, bound)
	if err != nil {
		return sqliteError(err)
	}
	defer func() {
		if e := rows.Close(); err == nil {
			err = sqliteError(e)
		}
	}()
	n := len(rows.Columns())
	if cap(c.row) < n {
		c.row = make(sqliteRow, n)
	}
	c.row = c.row[:n]
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch err := rows.Next(c.row); {
		case err == io.EOF:
			return nil
		case err != nil:
			return sqliteError(err)
		}
		if err := row(c.row); err != nil {
			return err
		}
	}
}

func (c *sqliteConn) run(ctx context.Context, script string) error {
	_, err := c.c.(driver.ExecerContext).ExecContext(ctx, script, nil)
	return sqliteError(err)
}

func (c *sqliteConn) do(ctx context.Context, query string) error {
	_, err := c.exec(ctx, query)
	return err
}

func (c *sqliteConn) begin(ctx context.Context) error {
	if c.reader {
		return c.do(ctx, "BEGIN DEFERRED")
	}
	return c.do(ctx, "BEGIN IMMEDIATE")
}

func (c *sqliteConn) savepoint(ctx context.Context) error { return c.do(ctx, "SAVEPOINT unit") }
func (c *sqliteConn) rollbackTo(ctx context.Context) error {
	c.seqs.forget()
	return c.do(ctx, "ROLLBACK TO unit")
}
func (c *sqliteConn) release(ctx context.Context) error { return c.do(ctx, "RELEASE unit") }
func (c *sqliteConn) commit(ctx context.Context, _ bool) error {
	return c.do(ctx, "COMMIT")
}
func (c *sqliteConn) rollback(ctx context.Context) {
	c.seqs.forget()
	_ = c.do(ctx, "ROLLBACK")
}
func (c *sqliteConn) broken() bool { return false }

func (c *sqliteConn) close() error {
	var errs []error
	for _, s := range c.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.c.Close())...)
}

// sqliteError finds violated uniqueness: "… UNIQUE constraint failed:
// calls.account, calls.ref (2067)".
func sqliteError(err error) error {
	var e *sqlite.Error
	if err == nil || !errors.As(err, &e) {
		return err
	}
	if code := e.Code(); code != sqlite3.SQLITE_CONSTRAINT_UNIQUE && code != sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY {
		return err
	}
	_, columns, _ := strings.Cut(e.Error(), "constraint failed: ")
	if _, after, found := strings.Cut(columns, "constraint failed: "); found {
		columns = after
	}
	columns, _, _ = strings.Cut(columns, " (")
	return &uniqueError{columns: columns, err: err}
}

// sqliteRow is one row as the driver gives it.
type sqliteRow []driver.Value

// Scan implements scanner.
func (r sqliteRow) Scan(dst ...any) error {
	if len(dst) != len(r) {
		return fmt.Errorf("%d columns were read into %d", len(r), len(dst))
	}
	for i, d := range dst {
		var err error
		switch v := r[i].(type) {
		case nil:
			err = putNull(d)
		case int64:
			err = putInt(d, v)
		case float64:
			err = putFloat(d, v)
		case string:
			err = putText(d, v)
		case []byte:
			err = putBytes(d, v)
		default:
			err = fmt.Errorf("%T was not expected", v)
		}
		if err != nil {
			return fmt.Errorf("column %d: %w", i+1, err)
		}
	}
	return nil
}
