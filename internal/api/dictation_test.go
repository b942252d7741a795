package api

import (
	"bytes"
	"mime/multipart"
	"strings"
	"testing"
)

func TestADictationIsADraftAndACall(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	got := h.do("POST", "/v1/recordings", `{"dictate_to":"+7 900 444-33-22","title":"By hand"}`)
	id, _ := got.doc["recording_id"].(string)
	call, _ := got.doc["call_id"].(string)
	if got.code != 202 || got.doc["state"] != "draft" || call == "" || got.header.Get("Location") != "/v1/recordings/"+id {
		t.Fatalf("%d %s", got.code, got.body)
	}
	if c := h.do("GET", "/v1/calls/"+call, ""); c.doc["to"] != "79004443322" || c.doc["recording"] != nil {
		t.Errorf("%s", c.body)
	}
	if got := h.do("POST", "/v1/recordings/"+id+"/approve", ""); got.problem() != "wrong-state" {
		t.Errorf("a draft was approved: %s", got.body)
	}
	if got := h.do("DELETE", "/v1/recordings/"+id, ""); got.code != 202 || got.doc["state"] != "rejected" || got.doc["reason"] != "canceled by admin" {
		t.Errorf("%d %s", got.code, got.body)
	}
	if c := h.do("GET", "/v1/calls/"+call, ""); c.doc["outcome"] != "canceled" {
		t.Errorf("%s", c.body)
	}
	if got := h.do("DELETE", "/v1/recordings/"+id, ""); got.problem() != "wrong-state" {
		t.Errorf("%d %s", got.code, got.body)
	}
	events := h.do("GET", "/v1/events?limit=100", "").body
	if !strings.Contains(events, "recording.started") || !strings.Contains(events, "recording.rejected") {
		t.Errorf("%s", events)
	}
}

func TestADictationThatCannotBeCalledLeavesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	before := h.rows()
	for body, want := range map[string]string{
		`{"dictate_to":"112"}`:                            "body.dictate_to",
		`{"dictate_to":"79004443322","text":"x"}`:         "body.dictate_to",
		`{"dictate_to":"79004443322","async":true}`:       "body.dictate_to",
		`{"dictate_to":"79004443322","title":"a\u0000b"}`: "body.title",
		`{"text":"x","voice":"child","async":true}`:       "body.voice",
	} {
		got := h.do("POST", "/v1/recordings", body)
		if want == "" {
			continue
		}
		if at, _ := got.field(0); got.code != 422 || at != want {
			t.Errorf("%s: %d %s", body, got.code, got.body)
		}
	}
	if n := len(h.do("GET", "/v1/recordings?state=draft", "").doc["items"].([]any)); n > 1 {
		t.Errorf("%d drafts, before %d rows", n, before)
	}
}

func TestAnUploadMayBeTakenInBehindTheAnswer(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	if err := form.WriteField("async", "true"); err != nil {
		t.Fatal(err)
	}
	part, err := form.CreateFormFile("file", "clip.wav")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(hum(8)); err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	got := h.do("POST", "/v1/recordings", b.String(), "Content-Type", form.FormDataContentType())
	if got.code != 202 || got.doc["state"] != "processing" {
		t.Fatalf("%d %s", got.code, got.body)
	}
	id := got.doc["recording_id"].(string)
	for state := any("processing"); state == "processing"; {
		state = h.do("GET", "/v1/recordings/"+id, "").doc["state"]
		if state != "processing" && state != "pending" {
			t.Errorf("%v", state)
		}
	}
}
