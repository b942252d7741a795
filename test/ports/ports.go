package ports

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
)

// guard is the address whose sockets say that a port of 127.0.0.1 is somebody's.
const guard = "127.113.84.7"

// The ports that are given out: single ones, and blocks for media.
const (
	first, last           = 10000, 19999
	firstBlock, lastBlock = 20000, 31800
	// BlockSize is how many ports a block has; it begins with an even one.
	BlockSize = 200
)

// Where the next look begins; chance, so that processes do not all try the same.
var nextPort, nextBlock atomic.Uint32

func init() {
	nextPort.Store(rand.Uint32N(last - first))
	nextBlock.Store(rand.Uint32N(100))
}

// Free gives a port of 127.0.0.1 that is free for UDP and TCP, and nobody else's
// until the test has ended.
func Free(t testing.TB) int {
	t.Helper()
	for range last - first + 1 {
		port := first + int(nextPort.Add(1)%(last-first+1))
		if claim(t, port) {
			return port
		}
	}
	t.Fatalf("no port between %d and %d is free", first, last)
	return 0
}

// Pair gives the first of two ports in a row that are Free: some programs open the one
// after theirs, too.
func Pair(t testing.TB) int {
	t.Helper()
	for range last - first {
		port := first + int(nextPort.Add(2)%(last-first))
		if claim(t, port) && claim(t, port+1) {
			return port
		}
	}
	t.Fatalf("no two ports in a row between %d and %d are free", first, last)
	return 0
}

// Block gives the first of BlockSize ports for media, which are nobody else's until the
// test has ended.
func Block(t testing.TB) int {
	t.Helper()
	const blocks = (lastBlock-firstBlock)/BlockSize + 1
	for range blocks {
		base := firstBlock + BlockSize*int(nextBlock.Add(1)%blocks)
		if hold(t, base) {
			return base
		}
	}
	t.Fatalf("all %d blocks of ports for media are in use", blocks)
	return 0
}

// claim takes a port that nobody has and nobody listens at.
func claim(t testing.TB, port int) bool { return hold(t, port) && unused(port) }

// hold makes a port ours until the test has ended; false where it is somebody's.
func hold(t testing.TB, port int) bool {
	c, err := net.ListenPacket("udp4", fmt.Sprintf("%s:%d", guard, port))
	if err != nil {
		return false
	}
	t.Cleanup(func() { _ = c.Close() })
	return true
}

// unused reports whether a port can be opened now: programs that know nothing of this
// package have ports, too.
func unused(port int) bool {
	at := fmt.Sprintf("127.0.0.1:%d", port)
	c, err := net.ListenPacket("udp4", at)
	if err != nil {
		return false
	}
	_ = c.Close()
	l, err := net.Listen("tcp4", at)
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}
