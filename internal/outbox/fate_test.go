package outbox

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/egress"
)

func TestADeadDeliveryLetsTheLaneGoOn(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	url, _ := receiver(t, func(_ int, r request) int {
		if r.event.Seq == 1 {
			return http.StatusFound // a redirect is a failure too
		}
		return http.StatusOK
	})
	addHook(t, s, calls.Webhook{ID: "w1", URL: url})
	start(t, s, Config{Schedule: Schedule{time.Millisecond, time.Millisecond}})
	happen(t, s, "c1", calls.CallQueued, calls.CallCompleted)
	list := await(t, s, "w1", func(l []calls.Delivery) bool { return len(l) == 2 && allDone(l) })
	if d := list[1]; d.State != calls.DeliveryDead || d.Attempts != 3 || d.LastStatus != 302 || d.LastError == "" {
		t.Errorf("first delivery %+v; want dead after three attempts", d)
	}
	if d := list[0]; d.State != calls.DeliveryDelivered {
		t.Errorf("second delivery %+v; want delivered", d)
	}
}

func TestGoneDisablesTheWebhook(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	url, got := receiver(t, func(int, request) int { return http.StatusGone })
	addHook(t, s, calls.Webhook{ID: "w1", URL: url})
	_, stop := start(t, s, Config{})
	happen(t, s, "c1", calls.CallQueued, calls.CallCompleted)
	await(t, s, "w1", func(l []calls.Delivery) bool { return len(l) == 2 && l[1].Attempts == 1 })
	happen(t, s, "c2", calls.CallQueued)
	stop()
	take(t, got, 1)
	if len(got) != 0 {
		t.Errorf("%d further requests after 410", len(got))
	}
	err := s.View(t.Context(), func(r calls.ReadTx) error {
		w, err := r.Webhook("main", "w1")
		if err == nil && !w.Disabled {
			t.Error("the webhook is still enabled")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestAWebhookGetsWhatItAskedForAndNoMore(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	happen(t, s, "c1", calls.CallQueued) // before anybody listened
	all, gotAll := receiver(t, accept)
	some, gotSome := receiver(t, accept)
	one, gotOne := receiver(t, accept)
	foreign, gotForeign := receiver(t, accept)
	addHook(t, s, calls.Webhook{ID: "all", URL: all})
	addHook(t, s, calls.Webhook{ID: "some", URL: some, Types: []calls.EventType{calls.CallCompleted}})
	addHook(t, s, calls.Webhook{ID: "one", URL: one, CallID: "c2"})
	addHook(t, s, calls.Webhook{ID: "foreign", URL: foreign, Account: "other"})
	_, stop := start(t, s, Config{})
	happen(t, s, "c1", calls.CallDialing, calls.CallCompleted)
	happen(t, s, "c2", calls.CallQueued, calls.CallCompleted)
	take(t, gotAll, 4)
	for _, r := range take(t, gotSome, 2) {
		if r.event.Type != calls.CallCompleted {
			t.Errorf("an event that was not asked for: %s", r.event.Type)
		}
	}
	for _, r := range take(t, gotOne, 2) {
		if r.event.CallID != "c2" {
			t.Errorf("an event of another call: %s", r.event.CallID)
		}
	}
	stop()
	if n := len(gotAll) + len(gotSome) + len(gotOne) + len(gotForeign); n != 0 {
		t.Errorf("%d requests too many", n)
	}
}

func TestOnlyWebhooksOfTheConfigurationMayPointInside(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	url, got := receiver(t, accept)
	addHook(t, s, calls.Webhook{ID: "api", URL: url})
	addHook(t, s, calls.Webhook{ID: "file", URL: url, FromConfig: true})
	g, err := egress.New(egress.Config{})
	if err != nil {
		t.Fatal(err)
	}
	o, err := New(Config{Store: s, Clock: clock.System(), IDs: testIDs, Client: g.Client(), Schedule: Schedule{time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	happen(t, s, "c1", calls.CallQueued)
	await(t, s, "file", allDone)
	list := await(t, s, "api", func(l []calls.Delivery) bool { return len(l) == 1 && l[0].Attempts == 1 })
	if !strings.Contains(list[0].LastError, "egress.allow") || strings.Contains(list[0].LastError, "127.0.0.1") {
		t.Errorf("refused with %q; want words that say what to do and not where", list[0].LastError)
	}
	if err := o.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if len(got) != 1 {
		t.Errorf("%d requests reached loopback; want the one of the configuration", len(got))
	}
}

func TestWhatAStatusMeans(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]Answer{
		0: {Then: Retry, Fault: Unwell}, 199: {Then: Retry, Fault: Unwell}, 200: {Then: Delivered}, 204: {Then: Delivered}, 299: {Then: Delivered},
		301: {Then: Retry, Fault: Unwell}, 302: {Then: Retry, Fault: Unwell}, 400: {Then: Retry, Fault: Unwanted}, 404: {Then: Retry, Fault: Unwell},
		410: {Then: Disable}, 422: {Then: Retry, Fault: Unwanted}, 429: {Then: Retry, Fault: Unwell}, 500: {Then: Retry, Fault: Unwell},
		503: {Then: Retry, Fault: Unwell},
	} {
		if got := judged(status); got.Then != want.Then || got.Fault != want.Fault || got.Status != status {
			t.Errorf("%d: %+v; want %+v", status, got, want)
		}
	}
}

func TestTheScheduleSpansAboutThreeDays(t *testing.T) {
	t.Parallel()
	s := DefaultSchedule()
	var last time.Duration
	for n := 1; n <= len(s)+2; n++ {
		d := s.wait(n)
		if d < last {
			t.Errorf("wait %d of %v is shorter than the one before", n, d)
		}
		if got := spread(d); got < d*9/10-1 || got > d*11/10+1 {
			t.Errorf("jitter of %v is %v", d, got)
		}
		last = d
	}
	if sum := s.span(); sum < 70*time.Hour || sum > 74*time.Hour {
		t.Errorf("the schedule spans %v; want about 72 h", sum)
	}
	for _, tc := range []struct {
		attempts int
		age      time.Duration
		failing  bool
		want     bool
	}{
		{len(s), 72 * time.Hour, false, false},
		{len(s) + 1, 72 * time.Hour, false, true},
		{len(s) + 1, 12 * time.Hour, false, false}, // a receiver that asked for quick ones
		{3, 73 * time.Hour, true, true},            // few attempts are made at a failing destination
		{500, 12 * time.Hour, true, false},
	} {
		if got := s.over(tc.attempts, tc.age, tc.failing); got != tc.want {
			t.Errorf("%+v: over is %v", tc, got)
		}
	}
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	a, b := TokenSecret("token-a"), TokenSecret("token-b")
	if a == b || CheckSecret(a) != nil {
		t.Errorf("token secrets %q %q", a, b)
	}
	if a != TokenSecret("token-a") {
		t.Error("the secret of a token changes")
	}
	for _, s := range []string{"", "whsec_", "whsec_!!!", "whsec_c2hvcnQ=", strings.TrimPrefix(testSecret, "whsec_"), "plain"} {
		if CheckSecret(s) == nil {
			t.Errorf("%q passes for a secret", s)
		}
	}
	h := http.Header{}
	if err := sign(h, nil, "evt_1", time.Unix(1, 0), nil); err != nil || h.Get("webhook-signature") != "" || h.Get("webhook-id") != "evt_1" {
		t.Errorf("without a secret: %v, %v", h, err)
	}
}

func TestWebhooksOfTheConfigurationFollowTheFile(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	o, err := New(Config{Store: s, Clock: clock.System(), IDs: testIDs, Client: egress.Trusted()})
	if err != nil {
		t.Fatal(err)
	}
	a := calls.Webhook{URL: "http://127.0.0.1:9/a", Secret: testSecret}
	b := calls.Webhook{URL: "http://127.0.0.1:9/b", Secret: testSecret}
	addHook(t, s, calls.Webhook{ID: "api", URL: "https://hooks.example.com/"})
	look := func() (state string) {
		err := s.View(t.Context(), func(r calls.ReadTx) error {
			list, err := r.Webhooks("main")
			for _, w := range list {
				if !w.FromConfig {
					state += " api"
				} else {
					state += " " + w.URL[len(w.URL)-1:]
				}
				if w.Disabled {
					state += "-off"
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(state)
	}
	for _, tc := range []struct {
		list []calls.Webhook
		want string
	}{
		{[]calls.Webhook{a}, "api a"},
		{[]calls.Webhook{a, b}, "api a b"},
		{[]calls.Webhook{b}, "api a-off b"},
		{[]calls.Webhook{a, b}, "api a b"},
		{nil, "api a-off b-off"},
	} {
		if err := o.EnsureConfigured(t.Context(), tc.list); err != nil {
			t.Fatal(err)
		}
		if got := look(); got != tc.want {
			t.Errorf("after %d webhooks in the file: %q; want %q", len(tc.list), got, tc.want)
		}
	}
	for name, list := range map[string][]calls.Webhook{
		"webhooks[1].url":    {a, {URL: "ftp://x", Secret: testSecret}},
		"webhooks[0].secret": {{URL: a.URL, Secret: "short"}},
		"listed twice":       {a, a},
	} {
		if err := o.EnsureConfigured(t.Context(), list); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v; want an error about %s", err, name)
		}
	}
}

func TestStopBreaksOffWhatHangsAndItIsMadeAgain(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	entered := make(chan struct{}, 1)
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the server sees the client leave only once it has read the body
		entered <- struct{}{}
		<-r.Context().Done()
	}))
	t.Cleanup(hanging.Close)
	addHook(t, s, calls.Webhook{ID: "w1", URL: hanging.URL})
	o, err := New(Config{Store: s, Clock: clock.System(), IDs: testIDs, Client: egress.Trusted()})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Stop(t.Context()); err != nil {
		t.Errorf("stop without start: %v", err)
	}
	if err := o.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	happen(t, s, "c1", calls.CallQueued)
	<-entered
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := o.Stop(gone); err == nil {
		t.Error("Stop says nothing of the delivery it broke off")
	}
	if err := o.Stop(t.Context()); err != nil {
		t.Errorf("second stop: %v", err)
	}
	list := await(t, s, "w1", func(l []calls.Delivery) bool { return len(l) == 1 })
	if list[0].State != calls.DeliveryPending || list[0].Attempts != 0 {
		t.Errorf("delivery %+v; want as it was", list[0])
	}
}
