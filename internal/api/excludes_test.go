package api

import (
	"strings"
	"testing"
)

func TestADestinationThatAnotherSystemForbidsIsRefusedInItsWords(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *Config) {
		c.KeyForms = map[string]KeyForm{"amocrm": {Events: true}, "x": {Events: true}}
		c.Excludes = func(account, kind string) string {
			if account == "main" && kind == "amocrm" {
				return `number_info of the provider "rt" is in use; switch that off first`
			}
			return ""
		}
	})
	r := h.do("POST", "/v1/keys", `{"kind":"amocrm","name":"a","events_url":"https://93.184.216.34/hook"}`)
	if r.code != 409 || !strings.Contains(r.body, `number_info of the provider \"rt\"`) {
		t.Errorf("%d %s", r.code, r.body)
	}
	if r := h.do("GET", "/v1/keys", ""); strings.Contains(r.body, "amocrm") {
		t.Errorf("the key was issued all the same: %s", r.body)
	}
	if r := h.do("POST", "/v1/keys", `{"kind":"x","name":"b","events_url":"https://93.184.216.34/hook"}`); r.code != 201 {
		t.Errorf("%d %s", r.code, r.body)
	}
}
