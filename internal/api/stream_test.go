package api

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// patience bounds how long a test waits for what must happen.
const patience = time.Minute

// running starts the house's server on a free port and returns its address.
func (h *house) running() string {
	h.t.Helper()
	if err := h.server.Start(context.Background()); err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := h.server.Stop(ctx); err != nil {
			h.t.Error(err)
		}
	})
	return "http://" + h.server.Addr().String()
}

// message is one server-sent event.
type message struct{ id, event, data, comment string }

// listener reads a live stream.
type listener struct {
	t      *testing.T
	body   *bufio.Scanner
	cancel context.CancelFunc
}

func (h *house) listen(base, query string, header ...string) *listener {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	r, err := http.NewRequestWithContext(ctx, "GET", base+"/v1/events"+query, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+h.tokens[calls.PermViewer])
	r.Header.Set("Accept", "text/event-stream")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { cancel(); _ = resp.Body.Close() })
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		h.t.Fatalf("%d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
	}
	return &listener{t: h.t, body: bufio.NewScanner(resp.Body), cancel: cancel}
}

// next reads up to the next blank line.
func (l *listener) next() (m message) {
	l.t.Helper()
	for l.body.Scan() {
		name, value, _ := strings.Cut(l.body.Text(), ": ")
		switch name {
		case "":
			if value != "" {
				m.comment = value
				continue
			}
			return m
		case "id":
			m.id = value
		case "event":
			m.event = value
		case "data":
			m.data = value
		}
	}
	l.t.Fatalf("the stream ended: %v", l.body.Err())
	return m
}

func (h *house) emit(id string) {
	h.t.Helper()
	h.put(func(tx calls.Tx) error {
		e := calls.NewEvent(id, noon, "trunk:main", calls.TrunkUp, map[string]string{"name": "main\nx"})
		e.Account = calls.MainAccount
		return tx.AppendEvent(&e)
	})
}

func TestTheStreamGoesOnWhereItWasCut(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	base := h.running()
	h.emit("evt_1")
	l := h.listen(base, "")
	if m := l.next(); m.id != "1" || m.data != "" {
		t.Fatalf("a fresh stream begins now and says where now is: %+v", m)
	}
	h.emit("evt_2")
	m := l.next()
	var e calls.Event
	if err := json.Unmarshal([]byte(m.data), &e); err != nil || m.id != "2" || m.event != "trunk.up" || e.ID != "evt_2" || e.Pos != 2 {
		t.Fatalf("%+v %v", m, err)
	}
	l.cancel()
	h.emit("evt_3")
	h.emit("evt_4")
	l = h.listen(base, "?after=0", "Last-Event-ID", m.id)
	if m = l.next(); m.id != "2" {
		t.Errorf("opening %+v", m)
	}
	for _, want := range []string{"evt_3", "evt_4"} {
		if m = l.next(); !strings.Contains(m.data, `"id":"`+want+`"`) {
			t.Errorf("got %+v, want %s", m, want)
		}
	}
	l = h.listen(base, "?after=0&types=trunk.up")
	l.next()
	if m = l.next(); m.id != "1" {
		t.Errorf("from the beginning: %+v", m)
	}
}

func TestTheStreamShowsOnlyTheAccountsEvents(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	base := h.running()
	l := h.listen(base, "")
	l.next()
	h.put(func(tx calls.Tx) error {
		e := calls.NewEvent("evt_foreign", noon, "trunk:x", calls.TrunkUp, nil)
		e.Account = "other"
		return tx.AppendEvent(&e)
	})
	h.emit("evt_ours")
	if m := l.next(); !strings.Contains(m.data, "evt_ours") {
		t.Errorf("%+v", m)
	}
}

func TestWhoMayOnlyLookSeesNoLinkToATalk(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	base := h.running()
	h.put(func(tx calls.Tx) error {
		e := calls.NewEvent("evt_ready", noon, "call:call_1", calls.CallRecordingReady, map[string]any{"url": "https://pbx.example/secret", "duration_ms": 7})
		e.Account = calls.MainAccount
		return tx.AppendEvent(&e)
	})
	for role, sees := range map[calls.Permission]bool{calls.PermViewer: false, calls.PermModerator: false, calls.PermCaller: true, calls.PermOperator: true} {
		l := h.listen(base, "?after=0", as(h.tokens[role])...)
		l.next()
		for from, text := range map[string]string{"stream": l.next().data, "list": string(h.do("GET", "/v1/events", "", as(h.tokens[role])...).body)} {
			if !strings.Contains(text, `"duration_ms":7`) || strings.Contains(text, "secret") != sees {
				t.Errorf("%s sees in the %s: %s", role, from, text)
			}
		}
	}
}

func TestASilentStreamBeats(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	l := h.listen(h.running(), "")
	l.next()
	beat := make(chan message, 1)
	go func() { beat <- l.next() }()
	tick := time.NewTicker(time.Millisecond) // until the stream waits on the fake clock
	defer tick.Stop()
	for {
		select {
		case m := <-beat:
			if m.comment == "" || m.data != "" {
				t.Errorf("%+v", m)
			}
			return
		case <-tick.C:
			h.clock.Advance(heartbeat)
		}
	}
}

func TestStreamsAreLimitedAndHoldNoPlaceOfRequests(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *Config) { c.MaxStreams, c.MaxConcurrent = 1, 1 })
	base := h.running()
	h.listen(base, "").next()
	got := h.do("GET", "/v1/events", "", "Accept", "text/event-stream")
	if got.code != 503 || got.problem() != "overloaded" || got.header.Get("Retry-After") == "" {
		t.Errorf("second stream: %d %s", got.code, got.body)
	}
	if got := h.do("GET", "/v1/events", ""); got.code != 200 {
		t.Errorf("a request beside the stream: %d %s", got.code, got.body)
	}
}

func TestEventsAreAListWhereJSONIsAsked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, id := range []string{"evt_1", "evt_2", "evt_3"} {
		h.emit(id)
	}
	got := h.do("GET", "/v1/events?after=1&limit=1", "", "Accept", "application/json")
	if got.code != 200 || got.header.Get("Content-Type") != "application/json" || got.doc["next"] != "2" || !strings.Contains(got.body, "evt_2") || strings.Contains(got.body, "evt_3") {
		t.Errorf("%d %s", got.code, got.body)
	}
	if got := h.do("GET", "/v1/events?types=call.queued", ""); !strings.Contains(got.body, `"items":[]`) {
		t.Errorf("other types: %s", got.body)
	}
}

func TestStopEndsStreamsAndMayComeTwiceOrFirst(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	l := h.listen(h.running(), "")
	l.next()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	h.emit("evt_last")
	for range 2 {
		if err := h.server.Stop(ctx); err != nil {
			t.Error(err)
		}
	}
	if m := l.next(); !strings.Contains(m.data, "evt_last") {
		t.Errorf("what was committed before Stop is sent: %+v", m)
	}
	if l.body.Scan() && l.body.Text() != "" {
		t.Errorf("after Stop: %q", l.body.Text())
	}
	if err := newHouse(t).server.Stop(ctx); err != nil {
		t.Errorf("without Start: %v", err)
	}
}
