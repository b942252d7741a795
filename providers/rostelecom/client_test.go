package rostelecom

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

func TestACallbackIsAskedForAsTheAPIWantsIt(t *testing.T) {
	t.Parallel()
	joined := toClient
	joined.Flow.Bridge = &calls.Bridge{Manager: "employee:emp_1"}
	joined.Employee = &calls.Employee{Extension: "317", Subscriber: "318", Provider: "rt"}
	for name, c := range map[string]struct {
		settings string
		request  providers.PlaceRequest
		want     string
	}{
		"from our pin":             {"", toClient, `{"request_number":"+79161234567","from_pin":"201"}`},
		"in a domain":              {"domain: a.20.rt.ru", toClient, `{"domain":"a.20.rt.ru","request_number":"+79161234567","from_pin":"201"}`},
		"an employee and a client": {"joins: true", joined, `{"request_number":"+79161234567","from_pin":"318"}`},
	} {
		w := newWorld(t, c.settings)
		w.sim.say(methodCallBack, jsonSays(`{"result":"0","resultMessage":"Операция выполнена успешно","session_id":"`+simSession+`"}`))
		got, err := w.p.Place(context.Background(), c.request)
		if err != nil || got.ProviderCallID != simSession {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if bodies := w.sim.bodies(methodCallBack); len(bodies) != 1 || bodies[0] != c.want {
			t.Errorf("%s: sent %q, want %q", name, bodies, c.want)
		}
	}
}

// What the API answers decides whether a telephone may ring: each request is sent once.
func TestWhatBecomesOfARequestByItsAnswer(t *testing.T) {
	t.Parallel()
	const html = "<html><h1>502 Bad Gateway</h1></html>"
	for name, c := range map[string]struct {
		settings string
		answer   func(http.ResponseWriter)
		refused  string // words; "": taken or unknown
		unknown  string
	}{
		"a number for a yes":         {"", jsonSays(`{"result":0,"session_id":"s"}`), "", ""},
		"the callback failed":        {"", jsonSays(`{"result":"-20","resultMessage":"Ошибка"}`), "trying to make the callback", ""},
		"1 is no success":            {"", jsonSays(`{"result":"1","resultMessage":"нет","session_id":"s"}`), `result "1"`, ""},
		"1 is success at the stand":  {"stand: true", jsonSays(`{"result":"1","resultMessage":"Операция выполнена успешно","session_id":"s"}`), "", ""},
		"1 without a session is not": {"stand: true", jsonSays(`{"result":"1","resultMessage":"Ошибка"}`), "Ошибка", ""},
		"a wrong signature":          {"", status(401, "text/html", html), "client_id or sign_key is wrong", ""},
		"no right":                   {"", status(403, "application/json", `{}`), "no right", ""},
		"another host":               {"", status(404, "text/html", "<html>nginx</html>"), "not on this host", ""},
		"too many":                   {"", status(429, "text/plain", ""), "too many requests", ""},
		"moved":                      {"", status(302, "text/html", ""), "redirect", ""},
		"HTML instead of JSON":       {"", status(200, "text/html", html), "", "no JSON"},
		"a gateway's error":          {"", status(502, "text/html", html), "", "502"},
		"no result":                  {"", jsonSays(`{"session_id":"s"}`), "", "no result"},
		"it breaks off":              {"", breaksOff, "", "broke off"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, c.settings)
			w.sim.say(methodCallBack, c.answer)
			_, err := w.p.Place(context.Background(), toClient)
			var refused *calls.PlaceRefused
			var unknown *calls.PlaceUnknown
			switch {
			case c.refused != "":
				if !errors.As(err, &refused) || !strings.Contains(refused.Reason, c.refused) {
					t.Errorf("%v", err)
				}
			case c.unknown != "":
				if !errors.As(err, &unknown) || !strings.Contains(unknown.Reason, c.unknown) {
					t.Errorf("%v", err)
				}
			case err != nil:
				t.Errorf("%v", err)
			}
			if n := len(w.sim.bodies(methodCallBack)); n != 1 {
				t.Errorf("it was asked %d times", n)
			}
			for _, x := range w.house.Journal.Exchanges() {
				if strings.Contains(x.Request+x.Answer+x.Fault, simKey) || !x.Outgoing || x.Method != methodCallBack || x.Correlation != "call_1" {
					t.Errorf("the journal has %+v", x)
				}
			}
		})
	}
}

func TestAnAPIThatCannotBeReachedRingsNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.sim.Close()
	var refused *calls.PlaceRefused
	if _, err := w.p.Place(context.Background(), toClient); !errors.As(err, &refused) {
		t.Errorf("%v", err)
	}
}

func TestAnAPIThatHangsIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	stop := make(chan struct{})
	w.sim.say(methodCallBack, func(http.ResponseWriter) { <-stop })
	defer close(stop)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { _, err := w.p.Place(ctx, toClient); done <- err }()
	<-w.sim.asked
	cancel()
	var unknown *calls.PlaceUnknown
	if err := <-done; !errors.As(err, &unknown) {
		t.Errorf("%v", err)
	}
}

func TestACallIsFollowedToItsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "records: {links: true, ip: 203.0.113.10}")
	w.sim.say(methodCallInfo, status(404, "text/html", "<html>"), jsonSays(`{"result":"0","info":{"state":1,"duration":18,"is_record":true,"status_code":"0","session_log":"0:ct:89161234567;"}}`))
	w.sim.say(methodGetRecord, jsonSays(`{"result":"-1","resultMessage":"запись не найдена"}`), jsonSays(`{"result":0,"url":"https://api.example/records_new_scheme/record/download/a/1"}`))
	f := w.follow(toClient)
	w.event(simSession, "new", "01", client, "") // faster than the answer
	w.event(simSession, "calling", "02", client, "")
	f.placed <- providers.PlaceResult{ProviderCallID: simSession}
	f.told(calls.ReportRinging)
	w.event(simSession, "connected", "10", client, "")
	f.told(calls.ReportAnswered, calls.ReportJoined)
	w.event(simSession, "end", "31", client, "")
	asks(t, w.sim, methodCallInfo)
	w.advance()
	asks(t, w.sim, methodCallInfo)
	if end := f.told(calls.ReportEnded); end.Outcome != calls.OutcomeAnswered || end.TalkMS != 18000 || end.ProviderCallID != simSession {
		t.Errorf("ended %+v", end)
	}
	asks(t, w.sim, methodGetRecord)
	w.advance()
	if rec := f.told(calls.ReportRecord); rec.RecordURL != "https://api.example/records_new_scheme/record/download/a/1" {
		t.Errorf("%+v", rec)
	}
	if got := w.sim.bodies(methodGetRecord)[0]; got != `{"session_id":"`+simSession+`","ip_adress":"203.0.113.10"}` {
		t.Errorf("sent %s", got)
	}
	<-f.over
}

// advance lets the pause between two tries pass, once it has begun.
func (w *world) advance() {
	w.t.Helper()
	select {
	case d := <-w.clock.armed:
		w.clock.Advance(d)
	case <-time.After(patience):
		w.t.Fatal("nothing waits")
	}
}

func asks(t *testing.T, s *simulator, want string) {
	t.Helper()
	if got := <-s.asked; got != want {
		t.Fatalf("%s was asked for, want %s", got, want)
	}
}

func TestACallGoesOnByItsSessionAfterARestart(t *testing.T) {
	t.Parallel()
	info := jsonSays(`{"result":"0","info":{"state":1,"duration":18}}`)
	resumed := toClient
	resumed.MaxDuration, resumed.Resumed = time.Minute, &calls.Resumed{AskedAt: noon.Add(-time.Minute), Rang: true, Answered: true}
	for name, end := range map[string]func(*world){
		"told":                       func(w *world) { w.event(simSession, "end", "31", client, "") },
		"while nobody listened":      func(w *world) { w.advance() },
		"told of a leg, then silent": func(w *world) { w.event(simSession, "connected", "10", client, ""); w.advance() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "")
			w.sim.say(methodCallInfo, info)
			f := w.follow(resumed)
			f.placed <- providers.PlaceResult{ProviderCallID: simSession}
			end(w)
			if end := f.told(calls.ReportEnded); end.Outcome != calls.OutcomeAnswered || end.TalkMS != 18000 || end.ProviderCallID != simSession {
				t.Errorf("ended %+v", end)
			}
			<-f.over
			if n := len(w.sim.bodies(methodCallBack)); n != 0 {
				t.Errorf("the client was rung %d times", n)
			}
		})
	}
}

func TestACallWhoseAnswerWasLostIsFoundByItsClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.sim.say(methodCallInfo, jsonSays(`{"result":0,"info":{"state":2,"status_code":"486"}}`))
	f := w.follow(toClient)
	w.event("another", "calling", "02", "sip:+79990000000@d", "")
	w.event(simSession, "calling", "02", client, "")
	close(f.placed)
	f.told(calls.ReportRinging)
	w.event(simSession, "end", "31", client, "")
	if end := f.told(calls.ReportEnded); end.SIPCode != 486 || end.Outcome != "" {
		t.Errorf("ended %+v", end)
	}
}

func TestTwoCallsAtOnceAreNotMixedUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.sim.say(methodCallInfo, jsonSays(`{"result":0,"info":{"state":1,"duration":1}}`))
	a, b := w.follow(toClient), w.follow(toClient)
	w.event("two", "calling", "02", client, "")
	w.event("one", "calling", "02", client, "")
	b.placed <- providers.PlaceResult{ProviderCallID: "two"}
	a.placed <- providers.PlaceResult{ProviderCallID: "one"}
	if got := a.told(calls.ReportRinging); got.ProviderCallID != "one" {
		t.Errorf("%+v", got)
	}
	if got := b.told(calls.ReportRinging); got.ProviderCallID != "two" {
		t.Errorf("%+v", got)
	}
}

func TestTheAddressBookIsRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.sim.say(methodUsersInfo, jsonSays(`{"result":"0","resultMessage":"","users":[{"display_name":"Иван Петров","name":"ivan","pin":201},{"display_name":null,"name":"b","pin":"202"}]}`))
	got, err := w.p.Users(context.Background(), "")
	if err != nil || len(got) != 2 || got[0] != (User{"Иван Петров", "ivan", "201"}) || got[1].PIN != "202" {
		t.Errorf("%+v, %v", got, err)
	}
}
