package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/store/pgtest"
)

// dataDir is a data directory as a daemon has it.
type dataDir struct{ dir, url string }

func (d dataDir) config() Config {
	return Config{Path: filepath.Join(d.dir, "zvonar.db"), URL: d.url, Node: "a", Clock: clock.System()}
}

func (d dataDir) clips() string { return filepath.Join(d.dir, "clips") }

func (d dataDir) token() string { return filepath.Join(d.dir, "admin.token") }

func (d dataDir) open(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), d.config())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fill puts a sound store with two clips, one in two forms, and a token into an
// empty directory.
func (d dataDir) fill(t *testing.T) {
	t.Helper()
	s := d.open(t)
	soundStore(t, s)
	update(t, s, func(tx calls.Tx) error {
		odd := &calls.Call{ID: "call_0", Account: "main", Status: calls.StatusQueued, To: "7", CreatedAt: testTime, DueAt: testTime,
			Metadata: []byte(`{"text":"\"q\" \\ \u0001 ю","n":null}`)}
		e := calls.ForCall("evt_0", testTime, odd, calls.CallQueued, nil)
		return errors.Join(tx.InsertCall(odd), tx.AppendEvent(&e))
	})
	closeStore(t, s)
	for _, text := range []string{"first clip", "second clip"} {
		sum := sha256.Sum256([]byte(text))
		sha := hex.EncodeToString(sum[:])
		if err := os.MkdirAll(filepath.Join(d.clips(), sha[:2]), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(d.clips(), sha[:2], sha+".wav"), []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
		if text == "first clip" {
			wide := sha256.Sum256([]byte("its 16 kHz form"))
			name := sha + "-" + hex.EncodeToString(wide[:]) + ".wav"
			if err := os.WriteFile(filepath.Join(d.clips(), sha[:2], name), []byte("its 16 kHz form"), 0o640); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.WriteFile(d.token(), []byte("zv_secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (d dataDir) backup(t *testing.T) (file string, m *Manifest) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "backup.tar")
	i, err := Inspect(t.Context(), d.config(), d.clips())
	if err != nil {
		t.Fatal(err)
	}
	m, err = i.Backup(t.Context(), file, Backup{Version: "test", Clips: d.clips(), Token: d.token()})
	if err := errors.Join(err, i.Close()); err != nil {
		t.Fatal(err)
	}
	return file, m
}

func (d dataDir) restore(t *testing.T, file string, replace bool) (*Restored, error) {
	t.Helper()
	return RestoreFrom(t.Context(), file, Restore{Store: d.config(), Clips: d.clips(), Token: d.token(), Replace: replace})
}

func TestABackupComesBackAsItWasInEitherDatabase(t *testing.T) {
	t.Parallel()
	for name, way := range map[string][]func(*testing.T) string{
		"SQLite":                     {none, none},
		"SQLite, PostgreSQL, SQLite": {none, func(t *testing.T) string { return pgtest.URL(t) }, none},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := dataDir{t.TempDir(), way[0](t)}
			at.fill(t)
			file, first := at.backup(t)
			if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
				t.Errorf("the backup has mode %v, %v", st.Mode(), err)
			}
			for _, url := range way[1:] {
				at = dataDir{t.TempDir(), url(t)}
				out, err := at.restore(t, file, false)
				if err != nil {
					t.Fatal(err)
				}
				if out.Waiting != 2 || out.Running != 0 || out.LastPos == 0 || len(out.Aside) != 0 {
					t.Errorf("told %+v", out)
				}
				for _, p := range out.Check.Problems {
					if p.Check != "clips" { // recordings of the test have none
						t.Errorf("%s: %s", p.Check, p)
					}
				}
				var m *Manifest
				file, m = at.backup(t)
				m.At, m.Store = first.At, first.Store
				first.Tables = slices.DeleteFunc(first.Tables, func(t TableManifest) bool { return t.Name == "nodes" }) // lets go of what ran
				m.Tables = slices.DeleteFunc(m.Tables, func(t TableManifest) bool { return t.Name == "nodes" })
				if !reflect.DeepEqual(m, first) {
					t.Errorf("came back as\n%+v\nwas\n%+v", m, first)
				}
			}
			s := at.open(t)
			defer closeStore(t, s)
			update(t, s, func(tx calls.Tx) error { // the counters go on
				e := calls.NewEvent("evt_9", testTime, "trunk:x", calls.TrunkUp, nil)
				return tx.AppendEvent(&e)
			})
			if b, err := os.ReadFile(at.token()); err != nil || string(b) != "zv_secret\n" {
				t.Errorf("the token came back as %q, %v", b, err)
			}
		})
	}
}

func none(*testing.T) string { return "" }

func TestNumbersThatWereGivenAreNotGivenAgain(t *testing.T) {
	t.Parallel()
	from, to := dataDir{dir: t.TempDir()}, dataDir{dir: t.TempDir()}
	from.fill(t)
	s := from.open(t)
	var last int64
	update(t, s, func(tx calls.Tx) error {
		e := calls.NewEvent("evt_last", testTime, "trunk:x", calls.TrunkUp, nil)
		err := tx.AppendEvent(&e)
		last = e.Pos
		return err
	})
	if err := s.writer.run(t.Context(), `DELETE FROM events WHERE id = 'evt_last'`); err != nil {
		t.Fatal(err)
	}
	closeStore(t, s)
	file, _ := from.backup(t)
	if _, err := to.restore(t, file, false); err != nil {
		t.Fatal(err)
	}
	s = to.open(t)
	defer closeStore(t, s)
	update(t, s, func(tx calls.Tx) error {
		e := calls.NewEvent("evt_next", testTime, "trunk:x", calls.TrunkUp, nil)
		err := tx.AppendEvent(&e)
		if e.Pos <= last {
			t.Errorf("pos %d was given again; %d was the last", e.Pos, last)
		}
		return err
	})
}

func TestABackupOfARunningStoreIsOfOneMoment(t *testing.T) {
	t.Parallel()
	d := dataDir{dir: t.TempDir()}
	s := d.open(t)
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			if err := s.Update(context.Background(), func(tx calls.Tx) error {
				return errors.Join(soundWebhooks(tx), soundCall(tx, fmt.Sprintf("call_%06d", n), true))
			}); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	eventually(t, "some calls", func() bool {
		var last int64
		view(t, s, func(r calls.ReadTx) (err error) { last, err = r.LastPos(); return err })
		return last > 100
	})
	file, m := d.backup(t)
	close(stop)
	<-ended
	closeStore(t, s)
	to := dataDir{dir: t.TempDir()}
	out, err := to.restore(t, file, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range out.Check.Problems {
		t.Errorf("%s: %s", p.Check, p)
	}
	rows := map[string]int64{}
	for _, tm := range m.Tables {
		rows[tm.Name] = tm.Rows
	}
	if rows["calls"] == 0 || rows["events"] != 3*rows["calls"] || rows["attempts"] != rows["calls"] {
		t.Errorf("%d calls, %d events, %d attempts are not of one moment", rows["calls"], rows["events"], rows["attempts"])
	}
}

func soundWebhooks(tx calls.Tx) error {
	if _, err := tx.Webhook("", "wh_1"); err == nil {
		return nil
	}
	return errors.Join(tx.PutWebhook(&calls.Webhook{ID: "wh_1", Account: "main", CreatedAt: testTime}),
		tx.PutWebhook(&calls.Webhook{ID: "wh_2", Account: "main", Disabled: true, CreatedAt: testTime}))
}

func TestARestoreReplacesOnlyWhenAskedAndDeletesNothing(t *testing.T) {
	t.Parallel()
	from, to := dataDir{dir: t.TempDir()}, dataDir{dir: t.TempDir()}
	from.fill(t)
	file, _ := from.backup(t)
	s := to.open(t)
	insertCall(t, s, "call_old", "")
	if _, err := to.restore(t, file, true); !errors.Is(err, ErrLocked) {
		t.Errorf("under a running store: %v; want ErrLocked", err)
	}
	closeStore(t, s)
	if err := os.WriteFile(to.token(), []byte("old\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := to.restore(t, file, false); err == nil || !strings.Contains(err.Error(), "--replace") {
		t.Errorf("over a store: %v", err)
	}
	s = to.open(t) // untouched
	readCall(t, s, "call_old")
	closeStore(t, s)

	out, err := to.restore(t, file, true)
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Aside) != 1 {
		t.Fatalf("put aside: %v", out.Aside)
	}
	s = to.open(t)
	readCall(t, s, "call_1")
	closeStore(t, s)
	old := dataDir{dir: out.Aside[0]}
	s = old.open(t)
	readCall(t, s, "call_old")
	closeStore(t, s)
	if b, err := os.ReadFile(old.token()); err != nil || string(b) != "old\n" {
		t.Errorf("the old token is %q, %v", b, err)
	}
}

func TestARestoreIntoAUsedSchemaPutsItAside(t *testing.T) {
	t.Parallel()
	from, to := dataDir{dir: t.TempDir()}, dataDir{dir: t.TempDir(), url: pgtest.URL(t)}
	from.fill(t)
	file, _ := from.backup(t)
	s := to.open(t)
	insertCall(t, s, "call_old", "")
	other := dataDir{dir: t.TempDir(), url: to.url} // another machine
	if _, err := other.restore(t, file, true); !errors.Is(err, ErrLocked) {
		t.Errorf("under a running node: %v; want ErrLocked", err)
	}
	closeStore(t, s)
	if _, err := to.restore(t, file, false); err == nil || !strings.Contains(err.Error(), "--replace") {
		t.Errorf("over a store: %v", err)
	}
	out, err := to.restore(t, file, true)
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Aside) != 1 || !strings.Contains(out.Aside[0], "before_restore") {
		t.Errorf("put aside: %v", out.Aside)
	}
	s = to.open(t)
	defer closeStore(t, s)
	readCall(t, s, "call_1")
}

func TestAStoreIsNotOpenedInTheMiddleOfARestore(t *testing.T) {
	t.Parallel()
	d := dataDir{dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(d.dir, restoringFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), d.config()); err == nil || !strings.Contains(err.Error(), "cut short") {
		t.Errorf("Open: %v", err)
	}
}
