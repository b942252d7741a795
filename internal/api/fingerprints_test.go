package api

import (
	"context"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// memPrints takes every file for an announcement, and hears a busy tone in each.
type memPrints struct {
	store calls.Store
	ids   *clock.IDs
}

func (m memPrints) Add(ctx context.Context, account, actor, title string, meaning calls.Meaning, file calls.SoundFile) (*calls.Fingerprint, error) {
	if !meaning.Known() {
		return nil, calls.Errorf(calls.CodeInvalidField, "no such meaning").At("body.meaning", string(meaning))
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	f := &calls.Fingerprint{ID: m.ids.New("fp_"), Account: account, Title: title, Meaning: meaning, DurationMS: size, Print: []byte("x"), AddedBy: actor, CreatedAt: noon}
	return f, m.store.Update(ctx, func(tx calls.Tx) error { return tx.InsertFingerprint(f) })
}

func (m memPrints) Remove(ctx context.Context, account, id string) error {
	return m.store.Update(ctx, func(tx calls.Tx) error {
		there, err := tx.DeleteFingerprint(account, id)
		if err == nil && !there {
			err = calls.ErrNotFound
		}
		return err
	})
}

func (m memPrints) Test(context.Context, string, calls.SoundFile) ([]calls.HeardAt, error) {
	return []calls.HeardAt{{Heard: calls.Heard{Kind: calls.HeardBusy, Detail: "RU", Hz: 425, Confidence: 0.98}, FromMS: 100, ToMS: 1150, TellMS: 1340}}, nil
}

// sound uploads a form to path as an operator.
func (h *house) sound(path string, fields map[string]string, file []byte) reply {
	h.t.Helper()
	body, ct := form(h.t, fields, file)
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+h.tokens[calls.PermOperator])
	r.Header.Set("Content-Type", ct)
	return h.send(r)
}

func TestAnAnnouncementIsMadeKnownTestedAndForgotten(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	made := h.sound("/v1/fingerprints", map[string]string{"title": "телефон выключен", "meaning": "unreachable"}, wav(2))
	id, _ := made.doc["id"].(string)
	if made.code != 201 || id == "" || made.doc["meaning"] != "unreachable" || made.doc["added_by"] != "operator" {
		t.Fatalf("%d %s", made.code, made.body)
	}
	if got := h.do("GET", "/v1/fingerprints", ""); got.code != 200 || !strings.Contains(got.body, id) || !strings.Contains(got.body, `"next":null`) {
		t.Errorf("%d %s", got.code, got.body)
	}
	got := h.sound("/v1/fingerprints/test", nil, wav(2))
	if got.code != 200 || !strings.Contains(got.body, `"heard":"busy"`) || !strings.Contains(got.body, `"verdict":"announcement"`) || !strings.Contains(got.body, `"meaning":null`) {
		t.Errorf("%d %s", got.code, got.body)
	}
	if got := h.do("DELETE", "/v1/fingerprints/"+id, ""); got.code != 204 {
		t.Errorf("%d %s", got.code, got.body)
	}
	if got := h.do("DELETE", "/v1/fingerprints/"+id, ""); got.code != 404 {
		t.Errorf("%d %s", got.code, got.body)
	}
}

func TestABadAnnouncementIsRefusedWithItsField(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	cases := []struct {
		fields map[string]string
		file   []byte
		want   string
	}{
		{map[string]string{"title": "x"}, wav(2), "body.meaning"},
		{map[string]string{"title": "x", "meaning": "purple"}, wav(2), "body.meaning"},
		{map[string]string{"title": "x", "meaning": "busy", "colour": "red"}, wav(2), "body.colour"},
		{map[string]string{"title": "x", "meaning": "busy"}, nil, "body.file"},
	}
	for _, c := range cases {
		if got := h.sound("/v1/fingerprints", c.fields, c.file); got.code != 422 || !strings.Contains(got.body, c.want) {
			t.Errorf("%v: %d %s", c.fields, got.code, got.body)
		}
	}
	none := newHouse(t, func(c *Config) { c.Fingerprints = nil })
	if got := none.sound("/v1/fingerprints", map[string]string{"title": "x", "meaning": "busy"}, wav(2)); got.code != 404 {
		t.Errorf("without any: %d %s", got.code, got.body)
	}
}
