package api

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"zvonar/internal/calls"
)

// FuzzCallBody reads any bytes as the body of POST /v1/calls: they are refused
// with a located fault, or they make a request without control characters.
func FuzzCallBody(f *testing.F) {
	for _, seed := range []string{
		goodCall, `{}`, `[]`, `null`, `{"to":1e3,"record_id":"1"}`, `{"to":"79004443322","flow":{"record":1,"digits":[{"record":"1"}]}}`,
		`{"to":"79004443322","record_id":1,"digits":[{},{"managerPhone":74242490764}],"amd":{"mode":"off"},"metadata":{"a":[1,2]}}`,
		`{"to":"7","record_id":1,"window":{"from":"09:00","to":"21:00"},"ring_timeout":"5s","not_before":"2026-11-21T12:00:00Z"}`,
		`{"to":"7","to":"8"}`, "{\"ref\":\"\u0000\"}", `{"to":`, strings.Repeat(`[`, 100),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var tree any
		if err := unmarshalStrict(raw, &tree); err != nil {
			if !strings.HasPrefix(err.Error(), "line ") {
				t.Errorf("the place is missing: %v", err)
			}
			return
		}
		var body callBody
		if unmarshalStrict(raw, &body) != nil {
			return
		}
		r, err := body.request()
		if err != nil {
			var e *calls.Error
			if !errors.As(err, &e) || len(e.Fields) == 0 || e.Detail == "" {
				t.Errorf("a fault without place or words: %v", err)
			}
			return
		}
		for _, s := range []string{r.From, r.Ref, r.Series, r.Trunk, r.Provider, r.WebhookURL, string(r.Clip)} {
			if !calls.Printable(s) {
				t.Errorf("control characters pass: %q", s)
			}
		}
		if (r.Clip == "") == (r.Flow == nil) {
			t.Errorf("neither or both of clip and flow: %s", raw)
		}
		if len(r.Metadata) > 0 && !json.Valid(r.Metadata) {
			t.Errorf("metadata %q", r.Metadata)
		}
		if _, err := bodyHash(raw); err != nil {
			t.Errorf("no hash: %v", err)
		}
	})
}

func TestBodyHashIsThatOfTheMeaning(t *testing.T) {
	t.Parallel()
	hash := func(s string) string {
		h, err := bodyHash([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	a := hash(`{"to":"1","b":{"x":1,"y":[1,2]}}`)
	if b := hash("{ \"b\": {\"y\":[1, 2],\"x\":1},\n\"to\":\"1\", \"c\": null }"); a != b {
		t.Error("order, white space and null must not matter")
	}
	if b := hash(`{"to":"1","b":{"x":1,"y":[2,1]}}`); a == b {
		t.Error("another list must have another hash")
	}
	if hash(`{"a":10000000000000001}`) == hash(`{"a":10000000000000000}`) {
		t.Error("big numbers must keep their digits")
	}
}
