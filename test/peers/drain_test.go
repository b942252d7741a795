package peers

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// TestSIGTERMLetsTheCallEndAndTakesNoOther sends SIGTERM in the middle of a clip.
func TestSIGTERMLetsTheCallEndAndTakesNoOther(t *testing.T) {
	t.Parallel()
	peer := scenario(t, "answer", 1, "", nil)
	d := start(t, options{peerPort: peer.port})
	clip := d.clip(melody(15)) // no slow machine talks to its end before the refusal was seen
	id := d.place(map[string]any{"to": "79161234567", "record_id": clip})
	d.Eventually("the clip to play", func() bool { return strings.Contains(types(d.events(id)), "playback_started") })
	d.Signal(syscall.SIGTERM)
	d.Eventually("new calls to be refused", func() bool {
		code := d.request("POST", "/v1/calls", map[string]any{"to": "79161234568", "record_id": clip}, nil)
		return code == http.StatusServiceUnavailable
	})
	d.Eventually("the call to end by its flow", func() bool { return strings.Contains(d.Log().String(), "reason=flow_end") })
	peer.done()
	if err := d.Ended(); err != nil {
		t.Errorf("the daemon ended with %v", err)
	}
	d.Run()
	if c := d.over(id); c.Outcome != "answered" || c.Reason != "flow_end" || c.TalkMS < 15000 {
		t.Errorf("after the restart the call reads %+v", c)
	}
}
