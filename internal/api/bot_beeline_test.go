package api

import (
	"context"
	"strings"
	"testing"

	"zvonar/internal/calls"
)

func TestBeelineCallAnswersAsBotsExpect(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.put(func(tx calls.Tx) error {
		if err := tx.PutEmployee(&calls.Employee{ID: "emp_1", Account: calls.MainAccount, Name: "Anna", Extension: "201", Trunk: "main", Phone: "79333221100", Method: calls.MethodAPI}); err != nil {
			return err
		}
		return tx.PutEmployee(&calls.Employee{ID: "emp_2", Account: calls.MainAccount, Name: "Boris", Phone: "79333221102", Subscriber: "9333221101@mpbx.sip.beeline.ru", Method: calls.MethodOff})
	})
	for _, body := range []string{`{"client_phone":"79220001122","user":"9333221100"}`, `{"client_phone":79220001122,"user":9333221100}`, `{"client_phone":"79220001122","user":"201"}`} {
		got := h.do("POST", "/v1/bot/beeline_call", body)
		id, ok := strings.CutPrefix(strings.TrimSpace(string(got.body)), `{"status":"1","result":"Call ID: `)
		if got.code != 200 || !ok || !strings.HasPrefix(id, "call_") || !strings.HasSuffix(id, `"}`) {
			t.Fatalf("%s: %d %s", body, got.code, got.body)
		}
		id = strings.TrimSuffix(id, `"}`)
		if err := h.store.View(context.Background(), func(tx calls.ReadTx) error {
			c, err := tx.Call(calls.MainAccount, id)
			if err == nil && (c.To != "79220001122" || c.Employee != "emp_1" || c.Flow.Bridge == nil || c.Flow.Bridge.Manager != "employee:emp_1" || c.Flow.Bridge.Order != calls.ManagerFirst) {
				t.Errorf("%+v", c)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	for body, words := range map[string]string{
		`{"client_phone":"79220001122","user":"9000000000"}`: "nobody has the number 9000000000",
		`{"client_phone":"79220001122"}`:                     "user is needed",
		`{"user":"9333221100"}`:                              "client_phone is needed",
		`{"client_phone":"112","user":"9333221100"}`:         "",
		`{"client_phone":"79220001122","user":"9333221101"}`: "Boris",
	} {
		got := h.do("POST", "/v1/bot/beeline_call", body)
		if text := string(got.body); got.code != 200 || !strings.HasPrefix(text, `{"status":"0","error":"`) || strings.Contains(text, "result") || words != "Boris" && !strings.Contains(text, words) {
			t.Errorf("%s: %d %s", body, got.code, got.body)
		}
	}
}

func TestBeelineCallGoesByTheProviderWhereThereIsOne(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *Config) {
		c.BotProvider = func(account, kind string) string {
			if account == calls.MainAccount && kind == "beeline" {
				return "pbx"
			}
			return ""
		}
	})
	got := h.do("POST", "/v1/bot/beeline_call", `{"client_phone":"79220001122","user":"9333221100"}`)
	if got.code != 200 || !strings.Contains(string(got.body), `"status":"0"`) || !strings.Contains(string(got.body), "pbx") {
		t.Errorf("an engine that does not know the provider says so: %d %s", got.code, got.body)
	}
}
