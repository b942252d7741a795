package daemons

import (
	"bytes"
	"sync"
)

// Output collects what a process says while a test reads it.
type Output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write takes in what the process says.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

// String is all of it so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}
