package store

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/store/pgtest"
)

// onBoth runs a test on a database of each kind; open opens the same one again
// and again.
func onBoth(t *testing.T, test func(t *testing.T, open func() (*Store, error))) {
	for name, config := range map[string]func(*testing.T) Config{
		"SQLite":     func(*testing.T) Config { return Config{} },
		"PostgreSQL": func(t *testing.T) Config { return Config{URL: pgtest.URL(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := config(t)
			cfg.Path, cfg.Clock = filepath.Join(t.TempDir(), "zvonar.db"), clock.System()
			test(t, func() (*Store, error) { return Open(t.Context(), cfg) })
		})
	}
}

func must(t *testing.T, s *Store, err error) *Store {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestADatabaseOneVersionAheadIsUsedAndOneFurtherAheadIsRefused(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, open func() (*Store, error)) {
		s, err := open()
		steps, e := readMigrations(migrationFiles)
		if e != nil {
			t.Fatal(e)
		}
		next := migration{version: len(steps) + 1, name: "next", sql: "ALTER TABLE calls ADD COLUMN later INTEGER NOT NULL DEFAULT 7;\n"}
		log := slog.New(slog.DiscardHandler)
		must(t, s, err)
		if err := migrate(t.Context(), s.db, s.writer, append(steps, next), clock.System(), log); err != nil {
			t.Fatal(err)
		}
		closeStore(t, s)

		s, err = open()
		must(t, s, err)
		insertCall(t, s, "c1", "order-7")
		readCall(t, s, "c1")
		further := migration{version: next.version + 1, name: "further", sql: "CREATE TABLE further (\n  x INTEGER NOT NULL\n) STRICT;\n"}
		if err := migrate(t.Context(), s.db, s.writer, append(steps, next, further), clock.System(), log); err != nil {
			t.Fatal(err)
		}
		closeStore(t, s)

		_, err = open()
		if want := fmt.Sprintf("has schema version %d, this zvonar knows up to %d", len(steps)+2, len(steps)); !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), want) {
			t.Errorf("Open: %v; want ErrNewer with %q", err, want)
		}
	})
}

func TestAFailedMigrationLeavesNothing(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, open func() (*Store, error)) {
		s, err := open()
		must(t, s, err)
		defer closeStore(t, s)
		steps, err := readMigrations(migrationFiles)
		if err != nil {
			t.Fatal(err)
		}
		log := slog.New(slog.DiscardHandler)
		next := migration{version: len(steps) + 1, name: "next", sql: "CREATE TABLE fresh (x INTEGER); INSERT INTO nowhere VALUES (1);"}
		if err := migrate(t.Context(), s.db, s.writer, append(steps, next), clock.System(), log); err == nil {
			t.Fatal("a faulty migration passed")
		}
		next.sql = "CREATE TABLE fresh (x INTEGER);" // fails if the faulty one left its table
		if err := migrate(t.Context(), s.db, s.writer, append(steps, next), clock.System(), log); err != nil {
			t.Fatal(err)
		}
	})
}

func TestASchemaCopiedBeforeAMigrationCanBeGoneBackTo(t *testing.T) {
	t.Parallel()
	server := pgtest.New(t)
	url := server.Schema(t)
	s := openPostgres(t, url, "a", clock.System())
	insertCall(t, s, "c1", "order-7")
	first := calls.NewEvent("e1", testTime, "trunk:x", calls.TrunkUp, nil)
	update(t, s, func(tx calls.Tx) error { return tx.AppendEvent(&first) })
	steps, err := readMigrations(migrationFiles)
	if err != nil {
		t.Fatal(err)
	}
	next := migration{version: len(steps) + 1, name: "next", sql: "DROP TABLE cursors;"}
	further := migration{version: len(steps) + 2, name: "further", sql: "DELETE FROM events; DELETE FROM calls;"}
	if err := migrate(t.Context(), s.db, s.writer, append(steps, next, further), clock.System(), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	schema := s.writer.(*postgresConn).schema
	closeStore(t, s)

	server.Run(t, fmt.Sprintf("ALTER SCHEMA %[1]s RENAME TO newer; ALTER SCHEMA %[1]s_before_%04[2]d RENAME TO %[1]s", schema, next.version))
	s = openPostgres(t, url, "b", clock.System()) // in the copy node a still runs
	readCall(t, s, "c1")
	second := calls.NewEvent("e2", testTime, "trunk:x", calls.TrunkUp, nil)
	update(t, s, func(tx calls.Tx) error { return tx.AppendEvent(&second) })
	if second.Pos <= first.Pos || second.Seq != 2 {
		t.Errorf("the log goes on at pos %d seq %d after pos %d", second.Pos, second.Seq, first.Pos)
	}
	again := &calls.Call{ID: "c2", Account: "main", Ref: "order-7", Status: calls.StatusQueued}
	if err := s.Update(t.Context(), func(tx calls.Tx) error { return tx.InsertCall(again) }); calls.CodeOf(err) != calls.CodeRefConflict {
		t.Errorf("the copy has no rule about refs: %v", err)
	}
}

// adding are the statements that a program of the version before can live with.
var adding = []*regexp.Regexp{
	regexp.MustCompile(`(?s)^CREATE TABLE \w+ \(.*\)( STRICT(, WITHOUT ROWID)?)?$`),
	regexp.MustCompile(`(?s)^CREATE INDEX \w+\s+ON `),
	regexp.MustCompile(`^ALTER TABLE \w+ ADD COLUMN \w+\s+(INTEGER|TEXT|BLOB)\s+NOT NULL DEFAULT (-?\d+|'[^']*')$`),
	regexp.MustCompile(`^ALTER TABLE \w+ ADD COLUMN \w+\s+(INTEGER|TEXT|BLOB)$`),
}

// notAdding lists the statements of a migration that do more than add.
func notAdding(sql string) (bad []string) {
	sql = regexp.MustCompile(`--[^\n]*`).ReplaceAllString(sql, "")
	for _, statement := range strings.Split(sql, ";") {
		statement = strings.TrimSpace(statement)
		if statement != "" && !slices.ContainsFunc(adding, func(a *regexp.Regexp) bool { return a.MatchString(statement) }) {
			bad = append(bad, statement)
		}
	}
	return bad
}

// TestMigrationsOnlyAdd holds every step to the rule that lets nodes be upgraded
// one after another. The first version that can share a database is 2.
func TestMigrationsOnlyAdd(t *testing.T) {
	t.Parallel()
	steps, err := readMigrations(migrationFiles)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range steps[2:] {
		for _, statement := range notAdding(m.sql) {
			t.Errorf("%s: the version before could not run after\n%s", m.name, statement)
		}
	}
	if bad := notAdding("-- more\nCREATE TABLE t (\n  x TEXT\n) STRICT;\nCREATE INDEX i ON t (x);\nALTER TABLE t ADD COLUMN y INTEGER NOT NULL DEFAULT 0;"); bad != nil {
		t.Errorf("adding is refused: %q", bad)
	}
	for _, statement := range []string{"DROP TABLE t", "DROP INDEX i", "CREATE UNIQUE INDEX i ON t (x)", "ALTER TABLE t ADD COLUMN y TEXT NOT NULL",
		"ALTER TABLE t DROP COLUMN x", "ALTER TABLE t RENAME TO u", "UPDATE t SET x = 1", "DELETE FROM t"} {
		if len(notAdding(statement)) == 0 {
			t.Errorf("%s passed", statement)
		}
	}
}
