package outbox

import (
	"encoding/json"
	"testing"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/egress"
)

// picky is a sink that judges its destinations.
type picky struct{ notes }

// Kind implements Sink.
func (picky) Kind() string { return "picky" }

// Check implements Checker.
func (picky) Check(w *calls.Webhook) error {
	if w.Secret != "open sesame" {
		return calls.Errorf(calls.CodeInvalidField, "another secret is needed").At("body.secret", nil)
	}
	return nil
}

func TestDestinationsAreJudgedByTheirKind(t *testing.T) {
	t.Parallel()
	o, err := New(Config{Store: newStore(t), Clock: clock.System(), IDs: testIDs, Client: egress.Trusted(), Sinks: []Sink{picky{}, notes{}}})
	if err != nil {
		t.Fatal(err)
	}
	const good = "whsec_Y2hhbmdlLW1lLWNoYW5nZS1tZS1jaGFuZ2U="
	set := json.RawMessage(`{"a":1}`)
	for name, c := range map[string]struct {
		w  calls.Webhook
		at string
	}{
		"a webhook":                             {calls.Webhook{Secret: good}, ""},
		"a webhook without a secret":            {calls.Webhook{}, "body.secret"},
		"a webhook with settings":               {calls.Webhook{Kind: "webhook", Secret: good, Settings: set}, "body.settings"},
		"settings that say nothing":             {calls.Webhook{Secret: good, Settings: json.RawMessage("{}")}, ""},
		"an unknown kind":                       {calls.Webhook{Kind: "pigeon", Secret: good}, "body.kind"},
		"a kind that judges":                    {calls.Webhook{Kind: "picky", Secret: "open sesame", Settings: set}, ""},
		"the same with another secret":          {calls.Webhook{Kind: "picky", Secret: good}, "body.secret"},
		"a kind that does not judge":            {calls.Webhook{Kind: notes{}.Kind()}, ""},
		"a kind without settings that gets one": {calls.Webhook{Kind: notes{}.Kind(), Settings: set}, "body.settings"},
	} {
		err := o.Check(&c.w)
		known, _ := err.(*calls.Error)
		if (err == nil) != (c.at == "") || err != nil && (known == nil || len(known.Fields) != 1 || known.Fields[0].Location != c.at) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
