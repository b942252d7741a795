package store

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"zvonar/internal/clock"
)

const (
	reserveFile = "zvonar.reserve"
	// reservePause lies between two looks whether the reserve fits again.
	reservePause = 2 * time.Second
)

// reserve is a file that keeps room on the disk. It is given up when the disk is
// full, so that running calls can be written to their end, and made anew once
// there is room for it and a quarter more. Until then no new call may begin.
type reserve struct {
	path   string
	size   int64 // 0: there is none
	clock  clock.Clock
	log    *slog.Logger
	health *health

	mu      sync.Mutex
	have    bool
	told    bool // that it does not fit
	stopped bool
	next    clock.Timer
}

func newReserve(dir string, size int64, clk clock.Clock, log *slog.Logger, h *health) *reserve {
	return &reserve{path: filepath.Join(dir, reserveFile), size: size, clock: clk, log: log, health: h}
}

// start makes the file, or begins to wait for room.
func (r *reserve) start() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.size == 0 {
		_ = os.Remove(r.path) // of a run that was configured otherwise
		return
	}
	r.make()
}

// stop leaves the file where it is and ends the wait for room.
func (r *reserve) stop() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	if r.next != nil {
		r.next.Stop()
	}
}

// giveUp removes the file; false where there was none to give.
func (r *reserve) giveUp() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.have || r.stopped {
		return false
	}
	if err := os.Remove(r.path); err != nil {
		r.log.Error("the reserve on the disk could not be given up", "file", r.path, "error", err)
		return false
	}
	r.have, r.told = false, true
	r.health.giveUpReserve(true)
	r.log.Error("the disk is full: the reserve was given up so that running calls can be written to their end; make room", "bytes", r.size)
	r.next = r.clock.AfterFunc(reservePause, r.again)
	return true
}

func (r *reserve) again() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.stopped {
		r.make()
	}
}

// make makes the file if it fits and looks again later if not. mu is held.
func (r *reserve) make() {
	err := allocate(r.path, r.size)
	r.have = err == nil
	r.health.giveUpReserve(!r.have)
	switch {
	case err != nil:
		if !r.told {
			r.log.Error("the reserve does not fit on the disk: no new calls are taken; make room, or make store_reserve smaller", "bytes", r.size, "error", err)
		}
		r.told = true
		r.next = r.clock.AfterFunc(reservePause, r.again)
	case r.told:
		r.told = false
		r.log.Warn("the reserve on the disk was made anew: new calls are taken", "bytes", r.size)
	}
}

// allocate makes a file of size bytes that really takes its room, unless it is
// there already.
func allocate(path string, size int64) error {
	if st, err := os.Stat(path); err == nil {
		if s, ok := st.Sys().(*syscall.Stat_t); ok && st.Size() == size && s.Blocks*512 >= size {
			return nil
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(path), &disk); err != nil {
		return fmt.Errorf("ask for the room on the disk: %w", err)
	}
	if free := int64(disk.Bavail) * disk.Bsize; free < size+size/4 {
		return fmt.Errorf("%d bytes are free: %w", free, syscall.ENOSPC)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = syscall.Fallocate(int(f.Fd()), 0, 0, size)
	if errors.Is(err, syscall.EOPNOTSUPP) {
		err = writeZeros(f, size)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(path) // half a reserve is none
	}
	return err
}

// writeZeros fills a file where the file system cannot allocate.
func writeZeros(f *os.File, size int64) error {
	block := make([]byte, 1<<20)
	for left := size; left > 0; left -= int64(len(block)) {
		if _, err := f.Write(block[:min(left, int64(len(block)))]); err != nil {
			return err
		}
	}
	return nil
}
