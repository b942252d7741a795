package peers

import (
	"testing"
)

// TestKilledDaemonLosesTheCallButRingsNobodyTwice kills the daemon (kill -9)
// while a call talks and looks at what the next process makes of it.
func TestKilledDaemonLosesTheCallButRingsNobodyTwice(t *testing.T) {
	t.Parallel()
	for _, phase := range []string{"call.ringing", "call.answered", "call.playback_started"} {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			script := "answer"
			if phase == "call.ringing" {
				script = "ringer"
			}
			// One INVITE is all that SIPp is ready for; a second would fail it.
			peer := scenario(t, script, 1, "", nil)
			d := start(t, options{peerPort: peer.port})
			id := d.place(map[string]any{"to": "79161234567", "record_id": d.clip(melody(60))})
			d.Eventually(phase, func() bool {
				for _, e := range d.events(id) {
					if e.Type == phase {
						return true
					}
				}
				return false
			})
			d.Kill()
			d.Run()
			c := d.over(id)
			if c.Outcome != "lost" || c.Reason != "node_lost" || len(c.Attempts) != 1 {
				t.Errorf("ended as %+v", c)
			}
			completed := 0
			for _, e := range d.events(id) {
				if e.Type == "call.completed" {
					completed++
				}
			}
			if completed != 1 {
				t.Errorf("%d call.completed, want exactly one", completed)
			}
			if phase != "call.ringing" {
				peer.done() // the orphan leg got its BYE
			}
		})
	}
}
