// Package carrier is a telephone network for tests: a second SIP user agent
// that zvonar, or anybody's bot, can call. How a callee behaves is chosen by
// the number that is dialled (magic numbers), so a test needs no set-up at all:
// 79005550486 is busy, 79005551101 answers and presses 1 after the clip.
//
// The carrier also plays a cloud PBX: asked over HTTP to connect a client, it
// calls zvonar at an extension and joins the client to it (pbx.go), as the
// telephony services do that have a callback API. Simulators of providers drive the
// same switch from Go and hear every step of the call (switch.go).
//
// Whatever a callee hears is recorded. Calls lists what happened, Heard gives
// the audio, and with Config.OutDir every call leaves a WAV file.
//
// Used by cmd/zvonar (zvonar carrier), internal/demo and tests. A Carrier is
// safe for concurrent use; one goroutine owns each call (call.go).
//
// Start reading at numbers.go: the table of behaviours. script.go says what
// their steps mean, call.go runs them on a leg, line.go binds legs to sip.
package carrier
