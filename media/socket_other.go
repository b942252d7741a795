//go:build !linux || (!amd64 && !arm64)

package media

import (
	"errors"
	"net/netip"
	"time"
)

// system is nothing here.
type system struct{}

var started = time.Now()

// threadTime is not known here; the time that went by is more.
func threadTime() time.Duration { return time.Since(started) }

func listen(local netip.AddrPort) (socket, error) { return listenConn(local) }

func newSleeper(bool) (sleeper, error) { return newTimerSleeper(), nil }

func prefer() (priority, error) { return priorityNone, errors.ErrUnsupported }
