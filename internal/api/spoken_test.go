package api

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zvonar/internal/calls"
	"zvonar/recordings"
)

const saying = `"text":"Здравствуйте! Ваша посылка ждёт вас в пункте выдачи.","voice":"female"`

// speakingHouse has a speech engine that says the same for every text, for eight
// seconds, and counts how often it was asked.
func speakingHouse(t *testing.T) (h *house, asked func() int) {
	t.Helper()
	dir := t.TempDir()
	wav, count := filepath.Join(dir, "said.wav"), filepath.Join(dir, "asked")
	if err := os.WriteFile(wav, hum(8), 0o600); err != nil {
		t.Fatal(err)
	}
	h = newHouse(t, func(c *Config) {
		lib, err := recordings.New(recordings.Config{Store: c.Store, Dir: filepath.Join(dir, "clips"), Clock: c.Clock, IDs: c.IDs,
			Confine: []string{"sh", "-c", `shift 7; exec "$@"`, "sh"}, // without limits
			Speech:  recordings.Speech{Command: []string{"sh", "-c", `echo >> "$1"; cat >/dev/null; cat "$2"`, "sh", count, wav}}})
		if err != nil {
			t.Fatal(err)
		}
		c.Recordings = lib
		c.Engine = newTestEngine(t, c.Store, lib, c.Clock, c.IDs)
	})
	return h, func() int {
		b, _ := os.ReadFile(count)
		return len(b)
	}
}

// hum is a WAV file whose level goes up and down.
func hum(seconds int) []byte {
	const rate = 8000
	data := make([]byte, 0, 2*rate*seconds)
	for i := range rate * seconds {
		t := float64(i) / rate
		v := 9000 * math.Sin(2*math.Pi*(180+40*math.Sin(3*t))*t) * (0.6 + 0.4*math.Sin(2*math.Pi*4*t))
		data = binary.LittleEndian.AppendUint16(data, uint16(int16(v)))
	}
	le := binary.LittleEndian
	b := append([]byte("RIFF"), le.AppendUint32(nil, uint32(36+len(data)))...)
	b = append(b, "WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00"...)
	b = le.AppendUint32(le.AppendUint32(b, rate), 2*rate)
	b = append(b, "\x02\x00\x10\x00data"...)
	return append(le.AppendUint32(b, uint32(len(data))), data...)
}

// spokenBy is the recording of a call.
func (h *house) spokenBy(r reply) string {
	h.t.Helper()
	rec, _ := r.doc["recording"].(map[string]any)
	id, _ := rec["recording_id"].(string)
	if r.code != 202 && r.code != 200 || id == "" {
		h.t.Fatalf("%d %s", r.code, r.body)
	}
	return id
}

func TestACallMaySayATextThatIsModeratedOnce(t *testing.T) {
	t.Parallel()
	h, asked := speakingHouse(t)
	first := h.do("POST", "/v1/calls", `{"to":"79004443322",`+saying+`,"ref":"a","digits":[{},{"needBlock":"1"}]}`)
	id := h.spokenBy(first)
	if got := h.do("GET", "/v1/recordings/"+id, ""); got.doc["state"] != "pending" || !strings.HasPrefix(got.doc["text"].(string), "Здравствуйте!") || got.doc["voice"] != "female" {
		t.Errorf("%s", got.body)
	}
	spaced := strings.ReplaceAll(saying, "! ", "!\\n  ")
	if again := h.spokenBy(h.do("POST", "/v1/calls", `{"to":"79004443323",`+spaced+`}`)); again != id {
		t.Errorf("the text that waits was spoken anew: %s", again)
	}
	if got := h.do("POST", "/v1/recordings/"+id+"/approve", ""); got.code != 200 {
		t.Fatalf("%s", got.body)
	}
	approved := h.do("POST", "/v1/calls", `{"to":"79004443324",`+saying+`}`)
	if again := h.spokenBy(approved); again != id || !strings.Contains(approved.body, `"record_id":1`) {
		t.Errorf("the approved text was spoken anew: %s", approved.body)
	}
	if n := asked(); n != 1 {
		t.Errorf("the engine was asked %d times", n)
	}
	if other := h.spokenBy(h.do("POST", "/v1/calls", `{"to":"79004443325",`+strings.Replace(saying, "female", "male", 1)+`}`)); other == id {
		t.Error("another voice is another recording")
	}
	log := h.do("GET", "/v1/audit", "")
	if strings.Count(log.body, "spoken for a call") != 2 || !strings.Contains(log.body, string(calls.PermAdmin)) {
		t.Errorf("%s", log.body)
	}
}

func TestATextThatAModeratorRefusedIsNotAskedForAgain(t *testing.T) {
	t.Parallel()
	h, asked := speakingHouse(t)
	body := `{"to":"79004443322",` + saying + `,"ref":"a"}`
	first := h.do("POST", "/v1/calls", body)
	if got := h.do("POST", "/v1/recordings/"+h.spokenBy(first)+"/reject", `{"reason":"it names a shop"}`); got.code != 200 {
		t.Fatalf("%s", got.body)
	}
	before := h.rows()
	got := h.do("POST", "/v1/calls", `{"to":"79004443323",`+saying+`}`)
	location, message := got.field(0)
	if got.code != 422 || got.problem() != "recording-not-approved" || location != "body.text" || !strings.Contains(got.body, "it names a shop") || message == "" {
		t.Errorf("%d %s", got.code, got.body)
	}
	wellFormed(t, got)
	if again := h.do("POST", "/v1/calls", body); again.code != 200 || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("the same request again: %d %s", again.code, again.body)
	}
	if h.rows() != before || asked() != 1 {
		t.Error("something was made of a text that is refused")
	}
}

func TestACallThatIsRefusedHasNothingSpoken(t *testing.T) {
	t.Parallel()
	h, asked := speakingHouse(t)
	for _, body := range []string{`{"to":"12",` + saying + `}`, `{"to":"79004443322",` + saying + `,"trunk":"none"}`} {
		if got := h.do("POST", "/v1/calls", body); got.code != 422 {
			t.Errorf("%d %s", got.code, got.body)
		}
	}
	if asked() != 0 {
		t.Error("a text was spoken for a call that cannot be")
	}
}
