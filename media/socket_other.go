//go:build !linux || (!amd64 && !arm64)

package media

import (
	"errors"
	"net/netip"
)

func listen(local netip.AddrPort) (socket, error) { return listenConn(local) }

func newSleeper(bool) (sleeper, error) { return newTimerSleeper(), nil }

func prefer() (nice int, err error) { return 0, errors.ErrUnsupported }
