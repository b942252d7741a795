package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
)

// A flight is what goes to the server in one round trip: the statements that
// waited, and the one whose answer somebody needs.

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
