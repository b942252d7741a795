package api

import (
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

func TestAContactIsFoundByNOrRefAndSaysWhyItIsNotCalled(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	aCampaign(calls.CampaignIsRunning)(h)
	later := noon.Add(time.Hour)
	h.put(func(tx calls.Tx) error {
		_, _, err := tx.AddContacts(calls.MainAccount, "camp_1", []*calls.Contact{
			{Number: "79004443323", Ref: "order/7", Zones: "Europe/Moscow"}, {Number: "79004443324", Ref: "1", Zones: "Europe/Moscow", NotBefore: &later, Turn: later.UnixMicro()}})
		return err
	})
	for path, want := range map[string]string{
		"1":         `"n":1,`,
		"2":         `"n":2,`,
		"order%2F7": `"n":2,`,
		"ref:1":     `"n":3,`,
	} {
		got := h.do("GET", "/v1/campaigns/camp_1/contacts/"+path, "", as(h.tokens[calls.PermViewer])...)
		if got.code != 200 || !strings.Contains(got.body, want) || !strings.Contains(got.body, `"hold":{"gate":`) {
			t.Errorf("%s: %d %s; want %s", path, got.code, got.body, want)
		}
	}
	for _, path := range []string{"camp_1/contacts/4", "camp_1/contacts/nobody", "camp_1/contacts/ref:2", "camp_2/contacts/1"} {
		if got := h.do("GET", "/v1/campaigns/"+path, ""); got.code != 404 {
			t.Errorf("%s: %d %s", path, got.code, got.body)
		}
	}
	list := h.do("GET", "/v1/campaigns/camp_1/contacts?why=true", "").body
	for _, want := range []string{`"hold":{"gate":"turn","until":null,"text":"it waits in line"}`,
		`"hold":{"gate":"due","until":"2026-11-21T13:00:00.000Z","text":"it is not to be called before its time (not_before)"}`} {
		if !strings.Contains(list, want) {
			t.Errorf("the list says nothing of %s: %s", want, list)
		}
	}
	if list := h.do("GET", "/v1/campaigns/camp_1/contacts", "").body; strings.Count(list, `"hold":null`) != 3 {
		t.Errorf("nobody asked why: %s", list)
	}
}
