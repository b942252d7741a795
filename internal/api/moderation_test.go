package api

import (
	"net/http/httptest"
	"strings"
	"testing"

	"zvonar/internal/calls"
)

// newVersion uploads another file for a recording.
func (h *house) newVersion(id string, sound []byte) reply {
	h.t.Helper()
	body, contentType := form(h.t, nil, sound)
	r := httptest.NewRequest("POST", "/v1/recordings/"+id+"/versions", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Authorization", "Bearer "+h.tokens[calls.PermCaller])
	return h.send(r)
}

func TestAModeratedRecordingLivesItsLife(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	anna, boris := as(h.token(calls.MainAccount, "anna", calls.PermModerator)), as(h.token(calls.MainAccount, "boris", calls.PermModerator))
	post := func(what, body string, who []string, code int) reply {
		t.Helper()
		got := h.do("POST", "/v1/recordings/"+what, body, who...)
		if got.code != code {
			t.Fatalf("%s: %d %s", what, got.code, got.body)
		}
		return got
	}
	if got := post("claim", "", anna, 200); got.doc["id"] != "rec_pending" || got.doc["claimed_by"] != "anna" || got.doc["claimed_until"] == nil {
		t.Errorf("%s", got.body)
	}
	post("claim", "", boris, 404)
	if got := post("rec_pending/approve", "", boris, 409); got.problem() != "wrong-state" || got.doc["claimed_by"] != "anna" {
		t.Errorf("%s", got.body)
	}
	post("rec_pending/approve", `{"version":7}`, anna, 409)
	approved := post("rec_pending/approve", `{"version":1}`, anna, 200)
	live, _ := approved.doc["live"].(map[string]any)
	if live["version"] != 1.0 || approved.doc["undo_until"] == nil || approved.doc["claimed_by"] != nil {
		t.Errorf("%s", approved.body)
	}
	second := h.newVersion("rec_pending", wav(8))
	if second.code != 201 || second.doc["state"] != "pending" || second.doc["version"] != 2.0 || second.doc["record_id"] != approved.doc["record_id"] {
		t.Fatalf("%d %s", second.code, second.body)
	}
	queue := h.do("GET", "/v1/recordings?state=pending&order=oldest", "")
	versions := h.do("GET", "/v1/recordings/rec_pending/versions?limit=1", "")
	if !strings.Contains(queue.body, `"rec_pending"`) || !strings.Contains(versions.body, `"version":2`) || strings.Contains(versions.body, `"version":1,`) || versions.doc["next"] != "2" {
		t.Errorf("queue %s\nversions %s", queue.body, versions.body)
	}
	if got := h.do("GET", "/v1/recordings/rec_pending/versions?cursor=2", ""); !strings.Contains(got.body, `"live":true`) || strings.Contains(got.body, `"version":2`) {
		t.Errorf("%s", got.body)
	}
	if got := h.do("GET", "/v1/recordings/rec_pending/versions/2/audio", ""); got.code != 200 || !strings.HasPrefix(got.body, "RIFF") {
		t.Errorf("audio: %d", got.code)
	}
	if got := h.do("GET", "/v1/recordings/rec_pending/versions/3/audio", ""); got.code != 404 {
		t.Errorf("audio of nothing: %d", got.code)
	}
	post("rec_pending/revoke", `{"reason":"a law","calls":"perhaps"}`, anna, 422)
	if got := post("rec_pending/revoke", `{"reason":"a law","calls":"cancel"}`, boris, 200); got.doc["state"] != "revoked" || got.doc["live"] != nil || got.doc["reason"] != "a law" {
		t.Errorf("%s", got.body)
	}
	if got := h.do("POST", "/v1/calls", `{"to":"79004443322","recording_id":"rec_pending"}`); got.problem() != "recording-not-approved" {
		t.Errorf("a call with it: %d %s", got.code, got.body)
	}
	post("rec_pending/undo", "", anna, 403)
	if got := post("rec_pending/undo", "", boris, 200); got.doc["state"] != "pending" || got.doc["live"] == nil {
		t.Errorf("%s", got.body)
	}
	history := h.do("GET", "/v1/recordings/rec_pending/history", "", as(h.tokens[calls.PermViewer])...)
	for _, action := range []string{"claim", "approve", "version", "revoke", "undo"} {
		if !strings.Contains(history.body, "recording."+action) {
			t.Errorf("no %s in %s", action, history.body)
		}
	}
	events := h.do("GET", "/v1/events", "")
	for _, typ := range []string{"claimed", "approved", "uploaded", "revoked", "undone"} {
		if !strings.Contains(events.body, "recording."+typ) {
			t.Errorf("no recording.%s", typ)
		}
	}
	post("rec_ok/archive", "", anna, 200)
	if got := h.newVersion("rec_ok", wav(8)); got.code != 409 {
		t.Errorf("a version of what is archived: %d %s", got.code, got.body)
	}
	post("rec_ok/restore", "", anna, 200)
}
