package recordings

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// service is a library whose texts are spoken by a service, which has so long for one.
func service(t *testing.T, timeout time.Duration, answer http.HandlerFunc) (*Library, *memory) {
	t.Helper()
	s := httptest.NewServer(answer)
	t.Cleanup(s.Close)
	return library(t, func(c *Config) {
		c.MaxBytes = 1 << 20
		c.Speech = Speech{URL: s.URL + "/say?key=abc", Headers: map[string]string{"Authorization": "Bearer k"}, Voices: map[string]string{"ru-male": "anton", "en-female": "ann"}, Timeout: timeout}
	})
}

func TestAServiceSpeaksTexts(t *testing.T) {
	t.Parallel()
	sound := tone(440, 0.3, 8*time.Second)
	asked := make(chan map[string]string, 1)
	l, _ := service(t, time.Minute, func(w http.ResponseWriter, r *http.Request) {
		got := map[string]string{}
		if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
			t.Error(err)
		}
		got["authorization"], got["method"] = r.Header.Get("Authorization"), r.Method
		asked <- got
		_, _ = w.Write(sound)
	})
	rec, err := l.AddText(context.Background(), "main", "bot", Spoken{Text: long, Voice: "male"})
	if err != nil || rec.State != calls.RecordingPending || rec.Text != long {
		t.Fatalf("%+v, %v", rec, err)
	}
	if got := <-asked; got["text"] != long || got["language"] != "ru" || got["voice"] != "anton" || got["authorization"] != "Bearer k" || got["method"] != "POST" {
		t.Errorf("asked for %v", got)
	}
}

func TestAServiceThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"refuses":      func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) },
		"sends us on":  func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/other", http.StatusFound) },
		"says nothing": func(http.ResponseWriter, *http.Request) {},
		"no sound":     func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"never answers": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then the server notices that nobody waits
			<-r.Context().Done()
		},
		"endless": func(w http.ResponseWriter, _ *http.Request) {
			block := bytes.Repeat([]byte{0}, 64<<10)
			for {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		},
	} {
		l, m := service(t, time.Second, answer)
		_, err := l.AddText(context.Background(), "main", "bot", Spoken{Text: long, Voice: "male"})
		if code := calls.CodeOf(err); code != calls.CodeBadAudio && code != calls.CodeTooLarge || strings.Contains(err.Error(), "abc") {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := os.ReadDir(l.cfg.Dir); len(left) != 0 || len(m.state.recordings) != 0 {
			t.Errorf("%s left behind: %v", name, left)
		}
	}
}
