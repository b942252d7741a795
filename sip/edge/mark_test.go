package edge

import (
	"net"
	"net/netip"
	"syscall"
	"testing"

	"zvonar/internal/clock"
)

func TestSIPSocketsCarryTheMarkOfTheConfiguration(t *testing.T) {
	t.Parallel()
	g := NewGuard(nil, nil, clock.System())
	g.Mark(24)
	u, err := OpenUDP(t.Context(), g, netip.MustParseAddrPort("127.0.0.1:0"), func(net.PacketConn) {})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = u.Close() }()
	s := NewStreams(g)
	l, err := s.Listen(t.Context(), netip.MustParseAddrPort("127.0.0.1:0"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = l.Close(), s.Close() }()
	for name, sock := range map[string]syscall.Conn{"udp": u.sock.Load(), "tcp": l.sock.Load()} {
		raw, err := sock.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		if err := raw.Control(func(fd uintptr) {
			if got, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_TOS); err != nil || got != 24<<2 {
				t.Errorf("%s: the mark is %d, %v; want %d", name, got, err, 24<<2)
			}
		}); err != nil {
			t.Error(err)
		}
	}
}
