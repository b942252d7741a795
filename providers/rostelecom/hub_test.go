package rostelecom

import (
	"strings"
	"testing"

	"zvonar/internal/calls"
)

func TestFloodOfEventsOfOneCallIsBounded(t *testing.T) {
	t.Parallel()
	h := newHub(func(event) {})
	f := h.follow("79161234567")
	f.adopt("s")
	for range 3 * maxQueued {
		h.hear(event{SessionID: "s"})
	}
	if got := len(f.take()); got != maxQueued {
		t.Errorf("%d events wait", got)
	}
	h.hear(event{SessionID: "s"})
	if got := len(f.take()); got != 1 {
		t.Errorf("after they were read %d wait", got)
	}
}

func TestHistoryOfANumberThatIsNoneIsNotKept(t *testing.T) {
	t.Parallel()
	o := newOffice(t, "")
	o.put(&calls.Call{Direction: calls.Out, To: "79161234567"}, false)
	o.asks(methodHistory, `{"date_start":"2026-11-01 00:00:00","date_end":"2026-11-02 00:00:00","phone_number":"`+strings.Repeat("7", 1000)+`"}`)
	if len(o.store.kept) != 0 {
		t.Errorf("%d orders are kept", len(o.store.kept))
	}
}
