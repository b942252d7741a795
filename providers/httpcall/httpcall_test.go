package httpcall

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"zvonar/internal/calls"
	"zvonar/providers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var request = calls.PlaceRequest{CallID: "01CALL", Attempt: "01ATT", To: "79004443322", From: "78005553535", Extension: "201", Ref: "order-7"}

func config(url string) Config {
	return Config{
		Name: "pbx", URL: url, Body: `{"phone":"{{.To}}","from":{{json .From}},"ext":"{{.Extension}}","id":"{{.CallID}}","attempt":"{{.Attempt}}","ref":"{{.Ref}}"}`,
		SuccessPath: "success", CallIDPath: "result.0.id", ErrorPath: "error.message",
	}
}

func provider(t *testing.T, cfg Config) *Provider {
	t.Helper()
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// serve answers every request with h and counts them.
func serve(t *testing.T, h http.HandlerFunc) (url string, hits *atomic.Int32) {
	t.Helper()
	hits = new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits.Add(1)
		h(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, hits
}

func answers(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func TestPlaceSendsTheTemplateOnce(t *testing.T) {
	t.Parallel()
	var got map[string]string
	var header http.Header
	var method string
	u, hits := serve(t, func(w http.ResponseWriter, r *http.Request) {
		method, header = r.Method, r.Header
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Errorf("body: %v", err)
		}
		io.WriteString(w, `{"success":true,"result":[{"id":12345678901234567890}]}`)
	})
	cfg := config(u)
	cfg.Headers = map[string]string{"Authorization": "Bearer s3cret"}
	r := request
	r.Ref = "a \"b\" \\ \r\n </script> ключ\",\"ext\":\"666"
	res, err := provider(t, cfg).Place(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	if res.ProviderCallID != "12345678901234567890" {
		t.Errorf("call id %q: a long number must keep its digits", res.ProviderCallID)
	}
	want := map[string]string{"phone": "79004443322", "from": "78005553535", "ext": "201", "id": "01CALL", "attempt": "01ATT", "ref": r.Ref}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("%s = %q, want %q", k, got[k], v)
		}
	}
	if method != "POST" || header.Get("Authorization") != "Bearer s3cret" || header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %v", method, header)
	}
	if hits.Load() != 1 {
		t.Errorf("%d requests", hits.Load())
	}
}

func TestAnswersAreRefusalsOrUnknown(t *testing.T) {
	t.Parallel()
	const refused, unknown, ok = "refused", "unknown", "ok"
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   string
		says   string
	}{
		{"yes", 200, `{"success":true,"result":[{"id":"x"}]}`, ok, ""},
		{"yes as text", 201, `{"success":"true"}`, ok, ""},
		{"no", 200, `{"success":false,"error":{"message":"no money"}}`, refused, "no money"},
		{"null", 200, `{"success":null}`, refused, "null"},
		{"path missing", 200, `{"error":{"message":"what?"}}`, unknown, "what?"},
		{"path is an object", 200, `{"success":{}}`, unknown, "success"},
		{"HTML", 200, `<html><body>maintenance</body></html>`, unknown, "not JSON"},
		{"broken JSON", 200, `{"success":tr`, unknown, "not JSON"},
		{"two values", 200, `{"success":true}{"success":false}`, unknown, "not JSON"},
		{"empty", 200, ``, unknown, "not JSON"},
		{"array", 200, `[true]`, unknown, "success"},
		{"too large", 200, `{"success":true,"pad":"` + strings.Repeat("x", 70_000) + `"}`, unknown, "larger"},
		{"HTML, 404", 404, `<html>`, refused, "404"},
		{"bad key", 401, `{"error":{"message":"bad key"}}`, refused, "bad key"},
		{"too many", 429, `slow down`, refused, "too many"},
		{"timed out there", 408, ``, unknown, "408"},
		{"internal", 500, `{"success":false}`, unknown, "500"},
		{"gateway", 502, `<html>`, unknown, "502"},
		{"unavailable", 503, ``, refused, "503"},
		{"gateway timeout", 504, ``, unknown, "504"},
		{"control bytes in words", 400, "{\"error\":{\"message\":\"a\\r\\nb\\u0000\\u001b[31mc\"}}", refused, "ab[31mc"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			u, hits := serve(t, answers(c.status, c.body))
			_, err := provider(t, config(u)).Place(context.Background(), request)
			if got := class(err); got != c.want {
				t.Fatalf("%s: %v", got, err)
			}
			if err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %q does not say %q", err, c.says)
			}
			if hits.Load() != 1 {
				t.Errorf("%d requests", hits.Load())
			}
		})
	}
}

func class(err error) string {
	var refused *calls.PlaceRefused
	var unknown *calls.PlaceUnknown
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &refused):
		return "refused"
	case errors.As(err, &unknown):
		return "unknown"
	}
	return "other"
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	elsewhere, hits := serve(t, answers(200, `{"success":true}`))
	u, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere, http.StatusTemporaryRedirect)
	})
	_, err := provider(t, config(u)).Place(context.Background(), request)
	if class(err) != "refused" || hits.Load() != 0 {
		t.Errorf("%v, %d requests elsewhere", err, hits.Load())
	}
}

func TestAHangIsUnknown(t *testing.T) {
	t.Parallel()
	reached, release := make(chan struct{}), make(chan struct{})
	u, hits := serve(t, func(http.ResponseWriter, *http.Request) {
		close(reached)
		<-release
	})
	defer close(release)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		<-reached
		cancel()
	}()
	_, err := provider(t, config(u)).Place(ctx, request)
	if class(err) != "unknown" || !errors.Is(err, context.Canceled) || hits.Load() != 1 {
		t.Errorf("%v, %d requests", err, hits.Load())
	}
}

func TestTheTimeoutOfTheConfigurationEndsAHang(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	u, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, `{"success":`)
		w.(http.Flusher).Flush()
		<-release
	})
	defer close(release)
	cfg := config(u)
	cfg.Timeout = 3 * time.Second
	_, err := provider(t, cfg).Place(context.Background(), request)
	if class(err) != "unknown" || !strings.Contains(err.Error(), "too long") {
		t.Error(err)
	}
}

func TestABrokenConnectionIsUnknownAndNotRepeated(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"GET", "POST"} {
		u, hits := serve(t, func(w http.ResponseWriter, r *http.Request) {
			c, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			c.Close()
		})
		cfg := config(u)
		if cfg.Method = method; method == "GET" {
			cfg.Body, cfg.URL = "", u+"/call?to={{.To}}"
		}
		_, err := provider(t, cfg).Place(context.Background(), request)
		if class(err) != "unknown" || hits.Load() != 1 {
			t.Errorf("%s: %v, %d requests", method, err, hits.Load())
		}
	}
}

func TestNothingListeningIsARefusal(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	_, err = provider(t, config("http://"+addr+"/?key=s3cret")).Place(context.Background(), request)
	if class(err) != "refused" {
		t.Fatal(err)
	}
	if strings.Contains(err.Error(), "s3cret") {
		t.Errorf("the error tells the key: %v", err)
	}
}

func TestACanceledContextBeforeSendingIsARefusal(t *testing.T) {
	t.Parallel()
	u, hits := serve(t, answers(200, `{"success":true}`))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := provider(t, config(u)).Place(ctx, request)
	if class(err) != "refused" || hits.Load() != 0 {
		t.Errorf("%v, %d requests", err, hits.Load())
	}
}

func TestGetPutsFieldsIntoTheURL(t *testing.T) {
	t.Parallel()
	var got url.Values
	u, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.URL.Query()
		io.WriteString(w, `OK`)
	})
	r := request
	r.Ref = "a&to=666#x y"
	cfg := Config{Name: "pbx", Method: "GET", URL: u + "/call?to={{.To}}&ref={{.Ref}}&q={{query .Ref}}"}
	res, err := provider(t, cfg).Place(context.Background(), r)
	if err != nil || res.ProviderCallID != "" {
		t.Fatal(res, err)
	}
	if len(got["to"]) != 1 || got.Get("to") != "79004443322" || got.Get("ref") != r.Ref || got.Get("q") != r.Ref {
		t.Errorf("%v", got)
	}
}

func TestFormsAreEscaped(t *testing.T) {
	t.Parallel()
	var got url.Values
	u, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		got = r.PostForm
	})
	r := request
	r.Ref = "a&to=666"
	cfg := Config{Name: "pbx", URL: u, Body: "to={{.To}}&ref={{.Ref}}", Headers: map[string]string{"content-type": "application/x-www-form-urlencoded"}}
	if _, err := provider(t, cfg).Place(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	if len(got["to"]) != 1 || got.Get("ref") != r.Ref {
		t.Errorf("%v", got)
	}
}

func TestNewRefusesABadConfiguration(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Config)
		want   string
	}{
		"no url":            {func(c *Config) { c.URL = "" }, "url"},
		"relative url":      {func(c *Config) { c.URL = "/call" }, "url"},
		"file url":          {func(c *Config) { c.URL = "file:///etc/passwd" }, "url"},
		"host of a field":   {func(c *Config) { c.URL = "http://{{.Ref}}/" }, "host"},
		"host with a field": {func(c *Config) { c.URL = "http://pbx.example{{.Ref}}/" }, "host"},
		"port of a field":   {func(c *Config) { c.URL = "http://pbx.example:{{.Extension}}/" }, "host"},
		"unknown field":     {func(c *Config) { c.Body = `{"a":"{{.Number}}"}` }, "body"},
		"broken template":   {func(c *Config) { c.Body = `{"a":"{{.To"}` }, "body"},
		"not JSON":          {func(c *Config) { c.Body = `{"a":{{.Ref}}}` }, "JSON"},
		"content type":      {func(c *Config) { c.Headers = map[string]string{"Content-Type": "text/plain"} }, "Content-Type"},
		"header injection":  {func(c *Config) { c.Headers = map[string]string{"X": "a\r\nY: b"} }, "headers"},
		"header name":       {func(c *Config) { c.Headers = map[string]string{"X Y": "a"} }, "headers"},
		"method":            {func(c *Config) { c.Method = "DELETE" }, "method"},
		"GET with body":     {func(c *Config) { c.Method = "GET" }, "method"},
		"path":              {func(c *Config) { c.SuccessPath = "a..b" }, "success_path"},
		"timeout":           {func(c *Config) { c.Timeout = time.Hour }, "timeout"},
	} {
		cfg := config("http://pbx.example/")
		c.change(&cfg)
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "pbx") {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

func TestNumbersAreMaskedInLogsAndResultsCounted(t *testing.T) {
	t.Parallel()
	u, _ := serve(t, answers(200, `{"success":true}`))
	var log bytes.Buffer
	reg := prometheus.NewRegistry()
	cfg := config(u)
	cfg.Log, cfg.Metrics = slog.New(slog.NewTextHandler(&log, nil)), reg
	p := provider(t, cfg)
	provider(t, cfg) // a second one shares the collectors
	if _, err := p.Place(context.Background(), request); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(log.String(), request.To) || !strings.Contains(log.String(), calls.Mask(request.To)) {
		t.Errorf("log: %s", log.String())
	}
	want := "# HELP zvonar_provider_requests_total Requests to place a call, by result: ok, refused, unknown.\n" +
		"# TYPE zvonar_provider_requests_total counter\n" + `zvonar_provider_requests_total{provider="pbx",result="ok"} 1` + "\n"
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "zvonar_provider_requests_total"); err != nil {
		t.Error(err)
	}
}

func FuzzAnswer(f *testing.F) {
	f.Add(200, []byte(`{"success":true,"result":[{"id":1}]}`))
	f.Add(429, []byte(`{"error":{"message":"x"}}`))
	f.Add(200, []byte(`<html>`))
	p, err := New(config("http://pbx.example/"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		id, err := p.read.Read(&providers.Answer{Status: status, Body: body})
		if class(err) == "other" || (err != nil && !calls.Printable(err.Error())) || !calls.Printable(id) {
			t.Fatalf("%d %q: %+v, %v", status, body, id, err)
		}
	})
}

func FuzzRequest(f *testing.F) {
	f.Add("ref", "100")
	f.Add(`","x":"`, "{{.To}}")
	f.Add("\xff\x00\r\n", "../..#?&")
	cfg := config("http://pbx.example/call?e={{.Extension}}&r={{.Ref}}")
	p, err := New(cfg)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, ref, extension string) {
		r := request
		r.Ref, r.Extension = ref, extension
		req, err := p.write.Request(valuesOf(r))
		if err != nil {
			return
		}
		if req.URL.Host != "pbx.example" || req.URL.Path != "/call" || len(req.URL.Query()) != 2 {
			t.Fatalf("url %s", req.URL)
		}
		var body map[string]string
		if err := json.NewDecoder(req.Body).Decode(&body); err != nil || len(body) != 6 || body["phone"] != request.To {
			t.Fatalf("body %v, %v", body, err)
		}
	})
}
