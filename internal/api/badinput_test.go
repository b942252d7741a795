package api

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"zvonar/internal/calls"
)

func TestBadInputGetsAProblemAndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	before := h.rows()
	eleven := "[" + strings.Repeat(`{},`, 10) + `{}]`
	body := func(member string) string { return `{"to":"79004443322","record_id":"1460168",` + member + `}` }
	tests := []struct {
		name, body string
		code       int
		problem    string
		location   string // of the first error; "" = not looked at
	}{
		{"malformed number", `{"to":"abc","record_id":"1460168"}`, 422, "invalid-number", "body.to"},
		{"short number", `{"to":"112","record_id":"1460168"}`, 422, "invalid-number", "body.to"},
		{"no number", `{"record_id":"1460168"}`, 422, "invalid-field", "body"},
		{"number with CR LF", `{"to":"79004443322\r\nX: y","record_id":"1460168"}`, 422, "invalid-number", "body.to"},
		{"forbidden destination", `{"to":"14155552671","record_id":"1460168"}`, 422, "destination-not-allowed", "body.to"},
		{"from of nobody", body(`"from":"74951234567"`), 422, "invalid-field", "body.from"},
		{"from with CR LF", body(`"from":"78005553535\r\nX: y"`), 422, "invalid-field", "body.from"},
		{"ref with a control byte", body(`"ref":"a\u0000b"`), 422, "invalid-field", "body.ref"},
		{"ref too long", body(`"ref":"` + strings.Repeat("r", 129) + `"`), 422, "invalid-field", "body.ref"},
		{"unknown clip", `{"to":"79004443322","record_id":"99"}`, 422, "unknown-recording", ""},
		{"clip not approved", `{"to":"79004443322","recording_id":"rec_pending"}`, 422, "recording-not-approved", ""},
		{"no clip", `{"to":"79004443322"}`, 422, "invalid-field", "body"},
		{"two clips", body(`"recording_id":"rec_ok"`), 422, "invalid-field", "body"},
		{"eleven actions", body(`"digits":` + eleven), 422, "too-many-digits", "body.digits"},
		{"unknown action key", body(`"digits":[{},{"dance":"1"}]`), 422, "bad-action", "body.digits[1]"},
		{"two keys in one element", body(`"digits":[{"record":"1460168","needBlock":"1"}]`), 422, "bad-action", "body.digits[0]"},
		{"digits with a flow", `{"to":"79004443322","flow":{"record":"1460168"},"digits":[{}]}`, 422, "invalid-field", "body.digits"},
		{"a key twice in one element", body(`"digits":[{"record":"1","record":"2"}]`), 400, "bad-json", "body"},
		{"unknown field", body(`"colour":"red"`), 422, "invalid-field", "body.colour"},
		{"unknown trunk", body(`"trunk":"none"`), 422, "invalid-field", "body.trunk"},
		{"unknown provider", body(`"provider":"none"`), 422, "invalid-field", "body.provider"},
		{"wrong type", body(`"ref":5`), 422, "invalid-field", "body.ref"},
		{"number as an object", `{"to":{},"record_id":"1460168"}`, 422, "invalid-field", "body.to"},
		{"number as a fraction", `{"to":7.9e10,"record_id":"1460168"}`, 422, "invalid-field", "body"},
		{"text beside a clip", body(`"text":"hello","voice":"male"`), 422, "invalid-field", "body"},
		{"text without a voice", `{"to":"79004443322","text":"hello"}`, 422, "invalid-field", "body.voice"},
		{"voice without a text", body(`"voice":"male"`), 422, "invalid-field", "body.voice"},
		{"voice that is none", `{"to":"79004443322","text":"hello","voice":"child"}`, 422, "invalid-field", "body.voice"},
		{"text with markup", `{"to":"79004443322","text":"<audio/>","voice":"male"}`, 422, "invalid-field", "body.text"},
		{"text where nobody speaks", `{"to":"79004443322","text":"hello","voice":"male"}`, 409, "wrong-state", ""},
		{"retry", body(`"retry":{"max":3}`), 422, "invalid-field", "body.retry.max"},
		{"retry after an answer", body(`"retry":{"outcomes":{"answered":"5m"}}`), 422, "invalid-field", "body.retry.outcomes.answered"},
		{"time zone", body(`"timezone":"Asia/Atlantis"`), 422, "invalid-field", "body.timezone"},
		{"preset", body(`"window":{"preset":"night"}`), 422, "invalid-field", "body.window.preset"},
		{"days", body(`"window":{"from":"09:00","to":"18:00","days":["funday"]}`), 422, "invalid-field", "body.window"},
		{"employee", body(`"employee":"anna"`), 422, "invalid-field", "body.employee"},
		{"amd mode that is none", body(`"amd":"perhaps"`), 422, "invalid-field", "body.amd.mode"},
		{"amd with an unknown key", body(`"amd":{"mode":"async","patience":3}`), 422, "invalid-field", "body.amd.patience"},
		{"a message that nobody named", body(`"amd":{"mode":"async","on_machine":"message"}`), 422, "invalid-field", "body.amd.message_record"},
		{"amd in a flow", `{"to":"79004443322","flow":{"record":"1460168","amd":{"mode":"maybe"}}}`, 422, "invalid-field", ""},
		{"window that is none", body(`"window":{"from":"9","to":"21"}`), 422, "invalid-field", "body.window"},
		{"ring time-out that is none", body(`"ring_timeout":"soon"`), 422, "invalid-field", "body.ring_timeout"},
		{"ring time-out too long", body(`"ring_timeout":"1h"`), 422, "invalid-field", "body.ring_timeout"},
		{"time that is none", body(`"not_before":"tomorrow"`), 422, "invalid-field", "body.not_before"},
		{"already over", body(`"not_after":"2020-01-01T00:00:00Z"`), 422, "invalid-field", "body.not_after"},
		{"metadata that is no object", body(`"metadata":[1]`), 422, "invalid-field", "body.metadata"},
		{"much metadata", body(`"metadata":{"a":"` + strings.Repeat("x", 17<<10) + `"}`), 422, "invalid-field", "body.metadata"},
		{"webhook inside", body(`"webhook_url":"http://127.0.0.1:9000/hook"`), 422, "forbidden-url", "body.webhook_url"},
		{"webhook of metadata service", body(`"webhook_url":"http://169.254.169.254/"`), 422, "forbidden-url", "body.webhook_url"},
		{"webhook that is no URL", body(`"webhook_url":"ftp://x"`), 422, "forbidden-url", "body.webhook_url"},
		{"broken JSON", `{"to":"79004443322",}`, 400, "bad-json", "body"},
		{"half a document", `{"to":`, 400, "bad-json", "body"},
		{"two documents", goodCall + goodCall, 400, "bad-json", "body"},
		{"an array", `[]`, 422, "invalid-field", "body"},
		{"deep nesting", body(`"metadata":{"a":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`), 400, "bad-json", "body"},
		{"empty body", ``, 400, "bad-json", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := h.do("POST", "/v1/calls", tt.body)
			location, message := got.field(0)
			if got.code != tt.code || got.problem() != tt.problem || (tt.location != "" && location != tt.location) {
				t.Errorf("got %d %q at %q, want %d %q at %q\n%s", got.code, got.problem(), location, tt.code, tt.problem, tt.location, got.body)
			}
			if tt.location != "" && message == "" {
				t.Error("the fault is not explained")
			}
			wellFormed(t, got)
			if n := h.rows(); n != before {
				t.Errorf("the store has %d rows, had %d", n, before)
			}
		})
	}
}

// wellFormed checks the members that every problem document has.
func wellFormed(t *testing.T, r reply) {
	t.Helper()
	if ct := r.header.Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("content type %q", ct)
	}
	for _, member := range []string{"type", "title", "status", "detail", "errors", "request_id"} {
		if v, ok := r.doc[member]; !ok || v == "" || v == nil {
			t.Errorf("member %q is missing or empty in %s", member, r.body)
		}
	}
	if status, _ := r.doc["status"].(float64); int(status) != r.code {
		t.Errorf("status member %v, answered %d", r.doc["status"], r.code)
	}
	if r.doc["request_id"] != r.header.Get("X-Request-Id") {
		t.Errorf("request_id %v, header %q", r.doc["request_id"], r.header.Get("X-Request-Id"))
	}
}

func TestLaterFieldsSayThatTheyAreNotAvailable(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	got := h.do("POST", "/v1/calls", `{"to":"79004443322","record_id":"1460168","flow_id":"x","employee":"anna"}`)
	if n := strings.Count(got.body, "is not available in this version"); n < 2 {
		t.Errorf("both fields must be refused by name: %s", got.body)
	}
}

func TestBrokenJSONIsLocatedByLineAndColumn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	got := h.do("POST", "/v1/calls", "{\n  \"to\": \"79004443322\",\n  \"ref\": oops\n}")
	if _, message := got.field(0); !strings.Contains(message, "line 3, column 10") {
		t.Errorf("got %q", message)
	}
}

func TestBodiesBeyondTheLimitAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *Config) { c.MaxBody, c.MaxUpload = 1000, 2000 })
	pad := func(n int) string { return goodCall[:len(goodCall)-1] + strings.Repeat(" ", n-len(goodCall)) + "}" }
	if got := h.do("POST", "/v1/calls", pad(1000)); got.code != 202 {
		t.Errorf("a body at the limit: %d %s", got.code, got.body)
	}
	got := h.do("POST", "/v1/calls", pad(1001))
	if got.code != 413 || got.problem() != "too-large" {
		t.Errorf("declared length: %d %s", got.code, got.body)
	}
	wellFormed(t, got)
	r := httptest.NewRequest("POST", "/v1/calls", struct{ *strings.Reader }{strings.NewReader(pad(1001))})
	r.ContentLength = -1 // chunked: the length is not told
	r.Header.Set("Authorization", "Bearer "+h.tokens[calls.PermAdmin])
	if got = h.send(r); got.code != 413 || got.problem() != "too-large" {
		t.Errorf("chunked: %d %s", got.code, got.body)
	}
	body, ct := form(t, map[string]string{"title": "x"}, bytes.Repeat([]byte("a"), 4000))
	r = httptest.NewRequest("POST", "/v1/recordings", struct{ *strings.Reader }{strings.NewReader(body)})
	r.ContentLength = -1
	r.Header.Set("Authorization", "Bearer "+h.tokens[calls.PermAdmin])
	r.Header.Set("Content-Type", ct)
	if got = h.send(r); got.code != 413 || got.problem() != "too-large" {
		t.Errorf("upload: %d %s", got.code, got.body)
	}
}

// form is a multipart upload.
func form(t *testing.T, fields map[string]string, file []byte) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for name, value := range fields {
		if err := w.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	if file != nil {
		part, err := w.CreateFormFile("file", "clip.wav")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write(file); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

func TestEveryOtherFailureIsAProblemToo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tests := []struct {
		name, method, path, body string
		header                   []string
		code                     int
		problem                  string
	}{
		{"no route", "GET", "/v1/nothing", "", nil, 404, "not-found"},
		{"root", "GET", "/", "", nil, 404, "not-found"},
		{"wrong method", "PATCH", "/v1/calls", "", nil, 405, "method-not-allowed"},
		{"no token", "GET", "/v1/calls", "", []string{"Authorization", ""}, 401, "unauthorized"},
		{"wrong token", "GET", "/v1/calls", "", as("zv_wrong"), 401, "unauthorized"},
		{"basic auth", "GET", "/v1/calls", "", []string{"Authorization", "Basic eDp5"}, 401, "unauthorized"},
		{"too little", "GET", "/v1/tokens", "", as(h.tokens[calls.PermCaller]), 403, "forbidden"},
		{"unknown call", "GET", "/v1/calls/call_x", "", nil, 404, "not-found"},
		{"hang up nothing", "POST", "/v1/calls/call_x/hangup", "", nil, 404, "not-found"},
		{"events of nothing", "GET", "/v1/calls/call_x/events", "", nil, 404, "not-found"},
		{"unknown recording", "GET", "/v1/recordings/7", "", nil, 404, "not-found"},
		{"unknown parameter", "GET", "/v1/calls?colour=red", "", nil, 422, "invalid-field"},
		{"unknown status", "GET", "/v1/calls?status=asleep", "", nil, 422, "invalid-field"},
		{"limit beyond", "GET", "/v1/calls?limit=501", "", nil, 422, "invalid-field"},
		{"limit zero", "GET", "/v1/calls?limit=0", "", nil, 422, "invalid-field"},
		{"cancel everything", "DELETE", "/v1/calls", "", nil, 422, "invalid-field"},
		{"cancel two ways", "DELETE", "/v1/calls?ref=a&series=b", "", nil, 422, "invalid-field"},
		{"a form", "POST", "/v1/calls", "to=1", []string{"Content-Type", "application/x-www-form-urlencoded"}, 400, "bad-json"},
		{"blacklist a word", "PUT", "/v1/blacklist/abc", "", nil, 422, "invalid-number"},
		{"unblock what is free", "DELETE", "/v1/blacklist/79004443322", "", nil, 404, "not-found"},
		{"webhook inside", "POST", "/v1/webhooks", `{"url":"http://10.0.0.1/x"}`, nil, 422, "forbidden-url"},
		{"webhook on loopback by name", "POST", "/v1/webhooks", `{"url":"http://localhost:9000/"}`, nil, 422, "forbidden-url"},
		{"token without roles", "POST", "/v1/tokens", `{"name":"x","roles":[]}`, nil, 422, "invalid-field"},
		{"token with an unknown role", "POST", "/v1/tokens", `{"name":"x","roles":["king"]}`, nil, 422, "invalid-field"},
		{"reject without a reason", "POST", "/v1/recordings/rec_pending/reject", `{}`, nil, 422, "invalid-field"},
		{"resume from a word", "GET", "/v1/events?after=x", "", nil, 422, "invalid-field"},
		{"upload that is no form", "POST", "/v1/recordings", `{}`, nil, 422, "invalid-field"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := h.do(tt.method, tt.path, tt.body, tt.header...)
			if got.code != tt.code || got.problem() != tt.problem {
				t.Errorf("got %d %q, want %d %q\n%s", got.code, got.problem(), tt.code, tt.problem, got.body)
			}
			wellFormed(t, got)
		})
	}
	if got := h.do("PATCH", "/v1/calls", ""); !strings.Contains(got.header.Get("Allow"), http.MethodPost) {
		t.Errorf("Allow: %q", got.header.Get("Allow"))
	}
}

func TestSecretsAreNotEchoed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	got := h.do("POST", "/v1/webhooks", `{"url":"https://example.com/","secret":"hush-hush","colour":1}`)
	if got.code != 422 || strings.Contains(got.body, "hush-hush") {
		t.Errorf("%d %s", got.code, got.body)
	}
}
