package dialer

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// fill queues n calls of ten campaigns that are due at odd times.
func fill(n int) *queue {
	rng := rand.New(rand.NewPCG(1, 1))
	ids := clock.NewIDs(clock.NewFake(noon), nil)
	q := newQueue()
	lane := q.lane("any", []string{"main"})
	flow := calls.Flow{Clips: map[calls.ClipID]calls.RecordingRef{"1": {RecordingID: "rec_1", Version: 1}}}
	after := noon.Add(365 * 24 * time.Hour)
	names := make([]string, 10)
	for i := range names {
		names[i] = fmt.Sprint("camp_", i)
	}
	for range n {
		q.add(&calls.Call{ID: ids.New("call_"), Account: "main", CampaignID: names[rng.IntN(len(names))], Flow: flow, NotAfter: &after,
			DueAt: noon.Add(time.Hour + time.Duration(rng.Int64N(int64(30*24*time.Hour))))}, lane, noon)
	}
	return q
}

func heapNow() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// bytesOf a waiting call may be in memory: a million of them cost 100 MB.
const bytesOf = 100

// It reads the heap of the process, so nothing may run beside it.
func TestAWaitingCallCostsAHundredBytes(t *testing.T) {
	const n = 1 << 18
	before := heapNow()
	q := fill(n)
	each := float64(heapNow()-before) / n
	t.Logf("%d calls, %.1f bytes each", q.len(), each)
	if q.len() != n || each > bytesOf {
		t.Errorf("%d calls are queued at %.1f bytes each, want at most %d", q.len(), each, bytesOf)
	}
	runtime.KeepAlive(q)
}

// BenchmarkNextDue takes the call that is due next and puts it back for later, beside so
// many that wait.
func BenchmarkNextDue(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			before := heapNow()
			q := fill(n)
			each := float64(heapNow()-before) / float64(n)
			r := &round{stuck: map[*lane]bool{}, closed: map[*group]bool{}}
			for b.Loop() {
				i := q.waiting.head()
				q.put(i, ready)
				if q.first(r) == 0 {
					b.Fatal("nothing is ready")
				}
				q.postpone(i, timeOf(q.slab.at(i).next).Add(30*24*time.Hour), noon)
			}
			b.ReportMetric(each, "B/call")
		})
	}
}
