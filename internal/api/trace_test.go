package api

import (
	"context"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// memTraces are traces in memory.
type memTraces struct {
	list    []calls.SIPMessage
	from    time.Time
	to      time.Time
	watched []calls.WatchedNumber
}

func (m *memTraces) Read(_ context.Context, _ string, from, to time.Time) ([]calls.SIPMessage, error) {
	m.from, m.to = from, to
	return m.list, nil
}

func (m *memTraces) Pcap(w io.Writer, list []calls.SIPMessage) error {
	for _, s := range list {
		if _, err := io.WriteString(w, s.Text); err != nil {
			return err
		}
	}
	return nil
}

func (m *memTraces) WatchNumber(number string, span time.Duration) (calls.WatchedNumber, error) {
	m.watched = slices.DeleteFunc(m.watched, func(w calls.WatchedNumber) bool { return w.Number == number })
	w := calls.WatchedNumber{Number: number, Until: noon.Add(span)}
	if span > 0 {
		m.watched = append(m.watched, w)
	}
	return w, nil
}

func (m *memTraces) WatchedNumbers() []calls.WatchedNumber { return m.watched }

func TestATraceShowsMessagesAndEventsInTheOrderOfTime(t *testing.T) {
	t.Parallel()
	m := &memTraces{}
	h := newHouse(t, func(c *Config) { c.Traces = m })
	anAnsweredCall(h)
	peer := netip.MustParseAddrPort("198.51.100.7:5060")
	m.list = []calls.SIPMessage{
		{At: noon.Add(-time.Second), Sent: true, Network: "udp", Remote: peer, Role: calls.RoleCustomer, Text: "INVITE sip:x SIP/2.0\r\n\r\n"},
		{At: noon.Add(time.Hour), Network: "udp", Remote: peer, Role: calls.RoleCustomer, Text: "BYE sip:x SIP/2.0\r\n\r\n"},
	}
	h.put(func(tx calls.Tx) error {
		e := calls.NewEvent("evt_trace", noon, "call:call_answered", calls.CallAnswered, map[string]any{"codec": "PCMA"})
		e.CallID = "call_answered"
		return tx.AppendEvent(&e)
	})
	got := h.do("GET", "/v1/calls/call_answered/trace", "", as(h.token(calls.MainAccount, "ann", calls.PermOperator))...)
	items, _ := got.doc["items"].([]any)
	if got.code != 200 || len(items) != 3 {
		t.Fatalf("%d %s", got.code, got.body)
	}
	if items[0].(map[string]any)["sip"] == nil || items[1].(map[string]any)["event"] == nil || items[2].(map[string]any)["sip"] == nil {
		t.Errorf("in this order: %s", got.body)
	}
	file := h.do("GET", "/v1/calls/call_answered/trace?format=pcapng", "", as(h.token(calls.MainAccount, "ben", calls.PermOperator))...)
	if file.code != 200 || !strings.HasPrefix(file.body, "INVITE") {
		t.Errorf("as a file: %d %q", file.code, file.body)
	}
	if code := h.do("GET", "/v1/calls/call_answered/trace", "", as(h.token(calls.MainAccount, "bot", calls.PermCaller))...).code; code != 403 {
		t.Errorf("a caller gets %d", code)
	}
	entries := h.do("GET", "/v1/audit?action=call.trace", "", as(h.token(calls.MainAccount, "root", calls.PermAdmin))...)
	if !strings.Contains(entries.body, `"actor":"ann"`) || !strings.Contains(entries.body, `"actor":"ben"`) {
		t.Errorf("who looked: %s", entries.body)
	}
}

func TestACallWithoutMessagesSaysWhereTheyMayBe(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anAnsweredCall(h)
	token := as(h.token(calls.MainAccount, "ann", calls.PermOperator))
	if got := h.do("GET", "/v1/calls/call_answered/trace", "", token...); got.code != 200 {
		t.Errorf("%d %s", got.code, got.body)
	}
	if got := h.do("GET", "/v1/calls/call_answered/trace?format=pcapng", "", token...); got.code != 404 || !strings.Contains(got.body, "max_bytes") {
		t.Errorf("%d %s", got.code, got.body)
	}
}

func TestANumberIsWatchedForAsLongAsWasAsked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := as(h.token(calls.MainAccount, "root", calls.PermAdmin))
	for _, c := range []struct {
		path string
		code int
	}{{"/v1/watched-numbers/89004443322", 200}, {"/v1/watched-numbers/79004443322?for=61m", 422}, {"/v1/watched-numbers/x", 422}} {
		if got := h.do("PUT", c.path, "", token...); got.code != c.code {
			t.Errorf("PUT %s: %d %s", c.path, got.code, got.body)
		}
	}
	if got := h.do("GET", "/v1/watched-numbers", "", token...); !strings.Contains(got.body, `"number":"79004443322"`) || !strings.Contains(got.body, "12:10:00") {
		t.Errorf("watched: %s", got.body)
	}
	if got := h.do("DELETE", "/v1/watched-numbers/79004443322", "", token...); got.code != 204 {
		t.Errorf("DELETE: %d %s", got.code, got.body)
	}
	if got := h.do("GET", "/v1/watched-numbers", "", token...); !strings.Contains(got.body, `"items":[]`) {
		t.Errorf("watched: %s", got.body)
	}
}
