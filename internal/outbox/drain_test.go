package outbox

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/egress"
	"zvonar/internal/store"
)

var (
	drainCalls  = flag.Int("drain.calls", 200, "calls whose events wait when the receiver comes back (an hour at 50 calls/s: 180000)")
	drainAnswer = flag.Duration("drain.answer", 20*time.Millisecond, "how long the receiver takes for an answer once it is back")
)

// callLife is what one call tells.
var callLife = []calls.EventType{calls.CallQueued, calls.CallDialing, calls.CallRinging, calls.CallAnswered,
	calls.CallPlaybackStarted, calls.CallPlaybackFinished, calls.CallCompleted}

// drainWorld is a receiver that was down, another that was not, and calls.
type drainWorld struct {
	s     *store.Store
	clk   *clock.Fake
	ids   *clock.IDs
	calls atomic.Int64

	up atomic.Bool

	mu       sync.Mutex
	last     map[string]int64 // by call: the highest seq that came
	arrived  int
	repeated int
	wrong    int
	born     map[string]time.Time // by call: when its end was committed
	late     []time.Duration      // of the other destination
}

// tell commits the whole life of n calls in one unit. On a machine that is busy
// the store may refuse it for being slow: then nothing was stored, and it is told
// again, as whoever is refused does.
func (w *drainWorld) tell(t *testing.T, n int) {
	first := w.calls.Add(int64(n)) - int64(n)
	err := w.commit(t, first, n)
	for ; calls.CodeOf(err) == calls.CodeOverloaded; err = w.commit(t, first, n) {
		<-time.After(50 * time.Millisecond)
	}
	if err != nil {
		t.Error(err)
	}
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range n {
		w.born[fmt.Sprintf("c%07d", first+int64(i))] = now
	}
}

func (w *drainWorld) commit(t *testing.T, first int64, n int) error {
	return w.s.Update(t.Context(), func(tx calls.Tx) error {
		for _, typ := range callLife {
			for i := range n {
				c := &calls.Call{ID: fmt.Sprintf("c%07d", first+int64(i)), Account: "main"}
				e := calls.ForCall(w.ids.New("evt_"), w.clk.Now(), c, typ, map[string]any{"to": "79004443322", "from": "78005553535", "attempt": 1})
				if err := tx.AppendEvent(&e); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func readEvent(r *http.Request) (e calls.Event, err error) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &e)
	}
	return e, err
}

// returning is the receiver that was down.
func (w *drainWorld) returning(rw http.ResponseWriter, r *http.Request) {
	e, err := readEvent(r)
	if !w.up.Load() {
		rw.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	timer := time.NewTimer(*drainAnswer)
	<-timer.C
	w.mu.Lock()
	defer w.mu.Unlock()
	switch last := w.last[e.CallID]; {
	case err != nil || e.Seq > last+1:
		w.wrong++
	case e.Seq <= last:
		w.repeated++
	default:
		w.last[e.CallID] = e.Seq
		w.arrived++
	}
}

// other is the receiver that was never down: it takes the ends of calls.
func (w *drainWorld) other(_ http.ResponseWriter, r *http.Request) {
	e, err := readEvent(r)
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if born, ok := w.born[e.CallID]; ok && err == nil {
		w.late = append(w.late, now.Sub(born))
	} else {
		w.late = append(w.late, 0) // faster than the commit was told
	}
}

// otherP99 gives the 99th percentile of what came to the other since the last
// question, and how many those were.
func (w *drainWorld) otherP99() (time.Duration, int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	late := w.late
	w.late = nil
	if len(late) == 0 {
		return 0, 0
	}
	slices.Sort(late)
	return late[len(late)*99/100], len(late)
}

func (w *drainWorld) counts() (arrived, repeated, wrong int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.arrived, w.repeated, w.wrong
}

// TestDrain lets a receiver be down for the calls of an hour (by a clock that is
// moved) and come back slow, and looks at how fast everything reaches it, in
// which order, and whether another receiver notices. `make bench-drain` runs it
// in full.
func TestDrain(t *testing.T) {
	w := &drainWorld{clk: clock.NewFake(time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)), last: map[string]int64{}, born: map[string]time.Time{}}
	w.ids = clock.NewIDs(clock.System(), nil)
	var err error
	if w.s, err = store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "zvonar.db"), Clock: clock.System()}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.s.Close(context.Background()) }()
	down, other := httptest.NewServer(http.HandlerFunc(w.returning)), httptest.NewServer(http.HandlerFunc(w.other))
	defer down.Close()
	defer other.Close()
	addHook(t, w.s, calls.Webhook{ID: "down", URL: down.URL, CreatedAt: w.clk.Now()})
	addHook(t, w.s, calls.Webhook{ID: "other", URL: other.URL, Types: []calls.EventType{calls.CallCompleted}, CreatedAt: w.clk.Now()})
	o, err := New(Config{Store: w.s, Clock: w.clk, IDs: w.ids, Client: egress.Trusted(), Metrics: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = o.Stop(context.Background()) }()

	w.outage(t)
	backlog := 0
	if err := w.s.View(t.Context(), func(r calls.ReadTx) (err error) { backlog, _, err = r.Backlog(); return err }); err != nil {
		t.Fatal(err)
	}
	p99, n := w.otherP99()
	t.Logf("outage: %d deliveries wait; the other destination took %d, p99 %v", backlog, n, p99.Round(time.Millisecond))

	took, during, m := w.drain(t)
	arrived, repeated, wrong := w.counts()
	t.Logf("drained: %d deliveries in %v (%.0f/s, %.1f minutes), %d repeated, %d out of order; the other destination took %d meanwhile, p99 %v",
		arrived, took.Round(time.Millisecond), float64(arrived)/took.Seconds(), took.Minutes(), repeated, wrong, m, during.Round(time.Millisecond))
	if wrong > 0 {
		t.Errorf("%d deliveries came out of order", wrong)
	}
}

// outage tells of the calls of the outage, a second of 50 calls after another,
// as fast as the store takes them.
func (w *drainWorld) outage(t *testing.T) {
	start := time.Now()
	for w.calls.Load() < int64(*drainCalls) {
		w.tell(t, 50)
		w.clk.Advance(time.Second)
	}
	t.Logf("outage: %d calls told in %v (%.0f events/s)", w.calls.Load(), time.Since(start).Round(time.Millisecond),
		float64(w.calls.Load())*float64(len(callLife))/time.Since(start).Seconds())
}

// drain lets the receiver come back while calls go on at 50/s of real time, and
// waits until all of the outage has come.
func (w *drainWorld) drain(t *testing.T) (took, p99 time.Duration, n int) {
	waiting := int(w.calls.Load()) * len(callLife)
	w.up.Store(true)
	start := time.Now()
	told := start
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for at := start; ; {
		now := <-tick.C
		w.clk.Advance(now.Sub(at))
		at = now
		if now.Sub(told) >= 100*time.Millisecond {
			told = now
			w.tell(t, 5)
		}
		if arrived, _, _ := w.counts(); arrived >= waiting {
			p99, n = w.otherP99()
			return time.Since(start), p99, n
		}
	}
}
