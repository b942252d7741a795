package media

import (
	"net/netip"
	"time"
)

// socket is one bound UDP socket that never makes its shard wait. Only its shard
// calls recv and send.
type socket interface {
	// recv takes one datagram that is there already; false if none is.
	recv(in *intake) bool
	// send puts one datagram out; false if the system did not take it.
	send(b []byte, to netip.AddrPort) bool
	addr() netip.AddrPort
	close() error
}

// intake is what a shard receives into, from whatever socket: one place that stays
// in the processor's cache.
type intake struct {
	room [maxDatagram + 1]byte
	n    int // bytes of the datagram; a longer one is cut
	from netip.AddrPort
	at   int64 // when it arrived, in Unix nanoseconds
	system
}

// datagram is what came last, valid until the next.
func (in *intake) datagram() []byte { return in.room[:in.n] }

// marker is a socket whose packets can carry a DSCP.
type marker interface{ mark(dscp int) }

// receiveBuffer holds the packets of about a second: what waits longer is worth
// nothing.
const receiveBuffer = 64 << 10

// sleeper lets a shard wait for its next beat or for a command.
type sleeper interface {
	// wait returns after d or at once after wake.
	wait(d time.Duration)
	// rest returns after wake alone.
	rest()
	// wake ends the present or the next wait; safe from any goroutine.
	wake()
	close() error
}

// priority is how the thread of a shard is served among others: it wants a
// processor at once when it wakes, for a few milliseconds at most.
type priority int

const (
	priorityNone  priority = iota // like all others
	priorityNice                  // by shardNice
	priorityFirst                 // before all that is not real-time
)

const shardNice = -20
