package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// aLog appends n events of the account, a minute apart, ending at noon.
func aLog(h *house, n int) {
	h.put(func(tx calls.Tx) error {
		for i := range n {
			e := calls.NewEvent(fmt.Sprint("evt_", i), noon.Add(time.Duration(i-n)*time.Minute), fmt.Sprint("number:", i%3), calls.NumberBlocked, nil)
			e.Account = calls.MainAccount
			if err := tx.AppendEvent(&e); err != nil {
				return err
			}
		}
		foreign := calls.NewEvent("evt_foreign", noon.Add(-5*time.Minute), "number:1", calls.NumberBlocked, nil)
		foreign.Account = "other"
		return tx.AppendEvent(&foreign)
	})
}

func TestAReplayMakesExactlyWhatIsNamedDue(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	aLog(h, 20) // positions 1 to 20, and a foreign one
	id, _ := h.do("POST", "/v1/webhooks", `{"url":"https://93.184.216.34/hook"}`).doc["id"].(string)
	for body, want := range map[string]string{
		`{"from":3,"to":7}`:                   "evt_2 evt_3 evt_4 evt_5",
		`{"from":"19"}`:                       "evt_18 evt_19",
		`{"from":"2026-11-21T11:58:00Z"}`:     "evt_18 evt_19",
		`{"from":1,"to":2}`:                   "evt_0",
		`{"ids":["evt_7","evt_foreign","x"]}`: "evt_7",
		`{"from":"2026-11-21T11:45:00Z","to":"2026-11-21T11:47:00Z"}`: "evt_5 evt_6",
	} {
		hook, _ := h.do("POST", "/v1/webhooks", `{"url":"https://93.184.216.34/hook"}`).doc["id"].(string)
		got := h.do("POST", "/v1/webhooks/"+hook+"/replay", body)
		n := len(strings.Fields(want))
		if got.code != 200 || got.doc["replayed"] != float64(n) || got.doc["next"] != nil {
			t.Errorf("%s: %d %s; want %d", body, got.code, got.body, n)
		}
		if unknown, _ := got.doc["unknown"].([]any); len(unknown) != strings.Count(body, "foreign")+strings.Count(body, `"x"`) {
			t.Errorf("%s: unknown %v", body, unknown)
		}
		var due []string
		items, _ := h.do("GET", "/v1/webhooks/"+hook+"/deliveries", "").doc["items"].([]any)
		for _, it := range items {
			due = append([]string{it.(map[string]any)["event_id"].(string)}, due...)
		}
		if strings.Join(due, " ") != want {
			t.Errorf("%s made %v due; want %s", body, due, want)
		}
	}
	for _, body := range []string{`{}`, `{"to":4}`, `{"from":1,"ids":["evt_1"]}`, `{"from":"yesterday"}`, `{"from":-1}`} {
		if got := h.do("POST", "/v1/webhooks/"+id+"/replay", body); got.code != 422 && got.code != 400 {
			t.Errorf("%s: %d %s", body, got.code, got.body)
		}
	}
}

func TestAWebhookIsChangedAndItsSecretRotated(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	made := h.do("POST", "/v1/webhooks", `{"url":"https://93.184.216.34/hook"}`)
	id, _ := made.doc["id"].(string)
	turned := h.do("POST", "/v1/webhooks/"+id+"/rotate", `{"overlap":"1h"}`)
	if turned.code != 200 || turned.doc["secret"] == made.doc["secret"] || turned.doc["secret"] == "" || turned.doc["old_secret_until"] != "2026-11-21T13:00:00.000Z" {
		t.Errorf("rotate: %d %s", turned.code, turned.body)
	}
	err := h.store.View(t.Context(), func(r calls.ReadTx) error {
		w, err := r.Webhook("main", id)
		if err == nil && (w.Secret != turned.doc["secret"] || w.OldSecret != made.doc["secret"]) {
			t.Errorf("secrets %q and %q", w.Secret, w.OldSecret)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	changed := h.do("PUT", "/v1/webhooks/"+id, `{"url":"https://93.184.216.34/new","types":["call.completed"],"disabled":true}`)
	if changed.code != 200 || changed.doc["url"] != "https://93.184.216.34/new" || changed.doc["disabled"] != true || changed.doc["disabled_reason"] == nil {
		t.Errorf("change: %d %s", changed.code, changed.body)
	}
	if got := h.do("PUT", "/v1/webhooks/"+id, `{"url":"http://127.0.0.1/inside"}`); got.problem() != "forbidden-url" {
		t.Errorf("an address inside: %d %s", got.code, got.body)
	}
	if got := h.do("PUT", "/v1/webhooks/"+id, `{"url":"https://93.184.216.34/new"}`); got.doc["disabled"] != false || got.doc["disabled_reason"] != nil {
		t.Errorf("enabled again: %s", got.body)
	}
	if got := h.do("GET", "/v1/webhooks/"+id, ""); got.code != 200 || strings.Contains(got.body, "whsec_") {
		t.Errorf("shown: %d %s", got.code, got.body)
	}
	for _, overlap := range []string{"-1h", "1000h", "soon"} {
		if got := h.do("POST", "/v1/webhooks/"+id+"/rotate", `{"overlap":"`+overlap+`"}`); got.code != 422 {
			t.Errorf("overlap %s: %d", overlap, got.code)
		}
	}
	h.put(func(tx calls.Tx) error {
		return tx.PutWebhook(&calls.Webhook{ID: "wh_file", Account: calls.MainAccount, URL: "http://127.0.0.1:9/", FromConfig: true, CreatedAt: noon})
	})
	if got := h.do("POST", "/v1/webhooks/wh_file/rotate", ""); got.code != 409 {
		t.Errorf("the configuration's: %d %s", got.code, got.body)
	}
}

func TestAWebhookShowsWhyNothingIsTaken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id, _ := h.do("POST", "/v1/webhooks", `{"url":"https://93.184.216.34/hook"}`).doc["id"].(string)
	h.put(func(tx calls.Tx) error {
		return tx.PutHealth(calls.DestinationHealth{Destination: id, Account: "main", FailingSince: noon, Failures: 3, ProbeAt: noon.Add(time.Minute), LastError: "no answer in time"})
	})
	got := h.do("GET", "/v1/webhooks", "")
	if !strings.Contains(got.body, `"failing_since":"2026-11-21T12:00:00.000Z"`) || !strings.Contains(got.body, `"last_error":"no answer in time"`) {
		t.Errorf("%s", got.body)
	}
}

func TestADestinationOfAnotherKindBringsItsOwnKeyAndSettings(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *Config) {
		c.CheckHook = func(w *calls.Webhook) error {
			if w.Kind != "salebot" || w.Secret == "" || strings.HasPrefix(w.Secret, "whsec_") {
				return calls.Errorf(calls.CodeInvalidField, "bring the key").At("body.secret", nil)
			}
			if strings.Contains(string(w.Settings), "mango") {
				return calls.Errorf(calls.CodeInvalidField, "no such dialect").At("body.settings", nil)
			}
			return nil
		}
	})
	const address = `"url":"https://93.184.216.34/api/"`
	for _, body := range []string{`{` + address + `,"kind":"salebot"}`, `{` + address + `,"kind":"salebot","secret":"k12345678","settings":{"dialect":"mango"}}`} {
		if got := h.do("POST", "/v1/webhooks", body); got.code != 422 {
			t.Errorf("%s: %d %s", body, got.code, got.body)
		}
	}
	made := h.do("POST", "/v1/webhooks", `{`+address+`,"kind":"salebot","secret":"k12345678","settings":{"dialect":"beeline"}}`)
	id, _ := made.doc["id"].(string)
	if made.code != 201 || made.doc["kind"] != "salebot" || made.doc["secret"] != "k12345678" {
		t.Fatalf("%d %s", made.code, made.body)
	}
	shown := h.do("GET", "/v1/webhooks/"+id, "")
	if settings, _ := shown.doc["settings"].(map[string]any); settings["dialect"] != "beeline" || strings.Contains(shown.body, "k12345678") {
		t.Errorf("%s", shown.body)
	}
	if got := h.do("PUT", "/v1/webhooks/"+id, `{`+address+`,"settings":{"dialect":"mango"}}`); got.code != 422 {
		t.Errorf("%d %s", got.code, got.body)
	}
	if got := h.do("PUT", "/v1/webhooks/"+id, `{`+address+`,"types":["call.completed"]}`); got.code != 200 || !strings.Contains(got.body, "beeline") {
		t.Errorf("the settings went: %d %s", got.code, got.body)
	}
	if got := h.do("POST", "/v1/webhooks/"+id+"/rotate", ``); got.code != 422 {
		t.Errorf("a key was made up: %d %s", got.code, got.body)
	}
	if got := h.do("POST", "/v1/webhooks/"+id+"/rotate", `{"secret":"k87654321"}`); got.code != 200 || got.doc["secret"] != "k87654321" {
		t.Errorf("%d %s", got.code, got.body)
	}
}
