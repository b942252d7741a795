package edge

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// maxReaderSources bounds the source ports that one reader of sipgo's meets.
// sipgo remembers every one until its reader ends, so it is given a new reader
// then.
const maxReaderSources = 8192

// readerGrace is how long a reader that is done is kept from ending: requests
// that it read are still looked up by their source.
const readerGrace = 2 * time.Second

// The pauses between attempts to open a socket anew.
const (
	reopenPause = 50 * time.Millisecond
	reopenMost  = time.Second
)

// largeMessage is what a UDP message may have before it is counted: RFC 3261
// 18.1.1 wants larger ones sent over TCP.
const largeMessage = 1300

// UDP is a listener whose socket can be opened anew underneath it.
type UDP struct {
	guard   *Guard
	network string
	serve   func(net.PacketConn)
	buffers Buffers

	mu     sync.Mutex // serialises opening
	sock   atomic.Pointer[net.UDPConn]
	addr   net.Addr
	bound  string
	closed chan struct{}
	once   sync.Once
	failed atomic.Pointer[error] // why the socket cannot be opened; nil: it is open
}

// OpenUDP binds addr. serve is called for each reader that sipgo is to have, at
// first by Start; it must hand it to sipgo on a goroutine of its own and return.
func OpenUDP(ctx context.Context, guard *Guard, addr netip.AddrPort, serve func(net.PacketConn)) (*UDP, error) {
	u := &UDP{guard: guard, network: family("udp", addr), serve: serve, closed: make(chan struct{})}
	c, err := u.bind(ctx, addr.String())
	if err != nil {
		return nil, err
	}
	u.addr, u.bound = c.LocalAddr(), c.LocalAddr().String()
	u.sock.Store(c)
	return u, nil
}

func family(network string, addr netip.AddrPort) string {
	if addr.Addr().Is6() {
		return network + "6"
	}
	return network + "4"
}

func (u *UDP) bind(ctx context.Context, addr string) (*net.UDPConn, error) {
	lc := net.ListenConfig{Control: u.guard.marked}
	pc, err := lc.ListenPacket(ctx, u.network, addr)
	if err != nil {
		return nil, err
	}
	c := pc.(*net.UDPConn)
	if u.buffers, err = enlarge(c); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// Start gives sipgo its first reader.
func (u *UDP) Start() { u.serve(&reader{udp: u, sources: map[netip.AddrPort]struct{}{}}) }

// Addr is the bound address.
func (u *UDP) Addr() netip.AddrPort { return addrPort(u.addr) }

// LocalAddr is the bound address as sipgo knows it.
func (u *UDP) LocalAddr() net.Addr { return u.addr }

// Buffers is what the kernel gave.
func (u *UDP) Buffers() Buffers { return u.buffers }

// Close closes the socket and ends the readers.
func (u *UDP) Close() error {
	u.once.Do(func() { close(u.closed) })
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.sock.Load().Close()
}

// Reopen closes the socket and opens it anew; the readers go on with the new
// one. Whatever lies in the old one's buffer is lost.
func (u *UDP) Reopen() error { return u.reopen(u.sock.Load()) }

func (u *UDP) reopen(old *net.UDPConn) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.isClosed() {
		return net.ErrClosed
	}
	if u.sock.Load() != old {
		return nil // somebody else did
	}
	_ = old.Close()
	c, err := u.bind(context.Background(), u.bound)
	if err != nil {
		u.failed.Store(&err)
		return err
	}
	u.failed.Store(nil)
	u.sock.Store(c)
	return nil
}

// Err is why the listener is deaf, nil if it is not.
func (u *UDP) Err() error {
	if p := u.failed.Load(); p != nil {
		return *p
	}
	return nil
}

func (u *UDP) isClosed() bool {
	select {
	case <-u.closed:
		return true
	default:
		return false
	}
}

// read waits for a datagram on whatever socket is open, for as long as it takes.
func (u *UDP) read(b []byte) (n int, from netip.AddrPort, err error) {
	pause := reopenPause
	for {
		sock := u.sock.Load()
		n, from, err = sock.ReadFromUDPAddrPort(b)
		if err == nil {
			return n, netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), nil
		}
		if u.isClosed() {
			return 0, netip.AddrPort{}, net.ErrClosed
		}
		if sock != u.sock.Load() || u.reopen(sock) == nil {
			pause = reopenPause
			continue
		}
		select {
		case <-u.closed:
		case <-time.After(pause):
		}
		pause = min(2*pause, reopenMost)
	}
}

func (u *UDP) write(b []byte, to netip.AddrPort) (int, error) {
	if len(b) > largeMessage {
		u.guard.count.Large()
	}
	for {
		sock := u.sock.Load()
		u.guard.seen(true, "udp", u.Addr(), to, b)
		n, err := sock.WriteToUDPAddrPort(b, to)
		if err != nil && errors.Is(err, net.ErrClosed) && sock != u.sock.Load() {
			continue // it was opened anew meanwhile
		}
		return n, err
	}
}

// reader is a UDP listener as sipgo sees it. One reads at a time; one that is
// done stays until nobody looks for what it read.
type reader struct {
	udp     *UDP
	sketch  sketch
	sources map[netip.AddrPort]struct{}
	done    bool
}

// ReadFrom gives the next datagram that is for sipgo.
func (r *reader) ReadFrom(b []byte) (int, net.Addr, error) {
	if r.done {
		select {
		case <-r.udp.closed:
		case <-time.After(readerGrace):
		}
		return 0, nil, net.ErrClosed
	}
	for {
		n, from, err := r.udp.read(b)
		if err != nil {
			return 0, nil, err
		}
		if keepAlive(b[:n]) {
			continue
		}
		m := message{from: from, data: b[:n]}
		if n > MaxMessage {
			m.tooBig = 513
		}
		v := r.udp.guard.judge(m, &r.sketch)
		if v.pass != nil || v.answer != nil {
			r.udp.guard.seen(false, "udp", r.udp.Addr(), from, m.data)
		}
		if v.answer != nil {
			_, _ = r.udp.write(v.answer, v.to) // a lost answer is asked for again
			continue
		}
		if v.pass == nil {
			continue
		}
		r.met(from)
		return copy(b, v.pass), net.UDPAddrFromAddrPort(from), nil
	}
}

// met notes a source; when there are too many the next reader takes over.
func (r *reader) met(from netip.AddrPort) {
	r.sources[from] = struct{}{}
	if len(r.sources) >= maxReaderSources {
		r.done, r.sources = true, nil
		r.udp.serve(&reader{udp: r.udp, sources: map[netip.AddrPort]struct{}{}})
	}
}

// WriteTo sends over the socket that is open.
func (r *reader) WriteTo(b []byte, to net.Addr) (int, error) { return r.udp.write(b, addrPort(to)) }

// Close does nothing: the socket is closed by [UDP.Close].
func (r *reader) Close() error { return nil }

// LocalAddr is the bound address.
func (r *reader) LocalAddr() net.Addr { return r.udp.addr }

// SetDeadline is not needed: reading ends by closing.
func (r *reader) SetDeadline(time.Time) error { return nil }

// SetReadDeadline is not needed: reading ends by closing.
func (r *reader) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline is not needed: a datagram is sent at once or not at all.
func (r *reader) SetWriteDeadline(time.Time) error { return nil }

// addrPort reads the address of a packet or connection.
func addrPort(a net.Addr) netip.AddrPort {
	switch a := a.(type) {
	case *net.UDPAddr:
		ap := a.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	case *net.TCPAddr:
		ap := a.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	}
	return netip.AddrPort{}
}
