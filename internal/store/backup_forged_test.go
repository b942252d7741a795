package store

import (
	"archive/tar"
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

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
