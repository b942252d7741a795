package store

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// fault is a way in which the memory itself fails, as opposed to a unit of work
// that is wrong. What fails for a fault is worth trying again.
type fault int

const (
	faultNone   fault = iota
	faultFull         // no room
	faultLocked       // somebody else holds the database
	faultIO           // the disk, or the file system, refuses to read or write
	faultBroken       // what is on the disk is not a database of ours any more
	faultGone         // the server of the database cannot be reached, or refuses to work
)

// faultWords says what is wrong and what to do, after "the store cannot write:".
var faultWords = map[fault]string{
	faultFull:   "the disk under data_dir is full; make room, nothing need be restarted",
	faultLocked: "another process holds the database; end it (a database shell, a copy that is being made)",
	faultIO:     "the disk under data_dir fails; look at the kernel's log and replace it",
	faultBroken: "the database is damaged; stop zvonar, keep the files, run zvonar check-store and restore a backup",
	faultGone:   "the database server does not answer or refuses to work; look at its log",
}

// faultError is an error that is known to be a fault.
type faultError struct {
	fault fault
	err   error
}

func (e *faultError) Error() string { return e.err.Error() }
func (e *faultError) Unwrap() error { return e.err }

// faultOf tells which fault of the memory err comes from. faultNone: it is
// about the statement, so trying again is no use.
func faultOf(err error) fault {
	var known *faultError
	if errors.As(err, &known) {
		return known.fault
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return faultNone
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return faultFull
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL:
		return faultLocked
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PERM:
		return faultIO
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return faultBroken
	}
	return faultNone
}

// words is the sentence about a fault.
func (f fault) words() string { return fmt.Sprintf("the store cannot write: %s", faultWords[f]) }
