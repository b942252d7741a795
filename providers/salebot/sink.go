package salebot

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/outbox"
	"zvonar/providers"
)

// Kind is the name of the platform: of destinations, in metrics and in the journal.
const Kind = "salebot"

// System is the folder as the binary lists it.
func System() providers.System {
	return providers.System{Kind: Kind, Sinks: func(h *providers.House) []outbox.Sink { return []outbox.Sink{sink{h}} }}
}

// sink tells a project of the platform of our calls. The address of a destination is
// that of the API, such as https://chatter.salebot.pro/api/; its secret is the
// project's key, which goes behind it.
type sink struct{ house *providers.House }

var (
	_ outbox.Sink    = sink{}
	_ outbox.Checker = sink{}
)

// Kind implements outbox.Sink.
func (sink) Kind() string { return Kind }

// Check implements outbox.Checker.
func (sink) Check(w *calls.Webhook) error {
	if !keyForm.MatchString(w.Secret) {
		return calls.Errorf(calls.CodeInvalidField, "the secret is the API key of the Salebot project").At("body.secret", nil)
	}
	if u, err := url.Parse(w.URL); err != nil || u.RawQuery != "" || strings.Contains(w.URL, w.Secret) {
		return calls.Errorf(calls.CodeInvalidField, "the address is https://chatter.salebot.pro/api/ without the key, which is the secret").At("body.url", nil)
	}
	if _, err := readSettings(w.Settings); err != nil {
		return calls.Errorf(calls.CodeInvalidField, "%s", err.Error()).At("body.settings", nil)
	}
	return nil
}

// Rate implements outbox.Sink: the platform publishes no limits.
func (sink) Rate(w *calls.Webhook) outbox.Rate {
	set, err := readSettings(w.Settings)
	if err != nil {
		return outbox.Rate{PerSecond: 1, Parallel: 1}
	}
	return outbox.Rate{PerSecond: set.Rate, Burst: 3, Parallel: 2}
}

// Map implements outbox.Sink. What is said depends on the call, which Send reads.
func (sink) Map(it outbox.Item) (outbox.Message, error) {
	set, err := readSettings(it.To.Settings)
	if err != nil {
		return outbox.Message{}, err
	}
	if it.Event.CallID == "" || !wanted(set.Dialect, it.Event.Type) {
		return outbox.Message{}, outbox.ErrNotWanted
	}
	return outbox.Message{}, nil
}

// remembered is what is kept of a call between its events.
type remembered struct {
	Client int64 `json:"client"`
}

// Send implements outbox.Sink: it finds the client, sets his variables, and then
// calls the bot back, which may use them.
func (s sink) Send(ctx context.Context, x outbox.Exchange) outbox.Answer {
	set, err := readSettings(x.To.Settings)
	if err != nil || len(x.Secrets) == 0 || !keyForm.MatchString(x.Secrets[0]) {
		return outbox.Answer{Error: "the settings or the key of the destination cannot be used"}
	}
	t, err := s.talkOf(ctx, x.Event)
	switch {
	case errors.Is(err, calls.ErrNotFound):
		return outbox.Answer{Then: outbox.Dead, Error: "the call is no longer kept"}
	case err != nil:
		return outbox.Answer{Fault: outbox.Unwell, Error: "the call could not be read"}
	case t.client == "":
		return outbox.Answer{Then: outbox.Delivered, Text: "the caller hid his number: there is no client to tell of"}
	}
	said := set.say(t)
	if said.text == "" && len(said.variables) == 0 {
		return outbox.Answer{Then: outbox.Delivered}
	}
	v := &visit{x: x, set: set, ctx: ctx}
	v.tell(t.client, said)
	return v.result()
}

// talkOf reads what there is to say of an event.
func (s sink) talkOf(ctx context.Context, e calls.Event) (t talk, err error) {
	t.event = e
	err = s.house.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		if t.call, err = tx.Call(e.Account, e.CallID); err != nil || t.call.Employee == "" {
			return err
		}
		switch who, err := tx.Employee(e.Account, t.call.Employee); {
		case err == nil:
			t.operator, t.operatorName = cmp.Or(who.Phone, who.Extension), who.Name
		case !errors.Is(err, calls.ErrNotFound):
			return err
		}
		return nil
	})
	if err != nil {
		return t, err
	}
	number := t.call.To
	if t.call.Direction == calls.In {
		number = t.call.From
	}
	if n, ok := numberOf(number); ok {
		t.client = n
	}
	if e.Type == calls.CallRecordingReady || e.Type == calls.CallCompleted {
		t.record = s.recordLink(t.call, e)
	}
	return t, nil
}

// recordLink opens the sound of a call that was written down, for a while.
func (s sink) recordLink(c *calls.Call, e calls.Event) string {
	var data struct {
		URL string `json:"url"`
	}
	if e.Type == calls.CallRecordingReady && json.Unmarshal(e.Data, &data) == nil && data.URL != "" {
		return data.URL
	}
	if s.house.Captures == nil || c.AnsweredAt == nil {
		return ""
	}
	if _, err := s.house.Captures.Path(c.Account, c.ID); err != nil {
		return ""
	}
	return s.house.Links.URL(c.ID, e.Time.Add(calls.CaptureLinkLife))
}

// visit is one attempt at telling the platform, which takes several requests.
type visit struct {
	x    outbox.Exchange
	set  settings
	ctx  context.Context
	fail *outbox.Answer // the first thing that went wrong
	last outbox.Answer
	keep *string // to be remembered of the call
}

func (v *visit) result() outbox.Answer {
	a := v.last
	if v.fail != nil {
		a = *v.fail
	}
	a.State = v.keep
	return a
}

// tell does it all, and stops where something goes wrong.
func (v *visit) tell(number string, said notice) {
	client, ok := v.client(number)
	if !ok {
		return
	}
	if len(said.variables) > 0 {
		named := map[string]string{}
		for ours, value := range said.variables {
			named[v.set.variable(ours)] = value
		}
		if _, ok := v.ask("save_variables", map[string]any{"client_id": client, "variables": named}); !ok {
			return
		}
	}
	if said.text != "" {
		call := map[string]any{"client_id": client, "message": said.text}
		if v.set.ResumeBot {
			call["resume_bot"] = true
		}
		v.ask("callback", call)
	}
}

// client is the one that was found for an earlier event of the call, or the one that
// match leads to.
func (v *visit) client(number string) (id int64, ok bool) {
	var before remembered
	if v.x.State != "" && json.Unmarshal([]byte(v.x.State), &before) == nil && before.Client > 0 {
		return before.Client, true
	}
	var f found
	if v.set.Messenger != messengerAuto {
		bot := v.set.Messenger
		if bot == messengerNone {
			bot = ""
		}
		f.messenger = &bot
	}
	for {
		next, client := match(f)
		if next == known {
			v.remember(client)
			return client, true
		}
		if id, ok = v.take(next, number, &f); !ok {
			return 0, false
		}
		if id != 0 {
			v.remember(id)
			return id, true
		}
	}
}

func (v *visit) remember(client int64) {
	text := string(body(remembered{Client: client}))
	v.keep = &text
}

// take does one step of the search; id is a client that was made.
func (v *visit) take(next step, number string, f *found) (id int64, ok bool) {
	switch next {
	case askTelephony:
		a, ok := v.search("find_client_id_by_platform_id", map[string]any{"platform_id": number, "group_id": ""})
		client := a.client()
		f.telephony = &client
		return 0, ok
	case askVariables:
		a, ok := v.search("find_clients", map[string]any{"q": number, "include_all": true})
		f.variables, f.searched = a.clients(), true
		return 0, ok
	case askMessenger:
		a, ok := v.search("connected_channels", map[string]any{})
		bot := a.messenger()
		f.messenger = &bot
		return 0, ok
	case makeWhatsApp:
		return v.make(number, *f.messenger, typeWhatsApp)
	case makeTelephony, known:
	}
	return v.make(number, "", typeTelephony)
}

// make makes a client, or gets the one that there is.
func (v *visit) make(number, group string, kind int) (int64, bool) {
	a, ok := v.ask("load_clients", []map[string]any{{"platform_id": number, "group_id": group, "client_type": kind}})
	if !ok {
		return 0, false
	}
	id, made := a.made()
	if !made {
		v.stop(outbox.Answer{Fault: outbox.Unwanted, Error: "load_clients: the answer names no client"})
	}
	return id, made
}

// search asks where a failure says that nothing was found.
func (v *visit) search(action string, what any) (answer, bool) {
	a, sent := v.send(action, what)
	if sent.Status == http.StatusNotFound {
		return answer{}, true
	}
	if sent.Then != outbox.Delivered {
		v.stop(sent)
		return answer{}, false
	}
	if words, _ := a.failure(); words != "" {
		return answer{}, true
	}
	return a, true
}

// ask asks for what must be done. A failure in a 200 is one: it is tried again, and
// where the client is gone he is looked for again.
func (v *visit) ask(action string, what any) (answer, bool) {
	a, sent := v.send(action, what)
	if sent.Then != outbox.Delivered {
		v.stop(sent)
		return a, false
	}
	words, missing := a.failure()
	if words == "" {
		v.last = sent
		return a, true
	}
	if missing {
		forget := ""
		v.keep = &forget
	}
	v.stop(outbox.Answer{Fault: outbox.Unwanted, Status: sent.Status, Error: action + ": " + words, Text: sent.Text})
	return a, false
}

func (v *visit) stop(a outbox.Answer) {
	if v.fail == nil {
		v.fail = &a
	}
}

// pause bounds one request of several.
const pause = 10 * time.Second

// send makes one request. Its answer must be JSON to count as delivered.
func (v *visit) send(action string, what any) (answer, outbox.Answer) {
	ctx, cancel := context.WithTimeout(providers.Labelled(v.ctx, providers.Label{Method: action, Secrets: v.x.Secrets}), pause)
	defer cancel()
	address := strings.TrimSuffix(v.x.To.URL, "/") + "/" + v.x.Secrets[0] + "/" + action
	req, err := http.NewRequest(http.MethodPost, address, bytes.NewReader(body(what)))
	if err != nil {
		return answer{}, outbox.Answer{Error: "the URL cannot be read"}
	}
	req.Header.Set("Content-Type", "application/json")
	sent, told := outbox.ExchangedBody(ctx, v.x.Client, req, v.x.Now)
	if sent.Then != outbox.Delivered {
		sent.Error = fmt.Sprintf("%s: %s", action, sent.Error)
		return answer{}, sent
	}
	a, err := readAnswer(told)
	if err != nil {
		return a, outbox.Answer{Fault: outbox.Unwell, Status: sent.Status, Error: action + ": " + err.Error(), Text: sent.Text}
	}
	return a, sent
}
