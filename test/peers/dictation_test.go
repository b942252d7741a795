package peers

import (
	"bytes"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"zvonar/media/codec"
)

const dictated = "Good afternoon. This is the notice for tomorrow: the office is closed from ten until noon, please come later in the day, or call us back at any time. Thank you."

// speech is a text read by espeak-ng as 8 kHz samples.
func speech(t *testing.T, text string) []int16 {
	t.Helper()
	cmd := exec.Command("sh", "-c", `espeak-ng --stdout "$0" | sox -t wav - -r 8000 -c 1 -b 16 -t raw -`, text)
	program(t, "espeak-ng", "espeak-ng")
	program(t, "sox", "sox")
	raw, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([]int16, len(raw)/2)
	for i := range pcm {
		pcm[i] = int16(uint16(raw[2*i]) | uint16(raw[2*i+1])<<8)
	}
	return pcm
}

// key is 150 ms of two tones, and a pause.
func key(low, high float64) []int16 {
	pcm := make([]int16, 1200+800)
	for n := range pcm[:1200] {
		at := 2 * math.Pi * float64(n) / 8000
		pcm[n] = int16(5000*math.Sin(low*at) + 5000*math.Sin(high*at))
	}
	return pcm
}

// streamed replaces @TONES@ by samples that SIPp plays after the answer.
func streamed(t *testing.T, pcm []int16) map[string]string {
	t.Helper()
	words := make([]byte, len(pcm))
	codec.Encode(codec.PCMA, words, pcm)
	name := filepath.Join(t.TempDir(), "says.alaw")
	if err := os.WriteFile(name, words, 0o600); err != nil {
		t.Fatal(err)
	}
	return map[string]string{"TONES": name}
}

// recording is a recording as GET gives it.
type recording struct {
	ID       string `json:"id"`
	State    string
	Reason   string
	CallID   string `json:"call_id"`
	SHA256   string
	Duration int `json:"duration_ms"`
}

// dictate asks for a dictation, does what is to be done meanwhile, and waits until
// the draft has become something.
func (d *daemon) dictate(meanwhile func(recording)) recording {
	d.t.Helper()
	var rec recording
	if code := d.request("POST", "/v1/recordings", map[string]any{"dictate_to": "79161234567", "title": "By hand"}, &rec); code != 202 || rec.State != "draft" || rec.CallID == "" {
		d.t.Fatalf("POST /v1/recordings: %d %+v", code, rec)
	}
	meanwhile(rec)
	d.Eventually("the dictation to end", func() bool {
		d.request("GET", "/v1/recordings/"+rec.ID, nil, &rec)
		return rec.State != "draft"
	})
	return rec
}

// TestSIPpAnAuthorDictates has SIPp speak: a text after the beep, #, and 1 while it
// hears itself. What it said waits for a moderator then.
func TestSIPpAnAuthorDictates(t *testing.T) {
	t.Parallel()
	text := speech(t, dictated)
	silence := make([]int16, 30*8000)
	says := append(append(append(append([]int16{}, text...), key(941, 1477)...), silence[:4*8000]...), key(697, 1209)...)
	peer := scenario(t, "tones", 1, "", streamed(t, append(says, silence...)))
	d := start(t, options{peerPort: peer.port})
	rec := d.dictate(func(recording) {})
	if rec.State != "pending" || rec.SHA256 == "" || math.Abs(float64(rec.Duration-len(text)/8)) > 1200 {
		t.Errorf("%+v after %d ms were said\n%s", rec, len(text)/8, tail(d.Log().String()))
	}
	c := d.over(rec.CallID)
	peer.done()
	if c.Outcome != "answered" || c.Reason != "flow_end" {
		t.Errorf("the call: %s %s: %s", c.Outcome, c.Reason, types(d.events(rec.CallID)))
	}
	req, err := http.NewRequest("GET", d.api+"/v1/recordings/"+rec.ID+"/audio", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+d.token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || !bytes.HasPrefix(b, []byte("RIFF")) {
		t.Fatalf("%d %v", res.StatusCode, err)
	}
	file := filepath.Join(t.TempDir(), "kept.wav")
	write(t, file, b)
	middle := text[len(text)/3 : len(text)/3+4*8000]
	if _, corr := align(samples(t, file), middle); corr < 0.95 {
		t.Errorf("what was kept is not what was said: correlation %.3f", corr)
	}
}

// TestSIPpADictationThatEndsBeforeItWasKeptLeavesNothing: too little is said, and the
// call ends.
func TestSIPpADictationThatEndsBeforeItWasKeptLeavesNothing(t *testing.T) {
	t.Parallel()
	says := append(speech(t, "Good afternoon."), key(941, 1477)...)
	peer := scenario(t, "tones", 1, "", streamed(t, append(says, make([]int16, 30*8000)...)))
	d := start(t, options{peerPort: peer.port})
	rec := d.dictate(func(rec recording) {
		d.Eventually("the author to press #", func() bool { return strings.Contains(types(d.events(rec.CallID)), "digit") })
		if code := d.request("POST", "/v1/calls/"+rec.CallID+"/hangup", nil, nil); code != 200 && code != 202 {
			t.Errorf("hangup: %d", code)
		}
	})
	peer.done()
	if rec.State != "rejected" || !strings.Contains(rec.Reason, "nothing was kept") || rec.SHA256 != "" {
		t.Errorf("%+v", rec)
	}
}
