package api

import (
	"errors"
	"strings"
	"testing"

	"zvonar/internal/calls"
)

func TestJournalIsReadFollowedAndCleared(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.put(func(tx calls.Tx) error {
		return errors.Join(tx.InsertExchange(&calls.Exchange{Account: "main", Kind: "sipuni", Provider: "p", Outgoing: true, Method: "call_number", At: noon, Request: "POST /", Answer: "200", Status: 200, Correlation: "call_1"}),
			tx.InsertExchange(&calls.Exchange{Kind: "sipuni", Method: "events", At: noon, Fault: "unknown key", Status: 403}),
			tx.InsertExchange(&calls.Exchange{Account: foreign, Kind: "mango", At: noon}))
	})
	list := func(query string, token ...string) (r reply, ids string) {
		t.Helper()
		r = h.do("GET", "/v1/exchanges"+query, "", token...)
		items, _ := r.doc["items"].([]any)
		for _, i := range items {
			ids += i.(map[string]any)["method"].(string) + ","
		}
		if r.code != 200 {
			t.Errorf("%s: %d %s", query, r.code, r.body)
		}
		return r, ids
	}
	for query, want := range map[string]string{"": "events,call_number,", "?limit=1": "events,", "?limit=1&cursor=2": "call_number,", "?after=1": "events,",
		"?direction=out": "call_number,", "?direction=in": "events,", "?provider=p": "call_number,", "?method=events": "events,", "?kind=mango": "", "?call_id=call_1": "call_number,"} {
		if _, got := list(query); got != want {
			t.Errorf("%q: %q, want %q", query, got, want)
		}
	}
	other := h.token(foreign, "op", calls.PermOperator)
	if r, _ := list("", as(other)...); strings.Contains(r.body, "sipuni") || !strings.Contains(r.body, "mango") {
		t.Errorf("another account sees %s", r.body)
	}
	if r := h.do("GET", "/v1/exchanges", "", as(h.tokens[calls.PermCaller])...); r.code != 403 {
		t.Errorf("a caller reads the journal: %d", r.code)
	}
	if r := h.do("GET", "/v1/exchanges?cursor=x", ""); r.code != 422 {
		t.Errorf("a cursor that is none: %d", r.code)
	}
	if r := h.do("DELETE", "/v1/exchanges?direction=in", ""); r.code != 200 || r.doc["removed"] != 1.0 {
		t.Errorf("%d %s", r.code, r.body)
	}
	if _, left := list(""); left != "call_number," {
		t.Errorf("what is left: %s", left)
	}
}
