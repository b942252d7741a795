package store

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
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

// remade writes the members of a backup anew, changed by edit; nil drops one.
func remade(t *testing.T, backup []byte, edit func(h *tar.Header, b []byte) []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	r, w := tar.NewReader(bytes.NewReader(backup)), tar.NewWriter(&out)
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if b = edit(h, b); b == nil {
			continue
		}
		h.Size = int64(len(b))
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write(b); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestABackupThatWasDamagedOrForgedChangesNothing(t *testing.T) {
	t.Parallel()
	from := dataDir{dir: t.TempDir()}
	from.fill(t)
	file, _ := from.backup(t)
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rename := func(from, to string) []byte {
		return remade(t, good, func(h *tar.Header, b []byte) []byte { h.Name = strings.Replace(h.Name, from, to, 1); return b })
	}
	in := func(name, old, new string) []byte {
		return remade(t, good, func(h *tar.Header, b []byte) []byte {
			if h.Name == name {
				if !bytes.Contains(b, []byte(old)) {
					t.Fatalf("%s does not contain %q", name, old)
				}
				return bytes.Replace(b, []byte(old), []byte(new), 1)
			}
			return b
		})
	}
	flipped := bytes.Clone(good)
	flipped[bytes.Index(flipped, []byte("79001112233"))] = '8'
	for name, text := range map[string][]byte{
		"nothing":            {},
		"no tar":             []byte(strings.Repeat("zvonar", 1000)),
		"cut short":          good[:len(good)/2],
		"a flipped byte":     flipped,
		"a path out of here": rename("files/admin.token", "../../admin.token"),
		"an absolute path":   rename("files/admin.token", "/etc/passwd"),
		"an unknown table":   rename("tables/sms", "tables/spam"),
		"a table less": remade(t, good, func(h *tar.Header, b []byte) []byte {
			if h.Name == "tables/sms.ndjson" {
				return nil
			}
			return b
		}),
		"no manifest": remade(t, good, func(h *tar.Header, b []byte) []byte {
			if h.Name == manifestName {
				return nil
			}
			return b
		}),
		"a newer schema": in(manifestName, `"schema": `, `"schema": 99`),
		"a newer format": in(manifestName, `"format": 1`, `"format": 2`),
		"a row more":     in("tables/cursors.ndjson", "\n", "\n[\"webhook:x\",\"main\",1]\n"),
		"a link": remade(t, good, func(h *tar.Header, b []byte) []byte {
			if strings.HasPrefix(h.Name, "clips/") {
				h.Typeflag, h.Linkname = tar.TypeSymlink, "/etc/passwd"
				return []byte{}
			}
			return b
		}),
		"changed audio": remade(t, good, func(h *tar.Header, b []byte) []byte {
			if strings.HasPrefix(h.Name, "clips/") {
				b[0]++
			}
			return b
		}),
	} {
		t.Run(name, func(t *testing.T) {
			bad := filepath.Join(t.TempDir(), "bad.tar")
			if err := os.WriteFile(bad, text, 0o600); err != nil {
				t.Fatal(err)
			}
			to := dataDir{dir: filepath.Join(t.TempDir(), "data")}
			out, err := to.restore(t, bad, true)
			if err == nil {
				t.Fatalf("was restored: %+v", out)
			}
			if list, err := os.ReadDir(to.dir); err == nil && len(list) > 0 && list[0].Name() != lockFile {
				t.Errorf("left %v", list)
			}
		})
	}
}

func FuzzAnArchiveIsReadOrRefused(f *testing.F) {
	columns := []column{{"id", "text"}, {"n", "int"}, {"b", "blob"}}
	n, s := int64(-5), "a\"\\\x01ю"
	row := appendRow(nil, columns, []cell{{text: &s}, {n: &n}, {blob: []byte{0, 255}}})
	for _, body := range []string{string(row), `["x",1,null]` + "\n", `[{"text":"/w=="},null,{"blob":""}]` + "\n", `[1,"x"]`} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		text := `{"columns":[{"name":"id","kind":"text"},{"name":"n","kind":"int"},{"name":"b","kind":"blob"}]}` + "\n" + body
		_ = w.WriteHeader(&tar.Header{Name: "tables/calls.ndjson", Size: int64(len(text)), Mode: 0o600})
		_, _ = w.Write([]byte(text))
		_ = w.WriteHeader(&tar.Header{Name: manifestName, Size: 15, Mode: 0o600})
		_, _ = w.Write([]byte(`{"format":1}    `[:15]))
		_ = w.Close()
		f.Add(b.Bytes())
	}
	f.Fuzz(readOrRefused)
}

// TestAMutatedBackupIsReadOrRefused does what the fuzzer does, in fewer and
// always the same ways: the coverage of the database's code makes that slow.
func TestAMutatedBackupIsReadOrRefused(t *testing.T) {
	t.Parallel()
	from := dataDir{dir: t.TempDir()}
	from.fill(t)
	file, _ := from.backup(t)
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	readOrRefused(t, good)
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 400 {
		text := bytes.Clone(good)
		for range 1 + rnd.IntN(4) {
			at := rnd.IntN(len(text))
			switch rnd.IntN(4) {
			case 0:
				text[at] = byte(rnd.Uint32())
			case 1:
				text = text[:max(1, at)]
			case 2:
				text = slices.Insert(text, at, text[:rnd.IntN(min(len(text), 2048))]...)
			default:
				text = slices.Delete(text, at, min(len(text), at+1+rnd.IntN(600)))
			}
			if len(text) == 0 {
				break
			}
		}
		readOrRefused(t, text)
	}
}

func readOrRefused(t *testing.T, text []byte) {
	var columns []column
	m, err := readArchive(bytes.NewReader(text), int64(len(text)), archiveVisitor{
		table: func(name string, c []column) error {
			if !plainWord.MatchString(name) {
				t.Errorf("table %q", name)
			}
			columns = c
			return nil
		},
		row: func(cells []cell) error {
			again := make([]cell, len(cells))
			line := appendRow(nil, columns, cells)
			if err := parseRow(line[:len(line)-1], columns, again); err != nil || !reflect.DeepEqual(again, cells) {
				t.Errorf("%s is read as %v, %v; was %v", line, again, err, cells)
			}
			return nil
		},
		clip: func(key string, _ io.Reader) error {
			if !clipFile.MatchString("clips/" + key[:2] + "/" + key + ".wav") {
				t.Errorf("clip %q", key)
			}
			return nil
		},
	})
	if (m == nil) == (err == nil) {
		t.Errorf("%v, %v", m, err)
	}
}
