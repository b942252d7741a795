package media

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

func TestRTPSocketsCarryTheMarkOfTheConfiguration(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"127.0.0.1", "::1"} {
		e, err := NewEngine(Config{IP: netip.MustParseAddr(addr), Shards: 1, DSCP: 46})
		if err != nil {
			t.Fatal(err)
		}
		sock, err := e.listen(netip.AddrPortFrom(e.cfg.IP, 0))
		if err != nil {
			t.Skipf("%s is not there: %v", addr, err)
		}
		level, option := unix.IPPROTO_IP, unix.IP_TOS
		if e.cfg.IP.Is6() {
			level, option = unix.IPPROTO_IPV6, unix.IPV6_TCLASS
		}
		if got, err := unix.GetsockoptInt(sock.(*rawSocket).fd, level, option); err != nil || got != 46<<2 {
			t.Errorf("%s: the mark is %d, %v; want %d", addr, got, err, 46<<2)
		}
		sock.close()
	}
}
