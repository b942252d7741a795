package peers

import (
	"strings"
	"testing"
)

// TestSIPpATrunkTransfersByItself: the trunk is asked by REFER; whoever is busy there
// leaves the customer in his flow, whoever answers takes him away.
func TestSIPpATrunkTransfersByItself(t *testing.T) {
	t.Parallel()
	peer := scenario(t, "refercallee", 1, "", nil)
	d := start(t, options{peerPort: peer.port, trunk: ", transfer: refer"})
	id := d.place(map[string]any{"to": "79161234567", "record_id": d.clip(melody(30)), "digits": []map[string]any{{}, {"smsText": "hello"}}})
	d.told(id, "playback_started")
	d.control(id, "transfer", map[string]any{"target": "74951234567"})
	d.told(id, "action")
	d.eventually("the flow to go on", func() bool { return strings.Count(types(d.events(id)), "playback_started") == 2 })
	d.control(id, "transfer", map[string]any{"target": "201@main"})
	c := d.over(id)
	peer.done()
	if c.Outcome != "answered" || c.Reason != "transferred" || c.HangupBy != "zvonar" || len(c.Attempts) != 1 || len(c.Actions) != 2 {
		t.Fatalf("ended as %+v", c)
	}
	if a, b := c.Actions[0], c.Actions[1]; a.Result != "failed" || b.Result != "ok" || b.Action != "transfer" {
		t.Errorf("actions %+v", c.Actions)
	}
	if got := types(d.events(id)); !strings.HasSuffix(got, "action transferred completed") {
		t.Errorf("events %q", got)
	}
}
