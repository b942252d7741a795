package peers

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"zvonar/media/codec"
)

// corpusOfAnswers holds recorded answers of people and machines.
const corpusOfAnswers = "../../../shared/corpus/amd"

// answer is an A-law file of what the callee says: one of the corpus, or, for
// "busy", a generated busy tone.
func answer(t *testing.T, name string) string {
	t.Helper()
	var pcm []int16
	if name == "busy" {
		pcm = make([]int16, 6*8000)
		for i := range pcm {
			if at := i % 5600; at < 2800 { // 0.35 s on, 0.35 s off
				pcm[i] = int16(6000 * math.Sin(2*math.Pi*425*float64(i)/8000))
			}
		}
	} else {
		b, err := os.ReadFile(filepath.Join(corpusOfAnswers, name))
		if err != nil {
			t.Skip("the corpus of answers is not beside the checkout (../shared/corpus/amd)")
		}
		pcm = make([]int16, (len(b)-44)/2)
		for i := range pcm {
			pcm[i] = int16(binary.LittleEndian.Uint16(b[44+2*i:]))
		}
	}
	pcm = append(pcm, make([]int16, 12*8000)...) // then it listens
	words := make([]byte, len(pcm))
	codec.Encode(codec.PCMA, words, pcm)
	file := filepath.Join(t.TempDir(), "answer.alaw")
	if err := os.WriteFile(file, words, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// lastVerdict is what the last call.amd says.
func lastVerdict(t *testing.T, events []event) (verdict string) {
	t.Helper()
	for _, e := range events {
		if e.Type == "call.amd" {
			var data struct{ Verdict string }
			if err := json.Unmarshal(e.Data, &data); err != nil {
				t.Fatal(err)
			}
			verdict = data.Verdict
		}
	}
	return verdict
}

func TestSIPpCalleesAreJudgedBesideTheClip(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ answer, verdict, outcome, reason string }{
		{"human/h0004_en_fsddgeorge_word.wav", "human", "answered", "flow_end"},
		{"machine/m0011_en_enallison_voicemail.wav", "machine", "machine", "machine"},
		{"busy", "announcement", "announcement", "machine"},
	} {
		t.Run(tc.verdict, func(t *testing.T) {
			t.Parallel()
			peer := scenario(t, "tones", 1, "", map[string]string{"TONES": answer(t, tc.answer)})
			d := start(t, options{peerPort: peer.port})
			id := d.place(map[string]any{"to": "79161234567", "record_id": d.clip(melody(12)), "amd": map[string]any{"mode": "async", "on_machine": "hangup"}})
			c := d.over(id)
			peer.done()
			events := d.events(id)
			if v := lastVerdict(t, events); v != tc.verdict || c.Outcome != tc.outcome || c.Reason != tc.reason {
				t.Errorf("verdict %q, ended as %s/%s; want %s, %s/%s\n%s", v, c.Outcome, c.Reason, tc.verdict, tc.outcome, tc.reason, types(events))
			}
		})
	}
}

func TestSIPpMachineHearsTheClipAfterItsGreeting(t *testing.T) {
	t.Parallel()
	peer := scenario(t, "tones", 1, "", map[string]string{"TONES": answer(t, "machine/m0011_en_enallison_voicemail.wav")})
	d := start(t, options{peerPort: peer.port})
	id := d.place(map[string]any{"to": "79161234567", "record_id": d.clip(melody(7.2)), "amd": "message_end"})
	c := d.over(id)
	peer.done()
	want := "queued dialing ringing answered playback_started amd playback_finished playback_started playback_finished completed"
	if got := types(d.events(id)); got != want || c.Outcome != "machine" || c.Reason != "flow_end" {
		t.Errorf("ended as %s/%s after %s\nwant %s", c.Outcome, c.Reason, got, want)
	}
}
