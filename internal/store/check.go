package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"zvonar/internal/calls"
)

// Problem is something that is wrong with what the store keeps.
type Problem struct {
	Check    string   `json:"check"` // its name
	Text     string   `json:"text"`  // a sentence
	Do       string   `json:"do"`    // what to do about it
	Count    int      `json:"count"`
	Examples []string `json:"examples"` // what it is about, at most problemExamples of them
}

const problemExamples = 5

// Report is what a check found.
type Report struct {
	Database string        `json:"database"`
	Schema   int           `json:"schema"`
	Checks   int           `json:"checks"` // that were made
	Problems []Problem     `json:"problems"`
	Took     time.Duration `json:"took_ns"`
}

// Check looks whether the store is sound: the database's own checks, what must
// hold of the rows, the documents in them and the clips on the disk. Nothing is
// changed; writers are not held up.
func (i *Inspector) Check(ctx context.Context) (Report, error) {
	start := i.clock.Now()
	if i.schema != i.known {
		return Report{}, fmt.Errorf("the database has schema version %d, this zvonar checks version %d; start this zvonar once (it brings the database forward), or use the zvonar that wrote it", i.schema, i.known)
	}
	k := &checker{ctx: ctx, c: i.conn, report: Report{Database: i.db.name(), Schema: i.schema, Problems: []Problem{}}}
	err := i.snapshot(ctx, func() error {
		steps := []func() error{k.integrity, k.invariants, k.documents, func() error { return k.clips(i.clips) }}
		for _, step := range steps {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	})
	k.report.Took = i.clock.Now().Sub(start)
	return k.report, err
}

// checker makes the checks of one report.
type checker struct {
	ctx    context.Context
	c      conn
	from   string // lowest id of a call that is looked at; "": all
	report Report
}

// ask runs a query that lists what is wrong.
func (k *checker) ask(check, text, do, query string, args ...any) error {
	p := Problem{Check: check, Text: text, Do: do}
	k.report.Checks++
	err := k.c.query(k.ctx, func(sc scanner) error {
		var what string
		if err := sc.Scan(&what); err != nil {
			return err
		}
		p.add(what)
		return nil
	}, query, args...)
	if err != nil {
		if f := faultOf(err); f != faultBroken && f != faultIO {
			return fmt.Errorf("check %q: %w", check, err)
		}
		p = Problem{Check: check, Text: "cannot be looked at: the database is damaged (" + err.Error() + ")", Do: damaged, Count: 1}
	}
	k.tell(p)
	return nil
}

func (p *Problem) add(what string) {
	p.Count++
	if len(p.Examples) < problemExamples {
		p.Examples = append(p.Examples, what)
	}
}

func (k *checker) tell(p Problem) {
	if p.Count > 0 {
		k.report.Problems = append(k.report.Problems, p)
	}
}

const damaged = "stop zvonar, keep a copy of the data directory, restore the last backup (zvonar restore --replace)"

// integrity asks the database itself; PostgreSQL has no such question.
func (k *checker) integrity() error {
	c, ok := k.c.(*sqliteConn)
	if !ok {
		return nil
	}
	p := Problem{Check: "integrity", Text: "the database file is damaged", Do: damaged}
	k.report.Checks += 2
	err := c.query(k.ctx, func(sc scanner) error {
		var line string
		if err := sc.Scan(&line); err != nil {
			return err
		}
		if line != "ok" {
			p.add(line)
		}
		return nil
	}, `PRAGMA integrity_check(100)`)
	switch f := faultOf(err); {
	case f == faultBroken || f == faultIO:
		p.add(err.Error())
	case err != nil:
		return fmt.Errorf("check the database file: %w", err)
	}
	k.tell(p)
	orphans := Problem{Check: "foreign keys", Text: "rows belong to a row that is not there", Do: tellUs}
	err = c.query(k.ctx, func(sc scanner) error {
		var table, parent string
		var row, key *int64
		if err := sc.Scan(&table, &row, &parent, &key); err != nil {
			return err
		}
		orphans.add(table + " of " + parent)
		return nil
	}, `PRAGMA foreign_key_check`)
	if err != nil && p.Count == 0 {
		return fmt.Errorf("check the foreign keys: %w", err)
	}
	k.tell(orphans)
	return nil
}

// invariants asks for what must hold of the rows.
func (k *checker) invariants() error {
	for _, inv := range invariants {
		args := []any{k.from}[:inv.args]
		if err := k.ask(inv.name, inv.text, inv.do, inv.sql, args...); err != nil {
			return err
		}
	}
	return nil
}

// documents reads every JSON text.
func (k *checker) documents() error {
	for _, d := range documents {
		p := Problem{Check: "documents", Text: "rows of " + d.table + " cannot be read: their " + d.column + " is not JSON of ours", Do: damaged}
		k.report.Checks++
		err := k.c.query(k.ctx, func(sc scanner) error {
			var key, doc string
			if err := sc.Scan(&key, &doc); err != nil {
				return err
			}
			if d.table == "calls" {
				if _, err := unpackCall(doc); err != nil {
					p.add(key)
				}
			} else if !json.Valid([]byte(doc)) {
				p.add(key)
			}
			return nil
		}, `SELECT `+d.key+`, `+d.column+` FROM `+d.table)
		if err != nil {
			return fmt.Errorf("read the documents of %s: %w", d.table, err)
		}
		k.tell(p)
	}
	return nil
}

// clips looks whether the audio of every recording that may be played is there.
func (k *checker) clips(dir string) error {
	if dir == "" {
		return nil
	}
	p := Problem{Check: "clips", Text: "the audio of recordings is not in " + dir + ": calls that play them fail",
		Do: "restore the files from a backup, or upload the recordings anew"}
	k.report.Checks++
	err := k.c.query(k.ctx, func(sc scanner) error {
		var id, doc string
		if err := sc.Scan(&id, &doc); err != nil {
			return err
		}
		var rec struct {
			SHA256 string
			Live   struct{ SHA256 string }
		}
		if json.Unmarshal([]byte(doc), &rec) != nil {
			return nil // told by documents
		}
		for _, sha := range []string{rec.SHA256, rec.Live.SHA256} {
			if len(sha) < 2 {
				continue // without audio
			}
			if st, err := os.Stat(filepath.Join(dir, sha[:2], sha+".wav")); err != nil || st.Size() == 0 {
				p.add(id)
				break
			}
		}
		return nil
	}, `SELECT id, doc FROM recordings WHERE state IN ('pending', 'approved')`)
	if err != nil {
		return fmt.Errorf("look for the clips: %w", err)
	}
	k.tell(p)
	return nil
}

// String is the problem as a line for people.
func (p Problem) String() string {
	more := ""
	if p.Count > len(p.Examples) {
		more = ", …"
	}
	about := ""
	if len(p.Examples) > 0 {
		about = fmt.Sprintf(" (%d: %s%s)", p.Count, strings.Join(p.Examples, ", "), more)
	}
	return p.Text + about + "; " + p.Do
}

const (
	// After an unclean stop the newest calls and those that are not over are
	// looked at, for quickTime at most: the rest was sound before.
	quickCalls = 10_000
	quickTime  = 30 * time.Second
)

// checkQuickly looks at what an unclean stop may have damaged, beside the
// running store, and keeps the number of problems.
func (s *Store) checkQuickly(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, quickTime)
	defer cancel()
	k := &checker{ctx: ctx}
	err := s.View(ctx, func(r calls.ReadTx) error {
		t := r.(*tx)
		k.c = t.c
		from, err := one(t, scalar[string], `SELECT coalesce((SELECT id FROM calls ORDER BY id DESC LIMIT 1 OFFSET ?), '')`, quickCalls)
		if err != nil {
			return err
		}
		k.from = from
		return k.invariants()
	})
	switch {
	case errors.Is(err, ErrClosed), errors.Is(err, context.Canceled):
		return
	case err != nil:
		s.log.Warn("the last stop was not clean, and the check of the store did not come to its end; run zvonar check-store", "error", err)
		return
	}
	s.problems.Store(int64(len(k.report.Problems)))
	for _, p := range k.report.Problems {
		s.log.Error("the store has a problem: "+p.Text, "check", p.Check, "count", p.Count, "examples", p.Examples, "do", p.Do)
	}
	if len(k.report.Problems) == 0 {
		s.log.Info("the last stop was not clean; the store was checked and is sound", "checks", k.report.Checks)
	}
}

// Problems is how many problems the check after an unclean stop has found.
func (s *Store) Problems() int { return int(s.problems.Load()) }
