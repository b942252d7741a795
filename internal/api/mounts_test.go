package api

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// facadeEcho tells what reached it.
var facadeEcho = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	_, _ = io.WriteString(w, r.Method+" "+r.URL.EscapedPath()+"?"+r.URL.RawQuery+" "+string(body))
})

func ask(h http.Handler, method, target, contentType, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestFacadesAnswerBelowTheirPrefix(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *Config) { c.Mounts.Facades = map[string]http.Handler{"x": facadeEcho}; c.MaxBody = 10 }).server.Handler()
	for target, want := range map[string]string{
		"/compat/x/a/b?c=d":     "POST /a/b?c=d k=v",
		"/compat/x//a///b/":     "POST /a/b/? k=v",
		"/compat/x":             "POST /? k=v",
		"/compat/x/a%2Fb/../c":  "POST /a%2Fb/../c? k=v",
		"/compat/x/%D0%B9?q=%3": "POST /%D0%B9?q=%3 k=v",
	} {
		if w := ask(h, "POST", target, "application/x-www-form-urlencoded", "k=v"); w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: %d %q", target, w.Code, w.Body)
		}
	}
	if w := ask(h, "POST", "/compat/x/", "text/xml", "01234567890"); w.Code != http.StatusTeapot {
		t.Errorf("a body that is too large is not left to the facade: %d %s", w.Code, w.Body)
	}
	if w := ask(h, "GET", "/compat/y/", "", ""); w.Code != http.StatusNotFound {
		t.Errorf("no such facade: %d", w.Code)
	}
}

func TestPanicOfAFacadeIsAnswered(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *Config) {
		c.Mounts.Facades = map[string]http.Handler{"x": http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("x") })}
	}).server.Handler()
	if w := ask(h, "POST", "/compat/x/", "", ""); w.Code != http.StatusInternalServerError {
		t.Errorf("%d", w.Code)
	}
}

const callbackSecret = "0123456789abcdef"

func TestIntakeHearsWhoeverKnowsItsSecretAndIsAllowed(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *Config) {
		c.Mounts.Intakes = []Intake{{Name: "p", Secret: callbackSecret, Handler: facadeEcho},
			{Name: "q", Secret: callbackSecret + "q", Handler: facadeEcho, AllowFrom: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}},
			{Name: "none", Handler: facadeEcho}}
	}).server.Handler()
	for target, want := range map[string]struct {
		code int
		body string
	}{
		"/intake/p/" + callbackSecret + "/events/call?x=1": {200, "POST /events/call?x=1 <a/>"},
		"/intake/p/" + callbackSecret:                      {200, "POST /? <a/>"},
		"/intake/p/wrong/":                                 {404, ""},
		"/intake/q/" + callbackSecret + "/":                {404, ""},
		"/intake/none//":                                   {404, ""},
		"/intake/q/" + callbackSecret + "q/":               {403, ""},
	} {
		if w := ask(h, "POST", target, "text/xml", "<a/>"); w.Code != want.code || want.body != "" && w.Body.String() != want.body {
			t.Errorf("%s: %d %q", target, w.Code, w.Body)
		}
	}
}

func TestGuessingTheSecretOfAnIntakeIsSlowedDown(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *Config) { c.Mounts.Intakes = []Intake{{Name: "p", Secret: callbackSecret, Handler: facadeEcho}} }).server.Handler()
	if w := ask(h, "POST", "/intake/p/"+callbackSecret+"/", "", ""); w.Code != 200 {
		t.Fatal(w.Code)
	}
	var last int
	for range failBurst + 1 {
		last = ask(h, "POST", "/intake/p/guess/", "", "").Code
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the last guess got %d", last)
	}
	if w := ask(h, "POST", "/intake/p/"+callbackSecret+"/", "", ""); w.Code != 200 {
		t.Errorf("the provider behind the same address got %d", w.Code)
	}
}

func TestFacadeAtAListenerOfItsOwn(t *testing.T) {
	t.Parallel()
	s := newHouse(t, func(c *Config) {
		c.Listen = "127.0.0.1:0"
		c.Mounts.Listeners = []Listener{{Kind: "x", Listen: "127.0.0.1:0", Handler: facadeEcho}}
	}).server
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	addr := s.ListenerAddr(0).String()
	resp, err := http.Post("http://"+addr+"//vpbx/commands?a=b", "text/plain", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if string(body) != "POST /vpbx/commands?a=b hello" {
		t.Errorf("%d %q", resp.StatusCode, body)
	}
	http.DefaultClient.CloseIdleConnections()
	if err := s.Stop(ctx); err != nil {
		t.Error(err)
	}
	if c, err := net.Dial("tcp", addr); err == nil {
		_ = c.Close()
		t.Error("the listener is still open")
	}
}

func TestListenerThatCannotBeOpenedStopsTheStart(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	s := newHouse(t, func(c *Config) {
		c.Listen = "127.0.0.1:0"
		c.Mounts.Listeners = []Listener{{Kind: "x", Listen: "127.0.0.1:0", Handler: facadeEcho}, {Kind: "y", Listen: taken.Addr().String(), Handler: facadeEcho}}
	}).server
	if err := s.Start(context.Background()); err == nil || !strings.Contains(err.Error(), "facade y") {
		t.Errorf("%v", err)
	}
	if err := s.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}
