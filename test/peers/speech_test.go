package peers

import (
	"fmt"
	"strings"
	"testing"
)

// TestSIPpATextIsHeardOnceAModeratorApprovesIt has texts read by espeak-ng: calls
// with them wait for the moderator, and go or end as he decides.
func TestSIPpATextIsHeardOnceAModeratorApprovesIt(t *testing.T) {
	t.Parallel()
	engine := program(t, "espeak-ng", "espeak-ng")
	peer := scenario(t, "answer", 2, "", nil)
	d := start(t, options{peerPort: peer.port, extra: fmt.Sprintf("recordings: {tts: {command: [%q, --stdin, --stdout, -v, \"{voice}\"]}}\n", engine)})
	say := func(number, text string) (id, recording string) {
		id = d.place(map[string]any{"to": number, "text": text, "voice": "female"})
		var c struct {
			Recording struct {
				ID string `json:"recording_id"`
			}
		}
		d.Eventually("the call to be held", func() bool { return strings.Contains(types(d.events(id)), "held") })
		if code := d.request("GET", "/v1/calls/"+id, nil, &c); code != 200 || c.Recording.ID == "" {
			t.Fatalf("GET /v1/calls/%s: %d %+v", id, code, c)
		}
		return id, c.Recording.ID
	}
	decide := func(recording, how string, body any) {
		if code := d.request("POST", "/v1/recordings/"+recording+"/"+how, body, nil); code != 200 {
			t.Fatalf("%s: %d", how, code)
		}
	}
	const parcel = "Good afternoon! Your parcel is waiting for you at the collection point in Baker street. Press one to confirm or two to refuse it."
	good, heard := say("79161234567", parcel)
	bad, refused := say("79161234568", strings.Replace(parcel, "parcel", "prize", 1))
	if heard == refused {
		t.Fatal("two texts are one recording")
	}
	decide(refused, "reject", map[string]any{"reason": "there is no prize"})
	if c := d.over(bad); c.Outcome != "canceled" || c.Reason != "recording_rejected" {
		t.Errorf("with the text that was refused: %s %s", c.Outcome, c.Reason)
	}
	decide(heard, "approve", nil)
	if c := d.over(good); c.Outcome != "answered" || !strings.Contains(types(d.events(good)), "playback_started") {
		t.Errorf("with the text that was approved: %s %s: %s", c.Outcome, c.Reason, types(d.events(good)))
	}
	again := d.place(map[string]any{"to": "79161234569", "text": parcel, "voice": "female"})
	if c := d.over(again); c.Outcome != "answered" || strings.Contains(types(d.events(again)), "held") {
		t.Errorf("with the same text again: %s %s: %s", c.Outcome, c.Reason, types(d.events(again)))
	}
	peer.done()
}
