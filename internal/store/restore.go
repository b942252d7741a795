package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"zvonar/internal/clock"
)

// Restore says where a backup goes to.
type Restore struct {
	Store   Config // Path or URL, Node and Clock are used
	Clips   string // directory of the clips
	Token   string // file of the first token
	Replace bool   // put aside what is there
}

// Restored is what a restore did.
type Restored struct {
	Manifest *Manifest `json:"manifest"`
	Aside    []string  `json:"aside"`    // where what was there before was put
	Waiting  int       `json:"waiting"`  // calls that will be dialled once the daemon runs
	Running  int       `json:"running"`  // calls that were on the line when the backup was made; they end as lost
	LastPos  int64     `json:"last_pos"` // where the log ends; readers that stand further have to go back to it
	Check    Report    `json:"check"`
}

// RestoreFrom makes the store of r out of a backup that Inspector.Backup wrote,
// of this or the other database. The whole backup is checked before anything is
// written, and the new store is complete before it takes the old one's place;
// what was there is put aside, never deleted. No daemon may run on the data
// directory.
func RestoreFrom(ctx context.Context, file string, r Restore) (out *Restored, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	steps, err := readMigrations(migrationFiles)
	if err != nil {
		return nil, err
	}
	m, err := readArchive(bufio.NewReaderSize(f, 1<<20), st.Size(), archiveVisitor{row: func([]cell) error { return ctx.Err() }})
	if err != nil {
		return nil, err
	}
	if m.Schema > len(steps) {
		return nil, fmt.Errorf("%w: the backup has schema version %d, this zvonar knows up to %d; use the zvonar that made it (%.40q)", ErrNewer, m.Schema, len(steps), m.Version)
	}
	data := filepath.Dir(r.Store.Path)
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, err
	}
	lock, err := lockDir(data)
	if err != nil {
		return nil, err
	}
	defer func() { _ = lock.release() }() // ends with the process at the latest
	p, err := newPlace(ctx, r)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.leave(context.WithoutCancel(ctx))) }()
	if err := p.ready(ctx, r.Replace); err != nil {
		return nil, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	l := &loader{ctx: ctx, clock: r.Store.Clock, place: p, steps: steps, manifest: m}
	if err := l.load(bufio.NewReaderSize(f, 1<<20), st.Size()); err != nil {
		return nil, err
	}
	out = &Restored{Manifest: m}
	if out.Aside, err = p.adopt(ctx); err != nil {
		return nil, err
	}
	return out, out.look(ctx, r)
}

// look checks the new store, counts the calls that are not over and looks where
// the log ends.
func (out *Restored) look(ctx context.Context, r Restore) error {
	i, err := Inspect(ctx, r.Store, r.Clips)
	if err != nil {
		return err
	}
	out.Check, err = i.Check(ctx)
	if err == nil {
		err = i.conn.query(ctx, func(sc scanner) error { return sc.Scan(&out.LastPos) }, `SELECT COALESCE(MAX(pos), 0) FROM events`)
	}
	if err == nil {
		err = i.conn.query(ctx, func(sc scanner) error {
			var status string
			var n int
			err := sc.Scan(&status, &n)
			if status == "queued" || status == "held" {
				out.Waiting += n
			} else {
				out.Running += n
			}
			return err
		}, `SELECT status, count(*) FROM calls WHERE is_over = 0 GROUP BY status`)
	}
	return errors.Join(err, i.Close())
}

const (
	insertRows   = 50     // of one INSERT
	insertCommit = 20_000 // rows of one transaction
)

// loader fills a new place from a backup.
type loader struct {
	ctx      context.Context
	clock    clock.Clock
	place    *place
	steps    []migration
	manifest *Manifest

	c      conn
	tables []table
	// The table that is being filled.
	to      table
	columns []column
	args    []any
	pending int
	rows    int
	open    bool // a transaction is
}

// load makes the schema that the backup has, fills it and brings it forward.
func (l *loader) load(r io.Reader, size int64) (err error) {
	db, c, err := l.place.connect(l.ctx)
	if err != nil {
		return err
	}
	l.c = c
	defer func() { err = errors.Join(err, c.close()) }()
	if err := migrate(l.ctx, db, c, l.steps[:l.manifest.Schema], l.clock, discard); err != nil {
		return err
	}
	if l.tables, err = catalogue(l.ctx, c); err != nil {
		return err
	}
	// A migration may have put rows there; the backup has what became of them.
	for _, t := range slices.Backward(l.tables) {
		if _, err := c.exec(l.ctx, `DELETE FROM `+t.name); err != nil {
			return err
		}
	}
	again, err := readArchive(r, size, archiveVisitor{table: l.table, row: l.row, clip: l.clip, token: l.place.keepToken})
	if err == nil {
		err = l.settle()
	}
	if err == nil && !slices.Equal(again.Tables, l.manifest.Tables) {
		err = errors.New("the backup changed while it was read")
	}
	if err == nil {
		err = l.counters()
	}
	if err != nil {
		c.rollback(context.WithoutCancel(l.ctx))
		return err
	}
	for _, m := range l.steps[l.manifest.Schema:] {
		if err := apply(l.ctx, db, c, m, l.clock.Now().UnixMicro()); err != nil {
			return fmt.Errorf("migration %s: %w", m.name, err)
		}
	}
	// Whoever ran when the backup was made does not run on this store.
	if err := c.run(l.ctx, `UPDATE nodes SET lease_until = 0, home = ''; DELETE FROM leases`); err != nil {
		return err
	}
	return l.place.seal(l.ctx, c)
}

// table begins a table of the backup.
func (l *loader) table(name string, columns []column) error {
	if err := l.flush(); err != nil {
		return err
	}
	at := slices.IndexFunc(l.tables, func(t table) bool { return t.name == name })
	if at < 0 {
		return fmt.Errorf("schema version %d has no such table", l.manifest.Schema)
	}
	l.to, l.columns = l.tables[at], columns
	for _, c := range columns {
		if !slices.Contains(l.to.columns, c) {
			return fmt.Errorf("schema version %d has no such column %s of kind %s", l.manifest.Schema, c.Name, c.Kind)
		}
	}
	return nil
}

func (l *loader) row(cells []cell) error {
	for i, c := range l.columns {
		v := cells[i].value(c.Kind)
		if s, ok := v.(string); ok {
			v = l.place.text(s)
		}
		l.args = append(l.args, v)
	}
	l.pending++
	if l.pending == insertRows {
		return l.flush()
	}
	return nil
}

// flush inserts what waits.
func (l *loader) flush() error {
	if l.pending > 0 && !l.open {
		if err := l.c.begin(l.ctx); err != nil {
			return err
		}
		l.open = true
	}
	for l.pending > 0 {
		n := insertRows
		if l.pending < n {
			n = 1 // few statements in all
		}
		width := len(l.columns)
		if _, err := l.c.exec(l.ctx, l.insert(n), l.args[:n*width]...); err != nil {
			return err
		}
		l.args = append(l.args[:0], l.args[n*width:]...)
		l.pending -= n
		l.rows += n
	}
	if l.rows < insertCommit {
		return l.ctx.Err()
	}
	return l.settle()
}

// settle inserts and commits what there is.
func (l *loader) settle() error {
	l.rows = 0
	if err := l.flush(); err != nil || !l.open {
		return err
	}
	l.open = false
	return l.c.commit(l.ctx, false)
}

// clip keeps a clip. No transaction is left idle meanwhile.
func (l *loader) clip(key string, r io.Reader) error {
	if err := l.settle(); err != nil {
		return err
	}
	return l.place.clip(key, r)
}

// insert is the statement for n rows. The names are those of our own schema.
func (l *loader) insert(n int) string {
	names := make([]string, len(l.columns))
	for i, c := range l.columns {
		names[i] = c.Name
	}
	row := "(?" + strings.Repeat(", ?", len(names)-1) + ")"
	return `INSERT INTO ` + l.to.name + ` (` + strings.Join(names, ", ") + `) VALUES ` + row + strings.Repeat(", "+row, n-1)
}

// counters makes the numbers go on where they had come to.
func (l *loader) counters() error {
	for _, tm := range l.manifest.Tables {
		at := slices.IndexFunc(l.tables, func(t table) bool { return t.name == tm.Name })
		if at < 0 || l.tables[at].counter == "" {
			continue
		}
		t, last := l.tables[at], tm.Last
		var highest int64
		err := l.c.query(l.ctx, func(sc scanner) error { return sc.Scan(&highest) }, `SELECT coalesce(max(`+t.counter+`), 0) FROM `+t.name)
		if err == nil {
			err = setLastNumber(l.ctx, l.c, t, max(last, highest))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
