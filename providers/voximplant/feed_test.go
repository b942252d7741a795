package voximplant

import (
	"strconv"
	"testing"
	"time"

	"zvonar/internal/calls"
)

func TestOrderThatIsFasterThanItsFollowerIsKept(t *testing.T) {
	t.Parallel()
	f, at := newFeed(), time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	f.asked("att_1", "data", at)
	l := f.open(calls.PlaceRequest{Attempt: "att_1", CallID: "call_1"})
	if data, when := f.whatWasAsked(l); data != "data" || !when.Equal(at) {
		t.Errorf("%q at %s", data, when)
	}
	for i := range 3 * maxEarly {
		f.asked(strconv.Itoa(i), "data", at)
	}
	if n := len(f.early); n == 0 || n > maxEarly {
		t.Errorf("%d orders wait for nobody", n)
	}
	f.close(l)
	if len(f.lines) != 0 {
		t.Errorf("%d lines are left", len(f.lines))
	}
}
