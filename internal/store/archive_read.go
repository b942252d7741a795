package store

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
)

// archiveVisitor is told what a backup holds, member by member. A nil function
// skips.
type archiveVisitor struct {
	table func(name string, columns []column) error
	row   func(cells []cell) error // of the table told last
	clip  func(key string, r io.Reader) error
	token func(text []byte) error
}

// readArchive reads a backup to its end and checks all of it: names, sizes,
// sums, order, every row. size is that of the file. The archive may have been
// made by anybody: no name in it is ever used as a path.
func readArchive(r io.Reader, size int64, v archiveVisitor) (*Manifest, error) {
	a := &archiveReader{tar: tar.NewReader(r), size: size, visit: v, tables: map[string]TableManifest{}}
	for {
		h, err := a.tar.Next()
		switch {
		case err == io.EOF && a.manifest == nil:
			return nil, errors.New("the backup has no manifest: it was cut short, or it is no backup of zvonar")
		case err == io.EOF:
			return a.manifest, nil
		case err != nil:
			return nil, fmt.Errorf("the backup cannot be read: %w", err)
		case a.manifest != nil:
			return nil, fmt.Errorf("there is %.100q behind the manifest", h.Name)
		}
		if err := a.member(h); err != nil {
			return nil, fmt.Errorf("%.100q in the backup: %w", h.Name, err)
		}
	}
}

type archiveReader struct {
	tar      *tar.Reader
	size     int64
	visit    archiveVisitor
	tables   map[string]TableManifest
	lastClip string
	clips    int
	bytes    int64
	token    string
	manifest *Manifest
}

func (a *archiveReader) member(h *tar.Header) error {
	if h.Typeflag != tar.TypeReg || h.Size < 0 {
		return errors.New("is not a plain file")
	}
	if h.Size > a.size {
		return errors.New("is longer than the whole archive, which was cut short")
	}
	if m := tableFile.FindStringSubmatch(h.Name); m != nil {
		return a.table(m[1], h.Size)
	}
	name := h.Name
	if m := wideFile.FindStringSubmatch(name); m != nil {
		name = m[1] + "-" + m[2]
	} else if strings.Contains(name, "-") {
		name = "" // is called otherwise here
	}
	if m := clipFile.FindStringSubmatch(name); m != nil {
		return a.clip(name, m[1], m[2], m[3], h.Size)
	}
	switch h.Name {
	case tokenName:
		return a.tokenFile(h.Size)
	case manifestName:
		return a.readManifest(h.Size)
	}
	return errors.New("is not a name that backups have")
}

// table reads the lines of one table.
func (a *archiveReader) table(name string, size int64) error {
	if _, twice := a.tables[name]; twice {
		return errors.New("is there twice")
	}
	sum := sha256.New()
	lines := &lineReader{r: bufio.NewReaderSize(io.TeeReader(a.tar, sum), 64<<10)}
	first, err := lines.next()
	if err != nil {
		return fmt.Errorf("first line: %w", err)
	}
	var head header
	if err := json.Unmarshal(first, &head); err != nil {
		return fmt.Errorf("first line: %w", err)
	}
	if err := head.check(); err != nil {
		return err
	}
	if a.visit.table != nil {
		if err := a.visit.table(name, head.Columns); err != nil {
			return err
		}
	}
	t := TableManifest{Name: name, Bytes: size}
	cells := make([]cell, len(head.Columns))
	for {
		line, err := lines.next()
		if err == io.EOF {
			break
		}
		if err == nil {
			err = parseRow(line, head.Columns, cells)
		}
		if err == nil && a.visit.row != nil {
			err = a.visit.row(cells)
		}
		t.Rows++
		if err != nil {
			return fmt.Errorf("row %d: %w", t.Rows, err)
		}
	}
	t.SHA256 = hexSum(sum)
	a.tables[name] = t
	return nil
}

func hexSum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// lineReader gives lines of a bounded length.
type lineReader struct {
	r    *bufio.Reader
	line []byte
}

func (l *lineReader) next() ([]byte, error) {
	l.line = l.line[:0]
	for {
		part, err := l.r.ReadSlice('\n')
		l.line = append(l.line, part...)
		switch {
		case err == nil:
			return l.line[:len(l.line)-1], nil
		case err == io.EOF && len(l.line) == 0:
			return nil, io.EOF
		case err == io.EOF:
			return nil, errors.New("the last line has no end")
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		case len(l.line) > maxLine:
			return nil, fmt.Errorf("a line is longer than %d bytes", maxLine)
		}
	}
}

// clip reads one clip; they come in ascending order, so none twice.
func (a *archiveReader) clip(name, folder, key, sha string, size int64) error {
	if name <= a.lastClip || key[:2] != folder || size > maxClip {
		return errors.New("is out of order, or too large")
	}
	a.lastClip = name
	sum := sha256.New()
	r := io.TeeReader(a.tar, sum)
	if a.visit.clip != nil {
		if err := a.visit.clip(key, r); err != nil {
			return err
		}
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	if hexSum(sum) != sha {
		return errors.New("is not what its name says: the backup is damaged")
	}
	a.clips++
	a.bytes += size
	return nil
}

func (a *archiveReader) tokenFile(size int64) error {
	if a.token != "" || size > maxToken {
		return errors.New("is there twice, or too large")
	}
	text, err := io.ReadAll(a.tar)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	a.token = hex.EncodeToString(sum[:])
	if a.visit.token != nil {
		return a.visit.token(text)
	}
	return nil
}

// readManifest compares what the backup says of itself with what was found.
func (a *archiveReader) readManifest(size int64) error {
	if size > maxManifest {
		return errors.New("is too large")
	}
	text, err := io.ReadAll(a.tar)
	if err != nil {
		return err
	}
	var m Manifest
	d := json.NewDecoder(bytes.NewReader(text))
	if err := d.Decode(&m); err != nil {
		return err
	}
	if m.Format != archiveFormat {
		return fmt.Errorf("has the format %d, this zvonar reads %d; use the zvonar that made it (%.40q)", m.Format, archiveFormat, m.Version)
	}
	if m.Clips != a.clips || m.Bytes != a.bytes || m.Token != a.token || len(m.Tables) != len(a.tables) {
		return errors.New("does not fit what is in the backup: it is damaged or was changed")
	}
	for _, t := range m.Tables {
		found := a.tables[t.Name]
		found.Last = t.Last
		if t != found || t.Last < 0 {
			return fmt.Errorf("does not fit table %.70q: the backup is damaged or was changed", t.Name)
		}
	}
	if slices.ContainsFunc(m.Tables, func(t TableManifest) bool { return t.Name == "schema_version" }) || m.Schema < 1 {
		return errors.New("has no schema that can be restored")
	}
	a.manifest = &m
	return nil
}
