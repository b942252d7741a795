//go:build linux

package main

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The floor is what the kernel alone takes for the packets of n calls: a socket for
// each, one packet of 172 bytes sent and one received every 20 ms, nothing looked
// at. A second process is the other end.

// floor measures it on processor cpu, in milliseconds of CPU a call and second.
func floor(self string, n, cpu, peerCPU int, span time.Duration) (float64, error) {
	peer := exec.Command(self, "-floor", "peer", "-calls", fmt.Sprint(n), "-span", (span + 5*time.Second).String())
	peer.Stderr = os.Stderr
	if err := startOn(peer, peerCPU); err != nil {
		return 0, err
	}
	defer func() {
		_ = peer.Process.Kill()
		_ = peer.Wait()
	}()
	time.Sleep(500 * time.Millisecond)
	measured := exec.Command(self, "-floor", "measured", "-calls", fmt.Sprint(n), "-span", span.String())
	measured.Stderr = os.Stderr
	out, err := measured.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := startOn(measured, cpu); err != nil {
		return 0, err
	}
	var cost float64
	if _, err := fmt.Fscan(out, &cost); err != nil {
		return 0, fmt.Errorf("the measured side said nothing: %w", err)
	}
	return cost, measured.Wait()
}

// floorSide is one of the two processes.
func floorSide(side string, n int, span time.Duration) error {
	runtime.LockOSThread()
	ours, theirs := netip.MustParseAddr("127.0.0.43"), netip.MustParseAddr("127.0.0.44")
	if side == "peer" {
		ours, theirs = theirs, ours
	}
	fds, names := make([]int, n), make([]unix.RawSockaddrInet4, n)
	for i := range n {
		at := netip.AddrPortFrom(ours, uint16(20000+2*i))
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		if err := unix.Bind(fd, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}); err != nil {
			return fmt.Errorf("bind %s: %w", at, err)
		}
		if err := unix.Connect(fd, &unix.SockaddrInet4{Port: int(at.Port()), Addr: theirs.As4()}); err != nil {
			return err
		}
		fds[i] = fd
	}
	var packet [172]byte
	var room [2048]byte
	var size uint32
	began, before := time.Now(), spent()
	base := monotonic()
	for tick := 1; time.Since(began) < span; tick++ {
		at := unix.NsecToTimespec(base + int64(tick)*int64(time.Millisecond))
		_, _, _ = unix.RawSyscall6(unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, uintptr(unsafe.Pointer(&at)), 0, 0, 0)
		for i := tick % slots; i < n; i += slots {
			size = unix.SizeofSockaddrInet4
			_, _, _ = unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fds[i]), uintptr(unsafe.Pointer(&room[0])), uintptr(len(room)), unix.MSG_DONTWAIT,
				uintptr(unsafe.Pointer(&names[i])), uintptr(unsafe.Pointer(&size)))
			_, _, _ = unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fds[i]), uintptr(unsafe.Pointer(&packet[0])), uintptr(len(packet)), unix.MSG_DONTWAIT, 0, 0)
		}
	}
	fmt.Println((spent() - before).Seconds() * 1000 / time.Since(began).Seconds() / float64(n))
	return nil
}

// spent is the CPU time of this thread.
func spent() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t)
	return time.Duration(t.Nano())
}
