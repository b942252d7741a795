package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"zvonar/internal/clock"
)

// Inspector reads a store beside whoever runs it: for backups and checks. It
// locks nothing, changes nothing and brings no schema forward.
type Inspector struct {
	clock  clock.Clock
	db     database
	conn   conn
	node   string
	clips  string // directory of the clips; "": not looked at
	schema int    // version of the database
	known  int    // newest version this program knows
}

// Inspect opens the store of cfg for reading; clips is the directory of its
// clips. Close it after use.
func Inspect(ctx context.Context, cfg Config, clips string) (i *Inspector, err error) {
	i = &Inspector{clock: cfg.Clock, node: cfg.Node, clips: clips}
	if i.db, err = existing(cfg); err != nil {
		return nil, err
	}
	if i.conn, err = i.db.connect(ctx, true); err != nil {
		return nil, err
	}
	steps, err := readMigrations(migrationFiles)
	if err == nil {
		i.known = len(steps)
		i.schema, err = schemaOf(ctx, i.conn)
	}
	if err == nil && i.schema > i.known {
		err = fmt.Errorf("%w: %s has schema version %d, this zvonar knows up to %d; use the newer one", ErrNewer, i.db.name(), i.schema, i.known)
	}
	if err != nil {
		return nil, errors.Join(err, i.conn.close())
	}
	return i, nil
}

// Close lets go of the database.
func (i *Inspector) Close() error { return i.conn.close() }

// snapshot runs fn while the connection sees one moment.
func (i *Inspector) snapshot(ctx context.Context, fn func() error) error {
	if err := i.conn.begin(ctx); err != nil {
		return err
	}
	defer i.conn.rollback(context.WithoutCancel(ctx))
	return fn()
}

// existing is the database of cfg, which must be there.
func existing(cfg Config) (database, error) {
	if cfg.URL != "" {
		return newPostgres(cfg, slog.New(slog.DiscardHandler), nil)
	}
	path, err := filepath.Abs(cfg.Path)
	if err != nil {
		return nil, err
	}
	switch _, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no store at %s; is data_dir right?", path)
	case err != nil:
		return nil, err
	}
	return &sqliteDB{path: path, clock: cfg.Clock}, nil
}

// schemaOf is the version of a database; 0 where it has no schema.
func schemaOf(ctx context.Context, c conn) (version int, err error) {
	err = c.query(ctx, func(sc scanner) error { return sc.Scan(&version) }, `SELECT coalesce(max(version), 0) FROM schema_version`)
	if err != nil {
		return 0, fmt.Errorf("this is not a store of zvonar: %w", err)
	}
	return version, nil
}
