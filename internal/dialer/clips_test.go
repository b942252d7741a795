package dialer

import (
	"testing"
	"time"

	"zvonar/internal/calls"
)

// playing makes a call of a version of rec_1.
func playing(version int) func(*calls.Call) {
	return func(c *calls.Call) {
		c.Flow.Clips = map[calls.ClipID]calls.RecordingRef{"1": {RecordingID: "rec_1", Version: version}}
	}
}

func (b *bench) stands(s calls.Standing) {
	b.store.mu.Lock()
	b.store.clips = map[string]calls.Standing{"rec_1/1": s}
	b.store.mu.Unlock()
	b.d.Recheck("rec_1")
}

func (b *bench) revoked(after time.Duration) calls.Standing {
	now := b.clock.Now()
	return calls.Standing{Version: calls.RecordingIsApproved, Revoked: &calls.Revocation{Through: 1, At: now, Final: now.Add(after)}}
}

func TestWhatACallMayStillPlay(t *testing.T) {
	t.Parallel()
	for state, want := range map[calls.RecordingState]string{
		calls.RecordingIsApproved: "begin a main", calls.VersionSuperseded: "begin a main", calls.RecordingArchived: "begin a main",
		calls.RecordingPending: "held a recording", calls.RecordingProcessing: "held a recording",
		calls.RecordingIsRejected: "refused a recording_rejected", calls.VersionWithdrawn: "refused a recording_rejected",
	} {
		b := newBench(t)
		b.stands(calls.Standing{Version: state})
		b.enqueue("a", "m1", playing(0)) // pinned before there were versions
		b.pass(want)
	}
	b := newBench(t)
	b.stands(b.revoked(0))
	b.enqueue("old", "m1", playing(1))
	b.enqueue("new", "m2", playing(2))
	b.pass("refused old recording_revoked", "begin new main")
}

func TestARevocationHoldsWhateverWaitsAndCancelsItWhenItIsFinal(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(c *Config) { c.Trunks = []TrunkLimits{{Name: "main", MaxCalls: 1}} })
	b.stands(calls.Standing{Version: calls.RecordingIsApproved})
	b.enqueue("a", "m1", playing(2))
	b.enqueue("b", "m2", playing(2))
	b.pass("begin a main", "held b channels")
	b.enqueue("c", "m3", playing(1)) // not the head of its lane
	b.enqueue("tomorrow", "m4", playing(1), func(c *calls.Call) { c.DueAt = noon.Add(24 * time.Hour) })
	b.pass()
	b.stands(b.revoked(time.Minute))
	b.pass("held c recording")
	if h := b.log.holds["c"]; h.Until == nil || !h.Until.Equal(noon.Add(time.Minute)) {
		t.Errorf("%+v", h)
	}
	b.clock.Advance(time.Minute)
	b.next = b.d.pass(t.Context())
	got := map[string]bool{}
	for _, line := range b.log.take() {
		got[line] = true
	}
	if len(got) != 2 || !got["refused c recording_revoked"] || !got["refused tomorrow recording_revoked"] {
		t.Errorf("at the end: %v", got)
	}
}

func TestARevocationThatIsTakenBackLetsCallsGo(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stands(b.revoked(time.Minute))
	b.enqueue("a", "m1", playing(1))
	b.pass("held a recording")
	b.stands(calls.Standing{Version: calls.RecordingIsApproved})
	b.pass("begin a main")
}

func TestAThousandCallsWithOneClipAskOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.stands(calls.Standing{Version: calls.RecordingIsApproved})
	b.enqueue("a", "m1", playing(1))
	b.pass("begin a main")
	b.store.clips["rec_1/1"] = b.revoked(0)
	b.enqueue("b", "m2", playing(1))
	b.pass("begin b main") // as it was known a moment ago
	b.clock.Advance(standingHolds + 1)
	b.enqueue("c", "m3", playing(1))
	b.pass("refused c recording_revoked")
}
