package peers

import (
	"bytes"
	"sync"
	"sync/atomic"
)

// lockedBuffer collects the output of a process while a test reads it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

var nextMedia, nextPort atomic.Int32

// mediaBase gives each daemon of this process 200 media ports of its own, below
// the kernel's ephemeral range.
func mediaBase() int { return 20000 + 200*int(nextMedia.Add(1)-1)%10000 }
