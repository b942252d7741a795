package api

import (
	"bytes"
	"encoding/binary"
	"math"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// wav is a tone of the given length, 8 kHz, 16 bit, mono.
func wav(seconds float64) []byte {
	n := int(seconds * 8000)
	var b bytes.Buffer
	w := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) } // a bytes.Buffer takes everything
	b.WriteString("RIFF")
	w(uint32(36 + 2*n))
	b.WriteString("WAVEfmt ")
	w(uint32(16))
	w([]uint16{1, 1})
	w([]uint32{8000, 16000})
	w([]uint16{2, 16})
	b.WriteString("data")
	w(uint32(2 * n))
	for i := range n {
		w(int16(8000 * math.Sin(float64(i)*2*math.Pi*440/8000)))
	}
	return b.Bytes()
}

func (h *house) upload(fields map[string]string, file []byte) reply {
	h.t.Helper()
	body, ct := form(h.t, fields, file)
	r := httptest.NewRequest("POST", "/v1/recordings", strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+h.tokens[calls.PermCaller])
	r.Header.Set("Content-Type", ct)
	return h.send(r)
}

func TestAClipIsUploadedApprovedAndHeard(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	made := h.upload(map[string]string{"title": "Посылка пришла"}, wav(7.5))
	id, _ := made.doc["recording_id"].(string)
	if made.code != 201 || id == "" || made.doc["id"] != id || made.doc["state"] != "pending" || made.doc["record_id"] != nil || made.doc["uploaded_by"] != "caller" {
		t.Fatalf("%d %s", made.code, made.body)
	}
	if got := h.do("GET", "/v1/recordings?state=pending", ""); !strings.Contains(got.body, id) {
		t.Errorf("pending: %s", got.body)
	}
	approved := h.do("POST", "/v1/recordings/"+id+"/approve", "", as(h.tokens[calls.PermModerator])...)
	number, ok := approved.doc["record_id"].(float64)
	if approved.code != 200 || !ok || approved.doc["state"] != "approved" || approved.doc["decided_by"] != "moderator" {
		t.Fatalf("%d %s", approved.code, approved.body)
	}
	if number != 1000001 {
		t.Errorf("record_id %v", number)
	}
	if got := h.do("GET", "/v1/recordings/1000001", ""); got.doc["recording_id"] != id {
		t.Errorf("by number: %s", got.body)
	}
	if got := h.do("POST", "/v1/recordings/"+id+"/reject", `{"reason":"too late"}`); got.code != 409 || got.problem() != "wrong-state" {
		t.Errorf("rejected after approval: %d %s", got.code, got.body)
	}
	whole := h.do("GET", "/v1/recordings/"+id+"/audio", "")
	if whole.code != 200 || whole.header.Get("Content-Type") != "audio/wav" || !strings.HasPrefix(whole.body, "RIFF") {
		t.Fatalf("audio: %d %v", whole.code, whole.header)
	}
	part := h.do("GET", "/v1/recordings/"+id+"/audio", "", "Range", "bytes=100-199")
	if part.code != 206 || part.body != whole.body[100:200] {
		t.Errorf("range: %d, %d bytes", part.code, len(part.body))
	}
	if got := h.do("GET", "/v1/recordings/"+id+"/audio", "", "If-None-Match", whole.header.Get("ETag")); got.code != 304 {
		t.Errorf("known content: %d", got.code)
	}
}

func TestClipsAreRefusedWithReasons(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	before := h.rows()
	tests := []struct {
		name    string
		fields  map[string]string
		file    []byte
		problem string
	}{
		{"short", map[string]string{"title": "x"}, wav(6.5), "recording-too-short"},
		{"no WAV", nil, []byte("#!/bin/sh"), "bad-audio"},
		{"no file", map[string]string{"title": "x"}, nil, "invalid-field"},
		{"unknown field", map[string]string{"colour": "red"}, wav(7.5), "invalid-field"},
		{"system that is no flag", map[string]string{"system": "perhaps"}, wav(7.5), "invalid-field"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := h.upload(tt.fields, tt.file)
			if got.code != 422 || got.problem() != tt.problem {
				t.Errorf("%d %s", got.code, got.body)
			}
			if _, measured := got.doc["measured_ms"]; measured != (tt.name == "short") {
				t.Errorf("measured_ms in %s", got.body)
			}
			wellFormed(t, got)
		})
	}
	if h.rows() != before {
		t.Error("something was kept")
	}
	if got := h.upload(map[string]string{"system": "true", "title": "hold"}, wav(2)); got.code != 201 || got.doc["system"] != true {
		t.Errorf("a prompt may be short: %d %s", got.code, got.body)
	}
	got := h.do("POST", "/v1/recordings/rec_pending/reject", `{"reason":"noise"}`)
	if got.code != 200 || got.doc["state"] != "rejected" || got.doc["reason"] != "noise" {
		t.Errorf("reject: %d %s", got.code, got.body)
	}
}

func TestTheBlacklistIsKept(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if got := h.do("GET", "/v1/blacklist/79004443322", ""); got.code != 404 {
		t.Errorf("free: %d", got.code)
	}
	made := h.do("PUT", "/v1/blacklist/+7-900-444-33-22", `{"reason":"asked us"}`)
	if made.code != 201 || made.doc["number"] != "79004443322" || made.doc["reason"] != "asked us" {
		t.Fatalf("%d %s", made.code, made.body)
	}
	if got := h.do("PUT", "/v1/blacklist/89004443322", ""); got.code != 200 || got.doc["reason"] != "asked us" {
		t.Errorf("again: %d %s", got.code, got.body)
	}
	if got := h.do("GET", "/v1/blacklist", ""); !strings.Contains(got.body, "79004443322") {
		t.Errorf("list: %s", got.body)
	}
	if got := h.do("DELETE", "/v1/blacklist/79004443322", ""); got.code != 204 || got.body != "" {
		t.Errorf("delete: %d %q", got.code, got.body)
	}
	if got := h.do("GET", "/v1/blacklist/79004443322", ""); got.code != 404 {
		t.Errorf("free again: %d", got.code)
	}
	if got := h.do("GET", "/v1/events", ""); !strings.Contains(got.body, "number.blocked") || !strings.Contains(got.body, "number.unblocked") {
		t.Errorf("events: %s", got.body)
	}
}

func TestATokenLivesItsLife(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	works := func(plain string) bool { return h.do("GET", "/v1/calls", "", as(plain)...).code == 200 }
	made := h.do("POST", "/v1/tokens", `{"name":"bot","roles":["caller"]}`)
	plain, _ := made.doc["token"].(string)
	id, _ := made.doc["id"].(string)
	if made.code != 201 || !strings.HasPrefix(plain, "zv_") || len(plain) < 40 || !works(plain) {
		t.Fatalf("%d %s", made.code, made.body)
	}
	if list := h.do("GET", "/v1/tokens", ""); !strings.Contains(list.body, id) || strings.Contains(list.body, plain) || strings.Contains(list.body, HashToken(plain)) {
		t.Errorf("list %s", list.body)
	}
	next := h.do("POST", "/v1/tokens/"+id+"/rotate", `{"overlap":"1h"}`)
	successor, _ := next.doc["token"].(string)
	if next.code != 201 || successor == plain || !works(successor) || !works(plain) {
		t.Fatalf("both must work during the overlap: %d %s", next.code, next.body)
	}
	h.clock.Advance(time.Hour + time.Second)
	if works(plain) || !works(successor) {
		t.Error("after the overlap only the new secret works")
	}
	newID, _ := next.doc["id"].(string)
	if got := h.do("DELETE", "/v1/tokens/"+newID, ""); got.code != 204 || works(successor) {
		t.Errorf("revoked: %d", got.code)
	}
	if got := h.do("DELETE", "/v1/tokens/"+newID, ""); got.code != 409 {
		t.Errorf("revoked twice: %d", got.code)
	}
	if got := h.do("DELETE", "/v1/tokens/tok_main_admin", ""); got.code != 409 || got.problem() != "wrong-state" {
		t.Errorf("the last admin: %d %s", got.code, got.body)
	}
}

func TestAWebhookLivesItsLife(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	made := h.do("POST", "/v1/webhooks", `{"url":"https://93.184.216.34/hook","types":["call.completed"]}`)
	id, _ := made.doc["id"].(string)
	secret, _ := made.doc["secret"].(string)
	if made.code != 201 || !strings.HasPrefix(secret, "whsec_") {
		t.Fatalf("%d %s", made.code, made.body)
	}
	if got := h.do("GET", "/v1/webhooks", ""); !strings.Contains(got.body, id) || strings.Contains(got.body, secret) {
		t.Errorf("list %s", got.body)
	}
	if got := h.do("POST", "/v1/webhooks", `{"url":"https://93.184.216.34/hook","types":["call.danced"]}`); got.problem() != "invalid-field" {
		t.Errorf("unknown type: %s", got.body)
	}
	for i := range 3 {
		h.put(func(tx calls.Tx) error {
			e := calls.NewEvent("evt_"+string(rune('a'+i)), noon, "number:1", calls.NumberBlocked, nil)
			e.Account = calls.MainAccount
			if err := tx.AppendEvent(&e); err != nil {
				return err
			}
			_, err := tx.QueueDeliveries([]calls.Delivery{{WebhookID: id, EventPos: e.Pos, EventID: e.ID, Subject: e.Subject}}, noon)
			return err
		})
	}
	first := h.do("GET", "/v1/webhooks/"+id+"/deliveries?limit=2", "")
	next, _ := first.doc["next"].(string)
	rest := h.do("GET", "/v1/webhooks/"+id+"/deliveries?limit=2&cursor="+next, "")
	if !strings.Contains(first.body, "evt_c") || !strings.Contains(first.body, "evt_b") || !strings.Contains(rest.body, "evt_a") || strings.Contains(rest.body, "evt_b") {
		t.Errorf("deliveries\n%s\n%s", first.body, rest.body)
	}
	if got := h.do("DELETE", "/v1/webhooks/"+id, ""); got.code != 204 {
		t.Errorf("delete %d %s", got.code, got.body)
	}
	if got := h.do("DELETE", "/v1/webhooks/"+id, ""); got.code != 404 {
		t.Errorf("delete again %d", got.code)
	}
	h.put(func(tx calls.Tx) error {
		return tx.PutWebhook(&calls.Webhook{ID: "wh_file", Account: calls.MainAccount, URL: "http://127.0.0.1:9/", FromConfig: true, CreatedAt: noon})
	})
	if got := h.do("DELETE", "/v1/webhooks/wh_file", ""); got.code != 409 {
		t.Errorf("the configuration's: %d %s", got.code, got.body)
	}
}

func TestTrunksAreShown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if got := h.do("GET", "/v1/trunks", ""); got.code != 200 || !strings.Contains(got.body, `"numbers":["78005553535"]`) || !strings.Contains(got.body, `"codecs":[]`) {
		t.Errorf("%d %s", got.code, got.body)
	}
}

func TestTheOutlineOfAClipIsShown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	made := h.upload(map[string]string{"title": "x"}, wav(7.5))
	id, _ := made.doc["recording_id"].(string)
	got := h.do("GET", "/v1/recordings/"+id+"/peaks?points=10", "")
	if data, _ := got.doc["data"].([]any); got.code != 200 || got.doc["length"] != 10.0 || len(data) != 20 {
		t.Errorf("%d %s", got.code, got.body)
	}
	if got := h.do("GET", "/v1/recordings/"+id+"/audio?rate=16000", ""); got.code != 404 {
		t.Errorf("a clip without a wide form: %d %s", got.code, got.body)
	}
	if got := h.do("GET", "/v1/recordings/"+id+"/peaks?points=0", ""); got.code != 422 {
		t.Errorf("no points: %d %s", got.code, got.body)
	}
}

func TestATextIsTakenInsteadOfAFile(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for body, want := range map[string]string{
		`{"text":"Добрый день","voice":"male"}`:             "wrong-state", // no engine is configured here
		`{"text":"Добрый день, {name","voice":"male"}`:      "invalid-field",
		`{"text":"Добрый день","voice":"child"}`:            "invalid-field",
		`{"text":"","voice":"male"}`:                        "invalid-field",
		`{"text":"Добрый день","voice":"male","speed":"2"}`: "bad-json",
		`{"text":`: "bad-json",
	} {
		if got := h.do("POST", "/v1/recordings", body, "Content-Type", "application/json"); got.problem() != want {
			t.Errorf("%s: %d %s, want %s", body, got.code, got.body, want)
		}
	}
}
