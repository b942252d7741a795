package beeline

import (
	"math/rand/v2"
	"testing"
	"time"

	"zvonar/internal/calls"
)

const (
	operator = "9333221100@mpbx.sip.beeline.ru"
	client   = "tel:+79220001122"
)

func ms(n int64) time.Time { return time.UnixMilli(1700000000000 + n).UTC() }

// step is one event of a talk in a test.
type step struct {
	kind, user string
	call       Call
}

// clickToDial is a call that we placed, answered by both: the operator's leg first.
func clickToDial() []step {
	first := Call{ID: "half-1", Tracking: "t", Personality: personClickToDial, State: "Alerting", Remote: Remote{Address: "tel:+79333221100"}, Start: ms(0)}
	taken := first
	taken.State, taken.Answer = "Active", ms(4000)
	second := Call{ID: "half-2", Tracking: "t", Personality: personOriginator, State: "Alerting", Remote: Remote{Address: client}, Start: ms(4100)}
	talking := second
	talking.State, talking.Answer = "Active", ms(9000)
	gone := talking
	gone.State, gone.Release, gone.ReleasedBy = "Released", ms(39000), "remoteRelease"
	goneFirst := taken
	goneFirst.State, goneFirst.Release = "Released", ms(39010)
	return []step{{eventOriginating, operator, first}, {eventUpdated, operator, taken}, {eventOriginated, operator, second},
		{eventAnswered, operator, talking}, {eventReleased, operator, gone}, {eventReleased, operator, goneFirst}}
}

func states(list []calls.ProviderReport) (out []calls.ReportState) {
	for _, r := range list {
		out = append(out, r.State)
	}
	return out
}

func play(t *talk, steps []step) (list []calls.ProviderReport) {
	for _, s := range steps {
		t.learn(s.kind, s.user, s.call, nil)
		list = append(list, t.news(ms(50000))...)
	}
	return list
}

func TestAClickToDialIsToldByWhoAnswered(t *testing.T) {
	t.Parallel()
	tk := &talk{key: "t"}
	steps := clickToDial()
	if got := play(tk, steps[:1]); len(got) != 0 || tk.main() != nil || tk.direction() != calls.Out || tk.quiet() {
		t.Fatalf("while the operator is rung: %+v", got)
	}
	if got := play(tk, steps[1:2]); len(got) != 1 || got[0].State != calls.ReportManager || !got[0].At.Equal(ms(4000)) {
		t.Fatalf("the operator answered: %+v", got)
	}
	got := play(tk, steps[2:])
	if want := []calls.ReportState{calls.ReportRinging, calls.ReportAnswered, calls.ReportJoined}; len(got) != 3 || got[0].State != want[0] || got[1].State != want[1] || got[2].State != want[2] {
		t.Fatalf("%v", states(got))
	}
	if !got[1].At.Equal(ms(9000)) || tk.client() != "79220001122" || !tk.quiet() {
		t.Fatalf("%+v, %v", got, tk.quiet())
	}
	end := tk.ended(ms(60000))
	if end.TalkMS != 30000 || end.By != calls.ByCustomer || !end.At.Equal(ms(39000)) || end.SIPCode != 0 {
		t.Fatalf("%+v", end)
	}
}

func TestTheSameCallIDMayBecomeTheCallToTheClient(t *testing.T) {
	t.Parallel()
	tk := &talk{key: "t"}
	steps := clickToDial()[:5] // the operator's half is never released by itself
	for i := range steps {
		steps[i].call.ID = "half-1"
	}
	got := play(tk, steps)
	if len(got) != 4 || !tk.quiet() || tk.ended(ms(60000)).TalkMS != 30000 {
		t.Fatalf("%v, quiet %v, %+v", states(got), tk.quiet(), tk.ended(ms(60000)))
	}
}

func TestDoubledAndDisorderedEventsComeToTheSame(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		steps := append(clickToDial(), clickToDial()...)
		rng.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
		tk := &talk{key: "t"}
		got := play(tk, steps)
		if len(got) != 4 || !tk.quiet() {
			t.Fatalf("seed %d: %v, quiet %v", seed, states(got), tk.quiet())
		}
		if end := tk.ended(ms(60000)); end.TalkMS != 30000 || end.By != calls.ByCustomer {
			t.Fatalf("seed %d: %+v", seed, end)
		}
	}
}

func TestHowATalkEnds(t *testing.T) {
	t.Parallel()
	self := Call{ID: "a", Tracking: "t", Personality: personClickToDial, Remote: Remote{User: operator}, State: "Released", Release: ms(20000), Cause: "Temporarily Unavailable"}
	out := Call{ID: "b", Tracking: "t", Personality: personOriginator, Remote: Remote{Address: client}, State: "Released", Start: ms(0), Release: ms(20000)}
	with := func(c Call, cause, by string) Call { c.Cause, c.ReleasedBy = cause, by; return c }
	for name, c := range map[string]struct {
		call Call
		want calls.ProviderReport
	}{
		"the operator did not answer": {self, calls.ProviderReport{Outcome: calls.OutcomeCanceled, Reason: calls.ReasonManagerNotReached, By: calls.ByManager}},
		"busy":                        {with(out, "Busy", "remoteRelease"), calls.ProviderReport{SIPCode: 486, By: calls.ByCustomer}},
		"unavailable":                 {with(out, "Temporarily Unavailable", ""), calls.ProviderReport{SIPCode: 480, By: calls.ByProvider}},
		"forbidden":                   {with(out, "Forbidden", ""), calls.ProviderReport{SIPCode: 403, By: calls.ByProvider}},
		"the operator gave up":        {with(out, "", "localRelease"), calls.ProviderReport{SIPCode: 480, By: calls.ByManager}},
		"a cause of the future":       {with(out, "Moved to the Moon", ""), calls.ProviderReport{SIPCode: 480, By: calls.ByProvider}},
	} {
		tk := &talk{key: "t"}
		tk.learn(eventReleased, operator, c.call, nil)
		got := tk.ended(ms(60000))
		if !tk.quiet() || got.SIPCode != c.want.SIPCode || got.By != c.want.By || got.Outcome != c.want.Outcome || got.Reason != c.want.Reason || got.TalkMS != 0 || !got.At.Equal(ms(20000)) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestAHuntGroupRingsOneTalk(t *testing.T) {
	t.Parallel()
	ring := func(user, id string) Call {
		return Call{ID: id, Tracking: "t", Personality: personTerminator, State: "Alerting", Remote: Remote{Address: client}, Start: ms(0), HuntGroup: "sales_hg_1"}
	}
	tk := &talk{key: "t"}
	anna, boris := ring("anna", "a"), ring("boris", "b")
	got := play(tk, []step{{eventReceived, "anna", anna}, {eventReceived, "boris", boris}})
	if len(got) != 1 || got[0].State != calls.ReportRinging || tk.direction() != calls.In {
		t.Fatalf("%v", states(got))
	}
	boris.State, boris.Answer = "Active", ms(7000)
	anna.State, anna.Release = "Released", ms(7001)
	got = play(tk, []step{{eventAnswered, "boris", boris}, {eventReleased, "anna", anna}})
	if len(got) != 2 || tk.user() != "boris" || tk.quiet() {
		t.Fatalf("%v, %s", states(got), tk.user())
	}
	boris.State, boris.Release, boris.ReleasedBy = "Released", ms(27000), "localRelease"
	play(tk, []step{{eventReleased, "boris", boris}})
	if end := tk.ended(ms(60000)); !tk.quiet() || end.TalkMS != 20000 || end.By != calls.ByManager {
		t.Fatalf("%+v", end)
	}
}
