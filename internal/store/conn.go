package store

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"zvonar/internal/calls"
)

// database is what SQLite and PostgreSQL do differently. The texts of the
// statements and the methods of the rows (tx.go, calls.go, …) know neither:
// they are written in the SQL that both understand, with ? or ?1 for arguments.
type database interface {
	// connect opens one connection. A reader's cannot write, whatever it is asked.
	connect(ctx context.Context, reader bool) (conn, error)
	// script translates a migration, which is written for SQLite.
	script(text string) string
	// exclusive keeps every other writer away until release is called: while the
	// schema changes.
	exclusive(ctx context.Context, c conn) (release func(), err error)
	// keepCopy copies the database aside before a migration; copied says where.
	keepCopy(ctx context.Context, c conn, m migration) (copied string, err error)
	// now is the clock that leases go by, in microseconds: the node's own where
	// the database belongs to one node, the server's where nodes share it.
	now(ctx context.Context, c conn) (int64, error)
	// watch calls tell whenever another node may have committed something, until
	// ctx ends.
	watch(ctx context.Context, tell func())
	// name says which database this is, without its password.
	name() string
}

// releaser is a database with something to let go of when all connections are closed.
type releaser interface {
	release() error
}

// conn is one connection, with the statements it has prepared. It belongs to
// one goroutine at a time. begin, savepoint and release may wait until the
// next statement goes to the server and fail only there.
type conn interface {
	// exec runs a statement and tells how many rows it touched.
	exec(ctx context.Context, query string, args ...any) (int64, error)
	// query calls row for every row of the result, in order.
	query(ctx context.Context, row func(scanner) error, query string, args ...any) error
	// appendEvent inserts a row of events with the next pos, and the next seq of its subject.
	appendEvent(ctx context.Context, e *calls.Event) (pos, seq int64, err error)
	// run runs statements that take no arguments, as written.
	run(ctx context.Context, script string) error

	begin(ctx context.Context) error // of a unit of work, or of a snapshot
	savepoint(ctx context.Context) error
	rollbackTo(ctx context.Context) error
	release(ctx context.Context) error
	// commit makes everything since begin durable; notify tells listeners on
	// other nodes with it.
	commit(ctx context.Context, notify bool) error
	// rollback ends the transaction if there is one. Its error is worth nothing:
	// what went wrong before is the one to tell.
	rollback(ctx context.Context)

	// broken reports that the connection is of no more use.
	broken() bool
	close() error
}

// scanner is what one row is read from.
type scanner interface{ Scan(...any) error }

// uniqueError is a violated uniqueness.
type uniqueError struct {
	columns string // "calls.account, calls.ref"
	err     error
}

func (e *uniqueError) Error() string { return e.err.Error() }
func (e *uniqueError) Unwrap() error { return e.err }

// conflict reports whether err is a violated uniqueness of several columns of
// which column ("calls.ref") is one.
func conflict(err error, column string) bool {
	var e *uniqueError
	return errors.As(err, &e) && strings.Contains(e.columns+",", column+",")
}

// plainArg brings an argument to what connections take: nil, int64, float64,
// string or []byte.
func plainArg(v any) (any, error) {
	switch x := v.(type) {
	case nil, int64, float64, string, []byte:
		return v, nil
	case int:
		return int64(x), nil
	case bool:
		return int64(flag(x)), nil
	}
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.String:
		return r.String(), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return r.Int(), nil
	case reflect.Pointer:
		if r.IsNil() {
			return nil, nil
		}
		return plainArg(r.Elem().Interface())
	case reflect.Slice:
		if r.Type().Elem().Kind() == reflect.Uint8 {
			return r.Bytes(), nil
		}
	}
	return nil, fmt.Errorf("store: %T cannot be an argument", v)
}

// The three kinds of value that a column holds, put into where the caller wants
// them. A value that does not fit is a fault of the statement.

func putInt(dst any, v int64) error {
	switch d := dst.(type) {
	case *int64:
		*d = v
		return nil
	case *int:
		*d = int(v)
		return nil
	case *bool:
		*d = v != 0
		return nil
	}
	r := reflect.ValueOf(dst).Elem()
	switch {
	case r.CanInt():
		r.SetInt(v)
		return nil
	case r.Kind() == reflect.Pointer:
		r.Set(reflect.New(r.Type().Elem()))
		return putInt(r.Interface(), v)
	}
	return fmt.Errorf("a number was read into %T", dst)
}

func putText(dst any, v string) error {
	switch d := dst.(type) {
	case *string:
		*d = v
		return nil
	case *[]byte:
		*d = []byte(v)
		return nil
	}
	r := reflect.ValueOf(dst).Elem()
	switch {
	case r.Kind() == reflect.String:
		r.SetString(v)
		return nil
	case r.Kind() == reflect.Pointer:
		r.Set(reflect.New(r.Type().Elem()))
		return putText(r.Interface(), v)
	}
	return fmt.Errorf("a text was read into %T", dst)
}

func putNull(dst any) error {
	r := reflect.ValueOf(dst).Elem()
	switch r.Kind() {
	case reflect.Pointer, reflect.Slice:
		r.SetZero()
		return nil
	}
	return fmt.Errorf("NULL was read into %T", dst)
}

func putFloat(dst any, v float64) error {
	if d, ok := dst.(*float64); ok {
		*d = v
		return nil
	}
	return fmt.Errorf("a fraction was read into %T", dst)
}

func putBytes(dst any, v []byte) error {
	r := reflect.ValueOf(dst).Elem()
	if r.Kind() == reflect.Slice && r.Type().Elem().Kind() == reflect.Uint8 {
		r.SetBytes(append([]byte{}, v...))
		return nil
	}
	return fmt.Errorf("bytes were read into %T", dst)
}
