package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"strconv"
	"strings"

	"zvonar/internal/clock"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migration is one step of the schema, named NNNN_what.sql.
type migration struct {
	version int
	name    string
	sql     string
}

// readMigrations lists the steps in order and insists that none is missing.
func readMigrations(fsys fs.FS) ([]migration, error) {
	names, err := fs.Glob(fsys, "migrations/*.sql") // sorted
	if err != nil {
		return nil, fmt.Errorf("list migrations: %w", err)
	}
	var out []migration
	for i, name := range names {
		base := path.Base(name)
		num, _, _ := strings.Cut(base, "_")
		v, err := strconv.Atoi(num)
		if err != nil || v != i+1 {
			return nil, fmt.Errorf("migration %s is out of order: want number %04d", base, i+1)
		}
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("read migration %s: %w", base, err)
		}
		out = append(out, migration{version: v, name: base, sql: string(text)})
	}
	return out, nil
}

// migrate brings the database forward to the newest schema this program knows.
// Each step runs in a transaction of its own, after the database as it was has
// been copied aside. A database that is one version ahead is used as it is: a
// migration only ever adds, so that the nodes of a cluster can be upgraded one
// after another. One from further ahead is refused
// untouched.
func migrate(ctx context.Context, db database, c conn, steps []migration, clk clock.Clock, log *slog.Logger) error {
	release, err := db.exclusive(ctx, c)
	if err != nil {
		return err
	}
	defer release()
	if err := c.run(ctx, db.script(`CREATE TABLE IF NOT EXISTS schema_version (
		version INTEGER PRIMARY KEY,
		name TEXT NOT NULL,
		applied_at INTEGER NOT NULL) STRICT;`)); err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	var have int
	if err := c.query(ctx, func(sc scanner) error { return sc.Scan(&have) }, `SELECT coalesce(max(version), 0) FROM schema_version`); err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	switch known := len(steps); {
	case have > known+1:
		return fmt.Errorf("%w: %s has schema version %d, this zvonar knows up to %d and can run on %d; run the newer zvonar that wrote it, or restore a backup made before it",
			ErrNewer, db.name(), have, known, known+1)
	case have == known+1:
		log.Warn("the database is one version ahead of this program and is used as it is; upgrade this node", "has", have, "known", known)
		return nil
	}
	for _, m := range steps[have:] {
		if have > 0 { // a new database holds nothing worth a copy
			copied, err := db.keepCopy(ctx, c, m)
			if err != nil {
				return fmt.Errorf("copy the database before migration %s: %w", m.name, err)
			}
			log.Info("database copied before a migration", "copy", copied, "migration", m.name)
		}
		if err := apply(ctx, db, c, m, clk.Now().UnixMicro()); err != nil {
			return fmt.Errorf("migration %s: %w", m.name, err)
		}
		log.Info("database migrated", "migration", m.name)
	}
	return nil
}

func apply(ctx context.Context, db database, c conn, m migration, now int64) (err error) {
	if err = c.begin(ctx); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			c.rollback(context.WithoutCancel(ctx))
		}
	}()
	if err = c.run(ctx, db.script(m.sql)); err != nil {
		return err
	}
	if _, err = c.exec(ctx, `INSERT INTO schema_version (version, name, applied_at) VALUES (?, ?, ?)`, m.version, m.name, now); err != nil {
		return err
	}
	return c.commit(ctx, false)
}

// backupOnce copies the database to file. A copy that a failed run of the same
// migration left there is of the same state, and is replaced.
func backupOnce(ctx context.Context, c conn, file string) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return vacuumInto(ctx, c, file)
}

// vacuumInto writes a consistent copy of the SQLite database to file, readable
// by its owner only. file must not exist.
func vacuumInto(ctx context.Context, c conn, file string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	// SQLite accepts an existing target as long as it is empty.
	if _, err := c.exec(ctx, "VACUUM INTO ?", file); err != nil {
		_ = os.Remove(file)
		return err
	}
	return f.Sync()
}
