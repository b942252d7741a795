package media

import (
	"fmt"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// maxOpenFiles is how many descriptors this process may have.
func maxOpenFiles() uint64 {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return math.MaxInt32
	}
	return l.Cur
}

// ephemeralRange is where the system takes ports for sockets that ask for none.
func ephemeralRange() (low, high int, ok bool) {
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 0, 0, false
	}
	if _, err := fmt.Sscan(string(b), &low, &high); err != nil {
		return 0, 0, false
	}
	return low, high, true
}
