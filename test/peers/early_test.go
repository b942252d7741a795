package peers

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// earlyCall is a call whose callee is never rung through, or late: what its network
// says before the answer, and what comes of it.
type earlyCall struct {
	name     string
	scenario string // earlyfailed, earlycanceled, earlyanswered
	says     []int16
	trunk    string // further keys of its trunk
	wish     string // early_media of its flow

	cause, verdict  string // of the last call.amd; "": none is told
	outcome, reason string
}

// earlyCalls are the ways of the sound before the answer; announcement is known.
func earlyCalls(t *testing.T, announcement []int16) []earlyCall {
	const hang = ", early_media: hangup"
	words := said(t, "machine/m0317_ru_ttsrum3_intercept.wav")
	mail := said(t, "machine/m0312_ru_ttsruf2_short.wav")
	return []earlyCall{
		{"known, listened to", "earlyfailed", announcement, "", "", "known_unreachable", "announcement", "unreachable", "known_announcement"},
		{"known, the trunk hangs up", "earlycanceled", announcement, hang, "", "known_unreachable", "announcement", "unreachable", "known_announcement"},
		{"known, the flow hangs up", "earlycanceled", announcement, "", "hangup", "known_unreachable", "announcement", "unreachable", "known_announcement"},
		{"known, the flow only listens", "earlyfailed", announcement, hang, "listen", "known_unreachable", "announcement", "unreachable", "known_announcement"},
		{"known, nobody listens", "earlyfailed", announcement, "", "off", "", "", "no_answer", ""},
		{"known, somebody comes all the same", "earlyanswered", announcement, "", "", "known_unreachable", "announcement", "answered", "flow_end"},
		{"voicemail that nobody made known", "earlyfailed", mail, "", "", "voicemail", "machine", "machine", ""},
		{"words that nobody made known", "earlyfailed", words, hang, "", "speech", "machine", "no_answer", ""},
		{"SIT and words", "earlyfailed", append(said(t, "sit"), words...), "", "", "sit", "announcement", "announcement", "sit"},
		{"busy tone", "earlycanceled", said(t, "busy"), hang, "", "busy", "announcement", "busy", "busy_tone"},
	}
}

func TestSIPpNetworksAreHeardBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	announcement := melody(5)
	list := earlyCalls(t, announcement)
	peers, o := make([]*sipp, len(list)), options{}
	for i, c := range list {
		peers[i] = scenario(t, c.scenario, 1, "", map[string]string{"TONES": alaw(t, c.says), "WAIT": "12000"})
		o.trunks = append(o.trunks, fmt.Sprintf(`name: net%d, uri: "sip:127.0.0.1:%d", accept_from: [127.0.0.1/32], options: 0s, numbers: ["7800555354%d"]%s`, i, peers[i].port, i, c.trunk))
	}
	o.peerPort = peers[0].port
	d := start(t, o)
	file := filepath.Join(t.TempDir(), "switched off.wav")
	if err := os.WriteFile(file, wav(t, announcement), 0o600); err != nil {
		t.Fatal(err)
	}
	d.zv("fingerprints", "add", file, "--meaning", "unreachable")
	clip := d.clip(melody(7.2))
	ids := make([]string, len(list))
	for i, c := range list {
		body := map[string]any{"to": "7916123450" + strconv.Itoa(i), "trunk": "net" + strconv.Itoa(i), "record_id": clip}
		if c.wish != "" {
			body["amd"] = map[string]any{"mode": "off", "early_media": c.wish}
		}
		ids[i] = d.place(body)
	}
	for i, c := range list {
		got := d.over(ids[i])
		peers[i].done()
		var last amdTold
		events := d.events(ids[i])
		if told := toldOf(t, events); len(told) > 0 {
			last = told[len(told)-1]
		}
		if got.Outcome != c.outcome || got.Reason != c.reason || last.Cause != c.cause || last.Verdict != c.verdict || last.Early != (c.cause != "") {
			t.Errorf("%s: %+v, ended as %s/%s; want %s %s, %s/%s\n%s", c.name, last, got.Outcome, got.Reason, c.verdict, c.cause, c.outcome, c.reason, types(events))
		}
		if canceled := c.scenario == "earlycanceled"; canceled != (got.HangupBy == "zvonar" && got.Outcome != "answered") {
			t.Errorf("%s: hung up by %s", c.name, got.HangupBy)
		}
		if c.cause == "known_unreachable" && (last.Meaning != "unreachable" || last.Title != "switched off") {
			t.Errorf("%s: the announcement is told as %+v", c.name, last)
		}
	}
}
