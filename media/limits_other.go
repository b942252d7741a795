//go:build !linux

package media

import "math"

// maxOpenFiles is unknown here: the system says so when it is reached.
func maxOpenFiles() uint64 { return math.MaxInt32 }

// ephemeralRange is unknown here.
func ephemeralRange() (low, high int, ok bool) { return 0, 0, false }
