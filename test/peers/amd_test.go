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

// said is what a callee or the network says: a file of the corpus, or, by name, a
// generated tone.
func said(t *testing.T, name string) []int16 {
	t.Helper()
	switch name {
	case "busy":
		return bursts(6, []tone{{425, 350}, {0, 350}})
	case "sit": // in front of words that begin after 3 s
		return bursts(4, []tone{{950, 330}, {1400, 330}, {1800, 330}, {0, 2000}})
	case "fax":
		return bursts(14, []tone{{1100, 500}, {0, 3000}})
	}
	b, err := os.ReadFile(filepath.Join(corpusOfAnswers, name))
	if err != nil {
		t.Skip("the corpus of answers is not beside the checkout (../shared/corpus/amd)")
	}
	pcm := make([]int16, (len(b)-44)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(b[44+2*i:]))
	}
	return pcm
}

// tone is one frequency, Hz, or silence, for ms.
type tone struct{ hz, ms float64 }

// bursts repeats a cadence for seconds.
func bursts(seconds float64, cadence []tone) (pcm []int16) {
	for {
		for _, c := range cadence {
			for range int(c.ms * 8) {
				if len(pcm) >= int(seconds*8000) {
					return pcm
				}
				pcm = append(pcm, int16(6000*math.Sin(2*math.Pi*c.hz*float64(len(pcm))/8000)))
			}
		}
	}
}

// alaw is an A-law file of samples.
func alaw(t *testing.T, pcm []int16) string {
	t.Helper()
	words := make([]byte, len(pcm))
	codec.Encode(codec.PCMA, words, pcm)
	file := filepath.Join(t.TempDir(), "says.alaw")
	if err := os.WriteFile(file, words, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// answer is an A-law file of what the callee says before it listens.
func answer(t *testing.T, name string) string {
	t.Helper()
	return alaw(t, append(said(t, name), make([]int16, 12*8000)...))
}

// amdTold is a call.amd as far as the tests read it.
type amdTold struct {
	Verdict, Cause, Meaning, Title string
	Early                          bool
}

// toldOf are all call.amd of a call.
func toldOf(t *testing.T, events []event) (list []amdTold) {
	t.Helper()
	for _, e := range events {
		if e.Type == "call.amd" {
			var data amdTold
			if err := json.Unmarshal(e.Data, &data); err != nil {
				t.Fatal(err)
			}
			list = append(list, data)
		}
	}
	return list
}

// lastVerdict is what the last call.amd says.
func lastVerdict(t *testing.T, events []event) string {
	t.Helper()
	if list := toldOf(t, events); len(list) > 0 {
		return list[len(list)-1].Verdict
	}
	return ""
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
