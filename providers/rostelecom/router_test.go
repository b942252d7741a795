package rostelecom

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/providers/providerstest"
)

// asCRM is a client whose CRM is the simulator.
func asCRM(t *testing.T, sim *simulator, more string) *Provider {
	t.Helper()
	p, err := newProvider(providerstest.New(clock.NewFake(noon)).House, "crm", yamlText("crm:\n  url: "+sim.URL+"/\n  client_id: "+simID+"\n  sign_key: "+simKey+"\n"+more))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var aCaller = calls.RouteQuery{Account: "main", CallID: "call_1", From: "79771234567", To: "74951234567"}

func TestACRMIsAskedForACaller(t *testing.T) {
	t.Parallel()
	sim := newSimulator(t, nil)
	sim.say(methodNumberInfo, jsonSays(`{"result":0,"resultMessage":"","displayName":"Иван Петров","PIN":"317"}`))
	for name, c := range map[string]struct{ settings, want string }{
		"SIP URIs": {"  domain: d.20.rt.ru", `{"domain":"d.20.rt.ru","timestamp":"2026-11-21 12:00:00.000","from_number":"sip:+79771234567@d.20.rt.ru","request_number":"sip:+74951234567@d.20.rt.ru"}`},
		"numbers":  {"  numbers: e164", `{"timestamp":"2026-11-21 12:00:00.000","from_number":"+79771234567","request_number":"+74951234567"}`},
	} {
		got, err := asCRM(t, sim, c.settings).Route(context.Background(), aCaller)
		if err != nil || got != (calls.RouteAnswer{Found: true, Target: "317", Name: "Иван Петров"}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		bodies := sim.bodies(methodNumberInfo)
		if body := bodies[len(bodies)-1]; body != c.want {
			t.Errorf("%s: sent %s", name, body)
		}
	}
}

func TestWhatACRMAnswers(t *testing.T) {
	t.Parallel()
	signedSays := func(body, key string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			putSign(w.Header(), simID, []byte(body), key)
			_, _ = w.Write([]byte(body))
		}
	}
	found := calls.RouteAnswer{Found: true, Target: "317", Name: "Иван"}
	const yes = `{"result":"0","resultMessage":null,"displayName":"Иван","PIN":317}`
	for name, c := range map[string]struct {
		settings string
		answer   func(http.ResponseWriter)
		want     calls.RouteAnswer
		fails    string
	}{
		"found":                        {"", jsonSays(yes), found, ""},
		"in small letters":             {"", jsonSays(`{"result":0,"displayName":"Иван","pin":"317"}`), found, ""},
		"without a manager":            {"", jsonSays(`{"result":0,"displayName":"Иван","PIN":null}`), calls.RouteAnswer{Found: true, Name: "Иван"}, ""},
		"not found":                    {"", jsonSays(`{"result":1,"resultMessage":"нет такого","displayName":null,"PIN":null}`), calls.RouteAnswer{}, ""},
		"HTML":                         {"", status(200, "text/html", "<html>"), calls.RouteAnswer{}, "no JSON"},
		"a fault":                      {"", status(500, "text/html", "<html>"), calls.RouteAnswer{}, "status 500"},
		"too many":                     {"", status(429, "text/html", ""), calls.RouteAnswer{}, "status 429"},
		"no result":                    {"", jsonSays(`{"PIN":"317"}`), calls.RouteAnswer{}, "no result"},
		"a target that is none":        {"", jsonSays(`{"result":0,"PIN":"317@evil"}`), calls.RouteAnswer{}, "no internal number"},
		"half an answer":               {"", breaksOff, calls.RouteAnswer{}, "broke off"},
		"too much":                     {"", status(200, "application/json", strings.Repeat(" ", 70<<10)+yes), calls.RouteAnswer{}, "larger than"},
		"signed":                       {"  signed: always", signedSays(yes, simKey), found, ""},
		"signed wrong":                 {"", signedSays(yes, "x"), calls.RouteAnswer{}, "not signed"},
		"signed wrong, which is fine":  {"  signed: never", signedSays(yes, "x"), found, ""},
		"not signed, which it must be": {"  signed: always", jsonSays(yes), calls.RouteAnswer{}, "not signed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim := newSimulator(t, nil)
			sim.say(methodNumberInfo, c.answer)
			got, err := asCRM(t, sim, c.settings).Route(context.Background(), aCaller)
			if got != c.want || (err != nil) != (c.fails != "") || err != nil && !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func TestTheConsoleSendsAndSigns(t *testing.T) {
	t.Parallel()
	sim := newSimulator(t, nil)
	p := asCRM(t, sim, "")
	sim.say(methodCallEvents, jsonSays(`{"result":0}`))
	a, err := p.Test(context.Background(), methodCallEvents, []byte(sampleEvent))
	if err != nil || a.Status != 200 || sim.bodies(methodCallEvents)[0] != sampleEvent {
		t.Errorf("%+v, %v", a, err)
	}
	if _, err := p.Test(context.Background(), methodCallBack, []byte(`{}`)); err == nil {
		t.Error("there is no API to send that to")
	}
	if _, err := p.Test(context.Background(), "nonsense", nil); err == nil {
		t.Error("an unknown method was sent")
	}
	marks, err := p.Sign(methodCallEvents, []byte(sampleEvent))
	if err != nil || len(marks) != 3 || marks[2].Value != sign(simID, []byte(sampleEvent), simKey) {
		t.Errorf("%+v, %v", marks, err)
	}
	for _, s := range samples() {
		if !json.Valid([]byte(s.Body)) || s.Title == "" {
			t.Errorf("the sample of %s: %s", s.Method, s.Body)
		}
	}
}

func TestSettingsThatCannotWorkAreNamed(t *testing.T) {
	t.Parallel()
	ids := "client_id: a\nsign_key: b\n"
	for text, want := range map[string]string{
		"":                                    "client_id: ",
		"client_id: a":                        "sign_key: ",
		"crm: {url: \"http://x\"}":            "crm.sign_key: ",
		ids + "api: ftp://x":                  "api: ",
		ids + "api: \"https://u:p@x\"":        "api: ",
		ids + "from_pin: a\nfrom_sipuri: b@c": "from_pin: ",
		ids + "client_on: third":              "client_on: ",
		ids + "timeout: 5m":                   "timeout: ",
		ids + "tls: {mode: maybe}":            "tls.mode: ",
		ids + "tls: {trust: [/nowhere.pem]}":  "tls.trust[0]: ",
		"crm: {url: \"http://x\", client_id: a, sign_key: b}\nnumber_info: {on: true}": "number_info.on: ",
		"crm: {url: \"http://x\", client_id: a, sign_key: b, numbers: roman}":          "crm.numbers: ",
		"crm: {url: \"http://x\", client_id: a, sign_key: b, tls: {cert: a}}":          "crm.tls.cert: ",
		"crm: {url: \"http://x\", client_id: a, sign_key: b, timeout: 1m}":             "crm.timeout: ",
		"crm: {url: \"javascript:x\", client_id: a, sign_key: b}":                      "crm.url: ",
	} {
		_, err := newProvider(providerstest.New(nil).House, "rt", yamlText(text))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
