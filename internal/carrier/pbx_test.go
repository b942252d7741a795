package carrier

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/sip"
)

// callback asks the PBX for a call and returns its id.
func (b *bench) callback(t *testing.T, body string) string {
	t.Helper()
	res := b.send(t, http.MethodPost, "/api/callback", "s3cret", body)
	var out struct {
		Result string `json:"result"`
		CallID string `json:"call_id"`
	}
	if err := json.Unmarshal([]byte(res.body), &out); err != nil || res.code != http.StatusOK || out.Result != "ok" || out.CallID == "" {
		t.Fatalf("callback: %d %s", res.code, res.body)
	}
	return out.CallID
}

// take answers the next inbound leg and reads its events.
func (b *bench) take(t *testing.T, on func(*sip.Leg, calls.LegEvent)) (in inboundLeg, heard string) {
	t.Helper()
	select {
	case in = <-b.inbound:
	case <-time.After(patience):
		t.Fatal("no INVITE came")
	}
	events := make(chan calls.LegEvent, 1024)
	in.leg.Listen(func(e calls.LegEvent) {
		if on != nil {
			on(in.leg, e)
		}
		events <- e
	})
	in.leg.Answer()
	return in, words(trail(t, events))
}

func TestPBXRingsTheClientFirst(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.callback(t, `{"extension":"201","phone":"79005551106","order":"client_first"}`)
	in, trail := b.take(t, playsAndTakesDigits(1))
	if in.inv.To != "201" || in.inv.From != "79005551106" || in.leg.ReceivedHeader(HeaderCallID) != id {
		t.Errorf("INVITE %+v with %s %q, want %q", in.inv, HeaderCallID, in.leg.ReceivedHeader(HeaderCallID), id)
	}
	if !strings.Contains(trail, "digit 6 rfc4733") {
		t.Errorf("trail: %s", trail)
	}
	if c := b.ended(t, id); c.Kind != KindPBX || c.DigitsSent != "6" || c.HeardMS < 1500 {
		t.Errorf("record: %+v", c)
	}
}

func TestPBXRingsTheAgentFirst(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.callback(t, `{"extension":"201","phone":"79005559006"}`)
	if _, trail := b.take(t, nil); !strings.Contains(trail, "audio; ended 200 cause 16 after an answer") {
		t.Errorf("trail: %s", trail)
	}
	b.callback(t, `{"extension":"201","phone":"79005550486"}`)
	if _, trail := b.take(t, nil); !strings.Contains(trail, "cause 17") {
		t.Errorf("trail of a busy client: %s", trail)
	}
}

func TestPBXClientWhoIsBusyRingsNobody(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	id := b.callback(t, `{"extension":"201","phone":"79005550486","order":"client_first"}`)
	if c := b.ended(t, id); c.Code != 486 || c.SIPCallID != "" {
		t.Errorf("record: %+v", c)
	}
}

func TestTheCarrierCallsZvonar(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	res := b.send(t, http.MethodPost, "/api/call", "s3cret", `{"from":"79005551000","to":"78005553535","like":"1104"}`)
	if res.code != http.StatusOK {
		t.Fatalf("%d %s", res.code, res.body)
	}
	in, trail := b.take(t, playsAndTakesDigits(1))
	if in.inv.From != "79005551000" || in.inv.To != "78005553535" || !strings.Contains(trail, "digit 4 rfc4733") {
		t.Errorf("INVITE %+v, trail %s", in.inv, trail)
	}
}
