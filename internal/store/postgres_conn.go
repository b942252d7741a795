package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"zvonar/internal/calls"
)

// postgresConn is one connection to the server. Round trips are what costs, so
// what needs no answer of its own (SAVEPOINT, RELEASE) waits and travels with
// the next statement that does: a unit of one statement is one round trip.
type postgresConn struct {
	db     *postgresDB
	reader bool
	schema string

	c      *pgconn.PgConn
	lost   bool // the connection failed
	stmts  map[string]*postgresStmt
	named  int
	xid    int64 // of the writer's present transaction
	within bool  // between begin and commit or rollback

	line      *pgconn.Pipeline // open while something is going on
	waiting   []string         // statements that travel with the next one
	opened    bool             // a savepoint is due before the next statement
	flight    []*postgresStmt  // what is being prepared, in order
	sent      int              // statements on the way
	params    [][]byte         // reused
	paramText []byte           // reused
}

// postgresStmt is a prepared statement; sd is nil until the server answered.
type postgresStmt struct {
	name, text string
	sd         *pgconn.StatementDescription
	sending    bool // its preparation is on the way
}

func (c *postgresConn) connect(ctx context.Context) error {
	cfg := c.db.cfg.Copy()
	if c.reader {
		cfg.RuntimeParams["default_transaction_read_only"] = "on"
	}
	p, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return fmt.Errorf("connect to the database: %w", &faultError{faultGone, err})
	}
	c.c, c.lost, c.stmts, c.line, c.within = p, false, map[string]*postgresStmt{}, nil, false
	c.waiting, c.opened = nil, false
	c.flight, c.sent = nil, 0 // what was on its way over the connection before has no answer
	var encoding string
	err = c.query(ctx, func(sc scanner) error { return sc.Scan(&c.schema, &encoding) },
		`SELECT coalesce(CAST(current_schema() AS TEXT), ''), current_setting('server_encoding')`)
	switch {
	case err != nil:
	case c.schema == "":
		err = fmt.Errorf("the schema of search_path does not exist in the %s; create it", c.db.name())
	case encoding != "UTF8":
		err = fmt.Errorf("the %s has the encoding %s; make one with ENCODING 'UTF8'", c.db.name(), encoding)
	}
	if err != nil {
		c.lost = true
		return errors.Join(err, p.Close(ctx))
	}
	return nil
}

func (c *postgresConn) broken() bool { return c.lost || c.c == nil || c.c.IsClosed() }

func (c *postgresConn) close() error {
	if c.c == nil {
		return nil
	}
	if c.line != nil {
		_ = c.line.Close() // whatever was under way is given up
		c.line = nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := c.c.Close(ctx)
	if c.lost {
		return nil
	}
	return err
}

// begin starts a snapshot with the first statement. A unit of work starts at
// once: it comes back when its turn among the nodes has come.
func (c *postgresConn) begin(ctx context.Context) error {
	if c.reader {
		c.within = true
		c.waiting = append(c.waiting, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
		return nil
	}
	if c.broken() {
		if err := c.reconnect(ctx); err != nil {
			return err
		}
	}
	c.within = true
	c.waiting = append(c.waiting, "BEGIN", "SELECT pg_advisory_xact_lock("+strconv.FormatInt(c.key("write"), 10)+")")
	err := c.query(ctx, func(sc scanner) error { return sc.Scan(&c.xid) }, `SELECT txid_current()`)
	if err != nil {
		c.rollback(ctx)
	}
	return err
}

func (c *postgresConn) reconnect(ctx context.Context) error {
	_ = c.close() // it is of no use any more
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	return c.connect(ctx)
}

// savepoint waits for the first statement: a unit without any needs none.
func (c *postgresConn) savepoint(context.Context) error {
	c.opened = true
	return nil
}

func (c *postgresConn) release(context.Context) error {
	if !c.opened {
		c.waiting = append(c.waiting, "RELEASE unit")
	}
	c.opened = false
	return nil
}

func (c *postgresConn) rollbackTo(ctx context.Context) error {
	if c.opened {
		return nil
	}
	return c.do(ctx, "ROLLBACK TO unit")
}

// commit ends the transaction. Where the connection is lost meanwhile nobody
// knows whether the server did, so it is asked once it answers again.
func (c *postgresConn) commit(ctx context.Context, notify bool) error {
	if notify {
		if err := c.send(ctx, "SELECT pg_notify(?, ?)", []any{channel, c.schema + "/" + c.db.node}); err != nil {
			return err
		}
	}
	tag, err := c.end(ctx, "COMMIT")
	switch {
	case err == nil && tag == "COMMIT":
		return nil
	case err == nil:
		return fmt.Errorf("the server answered COMMIT with %s", tag)
	case c.broken():
		return c.settle(ctx, err)
	}
	return err
}

func (c *postgresConn) rollback(ctx context.Context) {
	if !c.within || c.broken() {
		c.within = false
		c.landed()
		return
	}
	begun := len(c.waiting) == 0 || !strings.HasPrefix(c.waiting[0], "BEGIN")
	c.waiting, c.opened = c.waiting[:0], false
	if begun {
		_, _ = c.end(ctx, "ROLLBACK")
	}
	c.within = false
	c.landed()
}

// end sends the last statement of a transaction.
func (c *postgresConn) end(ctx context.Context, query string) (tag string, err error) {
	c.opened = false
	t, err := c.fly(ctx, nil, query, nil)
	c.within = false
	c.landed()
	return t.String(), err
}

// settle finds out what became of a COMMIT that was not answered. The lock that
// its transaction held is free once the server knows.
func (c *postgresConn) settle(ctx context.Context, cause error) error {
	xid := c.xid
	for {
		var status string
		err := c.reconnect(ctx)
		if err == nil {
			if err = c.begin(ctx); err == nil {
				err = c.query(ctx, func(sc scanner) error { return sc.Scan(&status) }, `SELECT coalesce(txid_status(?), '')`, xid)
				c.rollback(ctx)
			}
		}
		var refused *pgconn.PgError
		switch {
		case err == nil && status == "committed":
			return nil
		case err == nil, errors.As(err, &refused) && postgresFault(refused.Code) == faultNone:
			return cause // the server knows nothing of it
		}
		select {
		case <-c.db.hurry:
			return fmt.Errorf("it is not known whether this was committed: %w", cause)
		case <-time.After(firstPause):
		}
	}
}

func (c *postgresConn) do(ctx context.Context, query string) error {
	_, err := c.fly(ctx, nil, query, nil)
	return err
}

func (c *postgresConn) exec(ctx context.Context, query string, args ...any) (int64, error) {
	tag, err := c.fly(ctx, nil, query, args)
	return tag.RowsAffected(), err
}

func (c *postgresConn) query(ctx context.Context, row func(scanner) error, query string, args ...any) error {
	_, err := c.fly(ctx, row, query, args)
	return err
}

func (c *postgresConn) appendEvent(ctx context.Context, e *calls.Event) (pos, seq int64, err error) {
	err = c.query(ctx, func(sc scanner) error { return sc.Scan(&pos, &seq) },
		`INSERT INTO events (id, account, subject, seq, type, time, call_id, ref, direction, line, employee, data)
		VALUES (?1, ?2, ?3, (SELECT coalesce(max(seq), 0) + 1 FROM events WHERE account = ?2 AND subject = ?3),
			?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) RETURNING pos, seq`,
		e.ID, e.Account, e.Subject, string(e.Type), micros(e.Time), e.CallID, e.Ref, string(e.Direction), e.Line, e.Employee, string(e.Data))
	return pos, seq, err
}

// run runs a script with the simple protocol.
func (c *postgresConn) run(ctx context.Context, script string) error {
	if len(c.waiting) > 0 {
		if err := c.do(ctx, "SELECT 1"); err != nil {
			return err
		}
	}
	c.hangUp()
	_, err := c.c.Exec(ctx, script).ReadAll()
	return postgresError(err)
}
