package outbox

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/egress"
)

// hostile receivers, and what one delivery to each must come to.
var hostile = []struct {
	name   string
	serve  http.HandlerFunc
	state  calls.DeliveryState
	status int
	words  string // in LastError
}{
	{"redirects", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/hook", http.StatusFound) }, calls.DeliveryPending, 302, "302"},
	{"resets", func(w http.ResponseWriter, _ *http.Request) { hijack(w, "") }, calls.DeliveryPending, 0, ""},
	{"closes within the answer", func(w http.ResponseWriter, _ *http.Request) {
		hijack(w, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
	},
		calls.DeliveryDelivered, 200, ""}, // the status decides
	{"talks nonsense", func(w http.ResponseWriter, _ *http.Request) { hijack(w, "SSH-2.0-OpenSSH\r\n\r\n") }, calls.DeliveryPending, 0, ""},
	{"answers 10 MB", func(w http.ResponseWriter, _ *http.Request) {
		for range 10 << 8 {
			if _, err := w.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	}, calls.DeliveryDelivered, 200, ""},
	{"sends endless headers", func(w http.ResponseWriter, _ *http.Request) {
		hijack(w, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 200<<10)+"\r\n\r\n")
	}, calls.DeliveryPending, 0, ""},
	{"drips its body", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		for r.Context().Err() == nil {
			if _, err := w.Write([]byte(".")); err != nil {
				return
			}
			w.(http.Flusher).Flush()
			<-time.After(50 * time.Millisecond)
		}
	}, calls.DeliveryDelivered, 200, ""},
	{"asks for silence", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "90000")
		w.WriteHeader(http.StatusTooManyRequests)
	}, calls.DeliveryPending, 429, "429"},
	{"refuses with control characters", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, "bad\x1b[31m \x00body\nsecond line")
	}, calls.DeliveryPending, 400, "400"},
}

// hijack answers with raw bytes, and closes.
func hijack(w http.ResponseWriter, raw string) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	_, _ = conn.Write([]byte(raw))
	_ = conn.Close()
}

func TestWhatHostileReceiversComeTo(t *testing.T) {
	t.Parallel()
	for _, h := range hostile {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(h.serve)
			t.Cleanup(srv.Close)
			d := oneDelivery(t, srv.URL)
			if d.State != h.state || d.LastStatus != h.status || !strings.Contains(d.LastError, h.words) {
				t.Errorf("delivery %s, status %d, %q", d.State, d.LastStatus, d.LastError)
			}
			if d.State == calls.DeliveryPending && d.LastError == "" {
				t.Error("nothing says why")
			}
			if strings.ContainsAny(d.Response, "\x00\x1b") || len(d.Response) > keptText {
				t.Errorf("kept %q", d.Response)
			}
			if h.status == 429 {
				if wait := d.NextAt.Sub(d.SentAt); wait < maxAfter || wait > maxAfter+time.Minute {
					t.Errorf("waits %v; want the longest that may be asked for", wait)
				}
			}
			if h.status == 400 && d.Response != "bad [31m  body\nsecond line" {
				t.Errorf("kept %q", d.Response)
			}
		})
	}
}

// oneDelivery makes one attempt at url and shows what is kept of it.
func oneDelivery(t *testing.T, url string) calls.Delivery {
	t.Helper()
	s := newStore(t)
	addHook(t, s, calls.Webhook{ID: "w1", URL: url})
	start(t, s, Config{Schedule: Schedule{time.Hour, time.Hour}})
	happen(t, s, "c1", calls.CallQueued)
	return await(t, s, "w1", func(l []calls.Delivery) bool { return len(l) == 1 && l[0].Attempts == 1 })[0]
}

func TestBadTLSAndAMissingNameAreFailuresInWords(t *testing.T) {
	t.Parallel()
	srv := httptest.NewTLSServer(http.NotFoundHandler())
	srv.Config.ErrorLog = nil
	t.Cleanup(srv.Close)
	for url, words := range map[string]string{srv.URL + "/secret-path": "certificate", "http://nobody.invalid/secret-path": ""} {
		d := oneDelivery(t, url)
		if d.State != calls.DeliveryPending || d.LastError == "" || !strings.Contains(d.LastError, words) || strings.Contains(d.LastError, "secret-path") {
			t.Errorf("%s: %s %q", url, d.State, d.LastError)
		}
	}
}

// failures runs an outbox by a clock that stands still until it is moved.
func failures(t *testing.T, serve http.HandlerFunc) (calls.Store, *clock.Fake, func()) {
	t.Helper()
	s := newStore(t)
	srv := httptest.NewServer(serve)
	t.Cleanup(srv.Close)
	addHook(t, s, calls.Webhook{ID: "w1", URL: srv.URL})
	clk := clock.NewFake(time.Now())
	_, stop := start(t, s, Config{Clock: clk, Schedule: DefaultSchedule()})
	return s, clk, stop
}

func healthOf(t *testing.T, s calls.Store, dest string) (h *calls.DestinationHealth) {
	t.Helper()
	_ = s.View(t.Context(), func(r calls.ReadTx) (err error) { h, err = r.Health(dest); return err })
	return h
}

func TestAFailingDestinationIsProbedAndComesBackWithAllItsLanes(t *testing.T) {
	t.Parallel()
	var up atomic.Bool
	var requests atomic.Int64
	s, clk, stop := failures(t, func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		if !up.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	const n = 40
	for i := range n {
		happen(t, s, fmt.Sprint("c", i), calls.CallQueued, calls.CallCompleted)
	}
	await(t, s, "w1", func(l []calls.Delivery) bool { return len(l) == 2*n && healthOf(t, s, "w1") != nil })
	// Two minutes of outage bring at least two probes, and not one for each lane.
	before := requests.Load()
	for range 24 {
		seen := healthOf(t, s, "w1").ProbeAt
		clk.Advance(5 * time.Second)
		if !seen.After(clk.Now()) {
			await(t, s, "w1", func([]calls.Delivery) bool { return healthOf(t, s, "w1").ProbeAt.After(seen) })
		}
	}
	if probes := requests.Load() - before; probes < 2 || probes > 12 {
		t.Errorf("%d requests in two minutes of outage", probes)
	}
	// The state survives a restart: no burst of all lanes.
	stop()
	o, err := New(Config{Store: s, Clock: clk, IDs: testIDs, Client: egress.Trusted()})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = o.Stop(context.Background()) }()
	up.Store(true)
	clk.Advance(time.Minute)
	list := await(t, s, "w1", allDone) // without any further advance: all were due at once
	for _, d := range list {
		if d.State != calls.DeliveryDelivered {
			t.Errorf("delivery %+v", d)
		}
	}
	if healthOf(t, s, "w1") != nil {
		t.Error("it is still failing")
	}
}

func TestABodyThatIsNotWantedMakesNobodyFailing(t *testing.T) {
	t.Parallel()
	s, clk, _ := failures(t, func(w http.ResponseWriter, r *http.Request) {
		if e, err := readEvent(r); err != nil || strings.HasPrefix(e.CallID, "bad") {
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	for i := range 60 {
		kind := "good"
		if i%2 == 0 {
			kind = "bad"
		}
		happen(t, s, fmt.Sprint(kind, i), calls.CallQueued)
		await(t, s, "w1", func(l []calls.Delivery) bool { return len(l) == i+1 && l[0].Attempts > 0 })
	}
	clk.Advance(time.Hour)
	happen(t, s, "good", calls.CallQueued)
	await(t, s, "w1", func(l []calls.Delivery) bool { return len(l) == 61 && l[0].State == calls.DeliveryDelivered })
	if h := healthOf(t, s, "w1"); h != nil {
		t.Errorf("a destination that takes half of everything is failing: %+v", h)
	}
}

func TestWhatWaitsForThreeDaysAtAFailingDestinationIsGivenUp(t *testing.T) {
	t.Parallel()
	s, clk, _ := failures(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	for i := range 10 {
		happen(t, s, fmt.Sprint("c", i), calls.CallQueued, calls.CallCompleted)
	}
	await(t, s, "w1", func(l []calls.Delivery) bool { return len(l) == 20 && healthOf(t, s, "w1") != nil })
	await(t, s, "w1", func(l []calls.Delivery) bool {
		clk.Advance(30 * time.Minute)
		return allDone(l)
	})
	for _, d := range await(t, s, "w1", allDone) {
		if age := d.DoneAt.Sub(d.RoundAt); d.State != calls.DeliveryDead || age < 60*time.Hour {
			t.Errorf("delivery %s after %v; want dead after about 72 h", d.State, age)
		}
	}
}

func TestTwoSecretsSignWhileOneGivesWay(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	older, newer := TokenSecret("older"), TokenSecret("newer")
	w := &calls.Webhook{Secret: newer, OldSecret: older, OldSecretUntil: now.Add(time.Second)}
	if got := secretsOf(w, nil, now); len(got) != 2 || got[0] != newer || got[1] != older {
		t.Errorf("secrets %v", got)
	}
	if got := secretsOf(w, nil, now.Add(time.Second)); len(got) != 1 || got[0] != newer {
		t.Errorf("secrets after the overlap %v", got)
	}
	h := http.Header{}
	if err := sign(h, []string{newer, older}, "evt_1", now, []byte("{}")); err != nil || len(strings.Split(h.Get("webhook-signature"), " v1,")) != 2 {
		t.Errorf("%v %v", h, err)
	}
	// The webhook of a call goes along with its token.
	w = &calls.Webhook{Account: "main", CallID: "c1", TokenName: "bot", Secret: older, CreatedAt: now}
	tokens := []*calls.Token{
		{Account: "main", Name: "bot", WebhookSecret: older, CreatedAt: now.Add(-time.Hour)},
		{Account: "main", Name: "bot", WebhookSecret: newer, CreatedAt: now.Add(time.Hour)},
		{Account: "other", Name: "bot", WebhookSecret: TokenSecret("foreign"), CreatedAt: now.Add(time.Hour)},
	}
	if got := secretsOf(w, tokens, now.Add(2*time.Hour)); fmt.Sprint(got) != fmt.Sprint([]string{newer, older}) {
		t.Errorf("secrets of a call %v", got)
	}
}

func FuzzWhatReceiversSay(f *testing.F) {
	f.Add("120", []byte("ok"))
	f.Add("Fri, 21 Nov 2026 12:00:00 GMT", []byte{0xff, 0x00, 0xd0})
	f.Add("-1", []byte(strings.Repeat("я", 600)))
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		if d := retryAfter(header, time.Unix(1_700_000_000, 0)); d != 0 && (d < minAfter || d > maxAfter) {
			t.Errorf("%q asks for %v", header, d)
		}
		text := Clean(body)
		if len(text) > 3*keptText || strings.ContainsAny(text, "\x00\x1b\r\u202e") {
			t.Errorf("%q became %q", body, text)
		}
		if strings.ToValidUTF8(text, "?") != text {
			t.Errorf("%q is not UTF-8", text)
		}
	})
}
