package salebot

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/outbox"
	"zvonar/providers/providerstest"
)

var noon = time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)

// captures are calls that were written down.
type captures map[string]bool

// Path implements providers.Captures.
func (c captures) Path(_, call string) (string, error) {
	if c[call] {
		return "/x", nil
	}
	return "", fs.ErrNotExist
}

// project is a destination of this kind in a house.
type project struct {
	*providerstest.World
	*platform
	t     testing.TB
	to    *calls.Webhook
	sink  outbox.Sink
	state map[string]string
	ctx   context.Context // of what is sent
}

func newProject(t testing.TB, settings string) *project {
	t.Helper()
	p := newPlatform(t)
	w := providerstest.New(clock.NewFake(noon))
	w.Memory.Employees = []*calls.Employee{{ID: "emp_1", Account: "main", Name: "Анна", Extension: "201", Phone: "79333221100"}}
	w.House.Captures = captures{"call_talked": true}
	to := &calls.Webhook{ID: "wh_1", Kind: Kind, Account: "main", URL: p.url, Secret: projectKey, Settings: json.RawMessage(settings)}
	if err := (sink{w.House}).Check(to); err != nil {
		t.Fatal(err)
	}
	return &project{World: w, platform: p, t: t, to: to, sink: w.JournalledSink(sink{w.House}), state: map[string]string{}, ctx: context.Background()}
}

// send puts an event of a call through the sink as the outbox does.
func (p *project) send(c *calls.Call, kind calls.EventType, data any) (outbox.Answer, bool) {
	p.t.Helper()
	p.Memory.PutCall(c)
	e := calls.ForCall("evt_1", noon.Add(time.Minute), c, kind, data)
	it := outbox.Item{To: p.to, Event: e, State: p.state[c.ID]}
	m, err := p.sink.Map(it)
	if errors.Is(err, outbox.ErrNotWanted) {
		return outbox.Answer{}, false
	}
	if err != nil {
		p.t.Fatal(err)
	}
	a := p.sink.Send(p.ctx, outbox.Exchange{Item: it, Message: m, Client: http.DefaultClient, Secrets: []string{projectKey}, Now: e.Time})
	if a.State != nil {
		p.state[c.ID] = *a.State
	}
	return a, true
}

// talked is a call in that an employee took.
func talked() *calls.Call {
	answered, ended := noon.Add(5*time.Second), noon.Add(35*time.Second)
	return &calls.Call{ID: "call_talked", Account: "main", Direction: calls.In, Status: calls.StatusCompleted, Outcome: calls.OutcomeAnswered, Reason: calls.ReasonHangup,
		From: "79220001122", To: "74991234567", Line: "74991234567", Employee: "emp_1", CreatedAt: noon, AnsweredAt: &answered, EndedAt: &ended, TalkMS: 30_000}
}

// broadcast is a call out that pressed a digit.
func broadcast() *calls.Call {
	ended := noon.Add(35 * time.Second)
	return &calls.Call{ID: "call_out", Account: "main", Direction: calls.Out, Status: calls.StatusCompleted, Outcome: calls.OutcomeAnswered, To: "79161234567",
		CreatedAt: noon, AnsweredAt: &noon, EndedAt: &ended, TalkMS: 20_500, Digits: []calls.DigitPress{{Digit: "1", Leg: calls.RoleCustomer}, {Digit: "3", Leg: calls.RoleCustomer}}}
}

func TestTheSevenBeelineVariablesAndTheEventReachTheDeal(t *testing.T) {
	t.Parallel()
	p := newProject(t, `{"dialect":"beeline"}`)
	p.telephony["79220001122"] = 42
	if _, wanted := p.send(talked(), calls.CallRinging, nil); wanted {
		t.Error("more is told than the integration tells")
	}
	a, _ := p.send(talked(), calls.CallCompleted, nil)
	if a.Then != outbox.Delivered || p.told() != "42 beeline_call_event Incoming" {
		t.Fatalf("%+v", a)
	}
	got := p.variables[42]
	link := got["beeline_record_link"]
	delete(got, "beeline_record_link")
	want := map[string]string{"beeline_call_type": "Incoming", "beeline_client_phone": "79220001122", "beeline_operator_phone": "79333221100",
		"beeline_start_time": "21.11.2026 12:00:00", "beeline_release_time": "21.11.2026 12:00:35",
		"beeline_call_description": "21.11.2026, 12:00 Принятый входящий звонок. Абонент: Анна 79333221100. Клиент: 79220001122"}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s = %q, want %q", name, got[name], value)
		}
	}
	if len(got) != len(want) || !strings.HasPrefix(link, "http://zvonar.test/v1/calls/call_talked/recording?expires=") {
		t.Errorf("%v, %s", got, link)
	}
	if p.log() != "find_client_id_by_platform_id save_variables callback" {
		t.Error("another way was gone")
	}
	// The sound comes later: its variable is set, the bot is not called a second time,
	// and the client is not looked for again.
	if a, _ := p.send(talked(), calls.CallRecordingReady, map[string]string{"url": "http://zvonar.test/record"}); a.Then != outbox.Delivered {
		t.Errorf("%+v", a)
	}
	if p.log() != "save_variables" || p.told() != "" || p.variables[42]["beeline_record_link"] != "http://zvonar.test/record" {
		t.Error("the late record was not told as it should")
	}
	missed := talked()
	missed.ID, missed.AnsweredAt, missed.Direction, missed.To, missed.Employee = "call_missed", nil, calls.Out, "79161234567", ""
	if _, ok := p.send(missed, calls.CallCompleted, nil); !ok || !strings.HasSuffix(p.told(), " beeline_call_event Outgoing") {
		t.Error("a call out was not told")
	}
	for _, v := range p.variables {
		if d := v["beeline_call_description"]; strings.Contains(d, "Пропущенный") && d != "21.11.2026, 12:00 Пропущенный исходящий звонок. Клиент: 79161234567" {
			t.Error(d)
		}
	}
}

func TestZvonobotNoticesBearTheNamesThatAProjectGives(t *testing.T) {
	t.Parallel()
	p := newProject(t, `{"dialect":"zvonobot","scope":"client","names":{"zvonobot_call_finish":"обзвон завершён","zvonobot_call_digits":"нажал"},"resume_bot":true}`)
	p.telephony["79161234567"] = 7
	p.send(broadcast(), calls.CallCompleted, nil)
	if told := p.told(); told != "7 обзвон завершён" {
		t.Error(told)
	}
	if v := p.variables[7]; v["client.нажал"] != "13" || v["client.zvonobot_call_status"] != "answered" || v["client.zvonobot_call_duration"] != "20" {
		t.Errorf("%v", v)
	}
	canceled := broadcast()
	canceled.ID, canceled.Outcome = "call_2", calls.OutcomeCanceled
	p.send(canceled, calls.CallCompleted, nil)
	if told := p.told(); told != "7 zvonobot_call_cancel" {
		t.Error(told)
	}
}

func TestEveryEventOfACallIsToldInOurOwnWords(t *testing.T) {
	t.Parallel()
	p := newProject(t, ``)
	p.telephony["79161234567"] = 7
	c := broadcast()
	for _, kind := range []calls.EventType{calls.CallQueued, calls.CallDialing, calls.CallAnswered} {
		p.send(c, kind, nil)
	}
	p.send(c, calls.CallDigit, map[string]string{"digit": "3"})
	p.send(c, calls.CallCompleted, nil)
	if told := p.told(); told != "7 zvonar_call_event queued; 7 zvonar_call_event dialing; 7 zvonar_call_event answered; 7 zvonar_call_event digit; 7 zvonar_call_event completed" {
		t.Error(told)
	}
	if v := p.variables[7]; v["zvonar_digit"] != "3" || v["zvonar_digits"] != "13" || v["zvonar_call_outcome"] != "answered" || v["zvonar_release_time"] != "21.11.2026 12:00:35" ||
		v["zvonar_talk_seconds"] != "20" || v["zvonar_client_phone"] != "79161234567" {
		t.Errorf("%v", v)
	}
	if log := p.log(); strings.Count(log, "find_") != 1 {
		t.Error("the client was looked for more than once: " + log)
	}
	if _, wanted := p.send(c, calls.SMSSent, nil); wanted {
		t.Error("what is no event of a call was told")
	}
	hidden := talked()
	hidden.ID, hidden.From = "call_hidden", ""
	if a, _ := p.send(hidden, calls.CallCompleted, nil); a.Then != outbox.Delivered || p.log() != "" {
		t.Errorf("a caller without a number: %+v", a)
	}
}

func TestTheClientIsFoundByThePlatformsOwnRule(t *testing.T) {
	t.Parallel()
	const number = "79161234567"
	for name, c := range map[string]struct {
		settings string
		change   func(*platform)
		want     string // the actions of the search
		client   int64
	}{
		"a telephony client":              {``, func(p *platform) { p.telephony[number] = 5; p.holders[number] = []int64{6} }, "find_client_id_by_platform_id", 5},
		"somebody with the number":        {``, func(p *platform) { p.holders[number] = []int64{9, 3} }, "find_client_id_by_platform_id find_clients", 9},
		"nobody, a messenger":             {``, func(p *platform) { p.whatsapp = "bot" }, "find_client_id_by_platform_id find_clients connected_channels load_clients", 501},
		"nobody, no messenger":            {``, func(*platform) {}, "find_client_id_by_platform_id find_clients connected_channels load_clients", 501},
		"a messenger by configuration":    {`{"messenger":"bot"}`, func(*platform) {}, "find_client_id_by_platform_id find_clients load_clients", 501},
		"telephony by configuration":      {`{"messenger":"none"}`, func(p *platform) { p.whatsapp = "bot" }, "find_client_id_by_platform_id find_clients load_clients", 501},
		"an answer of 404 is a not found": {``, func(p *platform) { p.faults["find_client_id_by_platform_id"] = "404"; p.holders[number] = []int64{9} }, "find_client_id_by_platform_id find_clients", 9},
	} {
		p := newProject(t, c.settings)
		p.change(c.change)
		if a, _ := p.send(broadcast(), calls.CallCompleted, nil); a.Then != outbox.Delivered {
			t.Errorf("%s: %+v", name, a)
		}
		if log := p.log(); log != c.want+" save_variables callback" {
			t.Errorf("%s: %s", name, log)
		}
		if p.variables[c.client] == nil {
			t.Errorf("%s: told %v", name, p.variables)
		}
		telephony := p.telephony[number] == 501
		if made := strings.Contains(c.want, "load"); made && telephony != (name == "nobody, no messenger" || name == "telephony by configuration") {
			t.Errorf("%s: a client of another type was made", name)
		}
	}
}

func TestFailuresAreTriedAgainAndTheClientIsKept(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		action, fault string
		fate          outbox.Fault
		words         string
	}{
		"a fail in a 200":         {"callback", `{"status":"fail","message":"limit"}`, outbox.Unwanted, "callback: fail: limit"},
		"an order not found":      {"save_variables", `{"status":"order 5 not found"}`, outbox.Unwanted, "order 5 not found"},
		"HTML":                    {"callback", "html", outbox.Unwell, "not JSON"},
		"429":                     {"save_variables", "429", outbox.Unwell, "429"},
		"500 of a search":         {"find_clients", "500", outbox.Unwell, "500"},
		"HTML of a search":        {"find_client_id_by_platform_id", "html", outbox.Unwell, "not JSON"},
		"a lost connection":       {"callback", "reset", outbox.Unreachable, "callback"},
		"a client that is no one": {"load_clients", `{"status":"success","items":[]}`, outbox.Unwanted, "names no client"},
	} {
		p := newProject(t, ``)
		p.change(func(pl *platform) { pl.faults[c.action] = c.fault })
		a, _ := p.send(broadcast(), calls.CallCompleted, nil)
		if a.Then != outbox.Retry || a.Fault != c.fate || !strings.Contains(a.Error, c.words) || strings.Contains(a.Error+a.Text, projectKey) {
			t.Errorf("%s: %+v", name, a)
		}
		if c.fault == "429" && a.After != 7*time.Second {
			t.Errorf("%s: %+v", name, a)
		}
		p.change(func(pl *platform) { pl.faults = map[string]string{} })
		p.log()
		if a, _ = p.send(broadcast(), calls.CallCompleted, nil); a.Then != outbox.Delivered || !strings.HasSuffix(p.told(), "zvonar_call_event completed") {
			t.Errorf("%s: the second attempt: %+v", name, a)
		}
		late := c.action == "callback" || c.action == "save_variables"
		if log := p.log(); late && strings.Contains(log, "find") {
			t.Errorf("%s: the client was forgotten: %s", name, log)
		}
		for _, x := range p.Journal.Exchanges() {
			if strings.Contains(x.Request+x.Answer+x.Fault, projectKey) {
				t.Errorf("%s: the journal shows the key: %s", name, x.Request)
			}
		}
	}
}

func TestAPlatformThatHangsIsLeftAndTriedAgain(t *testing.T) {
	t.Parallel()
	p := newProject(t, ``)
	p.change(func(pl *platform) { pl.faults["callback"] = "hang" })
	ctx, giveUp := context.WithCancel(context.Background())
	p.ctx = ctx
	go func() {
		<-p.hung
		giveUp()
	}()
	if a, _ := p.send(broadcast(), calls.CallCompleted, nil); a.Then != outbox.Retry || a.Fault != outbox.Unreachable {
		t.Errorf("%+v", a)
	}
	p.ctx = context.Background()
	p.change(func(pl *platform) { pl.faults = map[string]string{} })
	if a, _ := p.send(broadcast(), calls.CallCompleted, nil); a.Then != outbox.Delivered || p.told() == "" {
		t.Errorf("the second attempt: %+v", a)
	}
}

func TestAClientWhoWasDeletedIsLookedForAgain(t *testing.T) {
	t.Parallel()
	p := newProject(t, ``)
	p.telephony["79161234567"] = 7
	p.send(broadcast(), calls.CallQueued, nil)
	p.change(func(pl *platform) {
		pl.telephony["79161234567"] = 8
		pl.faults["save_variables"] = `{"status":"client_not_found"}`
	})
	if a, _ := p.send(broadcast(), calls.CallCompleted, nil); a.Then != outbox.Retry || p.state["call_out"] != "" {
		t.Errorf("%+v", a)
	}
	p.change(func(pl *platform) { pl.faults = map[string]string{} })
	if a, _ := p.send(broadcast(), calls.CallCompleted, nil); a.Then != outbox.Delivered || p.variables[8] == nil {
		t.Errorf("%+v", a)
	}
}
