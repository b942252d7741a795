package main

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"zvonar/internal/api"
	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// document is the part of the OpenAPI document that the tests of commands read.
type document struct {
	Paths      map[string]map[string]operation
	Components struct{ Schemas map[string]schema }
}

// operation is one method of one path.
type operation struct {
	RequestBody struct {
		Content map[string]struct{ Schema schema }
	}
	Parameters []struct{ Name, In string }
}

type schema struct {
	Ref        string `json:"$ref"`
	Properties map[string]schema
	OneOf      []schema
}

// Rooms that the document does not ask; it only needs them to be there.
type (
	noEngine     struct{ api.Engine }
	noStore      struct{ calls.Store }
	noRecordings struct{ api.Recordings }
	noJobs       struct{ api.Jobs }
	noGuard      struct{ api.URLGuard }
)

// published is what a daemon says of its API.
func published(t *testing.T) document {
	t.Helper()
	wall := clock.System()
	s, err := api.New(api.Config{Engine: noEngine{}, Store: noStore{}, Recordings: noRecordings{}, Jobs: noJobs{}, Guard: noGuard{}, Clock: wall, IDs: clock.NewIDs(wall, rand.Reader)})
	if err != nil {
		t.Fatal(err)
	}
	answer := httptest.NewRecorder()
	s.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
	var d document
	if err := json.Unmarshal(answer.Body.Bytes(), &d); err != nil || len(d.Paths) == 0 {
		t.Fatalf("%d: %v", answer.Code, err)
	}
	return d
}

// fields are the members of what an operation reads as JSON, those of objects in it
// as bridge.order.
func (d document) fields(t *testing.T, method, path string) []string {
	t.Helper()
	op, ok := d.Paths[path][strings.ToLower(method)]
	if !ok {
		t.Fatalf("there is no %s %s", method, path)
	}
	return d.members(op.RequestBody.Content["application/json"].Schema, "")
}

func (d document) members(s schema, before string) []string {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		s = d.Components.Schemas[name]
	}
	var names []string
	for name, p := range s.Properties {
		if inner := d.members(p, before+name+"."); len(inner) > 0 {
			names = append(names, inner...)
		} else {
			names = append(names, before+name)
		}
	}
	return names
}
