package api

import (
	"strings"
	"testing"

	"zvonar/internal/calls"
)

func TestAnEmployeeIsKeptWithWhatASoftphoneNeedsAndNoMore(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	got := h.do("POST", "/v1/employees", `{"name":"Ann","extension":201,"trunk":"main","phone":"8 916 123-45-67","call_method":"api","sip_user":"main-201","sip_password":"correct horse battery","record_id":1460168}`)
	if got.code != 201 || got.doc["phone"] != "79161234567" || got.doc["extension"] != "201" || strings.Contains(got.body, "horse") {
		t.Fatalf("%d %s", got.code, got.body)
	}
	id := got.doc["id"].(string)
	var e *calls.Employee
	h.view(func(tx calls.ReadTx) (err error) { e, err = tx.EmployeeBySIPUser("main-201"); return err })
	if e.HA1 != "57202de9c3418acc0078b0ad1a57d645" || len(e.HA1SHA256) != 64 { // printf 'main-201:zvonar:correct horse battery' | md5sum
		t.Errorf("digests %q %q", e.HA1, e.HA1SHA256)
	}
	if got := h.do("GET", "/v1/employees/201", ""); got.doc["id"] != id {
		t.Errorf("by extension: %d %s", got.code, got.body)
	}
	was := e.HA1
	if got := h.do("PUT", "/v1/employees/"+id, `{"name":"Anna","sip_user":"main-201"}`); got.code != 200 || got.doc["extension"] != nil {
		t.Errorf("%d %s", got.code, got.body)
	}
	h.view(func(tx calls.ReadTx) (err error) { e, err = tx.EmployeeBySIPUser("main-201"); return err })
	if e.HA1 != was || e.Method != calls.MethodOff {
		t.Errorf("after a change: %+v", e)
	}
	for _, wrong := range []string{`{"name":"x","extension":"1234567"}`, `{"name":"x","trunk":"nowhere"}`, `{"name":"x","sip_user":"y"}`, `{"name":"x","sip_user":"y","sip_password":"short"}`,
		`{"name":""}`, `{"name":"x","phone":"12"}`, `{"name":"x","record_id":999}`, `{"name":"x","sip_user":"main-201","sip_password":"correct horse battery"}`} {
		if got := h.do("POST", "/v1/employees", wrong); got.code != 422 {
			t.Errorf("%s: %d %s", wrong, got.code, got.body)
		}
	}
}

func TestAGroupHasEachEmployeeOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	somebody(h)
	if got := h.do("POST", "/v1/groups", `{"name":"night","strategy":"simultaneous","members":["201"],"ring_timeout":"15s"}`); got.code != 201 || !strings.Contains(got.body, `"members":["emp_1"]`) {
		t.Errorf("%d %s", got.code, got.body)
	}
	for _, wrong := range []string{`{"name":"x","members":["201","emp_1"]}`, `{"name":"x","members":["209"]}`, `{"name":"x","members":[]}`, `{"name":"x y","members":["201"]}`, `{"name":"night","members":["201"]}`} {
		if got := h.do("POST", "/v1/groups", wrong); got.code != 422 {
			t.Errorf("%s: %d %s", wrong, got.code, got.body)
		}
	}
}

func TestANumberOfOnesOwnIsShownOnlyOnceItIsConfirmed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	call := func() reply {
		return h.do("POST", "/v1/calls", `{"to":"79004443322","record_id":"1460168","from":"+7 900 444-33-00"}`)
	}
	if got := call(); got.code != 422 {
		t.Errorf("a number nobody knows: %d", got.code)
	}
	if got := h.do("POST", "/v1/numbers", `{"number":"8 900 444 33 00","pool":"ads"}`); got.code != 201 || got.doc["state"] != "pending" || got.doc["kind"] != "own" {
		t.Fatalf("%d %s", got.code, got.body)
	}
	if got := call(); got.code != 422 || !strings.Contains(got.body, "confirm") {
		t.Errorf("a number that is not confirmed: %d %s", got.code, got.body)
	}
	got := h.do("POST", "/v1/numbers/79004443300/confirm", `{"by":"call","record_id":"1460168"}`)
	code, _ := got.doc["code"].(string)
	id, _ := got.doc["call_id"].(string)
	if got.code != 200 || len(code) != 6 || id == "" {
		t.Fatalf("%d %s", got.code, got.body)
	}
	confirm := `{"by":"call","call_id":"` + id + `"}`
	if got := h.do("POST", "/v1/numbers/79004443300/confirm", confirm); got.code != 409 {
		t.Errorf("nothing was pressed: %d %s", got.code, got.body)
	}
	h.put(func(tx calls.Tx) error {
		c, err := tx.Call(calls.MainAccount, id)
		if err != nil {
			return err
		}
		for _, d := range "9" + code {
			c.Digits = append(c.Digits, calls.DigitPress{Digit: string(d), Leg: calls.RoleCustomer})
		}
		return tx.UpdateCall(c)
	})
	if got := h.do("POST", "/v1/numbers/79004443300/confirm", confirm); got.code != 200 || got.doc["state"] != "confirmed" || got.doc["confirmed_by"] != "call" || got.doc["code"] != nil {
		t.Fatalf("%d %s", got.code, got.body)
	}
	if got := call(); got.code != 202 || got.doc["from"] != "79004443300" {
		t.Errorf("%d %s", got.code, got.body)
	}
	h.put(func(tx calls.Tx) error {
		return tx.CountNumber(calls.NumberDay{Account: calls.MainAccount, Number: "79004443300", Day: calls.DayOf(noon), Dialled: 8, Answered: 2, TalkMS: 100})
	})
	if got := h.do("GET", "/v1/numbers?days=1", ""); !strings.Contains(got.body, `"rate":0.25`) || !strings.Contains(got.body, `"kind":"trunk"`) {
		t.Errorf("%s", got.body)
	}
}

func TestABlacklistGoesOutAndComesBackAsAFile(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	got := h.do("POST", "/v1/blacklist/import", "number;reason;scope;expires_at\n8 (916) 123-45-67;\"asked; twice\";;\n79004443322;;campaign:k;2030-01-01T00:00:00Z\n12;;;\n79004443323;;x;\n79004443324;;;2001-01-01T00:00:00Z\n\n")
	if got.code != 200 || got.doc["added"] != 2.0 || got.doc["wrong"] != 3.0 || !strings.Contains(got.body, `"line":4`) {
		t.Fatalf("%d %s", got.code, got.body)
	}
	if got := h.do("POST", "/v1/blacklist/import", `{"number":79161234567}`+"\n"+`{"number":"79990001122","reason":"x","scope":"number:78005553535"}`+"\n"); got.doc["added"] != 1.0 || got.doc["known"] != 1.0 {
		t.Fatalf("%d %s", got.code, got.body)
	}
	file := h.do("GET", "/v1/blacklist/export", "").body
	want := "number,reason,scope,expires_at,source,call_id,created_at,digit,digit_at\r\n" +
		"79004443322,,campaign:k,2030-01-01T00:00:00.000Z,import,,"
	if !strings.HasPrefix(file, want) || strings.Count(file, "\r\n") != 4 || !strings.Contains(file, "\"asked; twice\"") && !strings.Contains(file, "asked; twice") {
		t.Errorf("%q", file)
	}
	if got := h.do("POST", "/v1/blacklist/import", file, "Content-Type", "text/csv"); got.code != 200 || got.doc["known"] != 3.0 {
		t.Errorf("as text/csv: %d %s", got.code, got.body)
	}
	other := newHouse(t)
	if got := other.do("POST", "/v1/blacklist/import", file); got.doc["added"] != 3.0 || got.doc["wrong"] != 0.0 {
		t.Errorf("%d %s", got.code, got.body)
	}
	if got := other.do("GET", "/v1/blacklist/export?format=ndjson", ""); strings.Count(got.body, "\n") != 3 {
		t.Errorf("%s", got.body)
	}
}

func TestABlockMayBeNarrowAndEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if got := h.do("PUT", "/v1/blacklist/79004443322", `{"scope":"number:78005553535","expires_at":"2030-01-01T00:00:00Z","reason":"asked"}`); got.code != 201 || got.doc["scope"] != "number:78005553535" {
		t.Fatalf("%d %s", got.code, got.body)
	}
	for _, wrong := range []string{`{"scope":"x"}`, `{"scope":"number:"}`, `{"expires_at":"2001-01-01T00:00:00Z"}`} {
		if got := h.do("PUT", "/v1/blacklist/79004443322", wrong); got.code != 422 {
			t.Errorf("%s: %d %s", wrong, got.code, got.body)
		}
	}
	if got := h.do("DELETE", "/v1/blacklist/79004443322?scope=account", ""); got.code != 404 {
		t.Errorf("another scope: %d", got.code)
	}
	if got := h.do("DELETE", "/v1/blacklist/79004443322", ""); got.code != 204 {
		t.Errorf("%d %s", got.code, got.body)
	}
}

func TestWhatNeedsAPersonIsTakenByOne(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	somebody(h)
	if got := h.do("GET", "/v1/attention?kind=missed", ""); !strings.Contains(got.body, "evt_1") {
		t.Errorf("%s", got.body)
	}
	if got := h.do("POST", "/v1/attention/evt_1/take", ""); got.code != 200 || got.doc["taken_by"] != "admin" {
		t.Errorf("%d %s", got.code, got.body)
	}
	if got := h.do("POST", "/v1/attention/evt_1/take", "", as(h.tokens[calls.PermCaller])...); got.code != 409 {
		t.Errorf("by another: %d", got.code)
	}
	if got := h.do("POST", "/v1/attention/evt_1/done", `{"note":"called back"}`); got.code != 200 || got.doc["state"] != "done" {
		t.Errorf("%d %s", got.code, got.body)
	}
	if got := h.do("GET", "/v1/attention", ""); strings.Contains(got.body, "evt_1") {
		t.Errorf("%s", got.body)
	}
}

func (h *house) view(fn func(calls.ReadTx) error) {
	h.t.Helper()
	if err := h.store.View(h.t.Context(), fn); err != nil {
		h.t.Fatal(err)
	}
}
