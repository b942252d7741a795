package store

import (
	"context"
	"encoding/binary"
	"os"
	"time"
)

const (
	// checkpointFrames is how many pages may lie in the log before they are copied
	// into the database, beside the writer: 1 MiB.
	checkpointFrames = 250
	// checkpointLook is how often the log is looked at. Real time: no outcome
	// depends on it.
	checkpointLook = 20 * time.Millisecond
)

// watch copies what is in the log into the database while the writer goes on, so
// that no commit has to: the writer's own checkpoint, which alone begins the log
// anew, finds little left to copy. Nobody else writes, so nothing is told.
func (d *sqliteDB) watch(ctx context.Context, _ func()) {
	shm, err := os.Open(d.path + "-shm")
	if err != nil {
		return // the writer does it all
	}
	d.shm = shm
	c, err := openSQLite(d.path, false)
	if err != nil {
		return
	}
	defer func() { _ = c.close() }()
	tick := time.NewTicker(checkpointLook)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if uncopied(shm) >= checkpointFrames {
			d.copying.Lock()
			_ = c.run(context.WithoutCancel(ctx), "PRAGMA wal_checkpoint(PASSIVE)") // where it fails the writer will see why
			d.copying.Unlock()
		}
	}
}

// uncopied is how many pages of the log are not in the database yet, from the
// index of the log (sqlite.org/walformat.html, 2.1): mxFrame at 16, nBackfill at 96.
func uncopied(shm *os.File) int64 {
	var head [136]byte
	if _, err := shm.ReadAt(head[:], 0); err != nil {
		return 0
	}
	return int64(binary.NativeEndian.Uint32(head[16:])) - int64(binary.NativeEndian.Uint32(head[96:]))
}
