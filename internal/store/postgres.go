package store

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sys/unix"

	"zvonar/internal/clock"
)

const (
	dialTimeout = 5 * time.Second
	// deadAfter is how long an end of a connection may be silent before the
	// other takes it for dead and gives up what it held: the turn to commit.
	deadAfter = 25 * time.Second
	// pollEvery is how often the log is looked at where nobody notified.
	pollEvery = time.Second
	// channel is where nodes notify each other.
	channel = "zvonar"
)

// postgresDB is a PostgreSQL database that several nodes share.
//
// The units of all nodes run one after another, as those of one SQLite file do:
// a batch takes an advisory lock before its first statement and holds it to its
// COMMIT. So positions of the log become visible in the order in which they
// were given, seq has no gaps, and what a unit reads is still true when it
// writes (docs/decisions/010-one-batch-at-a-time-on-postgresql.md).
type postgresDB struct {
	cfg   *pgconn.Config
	node  string
	clock clock.Clock // nil: the server's
	log   *slog.Logger
	hurry <-chan struct{} // closed: wait for the server no longer
}

// CheckURL says what is wrong with the URL of a PostgreSQL database; "" is none.
// Its errors never show the password.
func CheckURL(url string) error {
	if url == "" {
		return nil
	}
	cfg, err := pgconn.ParseConfig(url)
	switch {
	case err != nil:
		return fmt.Errorf("the URL of the database cannot be read: %w", err)
	case cfg.Database == "":
		return errors.New("the URL of the database names none; write postgres://USER:PASSWORD@HOST:5432/DATABASE")
	}
	for name := range cfg.RuntimeParams {
		if strings.HasPrefix(name, "pool_") {
			return fmt.Errorf("the URL of the database has %s, which nobody reads here; remove it", name)
		}
	}
	return nil
}

func newPostgres(c Config, log *slog.Logger, hurry <-chan struct{}) (*postgresDB, error) {
	if err := CheckURL(c.URL); err != nil {
		return nil, err
	}
	cfg, err := pgconn.ParseConfig(c.URL)
	if err != nil {
		return nil, err
	}
	cfg.ConnectTimeout = dialTimeout
	cfg.DialFunc = dial
	defaults := map[string]string{
		"application_name":                    "zvonar " + c.Node,
		"client_encoding":                     "UTF8",
		"synchronous_commit":                  "on", // an acknowledged unit survives a power cut
		"jit":                                 "off",
		"idle_in_transaction_session_timeout": fmt.Sprint(deadAfter.Milliseconds()),
		"tcp_keepalives_idle":                 "10",
		"tcp_keepalives_interval":             "5",
		"tcp_keepalives_count":                "3",
		"tcp_user_timeout":                    fmt.Sprint(deadAfter.Milliseconds()),
	}
	for k, v := range defaults {
		if _, set := cfg.RuntimeParams[k]; !set {
			cfg.RuntimeParams[k] = v
		}
	}
	return &postgresDB{cfg: cfg, node: c.Node, clock: c.leaseClock, log: log, hurry: hurry}, nil
}

// dial notices a server that has gone without a word.
func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{
		Timeout:         dialTimeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3},
	}
	if strings.HasPrefix(network, "tcp") {
		d.Control = func(_, _ string, raw syscall.RawConn) (err error) {
			e := raw.Control(func(fd uintptr) {
				err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(deadAfter.Milliseconds()))
			})
			return errors.Join(err, e)
		}
	}
	return d.DialContext(ctx, network, addr)
}

func (d *postgresDB) name() string {
	return fmt.Sprintf("PostgreSQL database %s at %s", d.cfg.Database, net.JoinHostPort(d.cfg.Host, fmt.Sprint(d.cfg.Port)))
}

func (d *postgresDB) script(text string) string { return postgresScript(text) }

func (d *postgresDB) now(ctx context.Context, c conn) (now int64, err error) {
	if d.clock != nil {
		return d.clock.Now().UnixMicro(), nil
	}
	err = c.query(ctx, func(sc scanner) error { return sc.Scan(&now) },
		`SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)`)
	return now, err
}

func (d *postgresDB) connect(ctx context.Context, reader bool) (conn, error) {
	c := &postgresConn{db: d, reader: reader}
	if err := c.connect(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// key is the number of an advisory lock. The locks of a server are one space
// for each of its databases, so the schema is part of the name.
func (c *postgresConn) key(what string) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte("zvonar/" + c.schema + "/" + what)) // never fails
	return int64(h.Sum64())
}

func (d *postgresDB) exclusive(ctx context.Context, c conn) (func(), error) {
	key := c.(*postgresConn).key("write")
	if _, err := c.exec(ctx, `SELECT pg_advisory_lock(?)`, key); err != nil {
		return nil, fmt.Errorf("wait for the other nodes: %w", err)
	}
	return func() {
		_, _ = c.exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock(?)`, key) // ends with the connection anyway
	}, nil
}

// postgresFault tells what kind of failure a server's error is: SQLSTATE
// classes of appendix A of its manual.
func postgresFault(code string) fault {
	switch {
	case code == "40001", code == "40P01", code == "55P03":
		return faultLocked
	case code == "XX001", code == "XX002":
		return faultBroken
	case code == "25006", code == "25P03", // a standby; a transaction that was idle too long
		strings.HasPrefix(code, "08"), strings.HasPrefix(code, "53"), strings.HasPrefix(code, "57"), strings.HasPrefix(code, "58"):
		return faultGone
	}
	return faultNone
}

// postgresError puts an error into the words of the store.
func postgresError(err error) error {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return err
	}
	if f := postgresFault(e.Code); f != faultNone {
		return &faultError{f, err}
	}
	if e.Code != "23505" {
		return err
	}
	// In every language the detail begins with "…(account, ref)=(…".
	u := &uniqueError{err: err}
	_, list, _ := strings.Cut(e.Detail, "(")
	list, _, _ = strings.Cut(list, ")=")
	for i, column := range strings.Split(list, ", ") {
		if i > 0 {
			u.columns += ", "
		}
		u.columns += e.TableName + "." + column
	}
	return u
}
