//go:build !linux || (!amd64 && !arm64)

package media

import "net/netip"

func listen(local netip.AddrPort) (socket, error) { return listenConn(local) }

func newSleeper() (sleeper, error) { return newTimerSleeper(), nil }
