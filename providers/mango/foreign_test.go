package mango

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers/providerstest"
	"zvonar/test/foreign"
	"zvonar/test/ports"
)

// The JavaScript client that others wrote works with our facade: every method that it
// has here, and its receiver of notices.
func TestTheClientOfOthersWorksWithTheFacade(t *testing.T) {
	if testing.Short() {
		t.Skip("programs that we did not write are left out with -short")
	}
	d := newDesk(t, func(s *facadeSettings) { s.Limits = false })
	port := ports.Free(t)
	crm := fmt.Sprintf("http://127.0.0.1:%d/crm/", port)
	d.Memory.WebhookRows = []*calls.Webhook{{Account: "main", Kind: Kind, Key: "key_1", URL: crm}}
	d.Memory.PutCall(&calls.Call{ID: "call_1", Account: "main", Status: calls.StatusBridged, Direction: calls.Out, CreatedAt: time.Now()})
	d.Memory.PutCall(&calls.Call{ID: "call_5", Account: "main", Status: calls.StatusCompleted, Outcome: calls.OutcomeBusy, Direction: calls.Out,
		To: "74955404444", CreatedAt: time.Now().Add(-time.Minute)})
	d.World.House.Captures = providerstest.Captures{"call_1": "x"}
	begun := make(chan struct{})
	mux := http.NewServeMux()
	mux.Handle("/compat/mango/", http.StripPrefix("/compat/mango", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.handler.ServeHTTP(w, r)
		if strings.HasSuffix(r.URL.Path, "callback_group") {
			close(begun) // what the callback before it becomes is told from here on
		}
	})))
	mux.HandleFunc("/v1/calls/call_1/recording", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Disposition", `attachment; filename="call_1.wav"`)
		_, _ = w.Write([]byte("RIFF"))
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	d.World.House.PublicURL, d.World.House.Links.Base = server.URL, server.URL
	told := make(chan struct{})
	go func() {
		defer close(told)
		<-begun
		c := calls.Call{ID: "call_9", Account: "main", Direction: calls.Out, Ref: d.Engine.Requests()[0].Ref, Line: "74951234567"}
		l := newLane(t, d.World, crm, c)
		l.all(callbackEvents[:5]...)
		l.all(`call.digit {"digit":"5","leg":"customer","via":"rfc4733"}`, callbackEvents[8], callbackEvents[7])
	}()
	folder := t.TempDir()
	lines := foreign.Run(t, "mango", "FACADE="+server.URL+"/compat/mango/vpbx/", "KEY="+testKey, "SALT="+testSalt, fmt.Sprintf("PORT=%d", port), "FOLDER="+folder)
	<-told
	want := []string{ // the beginning of each answer
		`{"method":"call","answer":{"success":true,"result":1000`,
		`{"method":"callGroup","answer":{"success":true,"result":1000`,
		`{"method":"users","answer":{"success":true,"result":1000,"message":"Действие успешно выполнено","users":[{"general":{"name":"Анна"`,
		`{"method":"users","answer":{"success":true,"result":1000,"message":"Действие успешно выполнено","users":[{"general":{"name":"Boris"`,
		`{"method":"route","answer":{"success":true,"result":1000`,
		`{"method":"transfer","answer":{"success":true,"result":1000`,
		`{"method":"recordingStart","answer":{"success":true,"result":1000`,
		`{"method":"sms","answer":{"success":true,"result":1000`,
		`{"method":"hangup","answer":{"success":true,"result":1000`,
		`{"method":"stats","answer":{"stats":[[`,
		`{"method":"recording","answer":{"success":true,"recording":"` + server.URL + `/compat/mango/vpbx/queries/recording/link/call_1/play/`,
		`{"method":"recording","answer":{"success":true,"recording":"` + folder + `/call_1.wav"`,
		`{"method":"hangup","answer":{"success":false,"result":3310`,
	}
	if len(lines) < len(want) {
		t.Fatalf("%d lines: %s", len(lines), lines)
	}
	for i, w := range want {
		if !strings.HasPrefix(string(lines[i]), w) {
			t.Errorf("%s\nwant %s", lines[i], w)
		}
	}
	var link struct{ Answer struct{ Link string } }
	if err := json.Unmarshal(lines[10], &link); err != nil {
		t.Fatal(err)
	}
	if res, err := http.Get(link.Answer.Link); err != nil || res.StatusCode != 200 {
		t.Errorf("the link that it made: %v %v", res, err)
	} else {
		_ = res.Body.Close()
	}
	if b, err := os.ReadFile(filepath.Join(folder, "call_1.wav")); err != nil || string(b) != "RIFF" {
		t.Errorf("the file that it fetched: %q %v", b, err)
	}
	if sms := d.texts.All(); len(sms) != 1 || sms[0].Text != `Привет, "мир" & co` {
		t.Errorf("%+v", sms)
	}
	var events, ofCalls []string // those of a text are in no order with those of calls
	for _, l := range lines[len(want):] {
		var e struct {
			Event string
			JSON  map[string]any
		}
		if err := json.Unmarshal(l, &e); err != nil {
			t.Fatal(err)
		}
		name := e.Event
		if s, ok := e.JSON["call_state"].(string); ok {
			name += ":" + s
			ofCalls = append(ofCalls, s)
		}
		events = append(events, name)
	}
	if legs := strings.Join(ofCalls, " "); !strings.Contains(legs, "Appeared Connected Disconnected Appeared Connected") {
		t.Errorf("it was told of legs that were %s", legs)
	}
	got := strings.Join(events, " ")
	for _, want := range []string{"callback", "dtmf", "recording", "sms", "stats", "summary"} {
		if !strings.Contains(got, want) {
			t.Errorf("it was told %s; not %s", got, want)
		}
	}
}
