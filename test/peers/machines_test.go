package peers

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
)

// machineCall is who answers, what the flow wants of machines, and what comes of it.
type machineCall struct {
	name string
	says string
	amd  map[string]any

	verdict, cause  string // of the last call.amd; cause "": any
	outcome, reason string
	events          string  // behind "queued dialing ringing answered"
	message         bool    // what is played at last is the message, not the clip
	waits           float64 // s at least from the end of what the callee says to what is played at last
}

// The words behind "answered": the clip begins before anybody is judged.
const (
	once = "playback_started amd playback_finished completed"
	anew = "playback_started amd playback_finished playback_started playback_finished completed"
)

// The callees of the corpus, chosen so that a stream that stumbles changes nothing.
const (
	person      = "human/h0000_en_fsddgeorge_word.wav"
	menu        = "machine/m0094_it_itmenardi_ivr.wav"
	voiceNoBeep = "machine/m0012_en_enallison_ivr.wav"
	voiceBeep   = "machine/m0382_en_ttsfliteslt_short.wav"
	onHold      = "other/o0002_xx_macroformcoldday_moh.wav"
)

func machineCalls() []machineCall {
	async := func(onMachine string) map[string]any { return map[string]any{"mode": "async", "on_machine": onMachine} }
	end := map[string]any{"mode": "message_end"}
	return []machineCall{
		{"a machine hears the clip", menu, async("play"), "machine", "", "machine", "flow_end", once, false, 0},
		{"a machine is hung up on", menu, async("hangup"), "machine", "", "machine", "machine", once, false, 0},
		{"a message after the beep", voiceBeep, async("message"), "machine", "", "machine", "flow_end", anew, true, 0.01},
		{"a message after the silence", voiceNoBeep, async("message"), "machine", "", "machine", "flow_end", anew, true, 1.2},
		{"the clip after the beep", voiceBeep, end, "machine", "", "machine", "flow_end", anew, false, 0.01},
		{"the clip after the silence", voiceNoBeep, end, "machine", "", "machine", "flow_end", anew, false, 1.2},
		{"a person hears the clip", person, end, "human", "", "answered", "flow_end", once, false, 0},
		{"music counts as a person", onHold, async("hangup"), "unknown", "", "answered", "flow_end", once, false, 0},
		{"a fax takes no message", "fax", async("message"), "fax", "fax_cng", "fax", "machine", once, false, 0},
		{"a SIT after the answer", "sit", async("hangup"), "announcement", "sit", "announcement", "machine", once, false, 0},
		{"a busy tone after the answer", "busy", async("message"), "announcement", "busy", "announcement", "machine", once, false, 0},
	}
}

func TestSIPpCalleesAreTreatedAsTheFlowWants(t *testing.T) {
	t.Parallel()
	list := machineCalls()
	peers, o := make([]*sipp, len(list)), options{}
	for i, c := range list {
		peers[i] = scenario(t, "tones", 1, "", map[string]string{"TONES": answer(t, c.says)})
		o.trunks = append(o.trunks, fmt.Sprintf(`name: net%d, uri: "sip:127.0.0.1:%d", accept_from: [127.0.0.1/32], options: 0s, numbers: ["780055535%02d"]`, i, peers[i].port, i))
	}
	o.peerPort = peers[0].port
	d := start(t, o)
	tunes := [2][]int16{melody(7.2), melody(8.4)[8000:]}
	clip, message := d.clip(tunes[0]), d.clip(tunes[1])
	ids := make([]string, len(list))
	for i, c := range list {
		c.amd["message_record"] = strconv.FormatInt(message, 10)
		if c.amd["on_machine"] != "message" {
			delete(c.amd, "message_record")
		}
		ids[i] = d.place(map[string]any{"to": fmt.Sprintf("791612345%02d", i), "trunk": "net" + strconv.Itoa(i), "record_id": clip, "amd": c.amd, "capture": c.waits > 0})
	}
	for i, c := range list {
		got := d.over(ids[i])
		peers[i].done()
		events := d.events(ids[i])
		var last amdTold
		if told := toldOf(t, events); len(told) > 0 {
			last = told[len(told)-1]
		}
		if last.Verdict != c.verdict || c.cause != "" && last.Cause != c.cause || got.Outcome != c.outcome || got.Reason != c.reason {
			t.Errorf("%s: %s (%s), ended as %s/%s; want %s (%s), %s/%s", c.name, last.Verdict, last.Cause, got.Outcome, got.Reason, c.verdict, c.cause, c.outcome, c.reason)
		}
		if got, want := talkTypes(events), c.events; got != want {
			t.Errorf("%s: behind the answer %s, want %s", c.name, got, want)
		}
		want, tune := clip, tunes[0]
		if c.message {
			want, tune = message, tunes[1]
		}
		if played := lastPlayed(t, events); played != want {
			t.Errorf("%s: played %d at last, want %d", c.name, played, want)
		}
		if c.waits > 0 {
			raw, _ := d.capture(ids[i])
			if from, until := lastStart(ourSide(raw), tune), lastLoud(theirSide(raw)); from < until+c.waits {
				t.Errorf("%s: speaks at %.2f s, the machine until %.2f s; want %.2f s between them", c.name, from, until, c.waits)
			}
		}
	}
}

// talkTypes are the event types behind the answer. That a verdict is revised, or
// when a capture is complete, does not matter.
func talkTypes(events []event) string {
	_, talk, _ := strings.Cut(types(events), "answered ")
	return strings.ReplaceAll(strings.ReplaceAll(talk, " recording_ready", ""), "amd amd", "amd")
}

// lastPlayed is the record_id of the last clip that began.
func lastPlayed(t *testing.T, events []event) (record int64) {
	t.Helper()
	for _, e := range events {
		if e.Type == "call.playback_started" {
			var data struct {
				RecordID int64 `json:"record_id"`
			}
			if err := json.Unmarshal(e.Data, &data); err != nil {
				t.Fatal(err)
			}
			record = data.RecordID
		}
	}
	return record
}

// loud tells of each 20 ms whether they are as loud as the words, tones and tunes
// here are.
func loud(pcm []int16) (frames []bool) {
	for i := 0; i+160 <= len(pcm); i += 160 {
		sum := 0.0
		for _, v := range pcm[i : i+160] {
			sum += float64(v) * float64(v)
		}
		frames = append(frames, math.Sqrt(sum/160) > 1000)
	}
	return frames
}

// lastLoud is where sound ends for good, s.
func lastLoud(pcm []int16) (at float64) {
	for i, l := range loud(pcm) {
		if l {
			at = float64(i+1) / 50
		}
	}
	return at
}

// lastStart is where a tune begins for the last time, s: whether silence is before it or
// the end of another one. Negative: it is not there.
func lastStart(pcm, tune []int16) float64 {
	head := tune[:2400] // two notes
	for at := len(pcm) - len(head); at >= 0; at-- {
		if correlation(pcm[at:at+len(head)], head) > 0.9 {
			return float64(at) / 8000
		}
	}
	return -1
}
