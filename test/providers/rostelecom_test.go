package providers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"zvonar/internal/calls"
	"zvonar/internal/carrier"
)

const (
	rtID      = "000003C405E6525C64C184258C44EC99"
	rtKey     = "00000716ABDA6D4DFF10F82BCBBFC532"
	rtSession = "5a56aff8-2352-4c94-8778-07cbfb60d242"
	rtPIN     = "317"
)

// rtSign is the rule of the guide, written anew.
func rtSign(id string, body []byte, key string) string {
	sum := sha256.Sum256([]byte(id + string(body) + key))
	return hex.EncodeToString(sum[:])
}

// rtPost sends a signed request and gives the status and the answer.
func rtPost(url, id, key string, body []byte) (int, string, error) {
	req, err := http.NewRequest(http.MethodPost, url, strings.NewReader(string(body)))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Client-ID", id)
	req.Header.Set("X-Client-Sign", rtSign(id, body, key))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, string(b), err
}

// vpbx is the virtual PBX: call_back rings us and then the client, and what happens is
// told as call_events.
type vpbx struct {
	w      *world
	intake string
	html   bool // the API answers with a page
	doubly bool // every event comes twice, and the first ones before the answer

	mu    sync.Mutex
	ended carrier.SwitchEvent
	asked []string
	wrong []string
}

// ServeHTTP is the API.
func (v *vpbx) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	method := strings.Trim(r.URL.Path, "/")
	v.mu.Lock()
	v.asked = append(v.asked, method)
	v.mu.Unlock()
	if r.Header.Get("X-Client-ID") != rtID || r.Header.Get("X-Client-Sign") != rtSign(rtID, body, rtKey) {
		rw.WriteHeader(http.StatusUnauthorized)
		return
	}
	if v.html {
		fmt.Fprint(rw, "<html>an error page with 200</html>")
		return
	}
	switch method {
	case "call_back":
		var q struct {
			RequestNumber string `json:"request_number"`
			FromPIN       string `json:"from_pin"`
		}
		_ = json.Unmarshal(body, &q)
		_, err := v.w.carrier.Switch(carrier.SwitchRequest{From: rtPIN, Report: func(ev carrier.SwitchEvent) { v.tell(q.RequestNumber, ev) },
			CallbackRequest: carrier.CallbackRequest{Extension: extension, Phone: strings.TrimPrefix(q.RequestNumber, "+"), Order: carrier.AgentFirst}})
		if err != nil {
			fmt.Fprintf(rw, `{"result":"-20","resultMessage":%q}`, err)
			return
		}
		fmt.Fprintf(rw, `{"result":"0","resultMessage":"Операция выполнена успешно","session_id":%q}`, rtSession)
	case "call_info":
		v.mu.Lock()
		defer v.mu.Unlock()
		state, code := 2, v.ended.Code
		if v.ended.Talk > 0 {
			state, code = 1, 0
		}
		fmt.Fprintf(rw, `{"result":0,"info":{"state":%d,"duration":%d,"status_code":"%d","is_record":false}}`, state, int(v.ended.Talk.Seconds()), code)
	default:
		rw.WriteHeader(http.StatusNotFound)
	}
}

// tell posts what the switch did as an event.
func (v *vpbx) tell(number string, ev carrier.SwitchEvent) {
	e := map[string]string{"session_id": rtSession, "timestamp": ev.At.UTC().Format("2006-01-02 15:04:05.000"), "type": "outbound", "from_number": "sip:+78005553535@d.20.rt.ru",
		"from_pin": extension, "request_number": "sip:" + number + "@d.20.rt.ru", "request_pin": "", "disconnect_reason": "", "is_record": "false"}
	switch ev.State {
	case carrier.AgentRinging:
		e["state"], e["request_number"], e["request_pin"] = "calling", "sip:"+extension+"@d.20.rt.ru", extension
	case carrier.AgentAnswered:
		e["state"], e["request_number"], e["request_pin"] = "connected", "sip:"+extension+"@d.20.rt.ru", extension
	case carrier.ClientRinging:
		e["state"] = "calling"
	case carrier.ClientAnswered:
		e["state"] = "connected"
	case carrier.SwitchEnded:
		e["state"] = "end"
		v.mu.Lock()
		v.ended = ev
		v.mu.Unlock()
	default:
		return
	}
	body, _ := json.Marshal(e)
	times := 1
	if v.doubly {
		times = 2
	}
	for range times {
		if code, answer, err := rtPost(v.intake+"/call_events", rtID, rtKey, body); err != nil || code != http.StatusOK {
			v.mu.Lock()
			v.wrong = append(v.wrong, fmt.Sprint(code, answer, err))
			v.mu.Unlock()
		}
	}
}

func newVPBX(w *world, change func(*vpbx)) *vpbx {
	v := &vpbx{w: w, intake: w.base + "/intake/rt/0123456789abcdef0123456789abcdef"}
	if change != nil {
		change(v)
	}
	return v
}

// rostelecom are the keys of the provider, with more of them.
func rostelecom(base, more string) string {
	return fmt.Sprintf(`providers:
  - {name: rt, kind: rostelecom, trunk: pbx, extension: %q, intake: {secret: 0123456789abcdef0123456789abcdef},
     settings: {api: %q, client_id: %s, sign_key: %s, call_info: {tries: 3, pause: 100ms}}%s}
`, extension, base, rtID, rtKey, more)
}

func TestRostelecomCallsBackAndTellsWhenTheClientIsThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v := newVPBX(w, func(v *vpbx) { v.doubly = true })
	w.start(rostelecom(serve(t, v), ""))
	id := w.asks("/v1/calls", map[string]any{"to": "79005551203", "record_id": w.clip(), "provider": "rt",
		"digits": []any{struct{}{}, struct{}{}, struct{}{}, map[string]any{"needBlock": 1}}})
	got := w.ended(id, "answered/blocked_by_digit")
	if got.ProviderCallID == nil || *got.ProviderCallID != rtSession || len(got.Digits) != 1 || got.Digits[0].Digit != "3" {
		t.Errorf("the call is %+v", got)
	}
	if n := countOf(w.events(id), calls.CallCompleted); n != 1 {
		t.Errorf("%d call.completed", n)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.wrong) > 0 || v.asked[0] != "call_back" {
		t.Errorf("events were answered with %v; asked %v", v.wrong, v.asked)
	}
}

func TestRostelecomWhoseClientIsBusyOrThatAnswersWithAPage(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		phone string
		is    func(*vpbx)
		want  string
		more  string
	}{
		"busy":   {"79005550486", nil, "busy", ""},
		"a page": {"79005551000", func(v *vpbx) { v.html = true }, "trunk_error/provider_timeout", soon},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			v := newVPBX(w, tc.is)
			w.start(rostelecom(serve(t, v), tc.more))
			w.ended(w.asks("/v1/calls", map[string]any{"to": tc.phone, "record_id": w.clip(), "provider": "rt"}), tc.want)
		})
	}
}

// rtCRM is a CRM in the dialect: it answers get_number_info and hears call_events.
type rtCRM struct {
	answer func(http.ResponseWriter, *http.Request)
	mu     sync.Mutex
	states []string
	wrong  int
}

// ServeHTTP is the CRM's address.
func (c *rtCRM) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	id := r.Header.Get("X-Client-ID")
	if id != rtID || r.Header.Get("X-Client-Sign") != rtSign(id, body, rtKey) {
		c.wrong++
	}
	if strings.HasSuffix(r.URL.Path, "/call_events") {
		var e struct{ State string }
		_ = json.Unmarshal(body, &e)
		c.states = append(c.states, e.State)
		c.mu.Unlock()
		return
	}
	c.mu.Unlock()
	c.answer(rw, r)
}

// An inbound call asks the CRM whose caller it is, and never waits longer for it than
// the budget, whatever the CRM does.
func TestAnInboundCallAsksTheCRMWithinItsBudget(t *testing.T) {
	t.Parallel()
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	const answers = "10s" // a CRM that answers is waited for, however busy the machine is
	for name, tc := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		result string
		rings  string // who is rung
		budget string
	}{
		"found": {func(rw http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(rw, `{"result":0,"resultMessage":"","displayName":"Иван Петров","PIN":"317"}`)
		}, "found", "79005559006", answers},
		"nobody": {func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, `{"result":1,"resultMessage":"нет"}`) }, "nobody", "", answers},
		"a page": {func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, `<html>`) }, "failed", "", answers},
		"fails":  {func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(500) }, "failed", "", answers},
		"hangs": {func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-stop:
			case <-r.Context().Done():
			}
		}, "timeout", "", "300ms"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c := &rtCRM{answer: tc.answer}
			w.start(fmt.Sprintf(`providers:
  - {name: crm, kind: rostelecom, settings: {crm: {url: %q, client_id: %s, sign_key: %s, timeout: 10s}}}
inbound:
  - {number: "78005553535", trunk: pbx, flow: {record: 1000001}, router: {provider: crm, budget: %s}}
`, serve(t, c), rtID, rtKey, tc.budget))
			w.clip()
			var person struct{ ID string }
			if err := w.api.Do(context.Background(), "POST", "/v1/employees", map[string]any{"name": "Anna", "extension": rtPIN, "trunk": "pbx", "phone": "79005559006", "ring": "all"}, &person); err != nil {
				t.Fatal(err)
			}
			if _, err := w.carrier.Place("79161234567", "78005553535", "1000"); err != nil {
				t.Fatal(err)
			}
			id := w.inbound()
			var d struct{ Router, Result, Target string }
			if err := json.Unmarshal(w.told(id, calls.CallRouted).Data, &d); err != nil || d.Router != "crm" || d.Result != tc.result {
				t.Errorf("looked up: %+v, want %s", d, tc.result)
			}
			got := w.over(id)
			if *got.Outcome != calls.OutcomeAnswered || (got.Employee != nil) != (tc.rings != "") {
				t.Errorf("the call is %+v; told %s", got, w.trail(id))
			}
			if played := countOf(w.events(id), calls.CallPlaybackStarted) > 0; played == (tc.rings != "") {
				t.Errorf("told %s", w.trail(id))
			}
		})
	}
}

// inbound waits for the only call and gives its id.
func (w *world) inbound() (id string) {
	w.t.Helper()
	w.Eventually("the call to come in", func() bool {
		list, err := w.api.Calls(context.Background(), url.Values{}, 10)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(list) > 0 {
			id = list[0].ID
		}
		return len(list) > 0
	})
	return id
}

// Software that was written for the virtual PBX calls through our facade and hears of it.
func TestRostelecomsFacadeCallsAndTells(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := &rtCRM{}
	base := serve(t, c)
	w.start("facades: [{kind: rostelecom, settings: {capture: true}}]\negress: {allow: [\"" + strings.TrimPrefix(base, "http://") + "\"]}\n")
	ctx := context.Background()
	if err := w.api.Do(ctx, "POST", "/v1/employees", map[string]any{"name": "Anna", "extension": rtPIN, "phone": "79005559006", "call_method": "api"}, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.api.Do(ctx, "POST", "/v1/keys", map[string]any{"kind": "rostelecom", "name": "crm", "public": rtID, "secret": rtKey, "roles": []string{"operator"}, "events_url": base}, nil); err != nil {
		t.Fatal(err)
	}
	facade := w.base + "/compat/rostelecom/"
	body := []byte(`{"request_number":"+79005551000","from_pin":"317"}`)
	if code, answer, err := rtPost(facade+"call_back", rtID, "another key", body); err != nil || code != 401 {
		t.Errorf("a wrong signature: %d %s %v", code, answer, err)
	}
	code, answer, err := rtPost(facade+"call_back", rtID, rtKey, body)
	var said struct {
		Result    string
		SessionID string `json:"session_id"`
	}
	if err != nil || code != 200 || json.Unmarshal([]byte(answer), &said) != nil || said.Result != "0" || len(said.SessionID) != 36 {
		t.Fatalf("%d %s %v", code, answer, err)
	}
	w.over(w.inbound())
	query := []byte(`{"session_id":"` + said.SessionID + `"}`)
	if code, answer, err := rtPost(facade+"call_info", rtID, rtKey, query); err != nil || code != 200 || !strings.Contains(answer, `"call_type":3`) || !strings.Contains(answer, `"state":1`) {
		t.Errorf("%d %s %v", code, answer, err)
	}
	w.Eventually("the events of the call", func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return strings.Join(c.states, " ") == "new calling calling connected disconnected end"
	})
	c.mu.Lock()
	if c.wrong > 0 {
		t.Errorf("%d events were signed wrongly", c.wrong)
	}
	c.mu.Unlock()
	var record struct{ URL string }
	w.Eventually("the record", func() bool {
		_, answer, err := rtPost(facade+"get_record", rtID, rtKey, query)
		return err == nil && json.Unmarshal([]byte(answer), &record) == nil && record.URL != ""
	})
	for _, want := range []int{http.StatusOK, http.StatusNotFound} { // it opens once
		res, err := http.Get(w.base + strings.TrimPrefix(record.URL, w.base))
		if err != nil {
			t.Fatal(err)
		}
		if res.Body.Close(); res.StatusCode != want {
			t.Errorf("the record is answered with %s, want %d", res.Status, want)
		}
	}
}
