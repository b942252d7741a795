package api

import (
	"strconv"
	"strings"
	"testing"
)

func TestACallFillsTheVariablesOfAnApprovedText(t *testing.T) {
	t.Parallel()
	h, _ := speakingHouse(t)
	added := h.do("POST", "/v1/recordings", `{"text":"Здравствуйте, {who}! Ваш долг {sum}.","voice":"male","variables":[{"name":"who","kind":"name","max_length":20,"sample":"Ольга"}]}`)
	if added.code != 201 || !strings.Contains(added.body, `"sample":"1234.50"`) || !strings.Contains(added.body, `"max_length":20`) {
		t.Fatalf("%d %s", added.code, added.body)
	}
	id := added.doc["recording_id"].(string)
	if got := h.do("POST", "/v1/calls", `{"to":"79004443322","recording_id":"`+id+`","variables":{"who":"Анна","sum":100}}`); got.problem() != "recording-not-approved" {
		t.Errorf("%d %s", got.code, got.body)
	}
	approved := h.do("POST", "/v1/recordings/"+id+"/approve", "")
	record := strconv.Itoa(int(approved.doc["record_id"].(float64)))
	if live := approved.doc["live"].(map[string]any); live["template"] == nil {
		t.Errorf("%s", approved.body)
	}
	got := h.do("POST", "/v1/calls", `{"to":"79004443322","record_id":`+record+`,"variables":{"who":"Анна","sum":100}}`)
	if got.code != 202 || !strings.Contains(got.body, `"who":"Анна"`) || strings.Contains(got.body, "сто рублей") {
		t.Errorf("%d %s", got.code, got.body)
	}
	for location, body := range map[string]string{
		"body.variables.sum":  `"variables":{"who":"Анна"}`,
		"body.variables.who":  `"variables":{"who":"Анна7","sum":"1"}`,
		"body.variables.more": `"variables":{"who":"Анна","sum":"1","more":"x"}`,
		"body.variables":      `"variables":{"who":"Анна","sum":"1\u0000"}`,
	} {
		got := h.do("POST", "/v1/calls", `{"to":"79004443322","record_id":`+record+`,`+body+`}`)
		if at, _ := got.field(0); got.code != 422 || got.problem() != "invalid-field" || at != location {
			t.Errorf("%s: %d %s", location, got.code, got.body)
		}
	}
	plain := h.spokenBy(h.do("POST", "/v1/calls", `{"to":"79004443322",`+saying+`}`))
	h.do("POST", "/v1/recordings/"+plain+"/approve", "")
	if got := h.do("POST", "/v1/calls", `{"to":"79004443323",`+saying+`,"variables":{"name":"Анна"}}`); got.code != 422 {
		t.Errorf("a variable that no text has: %d %s", got.code, got.body)
	}
}

func TestATextWithVariablesInACallIsModeratedOnceForAll(t *testing.T) {
	t.Parallel()
	h, asked := speakingHouse(t)
	const body = `"text":"Здравствуйте, {name}! Ваш заказ {order:digits} ждёт вас.","voice":"female","variables":{"name":"%","order":"17"}}`
	if got := h.do("POST", "/v1/calls", `{"to":"79004443322",`+strings.Replace(body, "%", "Анна2", 1)); got.code != 422 || asked() != 0 {
		t.Errorf("a call that cannot be asked a moderator: %d %s", got.code, got.body)
	}
	first := h.do("POST", "/v1/calls", `{"to":"79004443322",`+strings.Replace(body, "%", "Анна", 1))
	id := h.spokenBy(first)
	if again := h.spokenBy(h.do("POST", "/v1/calls", `{"to":"79004443323",`+strings.Replace(body, "%", "Ольга", 1))); again != id || asked() != 1 {
		t.Errorf("it was spoken %d times", asked())
	}
	shown := func() any {
		return h.do("GET", "/v1/calls/"+first.doc["id"].(string), "").doc["recording"].(map[string]any)["record_id"]
	}
	if n := shown(); n != nil {
		t.Errorf("a number before the approval: %v", n)
	}
	approved := h.do("POST", "/v1/recordings/"+id+"/approve", "")
	if n := shown(); n == nil || n != approved.doc["record_id"] {
		t.Errorf("the call does not show the record_id: %v", n)
	}
}
