package api

import (
	"strconv"
	"strings"
	"testing"

	"zvonar/internal/calls"
)

func TestBotFunctionsTakeExactlyTheirParameters(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const salebot = `[{"record":"1460168"},{"managerPhone":"74242490764"},{},{"smsText":"Текст"},{"needBlock":1}]`
	for _, body := range []string{
		`{"number":"78005553535","client_phone":"79004443322","record_id":"1460168","payload":` + salebot + `}`,
		`{"number":78005553535,"client_phone":79004443323,"record_id":1460168,"payload":[{"record":1460168},{"managerPhone":74242490764},{},{"smsText":"Текст"},{"needBlock":"1"}]}`,
	} {
		got := h.do("POST", "/v1/bot/zvonobot_digits_call", body, as(h.tokens[calls.PermCaller])...)
		if got.code != 202 || got.doc["from"] != "78005553535" || got.doc["provider"] != nil {
			t.Fatalf("%d %s", got.code, got.body)
		}
		id, _ := got.doc["id"].(string)
		var c *calls.Call
		if err := h.store.View(t.Context(), func(tx calls.ReadTx) (err error) { c, err = tx.Call("", id); return err }); err != nil {
			t.Fatal(err)
		}
		want := []calls.ActionKind{calls.ActionRecord, calls.ActionManager, "", calls.ActionSMS, calls.ActionBlock}
		for digit, kind := range want {
			list := c.Flow.Digits.Lookup(byte('0' + digit))
			if kind == "" && len(list) != 0 || kind != "" && (len(list) != 1 || list[0].Kind != kind) {
				t.Errorf("digit %d does %v", digit, list)
			}
		}
	}
	if got := h.do("POST", "/v1/bot/zvonobot_call", `{"number":"78005553535","client_phone":"8 (900) 444-33-22","record_id":"1460168"}`); got.code != 202 || got.doc["to"] != "79004443322" {
		t.Errorf("%d %s", got.code, got.body)
	}
	const start = `{"number":"78005553535","client_phone":"79004443324","record_id":"1460168"`
	for body, want := range map[string]string{
		`{"number":"78005553535","client_phone":"12","record_id":"1460168"}`:          "422 invalid-number body.client_phone",
		`{"number":"74951234567","client_phone":"79004443324","record_id":"1460168"}`: "body.number",
		`{"number":"78005553535","client_phone":"79004443324","record_id":"7"}`:       "422 unknown-recording body.record_id",
		`{"number":"78005553535","client_phone":"79004443324"}`:                       "422 invalid-field",
		`{"number":"","client_phone":"79004443324","record_id":"1460168"}`:            "body.number",
		start + `,"payload":[]}`: "422", // of zvonobot_digits_call alone
		start + `,"ref":"x"}`:    "422",
	} {
		got := h.do("POST", "/v1/bot/zvonobot_call", body)
		location, _ := got.field(0)
		if said := strings.Join([]string{strconv.Itoa(got.code), got.problem(), location}, " "); !strings.Contains(said, want) {
			t.Errorf("%s: %s, want %s: %s", body, said, want, got.body)
		}
	}
	for payload, want := range map[string]string{
		`[{},{},{},{},{},{},{},{},{},{},{}]`:   "too-many-digits body.payload",
		`[{},{"call":"1"}]`:                    "bad-action body.payload[1]",
		`[{"record":"1460168","smsText":"x"}]`: "bad-action body.payload[0]",
		`[{},{"record":"7"}]`:                  "unknown-recording body.payload[1]",
		`[{"managerPhone":"12"}]`:              "body.payload[0]",
		`{"1":{"needBlock":1}}`:                "bad-action body.payload",
	} {
		got := h.do("POST", "/v1/bot/zvonobot_digits_call", start+`,"payload":`+payload+`}`)
		location, _ := got.field(0)
		if said := got.problem() + " " + location; got.code != 422 || !strings.Contains(said, want) {
			t.Errorf("%s: %d %s, want %s: %s", payload, got.code, said, want, got.body)
		}
	}
	if got := h.do("POST", "/v1/bot/zvonobot_call", start+`}`, as(h.tokens[calls.PermViewer])...); got.code != 403 {
		t.Errorf("a viewer calls: %d", got.code)
	}
}

func TestBotFunctionsCallByTheProviderThatTheAccountUses(t *testing.T) {
	t.Parallel()
	asked := ""
	h := newHouse(t, func(c *Config) {
		c.BotProvider = func(account, kind string) string { asked = account + " " + kind; return "theirs" }
	})
	got := h.do("POST", "/v1/bot/zvonobot_call", `{"number":"78005553535","client_phone":"79004443322","record_id":"1460168"}`)
	if asked != "main zvonobot" || got.code != 422 || !strings.Contains(got.body, `no provider`) || !strings.Contains(got.body, "theirs") {
		t.Errorf("asked for %q: %d %s", asked, got.code, got.body)
	}
}
