package dialer

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/numbering"
)

// world is a year of somebody's business: a store, a carrier with people behind it, and
// a dialer that is killed again and again.
type world struct {
	*judge
	*testing.T
	rng     *rand.Rand
	clock   *clock.Fake
	d       *Dialer
	epoch   int
	numbers []string
	rows    map[string]*calls.Call // not over
	sent    map[string][]sentAt
	blocked map[string]bool
	todo    agenda

	asked, dials, crashes, putBack, lost, looks int
	outcomes                                    map[calls.Outcome]int
	attempted                                   map[calls.Outcome]int
	gates                                       map[calls.Gate]int
	zoned                                       map[string]int
	ended                                       map[string]int
}

// agenda is what will happen, soonest first.
type agenda []event

type event struct {
	at time.Time
	do func()
}

func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, j int) bool { return a[i].at.Before(a[j].at) }
func (a agenda) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)        { *a = append(*a, x.(event)) }
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

// in has something happen in a while, unless the process is killed before.
func (w *world) in(d time.Duration, do func()) {
	epoch := w.epoch
	heap.Push(&w.todo, event{w.clock.Now().Add(d), func() {
		if w.epoch == epoch {
			do()
		}
	}})
}

// worldStore is what the world keeps, as the dialer reads it.
type worldStore struct {
	calls.Store
	calls.ReadTx
	w *world
}

func (s worldStore) View(_ context.Context, fn func(calls.ReadTx) error) error {
	s.w.looks++
	return fn(s)
}

func (s worldStore) BlockedFor(q calls.BlockQuery) (*calls.BlockEntry, error) {
	if s.w.blocked[q.Number] {
		return &calls.BlockEntry{Number: q.Number}, nil
	}
	return nil, calls.ErrNotFound
}

func (s worldStore) Call(_, id string) (*calls.Call, error) {
	if c := s.w.rows[id]; c != nil {
		row := *c
		return &row, nil
	}
	return nil, calls.ErrNotFound
}

func (s worldStore) ChargedSince(_, number string, since time.Time, limit int) (list []time.Time, _ error) {
	for _, a := range slices.Backward(s.w.sent[number]) {
		if a.at.Before(since) || len(list) == limit {
			break
		}
		if a.charged {
			list = append(list, a.at)
		}
	}
	return list, nil
}

// TalksSince tells nothing: no preset of the simulation counts talks.
func (s worldStore) TalksSince(string, string, time.Time, int) ([]time.Time, error) { return nil, nil }

// boot starts a process on what the store has.
func (w *world) boot() {
	w.epoch++
	d, err := New(Config{Store: worldStore{w: w}, Clock: w.clock, Log: slog.New(slog.DiscardHandler), Starter: w,
		Trunks: []TrunkLimits{{Name: "a", MaxCalls: 300, MaxCPS: 30}, {Name: "b", MaxCalls: 300, MaxCPS: 7.5}},
		Window: calls.Window{From: "09:00", To: "21:00"}, Caps: calls.Caps{PerDay: 3, Gap: calls.Duration(simGap)}, Presets: calls.Presets(),
		TrunkBreaker: BreakerConfig{Errors: 10, Of: 10, Pause: 30 * time.Second, MostPause: 10 * time.Minute},
		Zones:        numbering.Zones, Country: numbering.Country, OpenAt: numbering.OpenAt})
	if err != nil {
		w.Fatal(err)
	}
	w.d = d
	for _, id := range slices.Sorted(maps.Keys(w.rows)) {
		c := w.rows[id]
		if n := len(c.Attempts); n > 0 && c.Attempts[n-1].State == calls.AttemptDialing { // it may have rung: never again
			w.lost++
			w.over(c, calls.OutcomeLost)
			continue
		}
		w.d.Enqueue(c)
	}
	for i := range 5 {
		w.d.SetCampaign(campaignName(i), calls.CampaignRule{Account: "main", Weight: i + 1, Pace: calls.Pace{CPS: 5, MaxCalls: 100}})
	}
}

func campaignName(i int) string { return fmt.Sprint("camp_", i) }

func (w *world) over(c *calls.Call, o calls.Outcome) {
	if w.ended[c.ID]++; w.ended[c.ID] > 1 {
		w.faults = append(w.faults, c.ID+" ended twice")
	}
	w.outcomes[o]++
	delete(w.rows, c.ID)
}

// The engine.
func (w *world) Held(c *calls.Call, h calls.Hold) {
	w.gates[h.Gate]++
	row := *c
	row.Status, row.Hold = calls.StatusHeld, &h
	w.rows[c.ID] = &row
}

func (w *world) Expired(c *calls.Call)                     { w.over(c, calls.OutcomeExpired) }
func (w *world) Blocked(c *calls.Call, _ calls.BlockEntry) { w.over(c, calls.OutcomeBlocked) }
func (w *world) Refused(c *calls.Call, _ calls.Reason)     { w.over(c, calls.OutcomeCanceled) }

// Begin writes the attempt some time later: the store is mostly quick.
func (w *world) Begin(c *calls.Call, s *Slot) {
	wait := time.Millisecond
	if w.rng.IntN(50) == 0 {
		wait = time.Duration(w.rng.IntN(1200)) * time.Second // or away for long
	}
	w.in(wait, func() { w.commit(c, s) })
}

func (w *world) commit(c *calls.Call, s *Slot) {
	now := w.clock.Now()
	if err := s.Confirm(worldStore{w: w}, c); err != nil {
		if !errors.Is(err, calls.ErrGateClosed) {
			w.Fatal(err)
		}
		w.putBack++
		s.Release()
		w.d.Enqueue(c)
		return
	}
	row := *c
	row.Status, row.Hold = calls.StatusDialing, nil
	row.Attempts = append(slices.Clone(c.Attempts), calls.Attempt{N: len(c.Attempts) + 1, Role: calls.RoleCustomer, SentAt: now, Charged: true, State: calls.AttemptDialing})
	w.rows[c.ID] = &row
	w.dialled(c.To, c.Timezone, string(c.Metadata), w.blocked[c.To], w.sent[c.To], now)
	w.sent[c.To] = append(w.sent[c.To], sentAt{now, true})
	w.dials++
	w.zoned[strings.Join(w.where(c.To), "|")]++
	o, life := w.fate()
	w.in(life, func() { w.finish(&row, s, o) })
}

// fate is what becomes of an attempt.
func (w *world) fate() (calls.Outcome, time.Duration) {
	second := func(from, to int) time.Duration { return time.Duration(from+w.rng.IntN(to-from)) * time.Second }
	switch p := w.rng.IntN(1000); {
	case p < 330:
		return calls.OutcomeAnswered, second(15, 180)
	case p < 480:
		return calls.OutcomeMachine, second(10, 30)
	case p < 630:
		return calls.OutcomeBusy, second(2, 6)
	case p < 900:
		return calls.OutcomeNoAnswer, second(40, 50)
	case p < 950:
		return calls.OutcomeUnreachable, second(5, 20)
	case p < 980:
		return calls.OutcomeTrunkError, second(1, 32)
	}
	return calls.OutcomeInvalidNumber, second(1, 5)
}

func (w *world) finish(c *calls.Call, s *Slot, o calls.Outcome) {
	s.Release()
	w.attempted[o]++
	a := &c.Attempts[len(c.Attempts)-1]
	a.State, a.Outcome, a.Charged = calls.AttemptOver, o, o != calls.OutcomeTrunkError
	for i := range slices.Backward(w.sent[c.To]) {
		if w.sent[c.To][i].at.Equal(a.SentAt) {
			w.sent[c.To][i].charged = a.Charged
		}
	}
	w.d.Attempted(calls.Attempted{Account: c.Account, Trunk: s.Trunk(), Campaign: c.CampaignID, Result: calls.Result{Outcome: o, Charged: a.Charged}})
	due, again := RetryAt(c, o, w.clock.Now())
	if !again {
		w.over(c, o)
		return
	}
	c.DueAt, c.Status, c.Hold = due, calls.StatusHeld, &calls.Hold{Gate: calls.GateRetry, Until: &due}
	w.d.Enqueue(c)
}

// policies are what callers ask for.
var policies = []string{`{}`, `{"max_attempts":3,"outcomes":{"busy":"5m","no_answer":"1h","machine":"18:30","trunk_error":"1m"}}`,
	`{"max_attempts":8,"max_attempts_per_day":2,"outcomes":{"busy":"2m","no_answer":"30m","unreachable":"3h","machine":{"at":"19:00","times":1},"trunk_error":"10s"}}`}

// ask makes a call: by a campaign or alone, at any hour, in any zone.
func (w *world) ask() {
	w.asked++
	now := w.clock.Now()
	kind := []string{"plain", "plain", "debt_collection", "advertising", "narrow"}[w.rng.IntN(5)]
	c := &calls.Call{ID: fmt.Sprintf("c%09d", w.asked), Account: "main", Direction: calls.Out, To: w.numbers[w.rng.IntN(len(w.numbers))],
		CreatedAt: now, DueAt: now.Add(time.Duration(w.rng.IntN(7200)) * time.Second), Priority: w.rng.IntN(3), Metadata: []byte(kind)}
	switch kind {
	case "narrow":
		c.Window = &calls.Window{From: "10:00", To: "18:00"}
	case "debt_collection", "advertising":
		c.Window = &calls.Window{Preset: kind}
	}
	if w.rng.IntN(10) == 0 {
		zones := slices.Sorted(maps.Keys(w.locs))
		c.Timezone = zones[w.rng.IntN(len(zones))]
	}
	end := c.DueAt.Add(time.Duration(1+w.rng.IntN(10*24)) * time.Hour)
	c.NotAfter = &end
	if w.rng.IntN(4) > 0 {
		c.CampaignID = campaignName(w.rng.IntN(5))
	}
	policy, err := calls.ParseRetry([]byte(policies[w.rng.IntN(len(policies))]), "")
	if err != nil {
		w.Fatal(err)
	}
	c.Retry = policy
	w.rows[c.ID] = c
	w.d.Enqueue(c)
}

// step lets the dialer look, and goes to whatever happens next.
func (w *world) step(ctx context.Context, end time.Time) bool {
	next := w.d.pass(ctx)
	if w.todo.Len() > 0 && (next.IsZero() || w.todo[0].at.Before(next)) {
		next = w.todo[0].at
	}
	now := w.clock.Now()
	if next.IsZero() || next.After(end) {
		return false
	}
	w.clock.Advance(max(next.Sub(now), 0))
	for w.todo.Len() > 0 && !w.todo[0].at.After(w.clock.Now()) {
		heap.Pop(&w.todo).(event).do()
	}
	return true
}

// TestNobodyIsCalledUnlawfullyInAYear dials all over Russia for a year, with crashes in
// between, and has every attempt judged. ZVONAR_DIALS says how many (make simulate: a
// million).
func TestNobodyIsCalledUnlawfullyInAYear(t *testing.T) {
	dials := 20_000
	if s := os.Getenv("ZVONAR_DIALS"); s != "" {
		dials, _ = strconv.Atoi(s)
	}
	begin := time.Date(2025, 12, 31, 21, 0, 0, 0, time.UTC)
	end := begin.AddDate(1, 0, 0)
	w := &world{judge: newJudge(t), T: t, rng: rand.New(rand.NewPCG(7, uint64(dials))), clock: clock.NewFake(begin), rows: map[string]*calls.Call{},
		sent: map[string][]sentAt{}, blocked: map[string]bool{}, outcomes: map[calls.Outcome]int{}, attempted: map[calls.Outcome]int{},
		gates: map[calls.Gate]int{}, zoned: map[string]int{}, ended: map[string]int{}}
	sets := slices.Sorted(maps.Keys(w.byZones))
	for i := range max(dials/12, 400) { // all zones alike, far ones and shared ranges as much as Moscow
		ranges := w.byZones[sets[i%len(sets)]]
		r := ranges[w.rng.IntN(len(ranges))]
		w.numbers = append(w.numbers, "7"+strconv.FormatUint(w.from[r]+w.rng.Uint64N(w.to[r]-w.from[r]+1), 10))
	}
	w.boot()
	started := time.Now()
	every := 155 * end.Sub(begin) / time.Duration(100*dials) // a call needs 1.55 attempts
	arrive := func() {}
	always := func(d time.Duration, do func()) { heap.Push(&w.todo, event{w.clock.Now().Add(d), do}) }
	arrive = func() { // in shoals, at any hour
		for range 40 {
			w.ask()
		}
		always(time.Duration(w.rng.Int64N(int64(40*2*every))), arrive)
	}
	always(0, arrive)
	var kill, block func()
	kill = func() {
		w.crashes++
		w.boot()
		always(time.Duration(w.rng.Int64N(int64(end.Sub(begin)/150))), kill)
	}
	always(time.Hour, kill)
	block = func() {
		w.blocked[w.numbers[w.rng.IntN(len(w.numbers))]] = true
		always(time.Duration(w.rng.Int64N(int64(every*200))), block)
	}
	always(time.Hour, block)
	for w.dials < dials && w.step(t.Context(), end) && len(w.faults) < 20 {
	}
	w.score(time.Since(started), w.clock.Now().Sub(begin))
	for _, f := range w.faults {
		t.Error(f)
	}
	if w.dials < dials*8/10 || w.crashes < 20 || w.outcomes[calls.OutcomeBlocked] == 0 || w.gates[calls.GateCap] == 0 || w.gates[calls.GateGap] == 0 {
		t.Error("the year was too quiet to show anything")
	}
}

// score prints what the year was like.
func (w *world) score(took, span time.Duration) {
	var b strings.Builder
	line := func(name string, v any) { fmt.Fprintf(&b, "%-34s %v\n", name, v) }
	line("dials", w.dials)
	line("calls asked for", w.asked)
	line("days of the fake clock", int(span.Hours()/24))
	line("zones and sets of zones", len(w.zoned))
	line("crashes", w.crashes)
	line("lost by them, never rung again", w.lost)
	line("put back at the attempt's commit", w.putBack)
	line("looks at the store", w.looks)
	line("took", took.Round(time.Millisecond))
	for _, o := range calls.Outcomes() {
		if w.attempted[o]+w.outcomes[o] > 0 {
			line("  "+string(o), fmt.Sprintf("%7d attempts %7d calls", w.attempted[o], w.outcomes[o]))
		}
	}
	for _, g := range slices.Sorted(maps.Keys(w.gates)) {
		line("  held by "+string(g), w.gates[g])
	}
	line("outside the window, blocked, over a cap, too soon, ended twice", len(w.faults))
	w.Log("\n" + b.String())
}
