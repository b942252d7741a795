package recordings

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/store"
)

func TestEveryDecisionIsToldWithWhatIsRevokedNow(t *testing.T) {
	t.Parallel()
	st, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "z.db"), Clock: clock.System()})
	if err != nil {
		t.Fatal(err)
	}
	l, err := New(Config{Store: st, Dir: filepath.Join(t.TempDir(), "clips")})
	if err != nil {
		t.Fatal(err)
	}
	type word struct {
		id      string
		revoked int
	}
	told := make(chan word, 10)
	first := add(t, l, 440) // before the watch: not told
	w := NewWatch(st, clock.System(), slog.New(slog.DiscardHandler), func(id string, revoked int) { told <- word{id, revoked} })
	if err := w.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect := func(want word) {
		t.Helper()
		select {
		case got := <-told:
			if got != want {
				t.Fatalf("told %+v, want %+v", got, want)
			}
		case <-time.After(time.Minute):
			t.Fatalf("%+v was never told", want)
		}
	}
	ctx := context.Background()
	step := func(r *calls.Recording, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	step(l.Approve(ctx, by("anna", first)))
	expect(word{first.ID, 0})
	step(l.Revoke(ctx, by("anna", first)))
	expect(word{first.ID, 1})
	step(l.Undo(ctx, "main", first.ID, "anna"))
	expect(word{first.ID, 0})
	if err := w.Stop(ctx); err != nil {
		t.Error(err)
	}
	if err := st.Close(ctx); err != nil {
		t.Error(err)
	}
}
