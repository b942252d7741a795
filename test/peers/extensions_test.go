package peers

import (
	"fmt"
	"testing"

	"zvonar/test/ports"
)

// TestSIPpSessionsAreRefreshedOrEnd takes a minute: no session may be shorter than
// 90 s. Where we call, a 422 is no further attempt, and we refresh; who calls us and
// refreshes nothing is hung up.
func TestSIPpSessionsAreRefreshedOrEnd(t *testing.T) {
	t.Parallel()
	t.Run("timercallee", func(t *testing.T) {
		t.Parallel()
		peer := scenario(t, "timercallee", 1, "", nil)
		d := start(t, options{peerPort: peer.port, trunk: ", session_timer: {expires: 90s}"})
		c := d.over(d.place(map[string]any{"to": "79161234567", "record_id": d.clip(melody(70))}))
		peer.done()
		if c.Outcome != "answered" || c.Reason != "hangup" || c.HangupBy != "customer" || len(c.Attempts) != 1 {
			t.Errorf("ended as %+v", c)
		}
	})
	t.Run("timercaller", func(t *testing.T) {
		t.Parallel()
		d := start(t, options{peerPort: ports.Free(t), extra: `inbound: [{number: "78005553535", flow: {record: 1000001, repeats: 2, digits: [{smsText: "hello"}]}}]`})
		d.clip(melody(40))
		peer := scenario(t, "timercaller", 1, fmt.Sprintf("127.0.0.1:%d", d.sip), map[string]string{"NUMBER": "78005553535"})
		id := d.inboundID()
		d.told(id, "playback_finished")
		c := d.over(id)
		peer.done()
		if c.Outcome != "answered" || c.Reason != "session_expired" || c.HangupBy != "network" {
			t.Errorf("ended as %+v", c)
		}
	})
}

// TestSIPpProvisionalResponsesAreAcknowledged in both roles, and refused where they
// are switched off.
func TestSIPpProvisionalResponsesAreAcknowledged(t *testing.T) {
	t.Parallel()
	t.Run("prackcallee", func(t *testing.T) {
		t.Parallel()
		peer := scenario(t, "prackcallee", 1, "", nil)
		d := start(t, options{peerPort: peer.port})
		c := d.over(d.place(map[string]any{"to": "79161234567", "record_id": d.clip(melody(7.2))}))
		peer.done()
		if c.Outcome != "answered" || c.Reason != "hangup" || len(c.Attempts) != 1 {
			t.Errorf("ended as %+v", c)
		}
	})
	for name, trunk := range map[string]string{"prackcaller": "", "prackrefused": ", prack: off"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := start(t, options{peerPort: ports.Free(t), extra: inbound, trunk: trunk})
			d.clip(melody(7.2))
			peer := scenario(t, name, 1, fmt.Sprintf("127.0.0.1:%d", d.sip), map[string]string{"NUMBER": "78005553535"})
			c := d.over(d.inboundID())
			peer.done()
			if c.Outcome != "answered" || c.HangupBy != "customer" {
				t.Errorf("ended as %+v", c)
			}
		})
	}
}
