package providers

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"testing"

	"zvonar/internal/calls"
	"zvonar/internal/carrier"
)

// cloud is a telephony service with one method, which calls back: it rings us and the
// client. What it does wrong is set before it is asked.
type cloud struct {
	w     *world
	order carrier.Order
	from  string // caller that it shows us
	dials string // what it dials at zvonar; "": what it was asked for

	status int  // of its answer; 0: 200
	silent bool // it says yes and rings nobody

	mu    sync.Mutex
	asked []string // phones it was asked for
	calls []*carrier.SwitchCall
	ended chan carrier.SwitchEvent
}

func newCloud(w *world, change func(*cloud)) *cloud {
	c := &cloud{w: w, order: carrier.ClientFirst, ended: make(chan carrier.SwitchEvent, 10)}
	if change != nil {
		change(c)
	}
	return c
}

// ServeHTTP is the method of the service.
func (c *cloud) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	var in struct{ Phone, Extension string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(rw, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, in.Phone)
	if c.status != 0 {
		rw.WriteHeader(c.status)
		return
	}
	id := "none"
	if !c.silent {
		if c.dials != "" {
			in.Extension = c.dials
		}
		x, err := c.w.carrier.Switch(carrier.SwitchRequest{From: c.from, Report: c.hear,
			CallbackRequest: carrier.CallbackRequest{Extension: in.Extension, Phone: in.Phone, Order: c.order}})
		if err != nil {
			http.Error(rw, err.Error(), http.StatusServiceUnavailable)
			return
		}
		c.calls = append(c.calls, x)
		id = x.ID()
	}
	fmt.Fprintf(rw, `{"ok": true, "id": %q}`, id)
}

func (c *cloud) hear(ev carrier.SwitchEvent) {
	if ev.State == carrier.SwitchEnded {
		c.ended <- ev
	}
}

// call is the first that it connected.
func (c *cloud) call() *carrier.SwitchCall {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls[0]
}

// requests is how often it was asked.
func (c *cloud) requests() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.asked)
}

// configured are the keys of the provider; ready and more are as the test wants.
func configured(base, ready, more string) string {
	return fmt.Sprintf(`providers:
  - {name: cloud, kind: http, url: "%s/callback", body: '{"phone": "{{.To}}", "extension": "{{.Extension}}"}', success: {path: ok},
     call_id: {path: id}, trunk: pbx, extension: %q, ready: %s%s}
`, base, extension, ready, more)
}

// soon is for providers whose INVITE never comes: it is given up after the shortest
// time there is. Others have a minute, since the machine may be busy.
const soon = ", expect_timeout: 5s"

// cloudCall asks for a call by the provider.
func (w *world) cloudCall(phone string, more map[string]any) string {
	w.t.Helper()
	body := map[string]any{"to": phone, "record_id": w.clip(), "provider": "cloud"}
	for k, v := range more {
		body[k] = v
	}
	return w.asks("/v1/calls", body)
}

func TestProviderRingsUsAndTheClient(t *testing.T) {
	t.Parallel()
	for order, ready := range map[carrier.Order]string{carrier.ClientFirst: "answer", carrier.AgentFirst: "first_audio"} {
		t.Run(string(order), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c := newCloud(w, func(c *cloud) { c.order = order })
			w.start(configured(serve(t, c), ready, ""))
			// He presses 3 two seconds into the clip, which puts him on the blacklist and ends the call.
			id := w.cloudCall("79005551203", map[string]any{"digits": []any{struct{}{}, struct{}{}, struct{}{}, map[string]any{"needBlock": 1}}})
			got := w.ended(id, "answered/blocked_by_digit")
			if got.ProviderCallID == nil || *got.ProviderCallID != c.call().ID() || len(got.Digits) != 1 || got.Digits[0].Digit != "3" {
				t.Errorf("the call is %+v", got)
			}
			if seen := w.seen(c.call().ID()); seen.To != extension || seen.HeardMS < 1500 {
				t.Errorf("the client heard %d ms", seen.HeardMS)
			}
			if last := <-c.ended; last.By != "agent" || last.Talk <= 0 {
				t.Errorf("the switch says %+v", last)
			}
			if c.requests() != 1 {
				t.Errorf("the provider was asked %d times", c.requests())
			}
		})
	}
}

func TestProviderCallsThatFail(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		phone string
		is    func(*cloud)
		want  string
		more  string
	}{
		"it says no":                   {"79005551000", func(c *cloud) { c.status = 402 }, "trunk_error/provider_failed", ""},
		"it rings nobody":              {"79005551000", func(c *cloud) { c.silent = true }, "trunk_error/provider_timeout", soon},
		"it rings another extension":   {"79005551000", func(c *cloud) { c.dials = "202" }, "trunk_error/provider_timeout", soon},
		"busy, and we are never rung":  {"79005550486", nil, "trunk_error/provider_timeout", soon},
		"it breaks off without a word": {"79005551000", func(c *cloud) { c.status = 500 }, "trunk_error", soon},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c := newCloud(w, tc.is)
			w.start(configured(serve(t, c), "first_audio", tc.more))
			id := w.cloudCall(tc.phone, nil)
			w.ended(id, tc.want)
			if c.requests() != 1 {
				t.Errorf("the provider was asked %d times", c.requests())
			}
			if n := countOf(w.events(id), calls.CallCompleted); n != 1 {
				t.Errorf("%d call.completed", n)
			}
		})
	}
}

func countOf(events []calls.Event, typ calls.EventType) (n int) {
	for _, e := range events {
		if e.Type == typ {
			n++
		}
	}
	return n
}

func TestSwitchThatDropsTheCallEndsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCloud(w, nil)
	w.start(configured(serve(t, c), "answer", ""))
	id := w.cloudCall("79005551000", nil)
	w.told(id, calls.CallPlaybackStarted)
	c.call().Hangup(31)
	if got := w.ended(id, "answered/hangup"); got.Q850 == nil || *got.Q850 != 31 {
		t.Errorf("the call is %+v", got)
	}
}

// A call that is killed while its INVITE is awaited is lost, and the INVITE that comes
// all the same is nobody's.
func TestKilledWhileTheProviderDials(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCloud(w, func(c *cloud) { c.silent = true })
	w.start(configured(serve(t, c), "answer", "") + fmt.Sprintf("inbound: [{number: %q, flow: {record: 1000001, digits: []}}]\n", extension))
	id := w.cloudCall("79005551000", nil)
	w.Eventually("the request", func() bool { return c.requests() == 1 })
	w.Kill()
	w.Run()
	w.ended(id, "lost/node_lost")
	ended := make(chan carrier.SwitchEvent, 1)
	_, err := w.carrier.Switch(carrier.SwitchRequest{CallbackRequest: carrier.CallbackRequest{Extension: extension, Phone: "79005551000", Order: carrier.AgentFirst},
		Report: func(ev carrier.SwitchEvent) {
			if ev.State == carrier.SwitchEnded {
				ended <- ev
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	if ev := <-ended; ev.By != "agent" || ev.Talk != 0 {
		t.Errorf("the late INVITE ended %+v", ev)
	}
	all, err := w.api.Calls(t.Context(), url.Values{}, 10)
	if err != nil || len(all) != 1 {
		t.Errorf("%d calls, %v", len(all), err)
	}
}

func TestProviderThatBringsTheClientToUsTakesNoManagerFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCloud(w, nil)
	w.start(configured(serve(t, c), "answer", ""))
	err := w.api.Do(t.Context(), "POST", "/v1/bridges", map[string]any{"first": "79005559006", "second": "79005551000", "provider": "cloud"}, nil)
	if !refused(err, http.StatusUnprocessableEntity) || c.requests() != 0 {
		t.Errorf("%v; the provider was asked %d times", err, c.requests())
	}
	// The other way round the client comes by the provider, and the manager by our trunk.
	id := w.asks("/v1/bridges", map[string]any{"first": "79005551000", "second": "79005559006", "order": "client_first", "provider": "cloud"})
	w.ended(id, "answered/bridge_end")
	if trail := w.trail(id); trail != "queued dialing provider.call provider.call provider.call ringing answered bridging bridged unbridged completed" {
		t.Errorf("told %s", trail)
	}
}

func TestTwoCallsAtOnceAreToldApartByTheirMark(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := newCloud(w, func(c *cloud) { c.from = "74950000001" }) // From is the same in all
	w.start(configured(serve(t, c), "answer", ", match_header: X-Call-ID"))
	ids := map[string]string{}
	for _, digit := range []string{"3", "4", "5"} {
		ids[digit] = w.cloudCall("7900555120"+digit, map[string]any{"max_duration": "20s"})
	}
	for digit, id := range ids {
		got := w.over(id)
		seen := w.seen(*got.ProviderCallID)
		if len(got.Digits) != 1 || got.Digits[0].Digit != digit || seen.Number != got.To || seen.DigitsSent != digit {
			t.Errorf("the call to %s is %+v; the switch connected %s", got.To, got.Digits, seen.Number)
		}
	}
}
