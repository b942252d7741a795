package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// schemaPlace is the schema of a PostgreSQL database that a restored store goes
// into: it is filled beside the old one and renamed.
type schemaPlace struct {
	cfg   Config
	old   *postgresConn
	fresh string // name of the new schema; "": adopted or never made
	aside string
}

func newSchemaPlace(ctx context.Context, cfg Config, stamp string) (*schemaPlace, error) {
	db, err := newPostgres(cfg, discard, nil)
	if err != nil {
		return nil, err
	}
	c, err := db.connect(ctx, false)
	if err != nil {
		return nil, err
	}
	s := &schemaPlace{cfg: cfg, old: c.(*postgresConn)}
	s.aside = s.old.schema + "_before_restore_" + strings.ReplaceAll(stamp, "-", "_") // needs no quotes in SQL
	return s, nil
}

// occupied tells whether the schema holds anything. A node that runs on it is an
// error.
func (s *schemaPlace) occupied(ctx context.Context) (there []string, err error) {
	tables, err := catalogue(ctx, s.old)
	if err != nil || len(tables) == 0 {
		return nil, err
	}
	err = s.old.query(ctx, func(sc scanner) error {
		var node string
		if err := sc.Scan(&node); err != nil {
			return err
		}
		return fmt.Errorf("%w: node %q runs on the %s; stop it first (or wait 30 s if it was killed)", ErrLocked, node, s.old.db.name())
	}, `SELECT node FROM nodes WHERE stopped_at = 0 AND lease_until > CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) ORDER BY node`)
	if err != nil {
		return nil, err
	}
	return []string{fmt.Sprintf("schema %s of the %s", s.old.schema, s.old.db.name())}, nil
}

// connect makes the new schema and connects to it.
func (s *schemaPlace) connect(ctx context.Context) (database, conn, error) {
	fresh := s.old.schema + "_restoring"
	if err := s.old.run(ctx, fmt.Sprintf("DROP SCHEMA IF EXISTS %[1]s CASCADE; CREATE SCHEMA %[1]s;", quoted(fresh))); err != nil {
		return nil, nil, fmt.Errorf("make a schema for the restored store: %w", err)
	}
	s.fresh = fresh
	db, err := newPostgres(s.cfg, discard, nil)
	if err != nil {
		return nil, nil, err
	}
	db.cfg.RuntimeParams["search_path"] = quoted(fresh)
	c, err := db.connect(ctx, false)
	return db, c, err
}

// adopt renames the schemas, both at once, while no node can write.
func (s *schemaPlace) adopt(ctx context.Context) (aside string, err error) {
	free, err := s.old.db.exclusive(ctx, s.old)
	if err != nil {
		return "", err
	}
	defer free()
	tables, err := catalogue(ctx, s.old)
	if err != nil {
		return "", err
	}
	script := fmt.Sprintf("DROP SCHEMA %s;", quoted(s.old.schema)) // fails if it holds anything
	if len(tables) > 0 {
		aside = s.aside
		script = fmt.Sprintf("ALTER SCHEMA %s RENAME TO %s;", quoted(s.old.schema), quoted(aside))
	}
	script += fmt.Sprintf("ALTER SCHEMA %s RENAME TO %s;", quoted(s.fresh), quoted(s.old.schema))
	if err := s.old.run(ctx, script); err != nil { // one transaction
		return "", fmt.Errorf("put the restored schema in its place: %w", err)
	}
	s.fresh = ""
	return aside, nil
}

// leave drops what was not adopted.
func (s *schemaPlace) leave(ctx context.Context) (err error) {
	if s.fresh != "" {
		err = s.old.run(ctx, fmt.Sprintf("DROP SCHEMA IF EXISTS %s CASCADE", quoted(s.fresh)))
	}
	return errors.Join(err, s.old.close())
}
