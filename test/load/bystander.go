//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A bystander does nothing on the daemon's processor but sleep, before all others
// where that is allowed: when it wakes late, the machine itself was held up.

// nap is long enough to cost nothing, and shorter than what makes a beat late.
const nap = 2 * time.Millisecond

// bystander is that process, seen from the load.
type bystander struct {
	cmd *exec.Cmd
	ask io.WriteCloser
	say *bufio.Reader
}

func startBystander(self string, cpu int) (*bystander, error) {
	b := &bystander{cmd: exec.Command(self, "-bystander")}
	b.cmd.Stderr = os.Stderr
	var err error
	if b.ask, err = b.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	b.say = bufio.NewReader(out)
	return b, startOn(b.cmd, cpu)
}

// worst is the longest hold-up since it was asked before.
func (b *bystander) worst() (d time.Duration, err error) {
	if _, err = fmt.Fprintln(b.ask); err == nil {
		_, err = fmt.Fscanln(b.say, (*int64)(&d))
	}
	return d, err
}

func (b *bystander) stop() {
	_ = b.ask.Close()
	_ = b.cmd.Wait()
}

// standBy is the bystander itself: for each line it is sent it says its worst hold-up
// in nanoseconds.
func standBy() error {
	debug.SetGCPercent(-1) // it stops for nothing of its own
	var worst atomic.Int64
	go func() {
		runtime.LockOSThread()
		// Before the daemon's shards, which have 1; without the right to that it takes its turn.
		_ = unix.SchedSetAttr(0, &unix.SchedAttr{Policy: unix.SCHED_FIFO, Priority: 2}, 0)
		_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
		for length := unix.NsecToTimespec(int64(nap)); ; {
			began := monotonic()
			_, _, errno := unix.RawSyscall6(unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_MONOTONIC, 0, uintptr(unsafe.Pointer(&length)), 0, 0, 0)
			if errno != 0 {
				continue // Go's monitor wants it to make room; what that takes is not the machine's
			}
			if late := monotonic() - began - int64(nap); late > worst.Load() {
				worst.Store(late)
			}
		}
	}()
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		fmt.Println(worst.Swap(0))
	}
	return nil
}
