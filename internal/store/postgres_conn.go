package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Types of PostgreSQL that we send and read: src/include/catalog/pg_type.dat.
const (
	oidBool   = 16
	oidBytea  = 17
	oidName   = 19
	oidInt8   = 20
	oidInt2   = 21
	oidInt4   = 23
	oidText   = 25
	oidFloat8 = 701
)

var binaryFormat = []int16{1}

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

// fly sends what waits and then query, in one round trip.
func (c *postgresConn) fly(ctx context.Context, row func(scanner) error, query string, args []any) (tag pgconn.CommandTag, err error) {
	if c.broken() {
		return tag, &faultError{faultGone, errors.New("the connection to the database server is lost")}
	}
	if c.line == nil {
		c.line = c.c.StartPipeline(ctx)
	}
	waiting := c.waiting
	c.waiting = c.waiting[:0]
	if c.opened {
		waiting, c.opened = append(waiting, "SAVEPOINT unit"), false
	}
	for _, w := range waiting {
		if err := c.send(ctx, w, nil); err != nil {
			return tag, err
		}
	}
	if err := c.send(ctx, query, args); err != nil {
		return tag, err
	}
	if err := c.line.Sync(); err != nil {
		return tag, c.fail(err)
	}
	tag, err = c.land(row)
	if !c.within {
		c.landed()
	}
	return tag, err
}

// send puts one statement on the line.
func (c *postgresConn) send(ctx context.Context, query string, args []any) error {
	if c.line == nil {
		c.line = c.c.StartPipeline(ctx)
	}
	s := c.stmts[query]
	if s == nil {
		text, _, err := placeholders(query, func(n int) string { return "$" + strconv.Itoa(n) })
		if err != nil {
			return err
		}
		if len(c.stmts) >= maxStmts {
			c.forget()
		}
		c.named++
		s = &postgresStmt{name: "s" + strconv.Itoa(c.named), text: text}
		c.stmts[query] = s
	}
	oids, err := c.bind(s, args)
	if err != nil {
		return fmt.Errorf("%w in %.60q", err, query)
	}
	if s.sd == nil && !s.sending {
		c.line.SendPrepare(s.name, s.text, oids)
		s.sending = true
		c.flight = append(c.flight, s)
	}
	c.sent++
	if s.sd == nil {
		c.line.SendQueryPrepared(s.name, c.params, binaryFormat, binaryFormat)
	} else {
		c.line.SendQueryStatement(s.sd, c.params, binaryFormat, binaryFormat)
	}
	return nil
}

// forget gives up all prepared statements.
func (c *postgresConn) forget() {
	for _, s := range c.stmts {
		if s.sd != nil {
			c.line.SendDeallocate(s.name)
		}
	}
	clear(c.stmts)
}

// land reads the answers to a flight; row is for the last one.
func (c *postgresConn) land(row func(scanner) error) (tag pgconn.CommandTag, err error) {
	flight, left := c.flight, c.sent
	c.flight, c.sent = c.flight[:0], 0
	for {
		res, e := c.line.GetResults()
		switch r := res.(type) {
		case *pgconn.StatementDescription:
			s := flight[0]
			flight = flight[1:]
			s.sd, s.sending = r, false
			r.Name, r.SQL = s.name, s.text
		case *pgconn.ResultReader:
			if left--; left > 0 {
				_, e = c.read(r, nil)
			} else {
				tag, e = c.read(r, row)
			}
		case *pgconn.PipelineSync:
			c.drop(flight)
			return tag, err
		case nil:
			var refused *pgconn.PgError
			if e == nil || !errors.As(e, &refused) {
				c.drop(flight)
				return tag, errors.Join(err, c.fail(e))
			}
		}
		if err == nil && e != nil {
			err = postgresError(e)
		}
	}
}

// drop forgets statements whose preparation was not answered.
func (c *postgresConn) drop(flight []*postgresStmt) {
	for _, s := range flight {
		for query, known := range c.stmts {
			if known == s {
				delete(c.stmts, query)
			}
		}
	}
}

// read reads one result to its end.
func (c *postgresConn) read(r *pgconn.ResultReader, row func(scanner) error) (pgconn.CommandTag, error) {
	var err error
	sc := &postgresRow{fields: r.FieldDescriptions()}
	for r.NextRow() {
		if row == nil || err != nil {
			continue
		}
		sc.values = r.Values()
		err = row(sc)
	}
	tag, e := r.Close()
	if e != nil {
		err = e
	}
	return tag, err
}

// fail notes that the connection is of no more use.
func (c *postgresConn) fail(err error) error {
	if err == nil {
		err = errors.New("the server ended the connection")
	}
	c.lost = true
	return &faultError{faultGone, err}
}

// landed puts the line down where nothing is going on.
func (c *postgresConn) landed() {
	c.opened = false
	c.waiting = c.waiting[:0]
	c.hangUp()
}

func (c *postgresConn) hangUp() {
	if c.line == nil {
		return
	}
	if err := c.line.Close(); err != nil {
		var refused *pgconn.PgError
		if !errors.As(err, &refused) {
			c.lost = true
		}
	}
	c.line = nil
}

// bind writes the arguments into c.params and tells their types; those of NULL
// are for the server to find out.
func (c *postgresConn) bind(s *postgresStmt, args []any) ([]uint32, error) {
	oids := make([]uint32, len(args))
	c.params = c.params[:0]
	if c.paramText == nil {
		c.paramText = make([]byte, 0, 256) // an empty text in a nil slice would be NULL
	}
	c.paramText = c.paramText[:0]
	for i, a := range args {
		v, err := plainArg(a)
		if err != nil {
			return nil, err
		}
		start := len(c.paramText)
		switch x := v.(type) {
		case nil:
			c.params = append(c.params, nil)
			continue
		case int64:
			oids[i] = oidInt8
			c.paramText = binary.BigEndian.AppendUint64(c.paramText, uint64(x))
		case float64:
			oids[i] = oidFloat8
			c.paramText = binary.BigEndian.AppendUint64(c.paramText, math.Float64bits(x))
		case string:
			oids[i] = oidText
			c.paramText = append(c.paramText, cleanText(x)...)
		case []byte:
			oids[i] = oidBytea
			if x == nil {
				c.params = append(c.params, nil)
				continue
			}
			c.paramText = append(c.paramText, x...)
		}
		if s.sd != nil && (len(s.sd.ParamOIDs) <= i || s.sd.ParamOIDs[i] != oids[i]) {
			return nil, fmt.Errorf("argument %d is a %T, which it was not before", i+1, a)
		}
		c.params = append(c.params, c.paramText[start:len(c.paramText):len(c.paramText)])
	}
	return oids, nil
}

// cleanText replaces what a text of PostgreSQL cannot hold.
func cleanText(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "\uFFFD")
	}
	return s
}

// postgresRow is one row in the binary format.
type postgresRow struct {
	fields []pgconn.FieldDescription
	values [][]byte
}

// Scan implements scanner.
func (r *postgresRow) Scan(dst ...any) error {
	if len(dst) != len(r.values) {
		return fmt.Errorf("%d columns were read into %d", len(r.values), len(dst))
	}
	for i, d := range dst {
		if err := putPostgres(d, r.fields[i].DataTypeOID, r.values[i]); err != nil {
			return fmt.Errorf("column %d: %w", i+1, err)
		}
	}
	return nil
}

func putPostgres(dst any, oid uint32, v []byte) error {
	if v == nil {
		return putNull(dst)
	}
	switch oid {
	case oidInt8:
		return putInt(dst, int64(binary.BigEndian.Uint64(v)))
	case oidInt4:
		return putInt(dst, int64(int32(binary.BigEndian.Uint32(v))))
	case oidInt2:
		return putInt(dst, int64(int16(binary.BigEndian.Uint16(v))))
	case oidBool:
		return putInt(dst, int64(v[0]))
	case oidText, oidName:
		return putText(dst, string(v))
	case oidBytea:
		return putBytes(dst, v)
	case oidFloat8:
		return putFloat(dst, math.Float64frombits(binary.BigEndian.Uint64(v)))
	}
	return fmt.Errorf("a value of type %d cannot be read; cast it", oid)
}
