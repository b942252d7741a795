package providers

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"zvonar/internal/calls"
	"zvonar/internal/carrier"
)

// The account of the simulator and of the facade.
const (
	sipuniUser   = "078332"
	sipuniSecret = "0123456789abcdef"
	sipuniIntake = "an-intake-of-sipuni-0123"
)

// sipuniHash is the rule of the service, written from its description.
func sipuniHash(form url.Values) string {
	var names []string
	for name := range form {
		if name != "hash" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	text := ""
	for _, name := range names {
		text += form.Get(name) + "+"
	}
	digest := md5.Sum([]byte(text + sipuniSecret))
	return hex.EncodeToString(digest[:])
}

// sipuni is the service: it checks orders, has the switch ring our extension and the
// client, and tells each step to our intake, as the fault says.
type sipuni struct {
	w     *world
	fault string

	mu     sync.Mutex
	orders int
}

// ServeHTTP answers orders.
func (s *sipuni) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	s.mu.Lock()
	s.orders++
	order := fmt.Sprintf("%032x", s.orders)
	s.mu.Unlock()
	if r.URL.Path != "/api/callback/call_number" || r.Form.Get("hash") != sipuniHash(r.Form) || r.Form.Get("user") != sipuniUser {
		_, _ = io.WriteString(rw, `{"success":false,"message":"hash is wrong"}`)
		return
	}
	switch s.fault {
	case "no":
		_, _ = io.WriteString(rw, `{"success":false,"message":"no money"}`)
		return
	case "html":
		_, _ = io.WriteString(rw, "<html>")
		return
	}
	client := r.Form.Get("phone")
	_, err := s.w.carrier.Switch(carrier.SwitchRequest{Report: func(ev carrier.SwitchEvent) { s.tell(order, client, ev) },
		CallbackRequest: carrier.CallbackRequest{Extension: r.Form.Get("sipnumber"), Phone: client, Order: carrier.AgentFirst}})
	if err != nil {
		http.Error(rw, err.Error(), http.StatusServiceUnavailable)
		return
	}
	rw.Header().Set("Content-Type", "text/html")
	_, _ = fmt.Fprintf(rw, `{"success":true,"id":%q}`, order)
}

// asked is how often something was ordered.
func (s *sipuni) asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.orders
}

// tell sends a step as an event; doubled events come twice.
func (s *sipuni) tell(order, client string, ev carrier.SwitchEvent) {
	v := url.Values{"call_id": {"1419783130." + ev.ID}, "callbackId": {order}, "src_num": {sipuniUser + "201"}, "src_type": {"2"}, "short_src_num": {"201"},
		"dst_num": {client + "_id7"}, "dst_type": {"1"}, "timestamp": {fmt.Sprint(ev.At.Unix())}}
	switch ev.State {
	case carrier.ClientRinging:
		v.Set("event", "1")
	case carrier.ClientAnswered:
		v.Set("event", "3")
	case carrier.SwitchEnded:
		v.Set("event", "2")
		v.Set("status", map[int]string{0: "ANSWER", 200: "ANSWER", 486: "BUSY"}[ev.Code])
		v.Set("call_answer_timestamp", "0")
	default:
		return
	}
	times := 1
	if s.fault == "doubled" {
		times = 2
	}
	for range times {
		resp, err := http.Get(s.w.base + "/intake/pbx2/" + sipuniIntake + "/?" + v.Encode())
		if err == nil {
			_ = resp.Body.Close()
		}
	}
}

// configured are the keys of the provider; more are further keys of its line.
func (s *sipuni) configured(base, more string) string {
	return fmt.Sprintf(`providers:
  - {name: pbx2, kind: sipuni, trunk: pbx, extension: %q, ready: event, intake: {secret: %s},
     settings: {url: "%s/api/", user: "%s", secret: %s}%s}
`, extension, sipuniIntake, base, sipuniUser, sipuniSecret, more)
}

func TestSipuniRingsUsAndTellsWhenTheClientIsThere(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"", "doubled"} {
		t.Run("events "+fault, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := &sipuni{w: w, fault: fault}
			w.start(s.configured(serve(t, s), ""))
			id := w.asks("/v1/calls", map[string]any{"to": "79005551203", "record_id": w.clip(), "provider": "pbx2",
				"digits": []any{struct{}{}, struct{}{}, struct{}{}, map[string]any{"needBlock": 1}}})
			got := w.ended(id, "answered/blocked_by_digit")
			if got.ProviderCallID == nil || *got.ProviderCallID != fmt.Sprintf("%032x", 1) || len(got.Digits) != 1 || s.asked() != 1 {
				t.Errorf("%d orders, the call is %+v", s.asked(), got)
			}
		})
	}
}

func TestSipuniThatRefusesRingsNobody(t *testing.T) {
	t.Parallel()
	for fault, want := range map[string]string{"no": "trunk_error/provider_failed", "html": "trunk_error/provider_timeout"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := &sipuni{w: w, fault: fault}
			w.start(s.configured(serve(t, s), soon))
			w.ended(w.asks("/v1/calls", map[string]any{"to": "79005551000", "record_id": w.clip(), "provider": "pbx2"}), want)
			if n := s.asked(); n != 1 {
				t.Errorf("%d orders", n)
			}
		})
	}
}

// crm is software that was written for the service: it hears events and orders calls.
type crm struct {
	w *world

	mu     sync.Mutex
	events []url.Values
}

// ServeHTTP hears an event.
func (c *crm) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	c.events = append(c.events, r.URL.Query())
	c.mu.Unlock()
	_, _ = io.WriteString(rw, `{"success":true}`)
}

// order asks the facade and gives the answer.
func (c *crm) order(path string, fields map[string]string) string {
	c.w.t.Helper()
	form := url.Values{"user": {sipuniUser}}
	for name, value := range fields {
		form.Set(name, value)
	}
	form.Set("hash", sipuniHash(form))
	resp, err := http.PostForm(c.w.base+"/compat/sipuni/api/"+path, form)
	if err != nil {
		c.w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		c.w.t.Fatalf("%s: %d %s %v", path, resp.StatusCode, text, err)
	}
	return string(text)
}

// heard are the kinds of the events so far, and the last event.
func (c *crm) heard() (kinds string, last url.Values) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, v := range c.events {
		kinds, last = kinds+v.Get("event"), v
	}
	return kinds, last
}

func TestSoftwareWrittenForSipuniWorksWithTheFacade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := &crm{w: w}
	events := serve(t, c)
	w.start(`egress: {allow: ["127.0.0.0/8"]}
facades: [{kind: sipuni, settings: {trees: {"000658610": {name: Опрос, flow: {record: 1000001, digits: []}}}}}]
`)
	if record := w.clip(); record != 1000001 {
		t.Fatalf("the clip is %d", record)
	}
	ctx := context.Background()
	if err := w.api.Do(ctx, "POST", "/v1/employees", map[string]any{"name": "Анна", "extension": "201", "phone": "79005551000", "call_method": "api"}, nil); err != nil {
		t.Fatal(err)
	}
	var key struct{ ID, Secret string }
	if err := w.api.Do(ctx, "POST", "/v1/keys", map[string]any{"name": "crm", "kind": "sipuni", "public": sipuniUser, "secret": sipuniSecret,
		"roles": []string{"operator"}, "events_url": events + "/events"}, &key); err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Success bool
		ID      string
	}
	text := c.order("callback/call_tree", map[string]string{"phone": "79005551000", "reverse": "0", "sipnumber": "201", "tree": "000658610"})
	if err := json.Unmarshal([]byte(text), &answer); err != nil || !answer.Success || len(answer.ID) != 32 {
		t.Fatal(text)
	}
	w.Eventually("the event of the end", func() bool { kinds, _ := c.heard(); return strings.HasSuffix(kinds, "2") })
	kinds, end := c.heard()
	if kinds != "132" || end.Get("status") != "ANSWER" || end.Get("callbackId") != answer.ID || end.Get("treeNumber") != "000658610" || end.Get("src_num") != sipuniUser+"201" {
		t.Errorf("heard %s, last %v", kinds, end)
	}
	var list struct{ Items []calls.CallView }
	if err := w.api.Do(ctx, "GET", "/v1/calls", nil, &list); err != nil || len(list.Items) != 1 || list.Items[0].To != "79005551000" {
		t.Fatalf("%v, %+v", err, list)
	}
	if table := c.order("statistic/export", map[string]string{"from": "", "to": "", "type": "2", "state": "2", "tree": "000658610"}); !strings.Contains(table, answer.ID) {
		t.Error(table)
	}
	if wrong := c.order("callback/call_tree", map[string]string{"phone": "79005551000", "reverse": "0", "sipnumber": "999", "tree": "000658610"}); !strings.Contains(wrong, `"success":false`) {
		t.Error(wrong)
	}
	if err := w.api.Do(ctx, "DELETE", "/v1/keys/"+key.ID, nil, nil); err != nil {
		t.Fatal(err)
	}
	if gone := c.order("schema/list", map[string]string{"type": ""}); !strings.Contains(gone, "wrong") {
		t.Errorf("a revoked key works: %s", gone)
	}
}
