package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/cdr"
	"zvonar/internal/clock"
	"zvonar/internal/store"
)

// BenchmarkMillionCalls asks for statistics and call records of a store with a
// million calls of one account and ten of another, while 100 events a second are
// told; ZVONAR_CALLS says another number. It prints what goes into
// docs/performance.md.
func BenchmarkMillionCalls(b *testing.B) {
	n := 1_000_000
	if _, err := fmt.Sscan(os.Getenv("ZVONAR_CALLS"), &n); err != nil {
		n = 1_000_000
	}
	for b.Loop() {
		dir := b.TempDir()
		st, err := store.Open(b.Context(), store.Config{Path: filepath.Join(dir, "z.db"), Clock: clock.System()})
		if err != nil {
			b.Fatal(err)
		}
		m := &million{b: b, store: &viewed{Store: st}, dir: dir, n: n, ids: clock.NewIDs(clock.System(), nil)}
		m.fill()
		m.row("nothing", func() int { time.Sleep(5 * time.Second); return 0 })
		for _, keys := range []string{"", "outcome", "metadata.city", "day,outcome,metadata.city"} {
			m.row("stats by "+keys, func() int { return m.stats("main", keys) })
		}
		m.row("stats of the small account", func() int { return m.stats("small", "outcome") })
		m.row("stats of an hour", func() int { return m.statsFrom("main", "outcome", ended(n-1).Add(-time.Hour)) })
		for _, format := range []cdr.Format{cdr.JSONL, cdr.CSV, cdr.Asterisk} {
			m.row("export "+string(format), func() int { return m.export("main", format) })
		}
		m.row("export of the small account", func() int { return m.export("small", cdr.JSONL) })
		m.row("scheduled file", m.file)
		if err := st.Close(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

// million is one store of them.
type million struct {
	b     *testing.B
	store *viewed
	dir   string
	n     int
	ids   *clock.IDs
}

// viewed notes the longest view.
type viewed struct {
	calls.Store
	longest atomic.Int64
}

func (v *viewed) View(ctx context.Context, fn func(calls.ReadTx) error) error {
	began := time.Now()
	err := v.Store.View(ctx, fn)
	v.longest.Store(max(v.longest.Load(), int64(time.Since(began))))
	return err
}

// ended is when call i was over: ten days of a million.
func ended(i int) time.Time {
	return noon.Add(time.Duration(i) * 864 * time.Millisecond)
}

// fill stores the calls and their ends, as recovery and reports would find them.
func (m *million) fill() {
	const each = 250
	outcomes := []calls.Outcome{calls.OutcomeAnswered, calls.OutcomeNoAnswer, calls.OutcomeBusy, calls.OutcomeMachine}
	for i := 0; i < m.n+10; i += each {
		err := m.store.Update(m.b.Context(), func(tx calls.Tx) error {
			for k := i; k < min(i+each, m.n+10); k++ {
				at := ended(k)
				c := &calls.Call{ID: m.ids.New("call_"), Account: "main", Direction: calls.Out, Status: calls.StatusCompleted, Outcome: outcomes[k%4], Reason: "normal",
					To: fmt.Sprint("7916", 1000000+k%9000000), From: "78005553535", Line: "78005553535", Trunk: "main", CreatedAt: at.Add(-40 * time.Second), DueAt: at, EndedAt: &at,
					RingMS: 9000, TalkMS: 20000, BillableMS: 20000, Metadata: json.RawMessage(fmt.Sprintf(`{"city":"city-%d","debt":%d}`, k%300, k))}
				if c.Outcome == calls.OutcomeAnswered {
					c.AnsweredAt = &at
				}
				if k >= m.n {
					c.Account = "small"
				}
				if err := tx.InsertCall(c); err != nil {
					return err
				}
				e := calls.ForCall(m.ids.New("evt_"), at, c, calls.CallCompleted, struct {
					calls.CallView
					Digits string `json:"digits"`
				}{CallView: calls.View(c)})
				if err := tx.AppendEvent(&e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			m.b.Fatal(err)
		}
	}
}

// row does work and prints what it took, what it took from others, and memory.
func (m *million) row(name string, work func() int) {
	ctx, cancel := context.WithCancel(m.b.Context())
	m.store.longest.Store(0)
	told := make(chan []time.Duration)
	go func() { told <- m.tell(ctx) }()
	var peak atomic.Uint64
	watched := make(chan struct{})
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	go func() {
		defer close(watched)
		for ctx.Err() == nil {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			peak.Store(max(peak.Load(), now.HeapAlloc))
			time.Sleep(20 * time.Millisecond)
		}
	}()
	began := time.Now()
	n := work()
	took := time.Since(began)
	cancel()
	<-watched
	list := <-told
	slices.Sort(list)
	at := func(p int) time.Duration { return list[len(list)*p/100] }
	fmt.Printf("%-36s %9d calls %8.2f s, longest view %6.1f ms, events p50 %.2f p99 %.2f ms, heap at most %.0f MB more\n", name, n, took.Seconds(),
		float64(m.store.longest.Load())/1e6, float64(at(50).Microseconds())/1000, float64(at(99).Microseconds())/1000, max(0, float64(peak.Load())-float64(before.HeapAlloc))/1e6)
}

// tell appends 100 events a second until ctx ends.
func (m *million) tell(ctx context.Context) (took []time.Duration) {
	ticks := time.NewTicker(10 * time.Millisecond)
	defer ticks.Stop()
	answers := make(chan time.Duration, 1000)
	for n := 0; n == 0 || ctx.Err() == nil; n++ {
		<-ticks.C
		e := calls.NewEvent(m.ids.New("evt_"), time.Now(), fmt.Sprintf("call:c%d", n), calls.CallRinging, nil)
		e.Account = "main"
		began := time.Now()
		m.store.Observe(func(tx calls.Tx) error { e := e; return tx.AppendEvent(&e) }, func(error) { answers <- time.Since(began) })
		took = append(took, <-answers)
	}
	return took
}

func (m *million) stats(account, keys string) int { return m.statsFrom(account, keys, time.Time{}) }

// statsFrom counts all calls, in as many requests as it takes.
func (m *million) statsFrom(account, keys string, from time.Time) int {
	list, err := statKeys(keys)
	if err != nil {
		m.b.Fatal(err)
	}
	f := calls.EndFilter{Account: account, From: from, Limit: 1000}
	for total := int64(0); ; {
		c := counting{keys: list, zone: time.UTC, groups: map[string]*StatRow{}}
		if err := c.all(m.b.Context(), m.store, f); err != nil {
			m.b.Fatal(err)
		}
		got := c.result()
		if total += got.Total.Calls; got.Complete {
			return int(total)
		}
		at, id, _ := strings.Cut(*got.Next, "_")
		if f.AfterAt, err = time.Parse(time.RFC3339Nano, at); err != nil {
			m.b.Fatal(err)
		}
		f.AfterID = id
	}
}

// export reads all records by the cursor, 5000 a request.
func (m *million) export(account string, format cdr.Format) (n int) {
	s := &Server{cfg: Config{Store: m.store}}
	asked := context.WithValue(m.b.Context(), requestKey{}, &request{token: &calls.Token{Account: account}, release: func() {}})
	for after := int64(0); ; {
		out, err := s.exportCDR(asked, &cdrInput{After: after, Limit: 5000, Format: string(format)})
		if err != nil {
			m.b.Fatal(err)
		}
		var next int64
		if _, err := fmt.Sscan(out.Next, &next); err != nil {
			m.b.Fatal(err)
		}
		if next == after {
			return n
		}
		n += strings.Count(string(out.Body), "\n")
		after = next
	}
}

// file has the records of everybody written into one file.
func (m *million) file() int {
	dir := filepath.Join(m.dir, "cdr")
	fake := clock.NewFake(noon)
	f, err := cdr.NewFiles(cdr.FilesConfig{Dir: dir, Format: cdr.CSV, Rotation: cdr.Hourly, Store: m.store, Clock: fake})
	if err != nil {
		m.b.Fatal(err)
	}
	if err := f.Start(m.b.Context()); err != nil {
		m.b.Fatal(err)
	}
	defer func() { _ = f.Stop(context.Background()) }()
	for {
		fake.Advance(time.Hour)
		time.Sleep(50 * time.Millisecond)
		names, err := filepath.Glob(filepath.Join(dir, "cdr-*.csv"))
		if err != nil {
			m.b.Fatal(err)
		}
		if len(names) > 0 {
			return m.lines(names[0]) - 1
		}
	}
}

// lines counts those of a file.
func (m *million) lines(name string) (n int) {
	file, err := os.Open(name)
	if err != nil {
		m.b.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	in := bufio.NewScanner(file)
	for in.Scan() {
		n++
	}
	if err := in.Err(); err != nil {
		m.b.Fatal(err)
	}
	return n
}
