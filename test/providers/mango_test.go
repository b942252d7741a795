package providers

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/carrier"
)

// The credentials of the simulated PBX.
const (
	mangoKey    = "9ipl5monmwkkyg3adfx2s6frz7b"
	mangoSalt   = "zvonar-test-salt-0001"
	mangoSecret = "the-path-of-notices-1"
)

func mangoSign(body string) string {
	sum := sha256.Sum256([]byte(mangoKey + body + mangoSalt))
	return hex.EncodeToString(sum[:])
}

// mangoPBX is MANGO OFFICE: it takes signed commands, rings the extension and then the
// client, and posts notices of both legs. Its faults are set before it is asked.
type mangoPBX struct {
	w      *world
	answer string // in place of {"result":1000}; nothing is rung then
	status int
	// deliver changes how notices go out; nil: each once, as things happen.
	deliver func(p *mangoPBX, path, body string)

	mu    sync.Mutex
	asked []string // paths
	calls map[string]*carrier.SwitchCall
	held  []func() // notices that a fault holds back
	ended chan carrier.SwitchEvent
	talks sync.WaitGroup // of telephones that are not ours
}

func newMango(w *world, change func(*mangoPBX)) *mangoPBX {
	p := &mangoPBX{w: w, calls: map[string]*carrier.SwitchCall{}, ended: make(chan carrier.SwitchEvent, 10)}
	if change != nil {
		change(p)
	}
	return p
}

// ServeHTTP is its API.
func (p *mangoPBX) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	body := r.FormValue("json")
	if r.FormValue("vpbx_api_key") != mangoKey || r.FormValue("sign") != mangoSign(body) {
		fmt.Fprint(rw, `{"result":3102}`)
		return
	}
	path := strings.TrimPrefix(r.URL.Path, "/vpbx/")
	p.mu.Lock()
	p.asked = append(p.asked, path)
	p.mu.Unlock()
	if p.answer != "" || p.status != 0 {
		rw.WriteHeader(max(p.status, 200))
		fmt.Fprint(rw, p.answer)
		return
	}
	var in struct {
		Command string `json:"command_id"`
		From    struct{ Extension string }
		To      string `json:"to_number"`
		Call    string `json:"call_id"`
	}
	if json.Unmarshal([]byte(body), &in) != nil {
		fmt.Fprint(rw, `{"result":3400}`)
		return
	}
	switch path {
	case "commands/callback":
		t := &mangoTalk{p: p, command: in.Command, entry: "entry-" + in.Command, agent: in.From.Extension, to: in.To}
		if in.From.Extension != extension { // somebody else's telephone: nothing comes to us but notices
			p.talks.Go(t.talk)
			break
		}
		x, err := p.w.carrier.Switch(carrier.SwitchRequest{Report: t.hear,
			CallbackRequest: carrier.CallbackRequest{Extension: in.From.Extension, Phone: in.To, Order: carrier.AgentFirst}})
		if err != nil {
			fmt.Fprint(rw, `{"result":5000}`)
			return
		}
		p.mu.Lock()
		p.calls[t.entry] = x
		p.mu.Unlock()
	case "commands/call/hangup":
		p.mu.Lock()
		x := p.calls[strings.TrimRight(in.Call, "AB")]
		p.mu.Unlock()
		if x == nil {
			fmt.Fprint(rw, `{"result":3310}`)
			return
		}
		x.Hangup(16)
	}
	fmt.Fprintf(rw, `{"result":1000,"command_id":%q}`, in.Command)
}

// requests is how often a command came.
func (p *mangoPBX) requests(path string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.asked {
		if a == path {
			n++
		}
	}
	return n
}

// post signs a notice and posts it to the daemon, while it serves.
func (p *mangoPBX) post(path, body string) {
	p.w.Tells(func() { p.send(path, body) })
}

func (p *mangoPBX) send(path, body string) {
	res, err := http.PostForm(p.w.base+"/intake/office/"+mangoSecret+"/"+path, url.Values{"vpbx_api_key": {mangoKey}, "json": {body}, "sign": {mangoSign(body)}})
	if err != nil {
		p.w.t.Errorf("notice %s: %v", path, err)
		return
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		p.w.t.Errorf("notice %s: status %d", path, res.StatusCode)
	}
}

func (p *mangoPBX) notice(path, body string) {
	if p.deliver != nil {
		p.deliver(p, path, body)
		return
	}
	p.post(path, body)
}

// mangoTalk is one callback: leg A to the extension, leg B to the client.
type mangoTalk struct {
	p                         *mangoPBX
	command, entry, agent, to string
	seq                       map[string]int
	answered                  int64
}

func (t *mangoTalk) leg(leg, state string, at int64, reason int) {
	if t.seq == nil {
		t.seq = map[string]int{}
	}
	t.seq[leg]++
	from, to := fmt.Sprintf(`{"number":%q}`, t.to), fmt.Sprintf(`{"extension":%q,"number":"sip:zvonar@vpbx1.mangosip.ru"}`, t.agent)
	if leg == "B" {
		from = fmt.Sprintf(`{"extension":%q,"taken_from_call_id":%q}`, t.agent, t.entry+"A")
		to = fmt.Sprintf(`{"number":%q,"line_number":"78005553535"}`, t.to)
	}
	// Numbers as strings here and there, as the provider has them.
	body := fmt.Sprintf(`{"entry_id":%q,"call_id":%q,"timestamp":"%d","seq":"%d","call_state":%q,"location":"abonent","from":%s,"to":%s`,
		t.entry, t.entry+leg, at, t.seq[leg], state, from, to)
	if leg == "A" {
		body += fmt.Sprintf(`,"command_id":%q,"callback_initiator":"API"`, t.command)
	}
	if reason != 0 {
		body += fmt.Sprintf(`,"disconnect_reason":%d`, reason)
	}
	t.p.notice("events/call", body+"}")
}

// hear turns the steps of the switch into notices.
func (t *mangoTalk) hear(ev carrier.SwitchEvent) {
	at := ev.At.Unix()
	switch ev.State {
	case carrier.AgentRinging:
		t.leg("A", "Appeared", at, 0)
	case carrier.AgentAnswered:
		t.leg("A", "Connected", at, 0)
	case carrier.ClientRinging:
		t.leg("A", "Disconnected", at, 1000)
		t.leg("B", "Appeared", at, 0)
	case carrier.ClientAnswered:
		t.answered = at
		t.leg("B", "Connected", at, 0)
	case carrier.SwitchDigit:
		t.p.notice("events/dtmf", fmt.Sprintf(`{"seq":%d,"dtmf":%q,"timestamp":%d,"call_id":%q,"entry_id":%q,"location":"ivr","initiator":%q}`,
			at, ev.Digit, at, t.entry+"B", t.entry, t.to))
	case carrier.SwitchEnded:
		reason := map[int]int{486: 1121, 404: 1133, 603: 1122}[ev.Code]
		if reason == 0 {
			reason = map[string]int{"client": 1120, "agent": 1110, "switch": 1181}[ev.By]
		}
		leg := "B"
		if t.seq["B"] == 0 {
			leg = "A"
		}
		t.leg(leg, "Disconnected", at, reason)
		t.p.notice("events/summary", fmt.Sprintf(`{"entry_id":%q,"call_direction":2,"to":{"number":%q},"create_time":%d,"forward_time":%d,"talk_time":%d,"end_time":%d,"entry_result":1,"disconnect_reason":%d}`,
			t.entry, t.to, at-1, t.answered, t.answered, at, reason))
		t.p.ended <- ev
	}
}

// talk is a talk of somebody else's telephone: both answer, and the client hangs up.
func (t *mangoTalk) talk() {
	now := time.Now().Unix()
	t.leg("A", "Appeared", now, 0)
	t.leg("A", "Connected", now, 0)
	t.leg("A", "Disconnected", now, 1000)
	t.leg("B", "Appeared", now, 0)
	t.leg("B", "Connected", now, 0)
	t.answered = now
	t.leg("B", "Disconnected", now+30, 1120)
	t.p.notice("events/summary", fmt.Sprintf(`{"entry_id":%q,"call_direction":2,"to":{"number":%q},"create_time":%d,"forward_time":%d,"talk_time":%d,"end_time":%d,"entry_result":1,"disconnect_reason":1120}`,
		t.entry, t.to, now, now, now, now+30))
}

// mangoConfig are the keys of the provider, with more of them.
func mangoConfig(base, more string) string {
	return fmt.Sprintf(`providers:
  - {name: office, kind: mango, trunk: pbx, extension: %q, numbers: ["78005553535"], intake: {secret: %s},
     settings: {url: "%s/vpbx/", key: %s, salt: %s, sources: [127.0.0.1]}%s}
`, extension, mangoSecret, base, mangoKey, mangoSalt, more)
}

// mangoCall asks for a call by the provider.
func (w *world) mangoCall(phone string, more map[string]any) string {
	w.t.Helper()
	body := map[string]any{"to": phone, "record_id": w.clip(), "provider": "office"}
	for k, v := range more {
		body[k] = v
	}
	return w.asks("/v1/calls", body)
}

func TestMangoRingsUsAndTheClientWhateverOrderNoticesHave(t *testing.T) {
	t.Parallel()
	for name, deliver := range map[string]func(*mangoPBX, string, string){
		"as things happen": nil,
		"each twice":       func(p *mangoPBX, path, body string) { p.post(path, body); p.post(path, body) },
		"the end of our leg late": func(p *mangoPBX, path, body string) {
			if strings.Contains(body, `"disconnect_reason":1000`) {
				p.held = append(p.held, func() { p.post(path, body) })
				return
			}
			p.post(path, body)
			if strings.Contains(body, `B"`) && strings.Contains(body, `"Connected"`) {
				for _, late := range p.held {
					late()
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := newMango(w, func(p *mangoPBX) { p.deliver = deliver })
			w.start(mangoConfig(serve(t, p), ""))
			id := w.mangoCall("79005551203", map[string]any{"digits": []any{struct{}{}, struct{}{}, struct{}{}, map[string]any{"needBlock": 1}}})
			got := w.ended(id, "answered/blocked_by_digit")
			if len(got.Digits) != 1 || got.Digits[0].Digit != "3" || got.ProviderCallID == nil || !strings.HasPrefix(*got.ProviderCallID, "entry-") {
				t.Errorf("the call is %+v", got)
			}
			last := <-p.ended
			if seen := w.seen(last.ID); last.By != "agent" || seen.HeardMS < 1500 {
				t.Errorf("the client heard %d ms; the switch says %+v", seen.HeardMS, last)
			}
			if n := p.requests("commands/callback"); n != 1 {
				t.Errorf("it was asked %d times", n)
			}
		})
	}
}

func TestMangoCallsThatFail(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		phone string
		is    func(*mangoPBX)
		want  string
		more  string
		ring  string
	}{
		"no money":              {"79005551000", func(p *mangoPBX) { p.answer = `{"result":2240}` }, "trunk_error/provider_failed", "", "60s"},
		"HTML":                  {"79005551000", func(p *mangoPBX) { p.answer = "<html>" }, "trunk_error/provider_timeout", soon, "60s"},
		"the client is busy":    {"79005550486", nil, "busy", "", "60s"},
		"it says nothing of it": {"79005551000", func(p *mangoPBX) { p.deliver = func(*mangoPBX, string, string) {} }, "no_answer/ring_timeout", "", "8s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := newMango(w, tc.is)
			w.start(mangoConfig(serve(t, p), tc.more))
			id := w.mangoCall(tc.phone, map[string]any{"ring_timeout": tc.ring})
			w.ended(id, tc.want)
			if n := p.requests("commands/callback"); n != 1 {
				t.Errorf("it was asked %d times", n)
			}
			if n := countOf(w.events(id), calls.CallCompleted); n != 1 {
				t.Errorf("%d call.completed", n)
			}
		})
	}
}

func TestMangoJoinsAnEmployeeAndTheClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newMango(w, nil)
	w.start(mangoConfig(serve(t, p), ""))
	id := w.asks("/v1/bridges", map[string]any{"first": "77@office", "second": "79005551000", "provider": "office", "from": "78005553535"})
	got := w.ended(id, "answered")
	p.talks.Wait()
	if got.TalkMS != 30000 || got.HangupBy == nil || *got.HangupBy != calls.ByCustomer || len(got.Legs) != 0 {
		t.Errorf("the call is %+v", got)
	}
	for _, typ := range []calls.EventType{calls.CallBridging, calls.CallBridged, calls.CallUnbridged} {
		if countOf(w.events(id), typ) != 1 {
			t.Errorf("%s: told %s", typ, w.trail(id))
		}
	}
}
