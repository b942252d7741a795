package httpsms

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

	"go.uber.org/goleak"

	"zvonar/internal/calls"
	"zvonar/internal/outbox"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var message = calls.SMS{ID: "sms_1", To: "79004443322", From: "78005553535", Text: "Ваш \"код\"\n7\\&to=1"}

func config(url string) Config {
	return Config{URL: url, Body: `{"to":"{{.To}}","from":"{{.From}}","text":{{json .Text}},"inside":"{{.Text}}","id":"{{.ID}}"}`,
		Headers: map[string]string{"Authorization": "Bearer s3cret"}, IDPath: "messages.0.id", ErrorPath: "error"}
}

func sender(t *testing.T, cfg Config) *Sender {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

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

func TestATextIsSentAsTheTemplateSaysAndItsIDIsRead(t *testing.T) {
	t.Parallel()
	var got map[string]string
	var header http.Header
	u, hits := serve(t, func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		io.WriteString(w, `{"messages":[{"id":12345678901234567890}]}`)
	})
	id, err := sender(t, config(u)).Send(context.Background(), message)
	if err != nil || id != "12345678901234567890" || hits.Load() != 1 {
		t.Fatalf("%q, %v, %d requests", id, err, hits.Load())
	}
	for name, want := range map[string]string{"to": message.To, "from": message.From, "text": message.Text, "inside": message.Text, "id": message.ID} {
		if got[name] != want {
			t.Errorf("%s is %q; want %q", name, got[name], want)
		}
	}
	if header.Get("Authorization") != "Bearer s3cret" {
		t.Errorf("header %v", header)
	}
}

func TestAFormIsEscaped(t *testing.T) {
	t.Parallel()
	var got url.Values
	u, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		got = r.Form
	})
	cfg := Config{URL: u + "/?key=s3cret&id={{.ID}}", Body: "to={{.To}}&text={{.Text}}", Headers: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}}
	if _, err := sender(t, cfg).Send(context.Background(), message); err != nil {
		t.Fatal(err)
	}
	if got.Get("text") != message.Text || len(got["to"]) != 1 || got.Get("id") != "sms_1" {
		t.Errorf("%v", got)
	}
}

func TestOnlyWhereNothingWasSentATextMayBeTriedAgain(t *testing.T) {
	t.Parallel()
	const taken, again, refused, unknown = "taken", "again", "refused", "unknown"
	for _, c := range []struct {
		status int
		body   string
		want   string
	}{
		{200, `{}`, taken}, {202, ``, taken}, {204, ``, unknown}, {201, ``, unknown},
		{400, `{"error":"no credit"}`, refused}, {401, ``, refused}, {402, ``, refused}, {404, ``, refused}, {307, ``, refused}, {501, ``, refused},
		{429, ``, again}, {503, ``, again},
		{408, ``, unknown}, {500, ``, unknown}, {502, `<html>`, unknown}, {504, ``, unknown},
		{200, strings.Repeat("x", 70_000), unknown},
	} {
		u, hits := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(c.status)
			if c.status != 204 {
				io.WriteString(w, c.body)
			}
		})
		cfg := config(u)
		cfg.Statuses = []int{200, 202}
		_, err := sender(t, cfg).Send(context.Background(), message)
		if got := class(err); got != c.want || hits.Load() != 1 {
			t.Errorf("%d: %s (%v), %d requests; want %s", c.status, got, err, hits.Load(), c.want)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%d: %v tells the key", c.status, err)
		}
		if c.body == `{"error":"no credit"}` && !strings.Contains(err.Error(), "no credit") {
			t.Errorf("%v does not tell the service's words", err)
		}
	}
}

func class(err error) string {
	var r *outbox.TextRefused
	switch {
	case err == nil:
		return "taken"
	case errors.As(err, &r) && r.Again:
		return "again"
	case errors.As(err, &r):
		return "refused"
	}
	return "unknown"
}

func TestAServiceThatIsNotThereIsAskedAgainAndOneThatHangsUpIsNot(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := "http://" + l.Addr().String() + "/?key=s3cret"
	l.Close()
	var log bytes.Buffer
	cfg := config(gone)
	cfg.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if _, err = sender(t, cfg).Send(context.Background(), message); class(err) != "again" {
		t.Errorf("nothing listens: %v", err)
	}
	if strings.Contains(log.String()+err.Error(), "s3cret") || strings.Contains(log.String(), message.To) {
		t.Errorf("the log tells a secret or a number: %s, %v", &log, err)
	}
	u, hits := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if c, _, err := w.(http.Hijacker).Hijack(); err == nil {
			c.Close()
		}
	})
	if _, err = sender(t, config(u)).Send(context.Background(), message); class(err) != "unknown" || hits.Load() != 1 {
		t.Errorf("the connection was lost: %v, %d requests", err, hits.Load())
	}
}

func TestABadConfigurationIsNamed(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*Config){
		"url":        func(c *Config) { c.URL = "sms.example" },
		"host":       func(c *Config) { c.URL = "https://{{.To}}/" },
		"body":       func(c *Config) { c.Body = `{"x":"{{.Extension}}"}` },
		"statuses":   func(c *Config) { c.Statuses = []int{404} },
		"timeout":    func(c *Config) { c.Timeout = time.Minute },
		"error_path": func(c *Config) { c.ErrorPath = "a..b" },
		"method":     func(c *Config) { c.Method = "PATCH" },
	} {
		cfg := config("https://sms.example/")
		change(&cfg)
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want one that names %s", err, want)
		}
	}
}
