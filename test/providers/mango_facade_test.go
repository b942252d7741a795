package providers

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"zvonar/internal/calls"
)

// mangoCRM is software written for MANGO OFFICE: it hears notices, and checks them.
type mangoCRM struct {
	t   *testing.T
	mu  sync.Mutex
	got []mangoNotice
}

// mangoNotice is what it needs of a notice.
type mangoNotice struct {
	path    string
	Entry   string `json:"entry_id"`
	Call    string `json:"call_id"`
	State   string `json:"call_state"`
	Command string `json:"command_id"`
	Result  int    `json:"result"`
	Reason  int    `json:"disconnect_reason"`
	Talked  int64  `json:"talk_time"`
	To      struct{ Extension, Number string }
}

// ServeHTTP is its address for notices.
func (c *mangoCRM) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body := r.FormValue("json")
	if r.FormValue("vpbx_api_key") != mangoKey || r.FormValue("sign") != mangoSign(body) {
		c.t.Errorf("%s: wrongly signed", r.URL.Path)
	}
	n := mangoNotice{path: strings.TrimPrefix(r.URL.Path, "/crm/")}
	if err := json.Unmarshal([]byte(body), &n); err != nil {
		c.t.Errorf("%s %s: %v", r.URL.Path, body, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got = append(c.got, n)
}

// find is the first notice that is so.
func (c *mangoCRM) find(is func(mangoNotice) bool) (mangoNotice, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.IndexFunc(c.got, is); i >= 0 {
		return c.got[i], true
	}
	return mangoNotice{}, false
}

// mangoAsk sends a command to the facade and gives what it answered.
func (w *world) mangoAsk(path, body, signature string) (status int, answer string) {
	w.t.Helper()
	res, err := http.PostForm(w.base+"/compat/mango/vpbx/"+path, url.Values{"vpbx_api_key": {mangoKey}, "json": {body}, "sign": {signature}})
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

func TestSoftwareForMangoCallsThroughTheFacade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	crm := &mangoCRM{t: t}
	at := serve(t, crm)
	w.start("facades: [{kind: mango}]\negress: {allow: [127.0.0.0/8]}\n")
	do := func(path string, body map[string]any) {
		t.Helper()
		var out map[string]any
		if err := w.api.Do(t.Context(), "POST", path, body, &out); err != nil {
			t.Fatal(path, err)
		}
	}
	do("/v1/employees", map[string]any{"name": "Anna", "extension": "301", "phone": "79005552000", "call_method": "api"})
	do("/v1/keys", map[string]any{"kind": "mango", "name": "crm", "public": mangoKey, "secret": mangoSalt, "events_url": at + "/crm/"})
	body := `{"command_id":"cb1","from":{"extension":"301"},"to_number":"89005551000","line_number":"78005553535"}`
	if _, got := w.mangoAsk("commands/callback", body, mangoSign(body+" ")); !strings.Contains(got, `"result":3102`) {
		t.Errorf("a wrong signature: %s", got)
	}
	if status, got := w.mangoAsk("/commands/callback/", body, mangoSign(body)); status != 200 || got != `{"command_id":"cb1","result":1000}` {
		t.Fatalf("%d %s", status, got)
	}
	var talk mangoNotice
	w.Eventually("the client's leg", func() (ok bool) {
		talk, ok = crm.find(func(n mangoNotice) bool {
			return n.State == "Connected" && strings.HasSuffix(n.To.Number, "9005551000") && n.To.Extension == ""
		})
		return ok
	})
	if n, ok := crm.find(func(n mangoNotice) bool { return n.State == "Appeared" }); !ok || n.To.Extension != "301" || n.Command != "cb1" || n.Entry != talk.Entry {
		t.Errorf("the first leg: %+v", n)
	}
	w.Eventually("the result of the command", func() bool {
		_, ok := crm.find(func(n mangoNotice) bool {
			return n.path == "result/callback" && n.Command == "cb1" && n.Result == 1000
		})
		return ok
	})
	w.Eventually("the talk", func() bool {
		c, err := w.api.Call(t.Context(), talk.Entry)
		return err == nil && c.Status == calls.StatusBridged
	})
	end := `{"command_id":"end1","call_id":"` + talk.Call + `"}`
	if _, got := w.mangoAsk("commands/call/hangup", end, mangoSign(end)); got != `{"command_id":"end1","result":1000}` {
		t.Errorf("hangup: %s", got)
	}
	w.ended(talk.Entry, "answered/by_api")
	w.Eventually("the summary", func() bool {
		n, ok := crm.find(func(n mangoNotice) bool { return n.path == "events/summary" })
		return ok && n.Entry == talk.Entry && n.Talked > 0 && n.Reason == 1181
	})
	// It is posted beside the notices of the call, in no order with them.
	w.Eventually("the result of the hangup", func() bool {
		n, ok := crm.find(func(n mangoNotice) bool { return n.path == "result/call/hangup" })
		return ok && n.Command == "end1"
	})
}
