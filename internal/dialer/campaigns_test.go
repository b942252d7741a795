package dialer

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// of makes it a call of a campaign.
func of(campaign string) func(*calls.Call) {
	return func(c *calls.Call) { c.CampaignID = campaign }
}

// begun counts what began, by the first letter of the id.
func (b *bench) begun() map[byte]int {
	b.Helper()
	b.next = b.d.pass(context.Background())
	n := map[byte]int{}
	for _, line := range b.log.take() {
		if id, ok := strings.CutPrefix(line, "begin "); ok {
			n[id[0]]++
		}
	}
	return n
}

func TestCampaignsTakeTurnsByWeightAndStarveNobody(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) { c.Trunks = []TrunkLimits{{Name: "main", MaxCPS: 10}} })
	b.d.SetCampaign("a", calls.CampaignRule{Weight: 1})
	b.d.SetCampaign("b", calls.CampaignRule{Weight: 3})
	for i := range 400 {
		b.enqueue(fmt.Sprintf("a%04d", i), "m1", of("a"), func(c *calls.Call) { c.Priority = 100 }) // for itself only
		b.enqueue(fmt.Sprintf("b%04d", i), "m1", of("b"))
	}
	total := map[byte]int{}
	for second := range 20 {
		if second == 10 {
			b.enqueue("single", "m2")
		}
		for k, n := range b.begun() {
			total[k] += n
		}
		if second == 10 && total['s'] != 1 {
			t.Fatal("a single call waited behind campaigns")
		}
		b.clock.Advance(1010 * time.Millisecond)
	}
	if total['a'] < 45 || total['a'] > 55 || total['a']+total['b'] != 199 {
		t.Errorf("weights 1 and 3 got %d and %d", total['a'], total['b'])
	}
}

func TestACampaignThatWasKeptBackDoesNotTakeEverythingAfterwards(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) { c.Trunks = []TrunkLimits{{Name: "main", MaxCPS: 10}} })
	b.d.SetCampaign("a", calls.CampaignRule{Paused: true})
	b.d.SetCampaign("b", calls.CampaignRule{})
	for i := range 300 {
		b.enqueue(fmt.Sprintf("a%04d", i), "m1", of("a"))
		b.enqueue(fmt.Sprintf("b%04d", i), "m1", of("b"))
	}
	for range 20 {
		b.begun()
		b.clock.Advance(1010 * time.Millisecond)
	}
	b.d.SetCampaign("a", calls.CampaignRule{})
	total := map[byte]int{}
	for range 4 {
		for k, n := range b.begun() {
			total[k] += n
		}
		b.clock.Advance(1010 * time.Millisecond)
	}
	if total['b'] < 18 {
		t.Errorf("after a pause of 20 s the others got %d of 40", total['b'])
	}
}

func TestAPausedCampaignBeginsNothing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.enqueue("a", "m1", of("x"))
	b.pass("held a paused")
	if h, ok := b.d.Why("a"); !ok || h.Text != "its campaign is not loaded yet" {
		t.Errorf("%+v %v", h, ok)
	}
	b.d.SetCampaign("x", calls.CampaignRule{})
	b.enqueue("c", "m2", of("x"))
	b.pass("begin a main", "begin c main")
	b.d.SetCampaign("x", calls.CampaignRule{Paused: true, Reason: "lunch"})
	b.confirm("a", false) // between the dialer and its INVITE
	b.enqueue("d", "m3", of("x"), func(c *calls.Call) { c.DueAt = noon.Add(time.Hour) })
	b.enqueue("e", "m3", of("x"))
	b.pass("held e paused")
	for _, id := range []string{"d", "e"} {
		if h, ok := b.d.Why(id); !ok || h.Gate != calls.GatePaused || h.Text != "lunch" {
			t.Errorf("%s: %+v %v", id, h, ok)
		}
	}
	if load := b.d.CampaignLoad("x"); load != (calls.CampaignLoad{Queued: 1, Waiting: 1, Running: 2}) {
		t.Errorf("%+v", load)
	}
	b.d.DropCampaign("x")
	b.d.Remove("d")
	b.d.Remove("e")
	b.log.slots["a"].Release()
	b.log.slots["c"].Release()
	if n := len(b.d.queue.groupNames); n != 0 {
		t.Errorf("%d groups are left of a campaign that is over", n)
	}
}

func TestAPaceHoldsForTheCampaignAlone(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) { c.Trunks = []TrunkLimits{{Name: "main"}} })
	b.d.SetCampaign("x", calls.CampaignRule{Pace: calls.Pace{MaxCalls: 1}})
	b.d.SetCampaign("y", calls.CampaignRule{Pace: calls.Pace{CPS: 1}})
	b.d.SetCampaign("z", calls.CampaignRule{Pace: calls.Pace{Interval: calls.Duration(5 * time.Second)}})
	for _, id := range []string{"x1", "x2", "y1", "y2", "z1", "z2"} {
		b.enqueue(id, "m"+id, of(id[:1]))
	}
	b.enqueue("alone", "m9")
	b.pass("begin alone main", "begin x1 main", "begin y1 main", "begin z1 main", "held x2 channels", "held y2 cps", "held z2 cps")
	b.wait(1010 * time.Millisecond)
	b.pass("begin y2 main")
	b.log.slots["x1"].Release()
	b.pass("begin x2 main")
	b.wait(3990 * time.Millisecond)
	b.pass("begin z2 main")
}

func TestATrunkThatFailsEverythingIsLeftAloneUntilAProbeShowsItWorks(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) {
		c.Trunks = []TrunkLimits{{Name: "main"}}
		c.TrunkBreaker = BreakerConfig{Errors: 3, Of: 3, Pause: 30 * time.Second, MostPause: time.Minute}
	})
	n := 0
	ends := func(o calls.Outcome) {
		n++
		b.d.Attempted(calls.Attempted{Trunk: "main", Result: calls.Result{Outcome: o, Charged: o != calls.OutcomeTrunkError}, Code: 503})
	}
	ends(calls.OutcomeTrunkError)
	ends(calls.OutcomeBusy) // the callee's: the trunk works
	ends(calls.OutcomeTrunkError)
	ends(calls.OutcomeTrunkError)
	b.enqueue("a", "m1")
	b.pass("begin a main")
	ends(calls.OutcomeTrunkError)
	b.enqueue("b", "m2")
	b.enqueue("c", "m3")
	b.pass("held b trunk_down")
	if h := b.log.holds["b"]; h.Until == nil || !h.Until.Equal(noon.Add(30*time.Second)) || !strings.Contains(h.Text, "3 of the last 3 attempts failed, the last one with 503") {
		t.Errorf("%+v", h)
	}
	b.clock.Advance(30 * time.Second)
	b.pass("begin b main", "held c trunk_down") // one only
	ends(calls.OutcomeTrunkError)
	b.log.slots["b"].Release()
	b.clock.Advance(59 * time.Second) // twice as long by now
	b.pass("held c trunk_down")
	b.clock.Advance(time.Second)
	b.pass("begin c main")
	b.enqueue("d", "m4")
	b.pass("held d trunk_down")
	ends(calls.OutcomeAnswered)
	b.pass("begin d main")
}

func TestACampaignThatReachesNobodyIsPausedWithTheReason(t *testing.T) {
	t.Parallel()
	var tripped []string
	b := newBench(t, func(c *Config) {
		c.CampaignBreaker = BreakerConfig{Errors: 4, Of: 5}
		c.OnTrip = func(campaign, reason string) { tripped = append(tripped, campaign+": "+reason) }
	})
	b.d.SetCampaign("x", calls.CampaignRule{})
	for _, o := range []calls.Outcome{calls.OutcomeInvalidNumber, calls.OutcomeBusy, calls.OutcomeInvalidNumber, calls.OutcomeTrunkError, calls.OutcomeInvalidNumber, calls.OutcomeInvalidNumber} {
		b.d.Attempted(calls.Attempted{Trunk: "main", Campaign: "x", Result: calls.Result{Outcome: o, Charged: true}, Code: 404})
	}
	want := "x: paused by itself: 4 of the last 5 attempts failed, the last one with 404 (invalid_number)"
	if len(tripped) != 1 || tripped[0] != want {
		t.Fatalf("tripped %q", tripped)
	}
	b.enqueue("a", "m1", of("x"))
	b.pass("held a paused")
	b.d.SetCampaign("x", calls.CampaignRule{}) // somebody looked at it
	b.pass("begin a main")
}

func TestAQueuedCallAlwaysSaysWhyItIsNotDialled(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) { c.Trunks = []TrunkLimits{{Name: "main", MaxCalls: 1}} })
	b.enqueue("a", "m1")
	b.enqueue("b", "m2")
	b.enqueue("c", "m3")
	b.enqueue("later", "m4", func(c *calls.Call) { c.DueAt = noon.Add(time.Hour) })
	b.pass("begin a main", "held b channels")
	for id, want := range map[string]calls.Gate{"a": "", "b": "", "c": calls.GateTurn, "later": calls.GateDue, "unknown": ""} {
		if h, ok := b.d.Why(id); ok != (want != "") || h.Gate != want || ok && h.Text == "" {
			t.Errorf("%s: %+v %v, want %q", id, h, ok, want)
		}
	}
}

func TestATriedCallKeepsWhatWasToldOfIt(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	due := noon.Add(time.Hour)
	b.enqueue("a", "m1", func(c *calls.Call) { c.DueAt, c.Hold = due, &calls.Hold{Gate: calls.GateRetry, Until: &due} })
	if h, ok := b.d.Why("a"); ok {
		t.Errorf("%+v hides what its row says", h)
	}
	b.pass()
	b.wait(time.Hour)
	b.pass("begin a main")
}

// Entries are found whatever is added and taken away: the index against a map.
func TestTheIndexFindsWhatIsThere(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	q := newQueue()
	there := map[string]bool{}
	name := func() string {
		if n := rng.IntN(3000); n%7 == 0 {
			return fmt.Sprintf("an id that is longer than any key %d", n)
		} else {
			return fmt.Sprint("c", n)
		}
	}
	for range 50_000 {
		id := name()
		if i := q.find(id); there[id] != (i != 0) || i != 0 && q.id(i) != id {
			t.Fatalf("%s: there %v, found %d %q", id, there[id], i, q.id(i))
		}
		if rng.IntN(2) == 0 {
			if q.add(&calls.Call{ID: id, Account: "main"}, q.lane("x", nil), noon) == there[id] {
				t.Fatalf("%s was added, there %v", id, there[id])
			}
			there[id] = true
		} else if there[id] {
			q.remove(q.find(id))
			delete(there, id)
		}
		if q.len() != len(there) {
			t.Fatalf("%d are queued, want %d", q.len(), len(there))
		}
	}
}

func TestWhatGatesKeepBackIsCountedByCampaign(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.d.SetCampaign("x", calls.CampaignRule{Pace: calls.Pace{MaxCalls: 1}})
	held := func(want map[calls.Gate]int) {
		t.Helper()
		if got := b.d.CampaignHeld("x"); !maps.Equal(got, want) {
			t.Errorf("held are %v, want %v", got, want)
		}
	}
	due := noon.Add(time.Hour)
	b.enqueue("again", "m1", of("x"), func(c *calls.Call) { c.DueAt, c.Hold = due, &calls.Hold{Gate: calls.GateRetry, Until: &due} })
	b.enqueue("a", "m2", of("x"))
	b.enqueue("b", "m3", of("x"))
	b.enqueue("single", "m4")
	b.pass("begin a main", "begin single main", "held b channels")
	held(map[calls.Gate]int{calls.GateRetry: 1, calls.GateChannels: 1})
	b.d.SetCampaign("x", calls.CampaignRule{Paused: true, Reason: "lunch"})
	b.pass("held b paused")
	held(map[calls.Gate]int{calls.GateRetry: 1, calls.GatePaused: 1})
	b.d.Remove("b")
	b.d.Remove("again")
	held(map[calls.Gate]int{})
	if got := b.d.CampaignHeld("y"); len(got) > 0 {
		t.Errorf("of a campaign that is not there %v are held", got)
	}
}
