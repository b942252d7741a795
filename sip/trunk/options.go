package trunk

import (
	"slices"
	"time"

	"zvonar/internal/calls"
)

// SessionTimer is how long a session lives that nobody refreshes (RFC 4028).
type SessionTimer struct {
	Mode    TimerMode     // "": off
	Expires time.Duration // what we ask for; 0: 30 min
	Min     time.Duration // what we take at least; 0: LeastTimer
}

// TimerMode is whether sessions with a trunk expire.
type TimerMode string

// The modes.
const (
	TimerOff     TimerMode = "off"     // never
	TimerAccept  TimerMode = "accept"  // where the trunk speaks of it, too
	TimerRequire TimerMode = "require" // always; where the trunk knows nothing of it we refresh
)

// LeastTimer is the shortest interval that RFC 4028 5 allows.
const LeastTimer = 90 * time.Second

// defaultTimer is what RFC 4028 4 recommends.
const defaultTimer = 30 * time.Minute

// PRACK is whether provisional responses are acknowledged (RFC 3262).
type PRACK string

// The ways of provisional responses.
const (
	PRACKOff       PRACK = "off"       // never; who insists is refused
	PRACKSupported PRACK = "supported" // where the trunk wants it
	PRACKRequired  PRACK = "required"  // always; without it no call
)

// complete fills in the defaults of t and checks it.
func (t *SessionTimer) complete(name string) error {
	if t.Mode == "" {
		t.Mode = TimerOff
	}
	if t.Min == 0 {
		t.Min = LeastTimer
	}
	if t.Expires == 0 {
		t.Expires = max(defaultTimer, t.Min)
	}
	switch {
	case !slices.Contains([]TimerMode{TimerOff, TimerAccept, TimerRequire}, t.Mode):
		return calls.Errorf(calls.CodeInvalidField, "trunk %s: session_timer.mode %q is not known; use off, accept or require", name, t.Mode)
	case t.Min < LeastTimer || t.Expires < t.Min || t.Expires > 24*time.Hour:
		return calls.Errorf(calls.CodeInvalidField, "trunk %s: session_timer needs %s ≤ min ≤ expires ≤ 24h", name, LeastTimer)
	}
	return nil
}

// complete fills in the default of p and checks it.
func (p *PRACK) complete(name string) error {
	if *p == "" {
		*p = PRACKOff
	}
	if !slices.Contains([]PRACK{PRACKOff, PRACKSupported, PRACKRequired}, *p) {
		return calls.Errorf(calls.CodeInvalidField, "trunk %s: prack %q is not known; use off, supported or required", name, *p)
	}
	return nil
}
