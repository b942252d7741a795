package edge

import (
	"net"
	"strings"
	"syscall"
)

// wantedBuffer is asked of the kernel for each UDP socket, in bytes, both ways:
// the default holds some 300 SIP datagrams, which one pause of the process fills.
const wantedBuffer = 4 << 20

// Buffers is what the kernel gave a socket, in bytes.
type Buffers struct{ Receive, Send int }

// Small says which sysctls to raise, "" if the kernel gave what was wanted.
func (b Buffers) Small() string {
	switch {
	case b.Receive < wantedBuffer && b.Send < wantedBuffer:
		return "net.core.rmem_max and net.core.wmem_max"
	case b.Receive < wantedBuffer:
		return "net.core.rmem_max"
	case b.Send < wantedBuffer:
		return "net.core.wmem_max"
	}
	return ""
}

// Mark has what is sent carry a DSCP (RFC 2474), 0 to 63; before the first socket
// only.
func (g *Guard) Mark(dscp int) { g.dscp = dscp }

// marked sets the DSCP of a socket. A system that refuses it is used as it is.
func (g *Guard) marked(network, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		if strings.HasSuffix(network, "6") {
			_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IPV6, syscall.IPV6_TCLASS, g.dscp<<2)
			return
		}
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_TOS, g.dscp<<2)
	})
}

// enlarge asks for wantedBuffer and reads back what came of it. The kernel gives
// silently less than what is asked for, and tells twice what it gave.
func enlarge(c *net.UDPConn) (b Buffers, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return b, err
	}
	set := func(fd, force, plain int) {
		// The forcing option needs CAP_NET_ADMIN and knows no limit.
		if syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, force, wantedBuffer) != nil {
			_ = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, plain, wantedBuffer)
		}
	}
	var errs [2]error
	if err := raw.Control(func(fd uintptr) {
		set(int(fd), syscall.SO_RCVBUFFORCE, syscall.SO_RCVBUF)
		set(int(fd), syscall.SO_SNDBUFFORCE, syscall.SO_SNDBUF)
		b.Receive, errs[0] = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF)
		b.Send, errs[1] = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF)
	}); err != nil {
		return b, err
	}
	b.Receive, b.Send = b.Receive/2, b.Send/2
	if errs[0] != nil {
		return b, errs[0]
	}
	return b, errs[1]
}
