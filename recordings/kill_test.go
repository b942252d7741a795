package recordings

import (
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/store"
)

// killedIn names the directory of the process that is to be killed.
const killedIn = "ZVONAR_TEST_INGEST_IN"

// open makes the library of a directory, as a daemon does.
func openIn(ctx context.Context, dir string) (*Library, *store.Store, error) {
	st, err := store.Open(ctx, store.Config{Path: filepath.Join(dir, "z.db"), Clock: clock.System()})
	if err != nil {
		return nil, nil, err
	}
	l, err := New(Config{Store: st, Dir: filepath.Join(dir, "clips")})
	return l, st, err
}

// TestIngestUntilKilled is no test but the process that the next one kills: it
// uploads, replaces, decides and collects for as long as it lives.
func TestIngestUntilKilled(t *testing.T) {
	dir := os.Getenv(killedIn)
	if dir == "" {
		t.Skip("it is run by TestKilledAnywhereARecordingIsWholeOrNotThere")
	}
	ctx := context.Background()
	l, _, err := openIn(ctx, dir)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ {
		hz := float64(300 + rand.IntN(3000))
		r, err := l.Add(ctx, "main", "x", "bot", false, clip(hz, 7*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 0 {
			if _, err := l.Approve(ctx, by("anna", r)); err != nil {
				t.Fatal(err)
			}
			if _, err := l.AddVersion(ctx, "main", r.ID, "bot", clip(hz+7, 8*time.Second)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := l.Collect(ctx, true); err != nil {
			t.Fatal(err)
		}
	}
}

func TestKilledAnywhereARecordingIsWholeOrNotThere(t *testing.T) {
	t.Parallel()
	kills := 25
	if testing.Short() {
		kills = 5
	}
	dir, seen := t.TempDir(), 0
	for range kills {
		child := exec.Command(os.Args[0], "-test.run=^TestIngestUntilKilled$")
		child.Env = append(os.Environ(), killedIn+"="+dir)
		var said strings.Builder
		child.Stdout, child.Stderr = &said, &said
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.AfterFunc(time.Duration(50+rand.IntN(600))*time.Millisecond, func() { _ = child.Process.Kill() })
		if err := child.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("it was not the kill that ended it: %v\n%s", err, said.String())
		}
		timer.Stop()
		seen = allWhole(t, dir)
	}
	if seen == 0 {
		t.Error("no recording was ever made: the kills prove nothing")
	}
	t.Logf("%d kills, %d recordings", kills, seen)
}

// allWhole holds every version of every recording to its audio, and expects that
// nothing half made is taken for a clip.
func allWhole(t *testing.T, dir string) (n int) {
	t.Helper()
	l, st, err := openIn(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	err = l.pages(t.Context(), calls.RecordingFilter{Limit: 500}, func(r *calls.Recording) {
		n++
		err := st.View(t.Context(), func(tx calls.ReadTx) error {
			list, err := tx.RecordingVersions("main", r.ID)
			if err == nil && len(list) != r.Versions {
				t.Errorf("%s says it has %d versions and has %d", r.ID, r.Versions, len(list))
			}
			for _, v := range list {
				pcm, err := l.Load(v.SHA256)
				if err != nil || int64(len(pcm))/8 != v.DurationMS {
					t.Errorf("version %d of %s: %d samples for %d ms, %v", v.Version, r.ID, len(pcm), v.DurationMS, err)
				}
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		if (r.State == calls.RecordingIsApproved) != (r.RecordID != nil && r.Version == 1) {
			t.Errorf("%s is %s, version %d, record_id %v", r.ID, r.State, r.Version, r.RecordID)
		}
	})
	if err != nil {
		t.Error(err)
	}
	list, err := l.files.list()
	if err != nil {
		t.Error(err)
	}
	for _, f := range list {
		if _, err := l.Load(f.narrow); err != nil {
			t.Errorf("a file that is not what its name says: %v", err)
		}
	}
	if err := st.Close(context.Background()); err != nil {
		t.Error(err)
	}
	return n
}
