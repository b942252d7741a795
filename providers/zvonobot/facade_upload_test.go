package zvonobot

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"zvonar/internal/calls"
	"zvonar/recordings"
)

// upload posts a form with a file in it.
func upload(t *testing.T, f http.Handler, field string, sound []byte, members map[string]string) (int, string) {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, v := range members {
		if err := form.WriteField(name, v); err != nil {
			t.Fatal(err)
		}
	}
	part, err := form.CreateFormFile(field, "clip.wav")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = part.Write(sound)
	_ = form.Close()
	r := httptest.NewRequest(http.MethodPost, "/apiCalls/createRecord", &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestARecordIsMadeOfAFileInEitherForm(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.facade("")
	sound := base64.StdEncoding.EncodeToString(hum(8))
	made := map[string]func() (int, string){
		"a form": func() (int, string) {
			return upload(t, f, "file", hum(8), map[string]string{"apiKey": key, "source": "file", "name": "Акция"})
		},
		"a form without source": func() (int, string) {
			return upload(t, f, "file", hum(8), map[string]string{"apiKey": key, "name": "Акция"})
		},
		"JSON": func() (int, string) {
			return ask(t, f, "/apiCalls/createRecord", `{"apiKey":"caller-key","source":"file","name":"Акция","file":"`+sound+`"}`)
		},
		"JSON with a data: head": func() (int, string) {
			return ask(t, f, "/apiCalls/createRecord", `{"apiKey":"caller-key","name":"Акция","file":"data:audio/wav;base64,`+sound+`"}`)
		},
	}
	for name, send := range made {
		code, body := send()
		var a struct {
			Status string
			Data   recordOut
		}
		if err := json.Unmarshal([]byte(body), &a); err != nil || code != 200 || a.Status != "success" || a.Data.ID == 0 || a.Data.Name != "Акция" ||
			a.Data.NeedModeration != 1 || a.Data.Status != "pending" || a.Data.RecordText != "" {
			t.Errorf("%s: %d %s", name, code, body)
			continue
		}
		start := fmt.Sprintf(`{"apiKey":"caller-key","phone":"79004443322","recordId":%d}`, a.Data.ID)
		if code, body := ask(t, f, "/apiCalls/create", start); code != 422 || !strings.Contains(body, "is pending: only an approved one is played") {
			t.Errorf("%s: a call before the moderator: %d %s", name, code, body)
		}
		var rec *calls.Recording
		if err := h.store.View(context.Background(), func(tx calls.ReadTx) error {
			id, err := tx.Numbered(calls.MainAccount, numbersOfRecords, a.Data.ID)
			if err == nil {
				rec, err = tx.Recording(calls.MainAccount, id)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.lib.Approve(context.Background(), recordings.Decision{Account: rec.Account, ID: rec.ID, Version: rec.Version, Actor: "ear"}); err != nil {
			t.Fatal(err)
		}
		if code, body := ask(t, f, "/apiCalls/create", start); code != 200 || !strings.Contains(body, `"status":"created"`) {
			t.Errorf("%s: a call after the moderator: %d %s", name, code, body)
		}
	}
}

func TestFilesThatAreNoRecordsAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.facade("upload_source: audio\nupload_field: sound\nmax_body: 2048\nmax_file: 200000")
	keyed := map[string]string{"apiKey": key, "source": "audio"}
	for name, c := range map[string]struct {
		send   func() (int, string)
		code   int
		answer string
	}{
		"three seconds": {func() (int, string) { return upload(t, f, "sound", hum(3), keyed) }, 422, `{"status":"error","errors":{"sound":["`},
		"no sound":      {func() (int, string) { return upload(t, f, "sound", []byte("<html>"), keyed) }, 422, `"sound":["`},
		"in another field": {func() (int, string) { return upload(t, f, "file", hum(8), keyed) }, 422,
			`"sound":["send the sound as a file of the form, or in base64"]`},
		"too long": {func() (int, string) { return upload(t, f, "sound", hum(20), keyed) }, 413, "the body is larger than"},
		"no base64": {func() (int, string) {
			return ask(t, f, "/apiCalls/createRecord", `{"apiKey":"caller-key","sound":"!!!!"}`)
		}, 422, `"sound":["the sound is not in base64"]`},
		"an object": {func() (int, string) { return ask(t, f, "/apiCalls/createRecord", `{"apiKey":"caller-key","sound":{}}`) }, 422, `"sound":["must be a string or a number"]`},
		"another way": {func() (int, string) {
			return ask(t, f, "/apiCalls/createRecord", `{"apiKey":"caller-key","source":"url"}`)
		}, 422, "of a text (text) or of a file (audio)"},
		"by who may not": {func() (int, string) {
			return upload(t, f, "sound", hum(8), map[string]string{"apiKey": viewerKey, "source": "audio"})
		}, 403, "needs the role caller"},
	} {
		if code, body := c.send(); code != c.code || !strings.Contains(body, c.answer) {
			t.Errorf("%s: %d %s, want %d %s", name, code, body, c.code, c.answer)
		}
	}
	for _, bad := range []string{"upload_source: text", "upload_field: name", "upload_field: \"\"", "max_file: 1"} {
		if _, err := newFacade(h.House, settings(bad)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}
