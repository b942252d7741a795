// Package store is the durable memory of the daemon: calls.Store over SQLite or
// PostgreSQL.
//
// SQLite is one file, WAL, synchronous=FULL. PostgreSQL is shared by nodes, whose
// batches take turns. Either way exactly one goroutine writes (writer.go):
// it takes whatever units of work are waiting, up to 256, runs them one after
// another in one transaction, each in a savepoint of its own where one of them may
// not run twice, and answers all of them after the one COMMIT has reached the disk.
// So many callers share one fsync, and still a unit that fails leaves nothing. Reads run beside it on a
// small pool of read-only connections, each View on its own snapshot.
//
// Who may call it: any goroutine may call Update, Observe, Note, View and Changed.
// The function given to the first three runs on the writer's goroutine and
// must not call the Store; the function given to View runs on the caller's and
// must not call View again. A Tx or ReadTx is dead once its function returned.
//
// Times come back in UTC with microseconds, those of events with milliseconds.
//
// What differs between the two stands behind database and conn (conn.go):
// sqlite.go, and postgres.go with postgres_conn.go and postgres_flight.go (one
// connection, its round trips) and postgres_watch.go (what other nodes commit). Everything else is written once,
// in SQL that both understand: ? or ?1 for arguments, numbers as INTEGER, texts,
// blobs, times as microseconds; no rowid, no function of one of them alone, cast
// what is neither a whole number nor a text. dialect.go translates the rest.
//
// Positions of the log (events.pos) are given inside the transaction that
// commits them, of which only one runs at a time, so a reader that goes by pos
// never skips a row. The numbers of people can be erased without disturbing that order;
// migrations/0001_initial.sql says how.
//
// A migration (migrations/*.sql) only adds: the version before must be able to
// run on it (migrate.go).
//
// Only cmd imports this package; everybody else knows calls.Store. Start
// reading at store.go (life), then queue.go, writer.go and commit.go (group commit), tx.go and the
// files named after what they keep.
package store
