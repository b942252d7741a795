package dialer

import (
	"errors"
	"sync"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// desk is Texts whose answers tests give.
type desk struct {
	mu    sync.Mutex
	err   error // nil: it lies spoken
	until time.Time
	done  []func()
	asked int
}

func (d *desk) Ready(_ string, ref calls.RecordingRef, done func()) (calls.RecordingRef, time.Time, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked++
	if d.err != nil {
		d.done = append(d.done, done)
		return ref, d.until, d.err
	}
	ref.SHA256, ref.DurationMS = "abc", 7000
	return ref, time.Time{}, nil
}

// answer changes what is said from now on, and tells who waits.
func (d *desk) answer(err error, until time.Time) {
	d.mu.Lock()
	d.err, d.until = err, until
	done := d.done
	d.done = nil
	d.mu.Unlock()
	for _, f := range done {
		f()
	}
}

// saying makes a call that says a text of its own.
func saying(c *calls.Call) {
	c.Flow.Record = "1"
	c.Flow.Clips = map[calls.ClipID]calls.RecordingRef{"1": {RecordingID: "rec_1", Version: 1, Text: "сто рублей", Voice: "ru-male"}}
}

func texts(t *testing.T) (*bench, *desk, *calls.Call) {
	t.Helper()
	d := &desk{err: calls.ErrNotYet}
	b := newBench(t, func(c *Config) { c.Texts = d })
	b.stands(calls.Standing{Version: calls.RecordingIsApproved, RecordID: 77})
	var call *calls.Call
	b.enqueue("a", "m1", saying, func(c *calls.Call) { call = c })
	return b, d, call
}

func TestNobodyIsRungBeforeHisTextLiesSpoken(t *testing.T) {
	t.Parallel()
	b, d, call := texts(t)
	b.pass()
	d.answer(nil, time.Time{})
	b.pass("begin a main")
	ref := call.Flow.Clips["1"]
	if ref.SHA256 != "abc" || ref.RecordID != 77 || ref.Text == "" {
		t.Errorf("%+v", ref)
	}
	if r := call.Recording; r == nil || r.SHA256 != "abc" || r.RecordID != 77 || r.Text != "" {
		t.Errorf("%+v", r)
	}
}

func TestAHeldCallSaysThatItsTextIsBeingRead(t *testing.T) {
	t.Parallel()
	b, d, _ := texts(t)
	b.pass()
	b.clock.Advance(textPatience)
	b.pass("held a recording")
	if h := b.log.holds["a"]; h.Text != "its text is being read aloud" {
		t.Errorf("%+v", h)
	}
	d.answer(errors.New("the engine failed"), b.clock.Now().Add(30*time.Second))
	b.pass("held a recording")
	b.clock.Advance(29 * time.Second)
	b.pass()
	d.answer(nil, time.Time{})
	b.clock.Advance(time.Second)
	b.pass("begin a main")
}

func TestATextThatCannotBeSaidEndsTheCall(t *testing.T) {
	t.Parallel()
	b, d, _ := texts(t)
	d.answer(calls.Errorf(calls.CodeRecordingTooShort, "3 s"), noon.Add(time.Hour))
	b.pass("refused a text_unfit")
}

func TestATextThatIsReadWhileItIsAskedForIsNotForgotten(t *testing.T) {
	t.Parallel()
	b, d, _ := texts(t)
	w, _ := b.d.take(&round{stuck: map[*lane]bool{}, closed: map[*group]bool{}}) // it lies in its lane, as while it is examined
	v, err := textGate(b.d, nil, w, noon)
	if err != nil || v.open() {
		t.Fatalf("%+v, %v", v, err)
	}
	d.answer(nil, time.Time{})
	b.d.again(w.id, noon.Add(time.Minute))
	b.pass("begin a main")
}

func TestNothingIsSpokenForACallThatWaitsForSomethingElse(t *testing.T) {
	t.Parallel()
	b, d, _ := texts(t)
	b.d.cfg.Window = calls.Window{}
	b.stands(calls.Standing{Version: calls.RecordingPending})
	b.pass("held a recording")
	if d.asked != 0 {
		t.Error("a text was spoken before its moderator said yes")
	}
}
