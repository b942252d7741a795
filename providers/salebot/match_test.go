package salebot

import (
	"encoding/json"
	"testing"

	"zvonar/internal/calls"
)

func TestMatchingGoesByTheOrderOfThePlatform(t *testing.T) {
	t.Parallel()
	no, seven, bot, none := int64(0), int64(7), "bot", ""
	for name, c := range map[string]struct {
		f      found
		next   step
		client int64
	}{
		"nothing asked":                     {found{}, askTelephony, 0},
		"a telephony client, whatever else": {found{telephony: &seven, searched: true, variables: []int64{1}, messenger: &bot}, known, 7},
		"no telephony client":               {found{telephony: &no}, askVariables, 0},
		"the first of several":              {found{telephony: &no, searched: true, variables: []int64{4, 2, 9}}, known, 4},
		"nobody":                            {found{telephony: &no, searched: true}, askMessenger, 0},
		"nobody, a messenger":               {found{telephony: &no, searched: true, messenger: &bot}, makeWhatsApp, 0},
		"nobody, no messenger":              {found{telephony: &no, searched: true, messenger: &none}, makeTelephony, 0},
	} {
		if next, client := match(c.f); next != c.next || client != c.client {
			t.Errorf("%s: %d, %d", name, next, client)
		}
	}
}

func TestNumbersAreDigitsWithTheCountryFirst(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"79220001122": "79220001122", "+7 (922) 000-11-22": "79220001122", "89220001122": "79220001122", "9220001122": "79220001122",
		"4991234567": "74991234567", "375291234567": "375291234567", "8005553535": "78005553535", "201": "", "": "", "02200011223": "", "1234567890123456": "", "2200011223": ""} {
		if got, ok := numberOf(in); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q, %v; want %q", in, got, ok, want)
		}
	}
}

func TestAnswersAreReadInTheirSpellings(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{`{"client_id":5}`: 5, `{"status":"success","client_id":"6"}`: 6, `{"id":7}`: 7, `{"client":{"id":8}}`: 8, `[9]`: 9,
		`{"client_ids":[10,11]}`: 10, `{"clients":[{"id":12}]}`: 12, `{"client_id":0}`: 0, `{"client_id":-1}`: 0, `{}`: 0, `null`: 0} {
		a, err := readAnswer([]byte(text))
		if err != nil || a.client() != want {
			t.Errorf("%s: %d, %v", text, a.client(), err)
		}
	}
	for text, want := range map[string]string{`{"channels":[{"type":"whatsapp","status":1,"id":4}]}`: "4", `[{"client_type":6,"status":1,"group_id":"g"}]`: "g",
		`{"whatsapp":[{"status":1,"bot_id":"b"}]}`: "b", `{"whatsapp":[{"status":3,"bot_id":"b"}]}`: "", `{"vk":[{"status":1,"id":"v"}]}`: "", `{}`: ""} {
		a, err := readAnswer([]byte(text))
		if err != nil || a.messenger() != want {
			t.Errorf("%s: %q, %v", text, a.messenger(), err)
		}
	}
}

func TestDestinationsThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]calls.Webhook{
		"no key": {URL: "https://chatter.salebot.pro/api/"}, "a signing secret": {URL: "https://chatter.salebot.pro/api/", Secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw+/="},
		"the key in the address": {URL: "https://chatter.salebot.pro/api/" + projectKey, Secret: projectKey}, "a query": {URL: "https://chatter.salebot.pro/api/?x=1", Secret: projectKey},
		"an unknown setting": {URL: "https://x/", Secret: projectKey, Settings: json.RawMessage(`{"dialekt":"beeline"}`)}, "another dialect": {URL: "https://x/", Secret: projectKey, Settings: json.RawMessage(`{"dialect":"mango"}`)},
		"no zone": {URL: "https://x/", Secret: projectKey, Settings: json.RawMessage(`{"timezone":"Msk"}`)}, "a scope": {URL: "https://x/", Secret: projectKey, Settings: json.RawMessage(`{"scope":"all"}`)},
		"a rate": {URL: "https://x/", Secret: projectKey, Settings: json.RawMessage(`{"rate":1000}`)}, "an empty name": {URL: "https://x/", Secret: projectKey, Settings: json.RawMessage(`{"names":{"a":""}}`)},
		"no object": {URL: "https://x/", Secret: projectKey, Settings: json.RawMessage(`[1]`)},
	} {
		if err := (sink{}).Check(&w); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"status":"success","client_ids":[1],"channels":[{"type":"whatsapp","status":1,"id":4}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := readAnswer(b)
		if err != nil {
			return
		}
		words, _ := a.failure()
		if a.client() < 0 || !calls.Printable(words) {
			t.Fatalf("%q", words)
		}
		a.clients()
		a.made()
		a.messenger()
	})
}

func FuzzNumber(f *testing.F) {
	f.Add("+7 922 000-11-22")
	f.Fuzz(func(t *testing.T, s string) {
		if n, ok := numberOf(s); ok {
			if again, still := numberOf(n); !still || again != n {
				t.Fatalf("%q became %q and then %q", s, n, again)
			}
		}
	})
}
