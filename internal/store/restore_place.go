package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

var discard = slog.New(slog.DiscardHandler)

// restoringFile stands in the data directory while the parts of a restored store
// take their places: a start in between would find half of one.
const restoringFile = "zvonar.restoring"

// place is where a restored store is made and then put. It has two parts: the
// files of the data directory, and the database if that is on a server.
type place struct {
	data    string // data directory
	staging string // directory beside its files, for the new ones
	path    string // of the database file
	clips   string
	token   string
	stamp   string
	haveTok bool

	pg *schemaPlace // nil: SQLite
}

func newPlace(ctx context.Context, r Restore) (*place, error) {
	data, err := filepath.Abs(filepath.Dir(r.Store.Path))
	if err != nil {
		return nil, err
	}
	p := &place{data: data, path: filepath.Join(data, filepath.Base(r.Store.Path)), clips: r.Clips, token: r.Token,
		stamp: r.Store.Clock.Now().UTC().Format("20060102-150405")}
	if r.Store.URL != "" {
		if p.pg, err = newSchemaPlace(ctx, r.Store, p.stamp); err != nil {
			return nil, err
		}
	}
	if p.staging, err = os.MkdirTemp(data, ".restore-*"); err != nil {
		return nil, errors.Join(err, p.leave(ctx))
	}
	return p, nil
}

// leave clears what was not adopted.
func (p *place) leave(ctx context.Context) (err error) {
	if p.pg != nil {
		err = p.pg.leave(ctx)
	}
	if p.staging != "" {
		err = errors.Join(err, os.RemoveAll(p.staging))
	}
	return err
}

// occupied lists what of a store is in the data directory.
func (p *place) occupied() (names []string) {
	candidates := []string{p.clips, p.token}
	if p.pg == nil {
		candidates = append(candidates, p.path, p.path+"-wal", p.path+"-shm")
	}
	for _, name := range candidates {
		st, err := os.Lstat(name)
		if err != nil {
			continue
		}
		if st.IsDir() {
			if list, err := os.ReadDir(name); err == nil && len(list) == 0 {
				continue
			}
		}
		names = append(names, name)
	}
	return names
}

// ready refuses a place where there is something, unless it is to be replaced.
func (p *place) ready(ctx context.Context, replace bool) error {
	there := p.occupied()
	if p.pg != nil {
		used, err := p.pg.occupied(ctx)
		if err != nil {
			return err
		}
		there = append(there, used...)
	}
	if len(there) > 0 && !replace {
		return fmt.Errorf("there is a store already (%s); with --replace it is put aside, and nothing of it is deleted", strings.Join(there, ", "))
	}
	return nil
}

// connect makes the new database.
func (p *place) connect(ctx context.Context) (database, conn, error) {
	if p.pg != nil {
		return p.pg.connect(ctx)
	}
	path := filepath.Join(p.staging, "zvonar.db")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, nil, err
	}
	if err := f.Close(); err != nil {
		return nil, nil, err
	}
	c, err := openSQLite(path, false)
	if err != nil {
		return nil, nil, err
	}
	// Nothing of it counts before seal.
	if err := c.run(ctx, `PRAGMA synchronous = OFF`); err != nil {
		return nil, nil, errors.Join(err, c.close())
	}
	return &sqliteDB{path: path}, c, nil
}

// seal makes the new database durable.
func (p *place) seal(ctx context.Context, c conn) error {
	if p.pg != nil {
		return nil
	}
	if err := c.run(ctx, `PRAGMA synchronous = FULL; PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
		return err
	}
	return syncFile(filepath.Join(p.staging, "zvonar.db"))
}

func syncFile(name string) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// text is s as the database takes it: PostgreSQL knows no NUL and no bytes that
// are not UTF-8.
func (p *place) text(s string) string {
	if p.pg == nil {
		return s
	}
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
}

// clip keeps one clip. key is one hash or two, as clipFile has it.
func (p *place) clip(key string, r io.Reader) error {
	dir := filepath.Join(p.staging, "clips", key[:2])
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	return writeSynced(filepath.Join(dir, key+".wav"), 0o640, r)
}

func (p *place) keepToken(text []byte) error {
	p.haveTok = true
	return writeSynced(filepath.Join(p.staging, "admin.token"), 0o600, strings.NewReader(string(text)))
}

func writeSynced(name string, mode fs.FileMode, r io.Reader) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Sync(), f.Close())
}

// adopt puts what is there aside and the new store in its place.
func (p *place) adopt(ctx context.Context) (aside []string, err error) {
	mark := filepath.Join(p.data, restoringFile)
	if err := writeSynced(mark, 0o600, strings.NewReader("see "+p.asideDir()+"\n")); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if err := syncDir(p.data); err != nil {
		return nil, err
	}
	if there := p.occupied(); len(there) > 0 {
		if err := os.Mkdir(p.asideDir(), 0o700); err != nil {
			return nil, err
		}
		for _, name := range there {
			if err := os.Rename(name, filepath.Join(p.asideDir(), filepath.Base(name))); err != nil {
				return nil, err
			}
		}
		aside = append(aside, p.asideDir())
		if err := syncDir(p.asideDir()); err != nil {
			return nil, err
		}
	}
	if p.pg != nil {
		schema, err := p.pg.adopt(ctx)
		if err != nil {
			return nil, err
		}
		if schema != "" {
			aside = append(aside, "schema "+schema)
		}
	}
	for from, to := range map[string]string{"zvonar.db": p.path, "clips": p.clips, "admin.token": p.token} {
		if err := p.move(from, to); err != nil {
			return nil, err
		}
	}
	return aside, errors.Join(os.Remove(mark), syncDir(p.data))
}

func (p *place) asideDir() string { return filepath.Join(p.data, "before-restore-"+p.stamp) }

// move puts a part of the new store into its place, if the store has it.
func (p *place) move(from, to string) error {
	from = filepath.Join(p.staging, from)
	if _, err := os.Lstat(from); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) { // an empty directory
		return err
	}
	return os.Rename(from, to)
}

// refuseHalf fails where a restore was cut short.
func refuseHalf(data string) error {
	if _, err := os.Lstat(filepath.Join(data, restoringFile)); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("a restore into %s was cut short: run it again with --replace, or move back what lies in before-restore-… and delete %s", data, restoringFile)
}
