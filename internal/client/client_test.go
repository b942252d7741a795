package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"zvonar/internal/calls"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// daemon serves h and gives a client of it.
func daemon(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c := &http.Client{Transport: &http.Transport{}, CheckRedirect: plain.CheckRedirect}
	t.Cleanup(c.CloseIdleConnections)
	return &Client{Base: s.URL + "/", Token: "secret", HTTP: c, Pause: 1}
}

func TestEveryMethodAsksItsEndpoint(t *testing.T) {
	t.Parallel()
	var got, body string
	c := daemon(t, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got, body = r.Method+" "+r.URL.RequestURI(), string(b)
		if r.Header.Get("Authorization") != "Bearer secret" {
			t.Errorf("%s was sent with %q", got, r.Header.Get("Authorization"))
		}
		if r.Method == http.MethodDelete {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		_, _ = io.WriteString(w, `{"items":[],"next":null}`)
	})
	ctx := t.Context()
	for _, m := range []struct {
		want, body string
		call       func() error
	}{
		{"POST /v1/calls", `{"to":"7916","record_id":"1","digits":[{}]}`, func() error {
			_, _, err := c.PlaceCall(ctx, CallRequest{To: "7916", RecordID: "1", Digits: json.RawMessage(`[{}]`)})
			return err
		}},
		{"GET /v1/calls/a%2Fb", "", func() error { _, err := c.Call(ctx, "a/b"); return err }},
		{"GET /v1/calls?limit=7&to=7916", "", func() error { _, err := c.Calls(ctx, url.Values{"to": {"7916"}}, 7); return err }},
		{"POST /v1/calls/x/hangup", "", func() error { _, err := c.Hangup(ctx, "x"); return err }},
		{"GET /v1/calls/x/events?limit=500&after=0", "", func() error { return c.CallEvents(ctx, "x", nil) }},
		{"GET /v1/recordings?limit=500&state=pending", "", func() error { _, err := c.Recordings(ctx, url.Values{"state": {"pending"}}, 900); return err }},
		{"GET /v1/recordings/r", "", func() error { _, err := c.Recording(ctx, "r"); return err }},
		{"POST /v1/recordings/r/approve", "", func() error { _, err := c.Moderate(ctx, "r", "approve", Decision{}); return err }},
		{"POST /v1/recordings/r/reject", `{"reason":"noise"}`, func() error { _, err := c.Moderate(ctx, "r", "reject", Decision{Reason: "noise"}); return err }},
		{"POST /v1/recordings/claim", "", func() error { _, err := c.ClaimNext(ctx); return err }},
		{"GET /v1/recordings/r/versions?limit=500", "", func() error { _, err := c.RecordingVersions(ctx, "r"); return err }},
		{"GET /v1/recordings/r/history?limit=7", "", func() error { _, err := c.RecordingHistory(ctx, "r", 7); return err }},
		{"PUT /v1/blacklist/+7916", `{"reason":"asked"}`, func() error { _, err := c.Block(ctx, "+7916", BlockRequest{Reason: "asked"}); return err }},
		{"DELETE /v1/blacklist/7916", "", func() error { return c.Unblock(ctx, "7916", "") }},
		{"GET /v1/blacklist/7916", "", func() error { _, err := c.Blocked(ctx, "7916"); return err }},
		{"GET /v1/blacklist?limit=5", "", func() error { _, err := c.Blacklist(ctx, 5); return err }},
		{"GET /v1/trunks", "", func() error { _, err := c.Trunks(ctx); return err }},
		{"GET /v1/tokens?limit=5", "", func() error { _, err := c.Tokens(ctx, "", 5); return err }},
		{"POST /v1/tokens", `{"name":"bot","roles":["caller"]}`, func() error {
			_, err := c.AddToken(ctx, TokenRequest{Name: "bot", Roles: []string{"caller"}})
			return err
		}},
		{"POST /v1/tokens/t/rotate", `{"overlap":"1h"}`, func() error { _, err := c.RotateToken(ctx, "t", "1h"); return err }},
		{"DELETE /v1/tokens/t", "", func() error { return c.RevokeToken(ctx, "t") }},
	} {
		if err := m.call(); err != nil {
			t.Errorf("%s: %v", m.want, err)
		}
		if got != m.want || body != m.body {
			t.Errorf("asked %s with %s, want %s with %s", got, body, m.want, m.body)
		}
	}
}

func TestListsAreReadPageByPage(t *testing.T) {
	t.Parallel()
	c := daemon(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Query().Get("cursor") {
		case "":
			_, _ = io.WriteString(w, `{"items":[{"number":"1"},{"number":"2"}],"next":"2"}`)
		case "2":
			_, _ = io.WriteString(w, `{"items":[{"number":"3"}],"next":null}`)
		}
	})
	list, err := c.Blacklist(t.Context(), 100)
	if err != nil || len(list) != 3 || list[2].Number != "3" {
		t.Errorf("got %v, %v", list, err)
	}
	if list, err := c.Blacklist(t.Context(), 2); err != nil || len(list) != 2 {
		t.Errorf("with a limit of two: %v, %v", list, err)
	}
}

func TestAReplayedCallIsTold(t *testing.T) {
	t.Parallel()
	c := daemon(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Idempotency-Replayed", "true")
		_, _ = io.WriteString(w, `{"id":"01J","status":"ringing","outcome":null}`)
	})
	call, replayed, err := c.PlaceCall(t.Context(), CallRequest{To: "7916"})
	if err != nil || !replayed || call.ID != "01J" || call.Status != calls.StatusRinging || call.Outcome != nil {
		t.Errorf("got %+v, %v, %v", call, replayed, err)
	}
}

func TestAddRecordingSendsTheFormOfTheAPI(t *testing.T) {
	t.Parallel()
	c := daemon(t, func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseMultipartForm(1 << 20); err != nil {
			t.Error(err)
			return
		}
		f, head, err := r.FormFile("file")
		if err != nil {
			t.Error(err)
			return
		}
		b, err := io.ReadAll(f)
		if err != nil || head.Filename != "clip.wav" || string(b) != "RIFF…" || r.FormValue("title") != "Parcel" || r.FormValue("system") != "true" {
			t.Errorf("got %q %q %v %v", head.Filename, b, r.Form, err)
		}
		_, _ = io.WriteString(w, `{"recording_id":"rec_1","record_id":null,"state":"pending","decided_at":null,"created_at":"2026-11-21T09:30:00.000Z"}`)
	})
	rec, err := c.AddRecording(t.Context(), "/tmp/clip.wav", "Parcel", true, strings.NewReader("RIFF…"))
	if err != nil || rec.RecordingID != "rec_1" || rec.State != calls.RecordingPending {
		t.Errorf("got %+v, %v", rec, err)
	}
}

func TestAnUploadThatIsRefusedEarlyLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	c := daemon(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		http.Error(w, `{"type":"/problems/unauthorized","detail":"no"}`, http.StatusUnauthorized)
	})
	_, err := c.AddRecording(t.Context(), "clip.wav", "", false, strings.NewReader(strings.Repeat("x", 8<<20)))
	if err == nil {
		t.Error("a refused upload gave no error")
	}
}

func TestAnUnreadableClipFailsTheUpload(t *testing.T) {
	t.Parallel()
	c := daemon(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	broken := errors.New("the disk is broken")
	if _, err := c.AddRecording(t.Context(), "clip.wav", "", false, io.MultiReader(strings.NewReader("RIFF"), failing{broken})); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestRefusalsAreProblems(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   Problem
	}{
		{"a problem document", 422, `{"type":"/problems/bad-action","title":"Bad action","status":422,"detail":"two keys","errors":[{"location":"body.digits[3]","message":"give one","value":7}],"request_id":"req_1"}`,
			Problem{Type: "/problems/bad-action", Title: "Bad action", Status: 422, Detail: "two keys", RequestID: "req_1",
				Errors: []calls.FieldError{{Location: "body.digits[3]", Message: "give one", Value: 7.0}}}},
		{"a page of a proxy", 502, `<html>`, Problem{Status: 502, Detail: "the answer was 502 Bad Gateway and no problem document; is this the address of a zvonar daemon?"}},
		{"a redirect", 301, ``, Problem{Status: 301, Detail: "the answer was 301 Moved Permanently and no problem document; is this the address of a zvonar daemon?"}},
	} {
		client := daemon(t, func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/elsewhere") {
				t.Errorf("%s: the redirect was followed", c.name)
			}
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		})
		err := client.Do(t.Context(), http.MethodGet, "/v1/trunks", nil, nil)
		var p *Problem
		if !errors.As(err, &p) || !reflect.DeepEqual(*p, c.want) {
			t.Errorf("%s: got %#v", c.name, err)
		}
	}
	if p := (&Problem{Type: "/problems/not-found", Title: "Not found"}); p.Code() != calls.CodeNotFound || p.Error() != "Not found" {
		t.Errorf("%q %q", p.Code(), p.Error())
	}
	if p := (&Problem{Status: 500}); p.Error() != "the daemon answered with status 500" {
		t.Error(p.Error())
	}
}

func TestADaemonThatIsNotThereIsNamed(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(nil)
	s.Close()
	err := (&Client{Base: s.URL}).Do(t.Context(), http.MethodGet, "/", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "no daemon answers at "+s.URL) {
		t.Errorf("got %v", err)
	}
	if err := (&Client{Base: "http://[::1"}).Do(t.Context(), http.MethodGet, "/", nil, nil); err == nil || !strings.Contains(err.Error(), "not the address") {
		t.Errorf("got %v", err)
	}
	secure := httptest.NewUnstartedServer(nil)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	if err := (&Client{Base: secure.URL}).Do(t.Context(), http.MethodGet, "/", nil, nil); err == nil || !strings.Contains(err.Error(), "is not trusted here (SSL_CERT_FILE") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := (&Client{Base: s.URL}).Do(ctx, http.MethodGet, "/", nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a request that was given up: %v", err)
	}
}

func TestLoopback(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]bool{
		"http://127.0.0.1:8080": true, "http://localhost": true, "https://[::1]:1": true, "http://127.8.8.8": true,
		"http://192.0.2.1": false, "http://example.com": false, "http://127.0.0.1.example.com": false, "http://[::1": false, "": false,
	} {
		if got := Loopback(base); got != want {
			t.Errorf("%s: %v", base, got)
		}
	}
}

func FuzzProblem(f *testing.F) {
	f.Add(422, `{"type":"/problems/x","errors":[{"location":"a","message":"b","value":{}}]}`)
	f.Add(500, `null`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		p := problemOf(&http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body))})
		if p.Error() == "" || p.Status != status {
			t.Errorf("%+v", p)
		}
		_ = fmt.Sprint(p.Code())
	})
}
