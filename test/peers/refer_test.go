package peers

import (
	"fmt"
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
	d.Eventually("the flow to go on", func() bool { return strings.Count(types(d.events(id)), "playback_started") == 2 })
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

// handing connects a client with the manager of a scenario, who is told by a hold
// when both talk.
func handing(t *testing.T, name string, clients int) (d *daemon, id string, client, manager *sipp) {
	t.Helper()
	client, manager = scenario(t, "answer", clients, "", nil), scenario(t, name, 1, "", nil)
	d = start(t, options{peerPort: client.port, trunk: fmt.Sprintf(
		"}\n  - {name: office, uri: \"sip:127.0.0.1:%d\", numbers: [\"78005553536\"], options: 0s, max_calls: 10", manager.port)})
	var made call
	if code := d.request("POST", "/v1/bridges", map[string]any{"first": "201@office", "second": "79161234567"}, &made); code != 202 {
		t.Fatalf("POST /v1/bridges: %d", code)
	}
	d.told(made.ID, "bridged")
	d.control(made.ID, "hold", map[string]any{"on": true, "leg": "manager"})
	return d, made.ID, client, manager
}

func TestSIPpAManagerHandsTheCustomerOn(t *testing.T) {
	t.Parallel()
	d, id, client, manager := handing(t, "referringmanager", 2)
	d.told(id, "transferred")
	manager.done()
	d.control(id, "hangup", nil)
	c := d.over(id)
	client.done()
	if c.Outcome != "answered" || c.Reason != "by_api" || len(c.Attempts) != 3 || len(c.Actions) != 2 {
		t.Fatalf("ended as %+v", c)
	}
	if c.Actions[0].Result != "failed" || c.Actions[1].Result != "ok" || c.Actions[len(c.Actions)-1].Value != "74951234567" {
		t.Errorf("actions %+v, attempts %+v", c.Actions, c.Attempts)
	}
}

func TestSIPpSomebodyTakesTheManagersPlace(t *testing.T) {
	t.Parallel()
	d, id, client, manager := handing(t, "replacingmanager", 1)
	d.told(id, "transferred")
	c := d.over(id)
	manager.done()
	client.done()
	if c.Outcome != "answered" || c.HangupBy != "manager" || len(c.Attempts) != 3 || c.Attempts[2].To != "202" {
		t.Errorf("ended as %+v", c)
	}
	if got := types(d.events(id)); !strings.Contains(got, "bridging unbridged bridged action transferred") {
		t.Errorf("events %q", got)
	}
}
