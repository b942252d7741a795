package store

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Backup says what goes into a backup besides the database, and who makes it.
type Backup struct {
	Version string // of this zvonar
	Clips   string // directory of the clips; missing: there are none
	Token   string // file of the first token; missing: there is none
}

// Backup writes a backup to file, which must not exist, readable by its owner
// only: it holds numbers, texts and secrets. The rows are those of one moment;
// no writer waits for it. Memory does not grow with the store.
func (i *Inspector) Backup(ctx context.Context, file string, b Backup) (m *Manifest, err error) {
	if _, err := os.Lstat(file); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is there already; a backup overwrites nothing", file)
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), ".zvonar-backup-*") // 0600
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = tmp.Close()
			_ = os.Remove(tmp.Name())
		}
	}()
	a := &archiveWriter{f: tmp}
	if m, err = i.fill(ctx, a, b); err != nil {
		return nil, err
	}
	if err = errors.Join(a.finish(), tmp.Sync(), tmp.Close()); err != nil {
		return nil, err
	}
	if err = os.Rename(tmp.Name(), file); err != nil {
		return nil, err
	}
	return m, syncDir(filepath.Dir(file))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// fill writes the members. The rows come first: a clip is stored before the row
// that names it, so every clip that these rows name is there when its turn comes.
func (i *Inspector) fill(ctx context.Context, a *archiveWriter, b Backup) (*Manifest, error) {
	m := &Manifest{Format: archiveFormat, Version: b.Version, Schema: i.schema, Store: "sqlite", Node: i.node, At: i.clock.Now().UTC()}
	if _, ok := i.db.(*postgresDB); ok {
		m.Store = "postgres"
	}
	err := i.snapshot(ctx, func() error {
		tables, err := catalogue(ctx, i.conn)
		if err != nil {
			return err
		}
		for _, t := range tables {
			tm, err := i.copyTable(ctx, a, t)
			if err != nil {
				return fmt.Errorf("table %s: %w", t.name, err)
			}
			m.Tables = append(m.Tables, tm)
		}
		return nil
	})
	if err == nil {
		err = copyClips(ctx, a, b.Clips, m)
	}
	if err == nil {
		m.Token, err = copyToken(a, b.Token)
	}
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	return m, a.member(manifestName, func(w io.Writer) error { _, err := w.Write(append(text, '\n')); return err })
}

// copyTable writes one table.
func (i *Inspector) copyTable(ctx context.Context, a *archiveWriter, t table) (m TableManifest, err error) {
	m.Name = t.name
	if t.counter != "" {
		if m.Last, err = lastNumber(ctx, i.conn, t); err != nil {
			return m, err
		}
	}
	sum := sha256.New()
	err = a.member("tables/"+t.name+".ndjson", func(out io.Writer) error {
		w := bufio.NewWriterSize(io.MultiWriter(out, sum), 256<<10)
		head, err := json.Marshal(header{t.columns})
		if err != nil {
			return err
		}
		if _, err := w.Write(append(head, '\n')); err != nil {
			return err
		}
		names, cells := make([]string, len(t.columns)), make([]cell, len(t.columns))
		places := make([]any, len(t.columns))
		for n, c := range t.columns {
			names[n], places[n] = c.Name, cells[n].place(c.Kind)
		}
		var line []byte
		err = i.conn.query(ctx, func(sc scanner) error {
			if err := sc.Scan(places...); err != nil {
				return err
			}
			m.Rows++
			line = appendRow(line[:0], t.columns, cells)
			_, err := w.Write(line)
			return err
		}, `SELECT `+strings.Join(names, ", ")+` FROM `+t.name)
		return errors.Join(err, w.Flush())
	})
	m.Bytes, m.SHA256 = a.written, hexSum(sum)
	return m, err
}

// copyClips writes the clips in ascending order. One that was erased meanwhile
// is left out.
func copyClips(ctx context.Context, a *archiveWriter, dir string, m *Manifest) error {
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		rel, err := filepath.Rel(dir, path)
		name := "clips/" + filepath.ToSlash(rel)
		if err != nil || !e.Type().IsRegular() || !clipFile.MatchString(name) {
			return err
		}
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }() // only read
		sum := sha256.New()
		if err := a.member(strings.Replace(name, "-", "/", 1), func(w io.Writer) error { _, err := io.Copy(io.MultiWriter(w, sum), f); return err }); err != nil {
			return err
		}
		if sha := clipFile.FindStringSubmatch(name)[3]; hexSum(sum) != sha {
			return fmt.Errorf("the clip %s is damaged: its content is not what its name says; move it away, or put a good copy there", path)
		}
		m.Clips++
		m.Bytes += a.written
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) && m.Clips == 0 {
		return nil
	}
	return err
}

func copyToken(a *archiveWriter, file string) (sha string, err error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) || file == "" {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	if len(text) > maxToken {
		return "", fmt.Errorf("%s is not a token", file)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), a.member(tokenName, func(w io.Writer) error { _, err := w.Write(text); return err })
}

// archiveWriter writes a tar file whose members' sizes are known only at their
// end: the header is written where room was left for it.
type archiveWriter struct {
	f       *os.File
	at      int64
	written int64 // content of the last member, in bytes
}

const (
	tarBlock = 512
	maxName  = 100 // bytes of a name in one piece
)

// member writes one member with what content writes.
func (a *archiveWriter) member(name string, content func(io.Writer) error) error {
	w := &counter{w: io.NewOffsetWriter(a.f, a.at+tarBlock)}
	if err := content(w); err != nil {
		return err
	}
	format := tar.FormatGNU // sizes beyond 8 GB
	if len(name) > maxName {
		format = tar.FormatUSTAR // longer names, in two pieces
	}
	var head bytes.Buffer
	if err := tar.NewWriter(&head).WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: w.n, Typeflag: tar.TypeReg, Format: format}); err != nil {
		return err
	}
	if head.Len() != tarBlock {
		return fmt.Errorf("the header of %s has %d bytes", name, head.Len())
	}
	if _, err := a.f.WriteAt(head.Bytes(), a.at); err != nil {
		return err
	}
	a.written = w.n
	a.at += tarBlock + (w.n+tarBlock-1)/tarBlock*tarBlock
	return nil
}

// finish writes the end of the file; the padding of members is what the file
// system puts where nothing was written.
func (a *archiveWriter) finish() error {
	_, err := a.f.WriteAt(make([]byte, 2*tarBlock), a.at)
	return err
}

// counter counts what goes through it.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
