//go:build linux && (amd64 || arm64)

package media

import (
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pollSleeper waits in ppoll on an eventfd: as exact as nanosleep on a locked
// thread, and it can be woken.
type pollSleeper struct {
	fd      int
	pending atomic.Bool
	// keeps has wait go past the scheduler, which therefore leaves the shard its
	// processor (Config.OwnProcessors).
	keeps bool

	mu     sync.RWMutex // of closed; never taken by the shard
	closed bool
}

func newSleeper(keeps bool) (sleeper, error) {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("open the media shard's wake-up: %w", err)
	}
	return &pollSleeper{fd: fd, keeps: keeps}, nil
}

func (s *pollSleeper) wait(d time.Duration) {
	timeout := unix.NsecToTimespec(int64(max(d, 0)))
	fds := [1]unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}}
	var woken bool
	if s.keeps {
		// A collection of garbage that wants the shard to stop sends its thread a
		// signal, which ends the call.
		n, _, errno := unix.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&fds[0])), 1, uintptr(unsafe.Pointer(&timeout)), 0, 0, 0)
		woken = errno == 0 && n > 0
	} else {
		n, err := unix.Ppoll(fds[:], &timeout, nil)
		woken = err == nil && n > 0
	}
	if woken {
		s.clear()
	}
}

func (s *pollSleeper) rest() {
	fds := [1]unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}}
	for {
		if n, err := unix.Ppoll(fds[:], nil, nil); err == nil && n > 0 {
			s.clear()
			return
		}
	}
}

func (s *pollSleeper) clear() {
	var b [8]byte
	_, _ = unix.Read(s.fd, b[:])
	s.pending.Store(false)
}

func (s *pollSleeper) wake() {
	if s.pending.Swap(true) {
		return
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return
	}
	one := [8]byte{}
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(s.fd, one[:])
}

func (s *pollSleeper) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return unix.Close(s.fd)
}

// prefer has the present thread, which belongs to the caller for good, served
// before others: by the real-time class, which nothing ordinary interrupts, else by
// its nice value. err is why it is not the former.
func prefer() (priority, error) {
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	have, err := unix.SchedGetAttr(0, 0)
	if err != nil {
		return priorityNone, fmt.Errorf("read the priority of a media shard: %w", err)
	}
	if have.Policy != unix.SCHED_NORMAL {
		return priorityFirst, nil // somebody decided otherwise
	}
	if err = unix.SchedSetAttr(0, &unix.SchedAttr{Policy: unix.SCHED_RR, Flags: unix.SCHED_FLAG_RESET_ON_FORK, Priority: 1}, 0); err == nil {
		return priorityFirst, nil
	}
	if unix.SchedSetAttr(0, &unix.SchedAttr{Policy: unix.SCHED_NORMAL, Nice: shardNice}, 0) == nil {
		return priorityNice, err
	}
	return priorityNone, err
}

// threadTime is the processor time that the present thread has used.
func threadTime() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t)
	return time.Duration(t.Nano())
}
