//go:build !linux

package foreign

import "runtime/debug"

// Confine limits this process. Where the system is not Linux only the garbage
// collector is held to it; the daemon still bounds time and output.
func Confine(l Limits) error {
	if l.Memory > 0 {
		debug.SetMemoryLimit(l.Memory / 2)
	}
	return nil
}
