package api

import (
	"encoding/json"
	"strings"
	"testing"

	"zvonar/internal/calls"
)

// description is the part of the OpenAPI document that the tests read.
type description struct {
	OpenAPI string `json:"openapi"`
	Paths   map[string]map[string]struct {
		ID       string                     `json:"operationId"`
		Role     calls.Permission           `json:"x-zvonar-role"`
		Security []map[string][]string      `json:"security"`
		Answers  map[string]json.RawMessage `json:"responses"`
	} `json:"paths"`
	Components struct {
		Schemas map[string]json.RawMessage `json:"schemas"`
	} `json:"components"`
}

func describe(t *testing.T, h *house) description {
	t.Helper()
	got := h.do("GET", "/openapi.json", "", "Authorization", "")
	var d description
	if err := json.Unmarshal([]byte(got.body), &d); got.code != 200 || err != nil {
		t.Fatalf("%d %v", got.code, err)
	}
	return d
}

func TestEachEndpointLetsInExactlyTheRolesItDeclares(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := describe(t, h)
	n := 0
	for path, operations := range d.Paths {
		// The stream would not end; as a list the endpoint is the same.
		url := strings.NewReplacer("{id}", "nobody", "{number}", "79004443322", "{version}", "1", "{n}", "1").Replace(path)
		for method, op := range operations {
			n++
			if op.Role == "" || len(op.Security) == 0 {
				t.Errorf("%s %s declares no role", method, path)
			}
			for _, role := range allRoles {
				token := calls.Token{Roles: []calls.Permission{role}}
				got := h.do(strings.ToUpper(method), url, "", as(h.tokens[role])...)
				if refused := got.code == 403; refused == token.May(op.Role) {
					t.Errorf("%s %s as %s (needs %s): %d %s", method, path, role, op.Role, got.code, got.body)
				}
				if got.code == 401 || got.code >= 500 {
					t.Errorf("%s %s as %s: %d %s", method, path, role, got.code, got.body)
				}
			}
			if got := h.do(strings.ToUpper(method), url, "", "Authorization", ""); got.code != 401 {
				t.Errorf("%s %s without a token: %d", method, path, got.code)
			}
			if _, ok := op.Answers["default"]; !ok {
				t.Errorf("%s %s does not describe its problems", method, path)
			}
		}
	}
	if n < 20 {
		t.Errorf("only %d operations are described", n)
	}
}

func TestDangerousEndpointsNeedTheRightRole(t *testing.T) {
	t.Parallel()
	d := describe(t, newHouse(t))
	want := map[string]calls.Permission{
		"POST /v1/calls": calls.PermCaller, "DELETE /v1/calls": calls.PermCaller, "POST /v1/calls/{id}/hangup": calls.PermCaller,
		"POST /v1/bridges": calls.PermCaller, "POST /v1/calls/{id}/transfer": calls.PermCaller, "POST /v1/calls/{id}/play": calls.PermCaller,
		"POST /v1/calls/{id}/dtmf": calls.PermCaller, "POST /v1/calls/{id}/hold": calls.PermCaller,
		"POST /v1/recordings/{id}/approve": calls.PermModerator, "POST /v1/recordings/{id}/reject": calls.PermModerator,
		"POST /v1/recordings/{id}/revoke": calls.PermModerator, "POST /v1/recordings/{id}/undo": calls.PermModerator, "POST /v1/recordings/claim": calls.PermModerator, "POST /v1/recordings/import": calls.PermAdmin,
		"POST /v1/recordings/{id}/versions": calls.PermCaller,
		"PUT /v1/blacklist/{number}":        calls.PermOperator, "DELETE /v1/blacklist/{number}": calls.PermOperator,
		"POST /v1/calls/{id}/amd/rescore": calls.PermOperator, "PUT /v1/calls/{id}/amd/label": calls.PermOperator, "GET /v1/calls/{id}/amd/audio": calls.PermOperator,
		"POST /v1/webhooks": calls.PermOperator, "GET /v1/trunks": calls.PermOperator,
		"GET /v1/tokens": calls.PermAdmin, "POST /v1/tokens": calls.PermAdmin, "POST /v1/tokens/{id}/rotate": calls.PermAdmin, "DELETE /v1/tokens/{id}": calls.PermAdmin,
		"GET /v1/calls": calls.PermViewer, "GET /v1/events": calls.PermViewer,
	}
	for endpoint, role := range want {
		method, path, _ := strings.Cut(endpoint, " ")
		if got := d.Paths[path][strings.ToLower(method)].Role; got != role {
			t.Errorf("%s needs %q, want %q", endpoint, got, role)
		}
	}
}

func TestTheDocumentIsOpenAPI31AndShowsOurProblems(t *testing.T) {
	t.Parallel()
	d := describe(t, newHouse(t))
	if !strings.HasPrefix(d.OpenAPI, "3.1") {
		t.Errorf("openapi %q", d.OpenAPI)
	}
	if _, ok := d.Components.Schemas["Problem"]; !ok {
		t.Error("Problem is not described")
	}
	if _, ok := d.Components.Schemas["ErrorModel"]; ok {
		t.Error("an error model that is never sent is described")
	}
	var call struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal(d.Components.Schemas["CallView"], &call); err != nil {
		t.Fatal(err)
	}
	if s := string(call.Properties["created_at"]); !strings.Contains(s, "date-time") {
		t.Errorf("created_at is described as %s", s)
	}
	if s := string(call.Properties["hold"]); !strings.Contains(s, `"null"`) || !strings.Contains(s, "HoldView") {
		t.Errorf("hold, null for most calls, is described as %s", s)
	}
	for _, later := range []string{"/v1/flows"} {
		if _, ok := d.Paths[later]; ok {
			t.Errorf("%s is described but not there", later)
		}
	}
}
