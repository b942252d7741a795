package api

import (
	"strings"
	"testing"

	"zvonar/internal/calls"
)

func TestATalkIsAcceptedLikeACall(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	body := `{"first":"8 (495) 123-45-67","second":"79004443322","anonymous":true,"ref":"deal"}`
	made := h.do("POST", "/v1/bridges", body, as(h.tokens[calls.PermCaller])...)
	if made.code != 202 || made.doc["to"] != "79004443322" || made.doc["status"] != "queued" {
		t.Fatalf("%d %s", made.code, made.body)
	}
	if again := h.do("POST", "/v1/bridges", body); again.code != 200 || again.doc["id"] != made.doc["id"] {
		t.Errorf("the same again: %d %s", again.code, again.body)
	}
	client := h.do("POST", "/v1/bridges", `{"first":"79004443322","second":"74951234567","order":"client_first","record_id":1460168}`)
	if client.code != 202 || client.doc["to"] != "79004443322" || client.doc["recording"] == nil {
		t.Errorf("client first: %d %s", client.code, client.body)
	}
}

func TestWhatIsWrongWithATalkIsNamedByItsPlace(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id, _ := h.do("POST", "/v1/calls", goodCall).doc["id"].(string) // queued, so nobody talks
	if id == "" {
		t.Fatal("no call")
	}
	for _, tc := range []struct{ path, body, problem, at string }{
		{"/v1/bridges", `{"first":"74951234567","second":"123"}`, "invalid-number", "body.second"},
		{"/v1/bridges", `{"first":"123","second":"74951234567","order":"client_first"}`, "invalid-number", "body.first"},
		{"/v1/bridges", `{"first":"201@nowhere","second":"79004443322"}`, "bad-action", "body.first"},
		{"/v1/bridges", `{"first":"74951234567","second":"12025550123"}`, "destination-not-allowed", "body.second"},
		{"/v1/bridges", `{"first":"74951234567","second":"79004443322","ring_timeout":"1s"}`, "invalid-field", "body.ring_timeout"},
		{"/v1/bridges", `{"first":"74951234567","second":"79004443322","metadata":[]}`, "invalid-field", "body.metadata"},
		{"/v1/bridges", `{"first":"74951234567","second":"79004443322","order":"both"}`, "invalid-field", "body.order"},
		{"/v1/calls/" + id + "/transfer", `{"target":"201@nowhere"}`, "bad-action", "body.target"},
		{"/v1/calls/" + id + "/dtmf", `{"digits":"12x"}`, "invalid-field", "body.digits"},
		{"/v1/calls/" + id + "/play", `{"record_id":4711}`, "unknown-recording", "body.record_id"},
		{"/v1/calls/" + id + "/dtmf", `{"digits":12}`, "wrong-state", ""},
		{"/v1/calls/" + id + "/hold", `{"on":true}`, "wrong-state", ""},
		{"/v1/calls/" + id + "/transfer", `{"target":"74951234567"}`, "wrong-state", ""},
	} {
		got := h.do("POST", tc.path, tc.body)
		if got.problem() != tc.problem || !strings.Contains(got.body, tc.at) {
			t.Errorf("%s %s: %d %s", tc.path, tc.body, got.code, got.body)
		}
	}
}
