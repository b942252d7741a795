package store

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// watch listens for what other nodes notify, and looks at the end of the log
// every pollEvery all the same: a notification may be lost with a connection.
func (d *postgresDB) watch(ctx context.Context, tell func()) {
	told := false
	for ctx.Err() == nil {
		heard, err := d.listen(ctx, tell)
		if ctx.Err() != nil {
			return
		}
		if heard || !told {
			d.log.Warn("other nodes cannot be heard; trying again", "error", err)
			told = true
		}
		select {
		case <-time.After(pollEvery):
		case <-ctx.Done():
		}
	}
}

// listen tells until its connection fails; was says that there was one.
func (d *postgresDB) listen(ctx context.Context, tell func()) (was bool, err error) {
	cfg := d.cfg.Copy()
	heard, own := false, "/"+d.node
	cfg.OnNotification = func(_ *pgconn.PgConn, n *pgconn.Notification) {
		heard = heard || !strings.HasSuffix(n.Payload, own)
	}
	c, err := pgconn.ConnectConfig(ctx, cfg)
	if err != nil {
		return false, err
	}
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = c.Close(ending) // it may be gone already
	}()
	if _, err := c.Exec(ctx, "LISTEN "+channel).ReadAll(); err != nil {
		return false, err
	}
	seen := ""
	for {
		res, err := c.Exec(ctx, "SELECT max(pos) FROM events").ReadAll()
		if err != nil {
			return true, err
		}
		if end := string(res[0].Rows[0][0]); end != seen || heard {
			seen, heard = end, false
			tell()
		}
		waiting, cancel := context.WithTimeout(ctx, pollEvery)
		err = c.WaitForNotification(waiting)
		cancel()
		if err != nil && (ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded)) {
			return true, err
		}
	}
}
