package sip

import (
	"context"
	"errors"
	"testing"

	"zvonar/internal/calls"
)

// TestAStoppedUserAgentOpensNothing: a repeated answer may be handled while the
// user agent stops. sipgo would open the address anew for its ACK, and TestMain
// would find the goroutine that reads there.
func TestAStoppedUserAgentOpensNothing(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, nil)
	k := a.dial(t, nil)
	p.respond(p.read("INVITE"), 200, "far", rawSDP)
	k.until(calls.LegAnswered)
	leave(k, p)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := a.ua.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if err := a.ua.write(k.leg.uac.ack); !errors.Is(err, errClosed) {
		t.Errorf("an ACK after the end: %v", err)
	}
	if _, err := a.ua.begin(k.leg.uac.invite, nil); !errors.Is(err, errClosed) {
		t.Errorf("a request after the end: %v", err)
	}
}
