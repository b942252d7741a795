package outbox

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/egress"
	"zvonar/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testIDs = clock.NewIDs(clock.System(), nil)

const testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func openStore(t *testing.T, path string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{Path: path, Clock: clock.System()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newStore(t *testing.T) *store.Store {
	t.Helper()
	s := openStore(t, filepath.Join(t.TempDir(), "zvonar.db"))
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	return s
}

// quick is a schedule that does not make tests wait.
var quick = Schedule{time.Millisecond, time.Millisecond, time.Millisecond, time.Millisecond}

// start runs an outbox over s until the test ends or the returned stop is called.
func start(t *testing.T, s calls.Store, cfg Config) (*Outbox, func()) {
	t.Helper()
	cfg.Store, cfg.Client, cfg.IDs = s, egress.Trusted(), testIDs
	if cfg.Clock == nil {
		cfg.Clock = clock.System()
	}
	if cfg.Schedule == nil {
		cfg.Schedule = quick
	}
	cfg.Jitter = func(d time.Duration) time.Duration { return d }
	o, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop := func() {
		if err := o.Stop(context.Background()); err != nil {
			t.Errorf("stop: %v", err)
		}
	}
	t.Cleanup(stop)
	return o, stop
}

// request is what a receiver got.
type request struct {
	header http.Header
	body   []byte
	event  calls.Event
}

// receiver is a webhook's far end. reply decides on each request, in order of
// arrival; every request is also put on got.
func receiver(t *testing.T, reply func(n int, r request) int) (url string, got chan request) {
	t.Helper()
	got = make(chan request, 10000)
	var mu sync.Mutex
	n := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		q := request{header: r.Header.Clone(), body: body}
		if err != nil || json.Unmarshal(body, &q.event) != nil {
			t.Errorf("a body that is no event: %q, %v", body, err)
		}
		mu.Lock()
		n++
		status := reply(n, q)
		mu.Unlock()
		got <- q
		w.WriteHeader(status)
	}))
	t.Cleanup(srv.Close)
	return srv.URL + "/hook", got
}

func accept(int, request) int { return http.StatusNoContent }

func addHook(t *testing.T, s calls.Store, w calls.Webhook) {
	t.Helper()
	if w.Account == "" {
		w.Account = "main"
	}
	if w.Secret == "" {
		w.Secret = testSecret
	}
	if err := s.Update(t.Context(), func(tx calls.Tx) error { return tx.PutWebhook(&w) }); err != nil {
		t.Fatal(err)
	}
}

// happen appends n events of a call, numbered in data.
func happen(t *testing.T, s calls.Store, callID string, types ...calls.EventType) {
	t.Helper()
	ids := clock.NewIDs(clock.System(), nil)
	err := s.Update(t.Context(), func(tx calls.Tx) error {
		for _, typ := range types {
			e := calls.ForCall(ids.New("evt_"), time.Now(), &calls.Call{ID: callID, Account: "main", Ref: "order-7"}, typ, nil)
			if err := tx.AppendEvent(&e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func take(t *testing.T, got chan request, n int) []request {
	t.Helper()
	out := make([]request, n)
	for i := range out {
		out[i] = <-got
	}
	return out
}

// await waits until what holds of the webhook's deliveries, newest first.
func await(t *testing.T, s calls.Store, webhook string, what func([]calls.Delivery) bool) []calls.Delivery {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; {
		var list []calls.Delivery
		// A sentinel unit goes through the writer, so that its line has moved.
		err := s.Update(t.Context(), func(tx calls.Tx) (err error) {
			list, err = tx.Deliveries(webhook, calls.DeliveryFilter{Limit: 500})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if what(list) {
			return list
		}
		if time.Now().After(end) {
			t.Fatalf("what is awaited does not come; the %d deliveries: %+v", len(list), list)
		}
	}
}

func allDone(list []calls.Delivery) bool {
	for _, d := range list {
		if d.State == calls.DeliveryPending {
			return false
		}
	}
	return len(list) > 0
}

func TestAReceiverThatFailsTwiceGetsEveryEventInOrderWithStableIDs(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	failures := map[string]int{}
	url, got := receiver(t, func(_ int, r request) int {
		if failures[r.event.ID]++; failures[r.event.ID] <= 2 {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	})
	addHook(t, s, calls.Webhook{ID: "w1", URL: url})
	start(t, s, Config{Metrics: prometheus.NewRegistry()})
	types := []calls.EventType{calls.CallQueued, calls.CallDialing, calls.CallRinging, calls.CallAnswered, calls.CallCompleted}
	happen(t, s, "c1", types...)

	var order []string
	for i, r := range take(t, got, 3*len(types)) {
		if r.header.Get("webhook-id") != r.event.ID {
			t.Errorf("webhook-id %q of event %q", r.header.Get("webhook-id"), r.event.ID)
		}
		if want := int64(i/3 + 1); r.event.Seq != want || r.event.Type != types[i/3] {
			t.Errorf("request %d is seq %d %s; want seq %d %s", i, r.event.Seq, r.event.Type, want, types[i/3])
		}
		if i%3 == 0 {
			order = append(order, r.event.ID)
		} else if r.event.ID != order[i/3] {
			t.Errorf("request %d has id %s; the first attempt had %s", i, r.event.ID, order[i/3])
		}
	}
	for _, d := range await(t, s, "w1", allDone) {
		if d.State != calls.DeliveryDelivered || d.Attempts != 3 || d.LastStatus != 200 || d.DoneAt == nil {
			t.Errorf("delivery %+v; want delivered at the third attempt", d)
		}
	}
}

func TestTheSignatureIsThatOfStandardWebhooks(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	url, got := receiver(t, accept)
	addHook(t, s, calls.Webhook{ID: "w1", URL: url})
	start(t, s, Config{})
	happen(t, s, "c1", calls.CallQueued)
	r := take(t, got, 1)[0]

	// The receiver's side of the text: base64-decode what follows "whsec_",
	// HMAC-SHA256 over "id.timestamp.payload", base64, prefixed with "v1,".
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(testSecret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", r.header["Webhook-Id"][0], r.header["Webhook-Timestamp"][0], r.body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	if got := r.header.Get("webhook-signature"); got != want {
		t.Errorf("signature %q; want %q", got, want)
	}
	if _, err := strconv.ParseInt(r.header.Get("webhook-timestamp"), 10, 64); err != nil {
		t.Errorf("timestamp: %v", err)
	}
	if r.header.Get("User-Agent") != "zvonar" || r.header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", r.header)
	}
	if r.event.Ref != "order-7" || r.event.Pos != 1 || r.event.CallID != "c1" {
		t.Errorf("body %s", r.body)
	}
}

func TestTheKnownVectorOfStandardWebhooks(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	body := []byte(`{"test": 2432232314}`)
	if err := sign(h, []string{testSecret}, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), body); err != nil {
		t.Fatal(err)
	}
	if got, want := h.Get("webhook-signature"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("signature %s; want %s", got, want)
	}
}

func TestAHangingLaneHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	release := make(chan struct{})
	url, got := receiver(t, accept)
	hanging := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { <-release }))
	t.Cleanup(hanging.Close)
	addHook(t, s, calls.Webhook{ID: "slow", URL: hanging.URL})
	addHook(t, s, calls.Webhook{ID: "fast", URL: url})
	start(t, s, Config{Lanes: 4})
	happen(t, s, "c1", calls.CallQueued, calls.CallCompleted)
	happen(t, s, "c2", calls.CallQueued, calls.CallCompleted)
	take(t, got, 4) // although "slow" answers nothing
	list := await(t, s, "fast", allDone)
	if len(list) != 4 {
		t.Errorf("%d deliveries of the fast webhook; want 4", len(list))
	}
	close(release)
	await(t, s, "slow", allDone)
}

func TestAFailingCallDoesNotHoldUpAnotherCallOfTheSameWebhook(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	url, got := receiver(t, func(_ int, r request) int {
		if r.event.CallID == "bad" {
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
	addHook(t, s, calls.Webhook{ID: "w1", URL: url})
	start(t, s, Config{Schedule: Schedule{time.Hour}})
	happen(t, s, "bad", calls.CallQueued, calls.CallCompleted)
	happen(t, s, "good", calls.CallQueued, calls.CallCompleted)
	seen := map[string]int{}
	for _, r := range take(t, got, 3) {
		seen[r.event.CallID]++
	}
	if seen["bad"] != 1 || seen["good"] != 2 {
		t.Errorf("requests by call: %v; want one of bad and two of good", seen)
	}
}

func TestARestartGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "zvonar.db")
	s := openStore(t, path)
	entered := make(chan struct{})
	var up atomic.Bool
	var once sync.Once
	url, got := receiver(t, func(_ int, r request) int {
		if !up.Load() && r.event.Seq == 2 {
			once.Do(func() { close(entered) })
			return http.StatusBadGateway
		}
		return http.StatusOK
	})
	addHook(t, s, calls.Webhook{ID: "w1", URL: url})
	_, stop := start(t, s, Config{Schedule: Schedule{time.Hour, time.Hour}})
	happen(t, s, "c1", calls.CallQueued, calls.CallDialing, calls.CallCompleted)
	<-entered
	await(t, s, "w1", func(list []calls.Delivery) bool { return list[1].Attempts == 1 })
	stop()
	happen(t, s, "c1", calls.SMSSent) // while nobody delivers
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	take(t, got, 2)
	up.Store(true)

	s = openStore(t, path)
	defer func() { _ = s.Close(context.Background()) }()
	later := clock.NewFake(time.Now().Add(2 * time.Hour)) // the hour of waiting has passed
	_, stop = start(t, s, Config{Clock: later})
	for i, r := range take(t, got, 3) {
		if r.event.Seq != int64(i+2) {
			t.Errorf("after the restart came seq %d; want %d", r.event.Seq, i+2)
		}
	}
	list := await(t, s, "w1", allDone)
	if len(list) != 4 || list[2].Attempts != 2 {
		t.Errorf("deliveries %+v; want four, the second at its second attempt", list)
	}
	stop()
}

func TestManyEventsOfManyCallsArriveInOrderPerCall(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	url, got := receiver(t, func(n int, _ request) int {
		if n%7 == 0 {
			return http.StatusTooManyRequests
		}
		return http.StatusOK
	})
	addHook(t, s, calls.Webhook{ID: "w1", URL: url})
	start(t, s, Config{Schedule: Schedule{time.Millisecond, time.Millisecond, time.Millisecond, time.Millisecond, time.Millisecond, time.Millisecond, time.Millisecond, time.Millisecond}})
	const lanes, each = 12, 20
	for i := range each {
		for l := range lanes {
			typ := calls.CallDigit
			if i == each-1 {
				typ = calls.CallCompleted
			}
			happen(t, s, fmt.Sprint("c", l), typ)
		}
	}
	last, done := map[string]int64{}, 0
	for done < lanes {
		e := (<-got).event
		if e.Seq != last[e.CallID] && e.Seq != last[e.CallID]+1 {
			t.Fatalf("%s: seq %d came after %d", e.CallID, e.Seq, last[e.CallID])
		}
		if last[e.CallID] != e.Seq && e.Seq == each {
			done++
		}
		last[e.CallID] = e.Seq
	}
	await(t, s, "w1", allDone)
}
