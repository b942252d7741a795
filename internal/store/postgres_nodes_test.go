package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/store/pgtest"
)

// follow reads the log of a store from its beginning, as a stream does, and
// holds every event against what must be true of all.
func follow(ctx context.Context, t *testing.T, s *Store, enough func(seen map[string]bool) bool) map[string]bool {
	seen, seq := map[string]bool{}, map[string]int64{}
	for pos := int64(0); !enough(seen); {
		changed := s.Changed()
		var list []calls.Event
		err := s.View(ctx, func(r calls.ReadTx) (err error) {
			list, err = r.Events(calls.EventFilter{After: pos, Limit: 5})
			return err
		})
		if err != nil {
			t.Errorf("a reader failed: %v", err)
			return seen
		}
		for _, e := range list {
			if seq[e.Subject]++; e.Pos <= pos || e.Seq != seq[e.Subject] || seen[e.ID] {
				t.Errorf("after pos %d came %s at %d; %s has seq %d, want %d", pos, e.ID, e.Pos, e.Subject, e.Seq, seq[e.Subject])
				return seen
			}
			pos, seen[e.ID] = e.Pos, true
		}
		if len(list) == 0 {
			select {
			case <-changed:
			case <-ctx.Done():
				t.Errorf("%d events came, no more", len(seen))
				return seen
			}
		}
	}
	return seen
}

func TestAReaderOfSeveralNodesSkipsNothing(t *testing.T) {
	t.Parallel()
	const nodes, writers, each = 3, 6, 40
	url := pgtest.URL(t)
	stores := make([]*Store, nodes)
	for i := range stores {
		stores[i] = openPostgres(t, url, fmt.Sprint("n", i), clock.System())
	}
	var mu sync.Mutex
	stored := map[string]bool{}
	var appending, reading sync.WaitGroup
	var over atomic.Bool
	for i, s := range stores {
		for w := range writers {
			appending.Go(func() {
				r := rand.New(rand.NewPCG(uint64(i), uint64(w)))
				for n := range each {
					appendSome(t, s, r, fmt.Sprintf("e-%d-%d-%d", i, w, n), func(ids []string) {
						mu.Lock()
						defer mu.Unlock()
						for _, id := range ids {
							stored[id] = true
						}
					})
				}
			})
		}
	}
	all := func(seen map[string]bool) bool {
		if !over.Load() {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		return len(seen) >= len(stored)
	}
	for _, s := range stores {
		reading.Go(func() {
			seen := follow(t.Context(), t, s, all)
			mu.Lock()
			defer mu.Unlock()
			for id := range stored {
				if !seen[id] {
					t.Errorf("%s was skipped", id)
				}
			}
		})
	}
	appending.Wait()
	over.Store(true)
	// Whoever waits looks again.
	update(t, stores[0], func(tx calls.Tx) error {
		e := calls.NewEvent("last", testTime, "trunk:x", calls.TrunkUp, nil)
		mu.Lock()
		defer mu.Unlock()
		stored["last"] = true
		return tx.AppendEvent(&e)
	})
	reading.Wait()
}

// appendSome appends one to three events to subjects that all nodes share, or
// changes its mind.
func appendSome(t *testing.T, s *Store, r *rand.Rand, id string, done func(ids []string)) {
	var ids []string
	events, fails := 1+r.IntN(3), r.IntN(5) == 0
	mine := errors.New("changed my mind")
	err := s.Update(t.Context(), func(tx calls.Tx) error {
		ids = nil
		for k := range events {
			e := calls.NewEvent(fmt.Sprint(id, "-", k), testTime, fmt.Sprint("call:", r.IntN(4)), calls.CallDigit, nil)
			if err := tx.AppendEvent(&e); err != nil {
				return err
			}
			ids = append(ids, e.ID)
		}
		if fails {
			return mine
		}
		return nil
	})
	switch {
	case err == nil:
		done(ids)
	case !errors.Is(err, mine):
		t.Errorf("%s: %v", id, err)
	}
}

func TestOneOfSeveralNodesGetsARef(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	a, b := openPostgres(t, url, "a", clock.System()), openPostgres(t, url, "b", clock.System())
	for round := range 10 {
		ref := fmt.Sprint("order-", round)
		var won atomic.Int32
		var wg sync.WaitGroup
		for i, s := range []*Store{a, b, a, b} {
			wg.Go(func() {
				c := &calls.Call{ID: fmt.Sprintf("c-%d-%d", round, i), Account: "main", Ref: ref, Status: calls.StatusQueued}
				switch err := s.Update(t.Context(), func(tx calls.Tx) error { return tx.InsertCall(c) }); {
				case err == nil:
					won.Add(1)
				case calls.CodeOf(err) != calls.CodeRefConflict:
					t.Errorf("call %d: %v; want ref-conflict", i, err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("%d calls got ref %s", won.Load(), ref)
		}
	}
}

func TestACallEndsOnceHoweverManyNodesEndIt(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	a, b := openPostgres(t, url, "a", clock.System()), openPostgres(t, url, "b", clock.System())
	c := insertCall(t, a, "c1", "")
	var won atomic.Int32
	var wg sync.WaitGroup
	for i, s := range []*Store{a, b} {
		wg.Go(func() {
			e := calls.ForCall(fmt.Sprint("end", i), testTime, c, calls.CallCompleted, nil)
			switch err := s.Update(t.Context(), func(tx calls.Tx) error { return tx.AppendEvent(&e) }); {
			case err == nil:
				won.Add(1)
			case calls.CodeOf(err) != calls.CodeWrongState:
				t.Errorf("node %d: %v; want wrong-state", i, err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("the call ended %d times", won.Load())
	}
}

func TestANodeHearsOfWhatAnotherCommits(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	a, b := openPostgres(t, url, "a", clock.System()), openPostgres(t, url, "b", clock.System())
	for i := range 5 {
		changed := b.Changed()
		e := calls.NewEvent(fmt.Sprint("e", i), testTime, "trunk:x", calls.TrunkUp, nil)
		update(t, a, func(tx calls.Tx) error { return tx.AppendEvent(&e) })
		for {
			var last int64
			view(t, b, func(r calls.ReadTx) (err error) { last, err = r.LastPos(); return err })
			if last >= e.Pos {
				break
			}
			t.Fatalf("a commit is not seen by the next View of another node: %d of %d", last, e.Pos)
		}
		<-changed
	}
}

func TestNothingAcknowledgedIsLostWhenTheServerDies(t *testing.T) {
	t.Parallel()
	server := pgtest.New(t)
	s := openPostgres(t, server.Schema(t), "a", clock.System())
	var mu sync.Mutex
	acked := map[string]bool{}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for w := range 8 {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				e := calls.NewEvent(fmt.Sprintf("u-%d-%d", w, n), testTime, fmt.Sprint("call:u", w), calls.CallDigit, nil)
				if err := s.Update(t.Context(), func(tx calls.Tx) error { return tx.AppendEvent(&e) }); err == nil {
					mu.Lock()
					acked[e.ID] = true
					mu.Unlock()
				}
			}
		})
	}
	// What is observed is never refused, and stays in order.
	const observed = 300
	var told sync.WaitGroup
	observe := func(from, to int) {
		for n := from; n < to; n++ {
			told.Add(1)
			e := calls.NewEvent(fmt.Sprintf("o-%d", n), testTime, "trunk:o", calls.CallDigit, nil)
			s.Observe(func(tx calls.Tx) error { return tx.AppendEvent(&e) }, func(err error) {
				defer told.Done()
				if err != nil {
					t.Errorf("observation %d: %v", n, err)
				}
			})
		}
	}
	written := func(n int) func() bool {
		return func() bool { mu.Lock(); defer mu.Unlock(); return len(acked) >= n }
	}
	eventually(t, "some units", written(50))
	observe(0, 100)
	server.Stop(t)
	observe(100, 200)
	eventually(t, "the store to say that it fails", func() bool { return s.Failing() != nil })
	// Whether the last COMMIT reached it is being found out, or nothing was asked.
	refused(t, "a caller", s.Update(t.Context(), func(calls.Tx) error { return nil }), "server")
	read := func() error {
		return s.View(t.Context(), func(r calls.ReadTx) error { _, err := r.LastPos(); return err })
	}
	refused(t, "a reader", read(), "server")
	server.Start(t)
	eventually(t, "the store to be well", func() bool { return s.Failing() == nil })
	if err := read(); err != nil {
		t.Errorf("a reader after that: %v", err)
	}
	observe(200, observed)
	mu.Lock()
	before := len(acked)
	mu.Unlock()
	eventually(t, "more units", written(before+50))
	close(stop)
	wg.Wait()
	told.Wait()

	var ids []string
	seen := follow(t.Context(), t, s, func(seen map[string]bool) bool {
		for id := range acked {
			if !seen[id] {
				return false
			}
		}
		return true
	})
	view(t, s, func(r calls.ReadTx) error {
		list, err := r.Events(calls.EventFilter{Subject: "trunk:o", Limit: 1000})
		for _, e := range list {
			ids = append(ids, e.ID)
		}
		return err
	})
	if len(seen) < len(acked) || len(ids) != observed {
		t.Fatalf("%d observations of %d are stored", len(ids), observed)
	}
	for n, id := range ids {
		if id != fmt.Sprintf("o-%d", n) {
			t.Fatalf("observation %d is %s", n, id)
		}
	}
}

// cutConn loses the connection at the first COMMIT, before or after it reached
// the server.
type cutConn struct {
	net.Conn
	before bool
	cut    *atomic.Bool
}

func (c *cutConn) Write(p []byte) (int, error) {
	if !bytes.Contains(p, []byte("COMMIT")) || !c.cut.CompareAndSwap(false, true) {
		return c.Conn.Write(p)
	}
	if !c.before {
		if n, err := c.Conn.Write(p); err != nil {
			return n, err
		}
		_, _ = c.Conn.Read(make([]byte, 1)) // the server has answered
	}
	_ = c.Conn.Close()
	return len(p), nil
}

func TestACommitWithoutAnAnswerIsLookedUp(t *testing.T) {
	t.Parallel()
	for what, before := range map[string]bool{"lost on the way there": true, "lost on the way back": false} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			url := pgtest.URL(t)
			openPostgres(t, url, "a", clock.System()) // makes the tables
			db, err := newPostgres(Config{URL: url, Node: "b"}, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			var cut atomic.Bool
			db.cfg.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
				c, err := dial(ctx, network, addr)
				return &cutConn{Conn: c, before: before, cut: &cut}, err
			}
			c, err := db.connect(t.Context(), false)
			if err != nil {
				t.Fatal(err)
			}
			defer c.close()
			if err := c.begin(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := c.exec(t.Context(), `INSERT INTO cursors (name, pos) VALUES ('x', 1)`); err != nil {
				t.Fatal(err)
			}
			err = c.commit(t.Context(), true)
			stored := 0
			if e := c.query(t.Context(), func(sc scanner) error { return sc.Scan(&stored) }, `SELECT count(*) FROM cursors WHERE name = 'x'`); e != nil {
				t.Fatal(e)
			}
			if (err == nil) != (stored == 1) || !cut.Load() {
				t.Errorf("the commit says %v, %d rows are stored", err, stored)
			}
			if before && faultOf(err) != faultGone {
				t.Errorf("a commit that did not happen is no fault: %v", err)
			}
		})
	}
}

func TestASecondDaemonOfANodeIsRefused(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	openPostgres(t, url, "a", clock.System())
	_, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "zvonar.db"), URL: url, Node: "a", Clock: clock.System()})
	if !errors.Is(err, ErrNodeAlive) || !strings.Contains(err.Error(), `node "a"`) {
		t.Errorf("a second node a: %v", err)
	}
}
