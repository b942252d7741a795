// Package media moves the sound: RTP sockets, playback, tones, digits, bridges
// and recording of what is heard.
//
// An [Engine] has a few shards. A shard is one goroutine on a thread of its own
// that wakes every 5 ms, drains and feeds the sockets of the legs that are due,
// and sleeps again: no goroutine, timer, lock or channel per packet. Everything
// of a leg belongs to its shard alone; a [Port] is the handle that other
// goroutines hold, and each of its methods queues a command that wakes the
// shard, so that what is asked for leaves at once.
//
// What happens on a leg is told by [Event]s, which a second goroutine of the
// shard delivers one at a time and in order. A receiver that blocks delays the
// events of other legs, never their sound. All exported functions are safe for
// concurrent use, and may be called from within an event.
//
// Nothing holds a shard up: it takes no lock that others hold for longer than
// they must, and its thread goes before others where that is allowed
// (docs/decisions/036).
//
// Start reading at engine.go and port.go (what callers see), then shard.go (the
// beat), inbox.go (commands), strain.go (when it is too much), leg.go (what a leg
// does on a beat), transmit.go and receive.go. The rules that can be stated
// without sockets stand alone: latch.go, source.go, ring.go, ports.go, player.go.
// follow.go lets bridged legs pass sound on at once; conceal.go and conceal_ring.go
// deal with what did not come.
package media
