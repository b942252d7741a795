package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// emitMany appends n events of one subject in one unit.
func (h *house) emitMany(prefix string, n int, data string) {
	h.t.Helper()
	h.put(func(tx calls.Tx) error {
		for i := range n {
			e := calls.NewEvent(fmt.Sprint(prefix, i), noon, "trunk:main", calls.TrunkUp, map[string]string{"name": data})
			e.Account = calls.MainAccount
			if err := tx.AppendEvent(&e); err != nil {
				return err
			}
		}
		return nil
	})
}

// removed lets retention take everything but the last event of trunk:main, and
// tells the highest pos that is gone.
func (h *house) removed() int64 {
	h.t.Helper()
	var horizon int64
	h.put(func(tx calls.Tx) error {
		last, err := tx.LastPos()
		if err != nil {
			return err
		}
		if err := tx.SetCursor(calls.OutboxCursor, last); err != nil {
			return err
		}
		if _, err := tx.Expire(calls.Expiry{Kind: calls.ExpireEvents, Before: noon.Add(time.Hour)}, calls.ExpiryMark{}, 1000); err != nil {
			return err
		}
		horizon, err = tx.Horizon()
		return err
	})
	return horizon
}

func TestAReaderBehindTheHorizonIsToldWhatIsMissing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.emitMany("a", 5, "x")
	if horizon := h.removed(); horizon != 4 {
		t.Fatalf("horizon %d; want 4", horizon)
	}
	h.emit("b")
	got := h.do("GET", "/v1/events?after=2", "")
	gap, _ := got.doc["gap"].(map[string]any)
	if got.doc["oldest"] != 5.0 || gap["from"] != 3.0 || gap["to"] != 4.0 || got.doc["pos"] != 6.0 || got.doc["next"] != nil {
		t.Errorf("behind: %s", got.body)
	}
	if got := h.do("GET", "/v1/events?after=4&limit=1", ""); got.doc["gap"] != nil || got.doc["pos"] != 5.0 || got.doc["next"] != "5" {
		t.Errorf("at the horizon: %s", got.body)
	}
	if got := h.do("GET", "/v1/events?types=call.queued", ""); got.doc["pos"] != 6.0 {
		t.Errorf("a filter that lets nothing through: %s", got.body)
	}
	l := h.listen(h.running(), "?after=2")
	l.next()
	if m := l.next(); m.event != "zvonar.gap" || m.data != `{"from":3,"to":4}` || m.id != "" {
		t.Errorf("mark %+v", m)
	}
	for _, want := range []string{"5", "6"} {
		if m := l.next(); m.id != want || m.event != "trunk.up" {
			t.Errorf("after the mark %+v; want %s", m, want)
		}
	}
}

func TestAReaderFarBehindIsToldOnce(t *testing.T) {
	t.Parallel()
	var l lag
	for i, step := range []struct {
		behind int64
		tell   bool
	}{{0, false}, {lagFar, false}, {lagFar + 1, true}, {2 * lagFar, false}, {lagNear, false}, {lagFar + 1, false}, {lagNear - 1, false}, {lagFar + 1, true}} {
		if got := l.tell(step.behind); got != step.tell {
			t.Errorf("step %d, %d behind: %v", i, step.behind, got)
		}
	}
	h := newHouse(t)
	h.emitMany("a", lagFar+5, "x")
	s := h.listen(h.running(), "?after=0")
	s.next()
	if m := s.next(); m.event != "zvonar.lag" || m.data != fmt.Sprintf(`{"behind":%d,"pos":0}`, lagFar+5) || m.id != "" {
		t.Fatalf("mark %+v", m)
	}
	for pos := 1; pos <= lagFar+5; pos++ {
		if m := s.next(); m.id != strconv.Itoa(pos) {
			t.Fatalf("after the mark: %+v; want %d", m, pos)
		}
	}
}

func TestOneTokenLeavesStreamsForOthers(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *Config) { c.MaxTokenStreams = 1 })
	base := h.running()
	l := h.listen(base, "")
	l.next()
	ask := func(role calls.Permission) reply {
		return h.do("GET", "/v1/events", "", "Accept", "text/event-stream", "Authorization", "Bearer "+h.tokens[role])
	}
	if got := ask(calls.PermViewer); got.code != 503 || !strings.Contains(got.body, "this token has 1 live streams") {
		t.Errorf("a second stream: %d %s", got.code, got.body)
	}
	h.listen(base, "", "Authorization", "Bearer "+h.tokens[calls.PermCaller]).next()
}

func TestAClientThatDoesNotReadIsCutAndResumes(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *Config) { c.StreamPatience = 50 * time.Millisecond })
	base := h.running()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	fmt.Fprintf(conn, "GET /v1/events?after=0 HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nAuthorization: Bearer %s\r\n\r\n", h.tokens[calls.PermViewer])
	r := bufio.NewReader(conn)
	if line, err := r.ReadString('\n'); err != nil || !strings.Contains(line, "200") {
		t.Fatal(line, err)
	}
	// More than the buffers of both ends hold, which nobody reads.
	for i := 0; h.openStreams() > 0; i++ {
		if i == 300 {
			t.Fatal("the stream is still open")
		}
		h.emitMany(fmt.Sprintf("e%d-", i), 20, strings.Repeat("x", 20<<10))
	}
	l := h.listen(base, "", "Last-Event-ID", "1")
	l.next()
	if m := l.next(); m.id != "2" && m.event != "zvonar.lag" {
		t.Errorf("resumed with %+v", m)
	}
}

func (h *house) openStreams() int {
	h.server.streams.mu.Lock()
	defer h.server.streams.mu.Unlock()
	return h.server.streams.open
}

// countingStore counts the snapshots that are taken.
type countingStore struct {
	calls.Store
	views atomic.Int64
}

func (s *countingStore) View(ctx context.Context, fn func(calls.ReadTx) error) error {
	s.views.Add(1)
	return s.Store.View(ctx, fn)
}

func TestManyStreamsReadTheLogOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	counting := &countingStore{Store: h.store}
	shared := &tail{store: counting}
	filter := calls.EventFilter{Account: calls.MainAccount, Limit: 200}
	if _, err := shared.read(t.Context(), filter); err != nil {
		t.Fatal(err)
	}
	const readers, rounds = 50, 20
	counting.views.Store(0)
	for round := range rounds {
		h.emit(fmt.Sprint("e", round))
		var wg sync.WaitGroup
		for range readers {
			wg.Go(func() {
				f := filter
				f.After = int64(round)
				got, err := shared.read(t.Context(), f)
				if err != nil || len(got.frames) != 1 || got.end != int64(round+1) || got.last != got.end {
					t.Errorf("round %d: %d events up to %d of %d, %v", round, len(got.frames), got.end, got.last, err)
				}
			})
		}
		wg.Wait()
	}
	if n := counting.views.Load(); n != rounds {
		t.Errorf("%d snapshots for %d readers of %d commits; want one a commit", n, readers, rounds)
	}
}

func TestTheTailForgetsWhatIsOldAndMissesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	shared := &tail{store: h.store}
	filter := calls.EventFilter{Limit: 500}
	if _, err := shared.read(t.Context(), filter); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		h.emitMany(fmt.Sprintf("a%d-", i), tailLength-1, "x")
		if _, err := shared.read(t.Context(), calls.EventFilter{After: shared.last}); err != nil {
			t.Fatal(err)
		}
		if len(shared.events) > 2*tailLength {
			t.Fatalf("the tail holds %d events", len(shared.events))
		}
	}
	for want := int64(1); filter.After < shared.last; {
		got, err := shared.read(t.Context(), filter)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range got.frames {
			if f.event.Pos != want {
				t.Fatalf("pos %d; want %d", f.event.Pos, want)
			}
			want++
		}
		filter.After = got.end
	}
}

// Readers of both kinds follow the log while many write, some of whom change
// their mind: each must see every event of its account that is committed, in
// order, once.
func TestNoReaderSkipsAnEvent(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	base := h.running()
	const writers, each = 6, 30
	want := 0
	for i := range each {
		if i%7 != 3 {
			want += writers
		}
	}
	var readers sync.WaitGroup
	follow := func(name string, next func(after int64) []calls.Event) {
		readers.Go(func() {
			seq, seen, pos := map[string]int64{}, 0, int64(0)
			for seen < want {
				for _, e := range next(pos) {
					if e.Account != calls.MainAccount {
						continue
					}
					if seq[e.Subject]++; e.Pos <= pos || e.Seq != seq[e.Subject] {
						t.Errorf("%s: after pos %d came %d; %s has seq %d, want %d", name, pos, e.Pos, e.Subject, e.Seq, seq[e.Subject])
						return
					}
					pos = e.Pos
					seen++
				}
			}
		})
	}
	for i := range 3 {
		l := h.listen(base, "?after=0")
		follow(fmt.Sprint("stream ", i), func(int64) []calls.Event {
			m := l.next()
			var e calls.Event
			if m.data == "" || strings.HasPrefix(m.event, "zvonar.") {
				return nil
			}
			if err := json.Unmarshal([]byte(m.data), &e); err != nil {
				t.Error(err)
			}
			return []calls.Event{e}
		})
		follow(fmt.Sprint("list ", i), func(after int64) []calls.Event {
			r := httptest.NewRequest("GET", fmt.Sprint("/v1/events?limit=", 7+i, "&after=", after), http.NoBody)
			r.Header.Set("Authorization", "Bearer "+h.tokens[calls.PermViewer])
			w := httptest.NewRecorder()
			h.server.Handler().ServeHTTP(w, r)
			var page struct{ Items []calls.Event }
			if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
				t.Error(err, w.Body)
			}
			return page.Items
		})
	}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				err := h.store.Update(t.Context(), func(tx calls.Tx) error {
					for _, account := range []string{calls.MainAccount, "other"} {
						e := calls.NewEvent(fmt.Sprintf("%s%d-%d", account, w, i), noon, fmt.Sprint("trunk:", w%4), calls.TrunkUp, nil)
						e.Account = account
						if err := tx.AppendEvent(&e); err != nil {
							return err
						}
					}
					if i%7 == 3 {
						return errors.New("changed my mind")
					}
					return nil
				})
				if (err == nil) == (i%7 == 3) {
					t.Errorf("writer %d unit %d: %v", w, i, err)
				}
			}
		})
	}
	wg.Wait()
	readers.Wait()
}
