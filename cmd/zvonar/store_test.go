package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/store"
)

// configured writes a configuration whose data directory is dir.
func configured(t *testing.T, dir string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "zvonar.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, "data_dir: %q\n", dir), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestTheStoreIsBackedUpRestoredAndChecked(t *testing.T) {
	t.Parallel()
	from, to, file := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "backup.tar")
	s, err := store.Open(t.Context(), store.Config{Path: filepath.Join(from, "zvonar.db"), Clock: clock.System()})
	if err != nil {
		t.Fatal(err)
	}
	unit := func(fn func(calls.Tx) error) {
		t.Helper()
		if err := s.Update(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
	}
	unit(func(tx calls.Tx) error {
		return tx.InsertCall(&calls.Call{ID: "call_1", Account: "main", Status: calls.StatusQueued, To: "79001112233"})
	})
	say := func(code int, words string, args ...string) {
		t.Helper()
		got, said := quick(t, nil, args...)
		if got != code || !strings.Contains(said, words) {
			t.Errorf("%v: exit code %d; want %d and %q\n%s", args, got, code, words, said)
		}
	}
	was, is := configured(t, from), configured(t, to)
	say(1, "no store", "backup", "--config", is, file)
	say(0, "rows", "backup", "--config", was, file) // the store is open
	say(1, "there already", "backup", "--config", was, file)
	say(0, "is sound", "check-store", "--config", was)
	say(1, "in use", "restore", "--config", was, "--replace", file)
	say(0, "1 call(s) were waiting", "restore", "--config", is, file)
	say(1, "--replace", "restore", "--config", is, file)
	say(0, `"problems":[]`, "restore", "--config", is, "--replace", "--json", file)

	unit(func(tx calls.Tx) error { return tx.SetCursor("webhook:x", 99) })
	say(1, "beyond the end of the log", "check-store", "--config", was)
	say(1, `"check":"cursors"`, "check-store", "--config", was, "--json")
	if err := s.Close(context.Background()); err != nil {
		t.Error(err)
	}
}
