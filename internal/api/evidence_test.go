package api

import (
	"context"
	"strings"
	"testing"

	"zvonar/internal/calls"
)

// answers are kept sounds of which each is judged a machine.
type answers struct{ shelf }

func (a answers) Rescore(_ context.Context, _, id, _ string) (*calls.JudgedAgain, error) {
	if _, found := a.shelf[id]; !found {
		return nil, calls.ErrNotFound
	}
	return &calls.JudgedAgain{Judged: calls.Judged{Verdict: calls.VerdictMachine, Cause: "beep", Confidence: 0.9, Model: "m1"}, Was: calls.VerdictHuman}, nil
}

func TestVerdictsAreComparedWithLabels(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *Config) { c.Evidence = answers{shelf{"call_answered": "RIFFsound"}} })
	anAnsweredCall(h)
	h.put(func(tx calls.Tx) error {
		return tx.InsertCall(&calls.Call{ID: "call_free", Account: calls.MainAccount, Direction: calls.Out, Status: calls.StatusCompleted, CreatedAt: noon})
	})
	for _, tc := range []struct {
		method, path, body string
		code               int
		want               string
	}{
		{"GET", "/v1/amd/report", "", 200, `"items":[]`},
		{"PUT", "/v1/calls/call_answered/amd/label", `{"label":"martian"}`, 422, "label"},
		{"PUT", "/v1/calls/call_free/amd/label", `{"label":"human"}`, 409, "nobody answered"},
		{"PUT", "/v1/calls/call_none/amd/label", `{"label":"human"}`, 404, ""},
		{"PUT", "/v1/calls/call_answered/amd/label", `{"label":"human"}`, 200, `"label":"human","labelled_by":"admin"`},
		{"PUT", "/v1/calls/call_answered/amd/label", `{"label":"machine"}`, 200, `"label":"machine"`},
		{"GET", "/v1/amd/report", "", 200, `"items":[{"trunk":"main","label":"machine","verdict":"human","rescored":"","calls":1}]`},
		{"GET", "/v1/amd/report?trunk=other", "", 200, `"items":[]`},
		{"GET", "/v1/amd/report?until=2020-01-01T00:00:00Z", "", 200, `"items":[]`},
		{"GET", "/v1/amd/labels", "", 200, `"call_id":"call_answered"`},
		{"POST", "/v1/calls/call_answered/amd/rescore", "", 200, `"was":"human","verdict":"machine"`},
		{"POST", "/v1/calls/call_free/amd/rescore", "", 404, ""},
		{"GET", "/v1/calls/call_answered/amd/audio", "", 200, "RIFFsound"},
		{"GET", "/v1/calls/call_free/amd/audio", "", 404, "not kept"},
		{"GET", "/v1/audit?action=call.label", "", 200, `"call.label"`},
		{"GET", "/v1/audit?action=call.listen", "", 200, `"call.listen"`},
	} {
		if got := h.do(tc.method, tc.path, tc.body); got.code != tc.code || !strings.Contains(got.body, tc.want) {
			t.Errorf("%s %s: %d %s; want %d with %s", tc.method, tc.path, got.code, got.body, tc.code, tc.want)
		}
	}
}
