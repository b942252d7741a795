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
// Each step runs in a transaction of its own, after a copy of the file was put
// beside it; a database from a newer program is refused untouched.
func migrate(ctx context.Context, c *conn, file string, steps []migration, clk clock.Clock, log *slog.Logger) error {
	if _, err := c.exec(ctx, `CREATE TABLE IF NOT EXISTS schema_version (
		version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT`); err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	var have int
	if err := c.c.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) FROM schema_version`).Scan(&have); err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if have > len(steps) {
		return fmt.Errorf("%w: %s has schema version %d, this zvonar knows up to %d; run the newer zvonar that wrote it, or restore a backup made before it",
			ErrNewer, file, have, len(steps))
	}
	for _, m := range steps[have:] {
		if m.version > 1 {
			backup := fmt.Sprintf("%s.before-%04d", file, m.version)
			if err := backupOnce(ctx, c, backup); err != nil {
				return fmt.Errorf("copy the database before migration %s: %w", m.name, err)
			}
			log.Info("database copied before a migration", "copy", backup, "migration", m.name)
		}
		if err := apply(ctx, c, m, clk.Now().UnixMicro()); err != nil {
			return fmt.Errorf("migration %s: %w", m.name, err)
		}
		log.Info("database migrated", "migration", m.name)
	}
	return nil
}

func apply(ctx context.Context, c *conn, m migration, now int64) (err error) {
	if _, err = c.c.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_, _ = c.c.ExecContext(context.WithoutCancel(ctx), "ROLLBACK") // the first error is the one to tell
		}
	}()
	if _, err = c.c.ExecContext(ctx, m.sql); err != nil {
		return err
	}
	if _, err = c.c.ExecContext(ctx, `INSERT INTO schema_version (version, name, applied_at) VALUES (?, ?, ?)`, m.version, m.name, now); err != nil {
		return err
	}
	_, err = c.c.ExecContext(ctx, "COMMIT")
	return err
}

// backupOnce copies the database to file. A copy that a failed run of the same
// migration left there is of the same state, and is replaced.
func backupOnce(ctx context.Context, c *conn, file string) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return vacuumInto(ctx, c, file)
}

// vacuumInto writes a consistent copy of the database to file, readable by its
// owner only. file must not exist.
func vacuumInto(ctx context.Context, c *conn, file string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	// SQLite accepts an existing target as long as it is empty.
	if _, err := c.c.ExecContext(ctx, "VACUUM INTO ?", file); err != nil {
		_ = os.Remove(file)
		return err
	}
	return f.Sync()
}
