package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// The connections that may be open at once: of all peers and both ways, of one
// address of a trunk, of any other address.
const (
	maxConns      = 1000
	maxConnsTrunk = 500
	maxConnsPeer  = 20
)

// handshakePeriod bounds a TLS handshake.
const handshakePeriod = 10 * time.Second

// The pauses of a listener that cannot accept: descriptors come back.
const (
	acceptPause = 5 * time.Millisecond
	acceptMost  = time.Second
)

// Streams are the connections of one transport, accepted by any listener or
// dialled by us: one net.Listener for sipgo, which never fails. Its accept loop
// ends for good on the first error, and it would read connections that it dials
// itself past the edge.
type Streams struct {
	guard *Guard
	ready chan net.Conn

	closed chan struct{}
	once   sync.Once
	wg     sync.WaitGroup

	mu      sync.Mutex
	conns   map[*Conn]struct{}
	raw     map[net.Conn]struct{} // in their handshake
	perPeer map[netip.Addr]int
	total   int
}

// NewStreams makes one without listeners.
func NewStreams(guard *Guard) *Streams {
	return &Streams{guard: guard, ready: make(chan net.Conn), closed: make(chan struct{}), conns: map[*Conn]struct{}{},
		raw: map[net.Conn]struct{}{}, perPeer: map[netip.Addr]int{}}
}

// Accept gives sipgo the next connection, whoever opened it.
func (s *Streams) Accept() (net.Conn, error) {
	select {
	case c := <-s.ready:
		return c, nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

// Addr is not the address of a listener: there may be several, or none.
func (s *Streams) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4zero} }

// Close closes every connection; listeners are closed by their own Close.
func (s *Streams) Close() error {
	s.once.Do(func() { close(s.closed) })
	s.mu.Lock()
	open := make([]net.Conn, 0, len(s.conns)+len(s.raw))
	for c := range s.conns {
		open = append(open, c)
	}
	for c := range s.raw {
		open = append(open, c)
	}
	s.mu.Unlock()
	for _, c := range open {
		_ = c.Close()
	}
	s.wg.Wait()
	return nil
}

// admit counts a connection in; false when there are too many.
func (s *Streams) admit(c net.Conn, from netip.Addr, most int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closed:
		return false
	default:
	}
	if s.total >= maxConns || s.perPeer[from] >= most {
		return false
	}
	s.total++
	s.perPeer[from]++
	s.raw[c] = struct{}{}
	s.guard.count.Connections(1)
	return true
}

// leave counts a connection out. The caller holds mu, and forgets the connection under
// the same lock: what Close does not find there is no longer counted.
func (s *Streams) leave(from netip.Addr) {
	s.total--
	if s.perPeer[from]--; s.perPeer[from] <= 0 {
		delete(s.perPeer, from)
	}
	s.guard.count.Connections(-1)
}

// enter gives a connection to sipgo.
func (s *Streams) enter(raw, c net.Conn, from netip.Addr) error {
	conn := newConn(c, s.guard, nil)
	conn.leave = func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.conns, conn)
		s.leave(from)
	}
	s.mu.Lock()
	delete(s.raw, raw)
	s.conns[conn] = struct{}{}
	s.mu.Unlock()
	select {
	case s.ready <- conn:
		return nil
	case <-s.closed:
		_ = conn.Close()
		return net.ErrClosed
	}
}

// drop closes a connection that did not come to sipgo.
func (s *Streams) drop(raw net.Conn, from netip.Addr) {
	_ = raw.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.raw, raw)
	s.leave(from)
}

// ErrTooMany is why a connection is not opened.
var ErrTooMany = errors.New("too many SIP connections are open")

// Dial opens a connection to a peer for requests of ours. conf is nil for plain
// TCP.
func (s *Streams) Dial(ctx context.Context, to netip.AddrPort, conf *tls.Config) error {
	d := net.Dialer{Control: s.guard.marked}
	raw, err := d.DialContext(ctx, "tcp", to.String())
	if err != nil {
		return err
	}
	if !s.admit(raw, to.Addr(), maxConns) {
		_ = raw.Close()
		return ErrTooMany
	}
	c := raw
	if conf != nil {
		t := tls.Client(raw, conf)
		if err := t.HandshakeContext(ctx); err != nil {
			s.drop(raw, to.Addr())
			return err
		}
		c = t
	}
	return s.enter(raw, c, to.Addr())
}

// Listener accepts connections for Streams and survives whatever accepting can
// fail with.
type Listener struct {
	streams *Streams
	network string
	addr    netip.AddrPort // bound
	certs   *Certificates  // nil: plain TCP

	mu     sync.Mutex // serialises opening
	sock   atomic.Pointer[net.TCPListener]
	closed chan struct{}
	once   sync.Once
	failed atomic.Pointer[error]
}

// Listen binds addr and accepts until Close; certs make it speak TLS, nil is plain
// TCP.
func (s *Streams) Listen(ctx context.Context, addr netip.AddrPort, certs *Certificates) (*Listener, error) {
	l := &Listener{streams: s, network: family("tcp", addr), certs: certs, closed: make(chan struct{})}
	sock, err := l.bind(ctx, addr)
	if err != nil {
		return nil, err
	}
	l.addr = addrPort(sock.Addr())
	l.sock.Store(sock)
	s.wg.Go(l.run)
	return l, nil
}

func (l *Listener) bind(ctx context.Context, addr netip.AddrPort) (*net.TCPListener, error) {
	lc := net.ListenConfig{Control: l.streams.guard.marked}
	sock, err := lc.Listen(ctx, l.network, addr.String())
	if err != nil {
		return nil, err
	}
	return sock.(*net.TCPListener), nil
}

// Addr is the bound address.
func (l *Listener) Addr() netip.AddrPort { return l.addr }

// Err is why the listener is deaf, nil if it is not.
func (l *Listener) Err() error {
	if p := l.failed.Load(); p != nil {
		return *p
	}
	return nil
}

// Close ends accepting. Connections stay.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sock.Load().Close()
}

// Reopen closes the listening socket and opens it anew; connections stay.
func (l *Listener) Reopen() error { return l.reopen(l.sock.Load()) }

func (l *Listener) reopen(old *net.TCPListener) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isClosed() {
		return net.ErrClosed
	}
	if l.sock.Load() != old {
		return nil
	}
	_ = old.Close()
	sock, err := l.bind(context.Background(), l.addr)
	if err != nil {
		l.failed.Store(&err)
		return err
	}
	l.failed.Store(nil)
	l.sock.Store(sock)
	return nil
}

func (l *Listener) isClosed() bool {
	select {
	case <-l.closed:
		return true
	default:
		return false
	}
}

// run accepts. Where there are no descriptors or no memory it waits for some;
// a socket that is broken otherwise is opened anew.
func (l *Listener) run() {
	pause := acceptPause
	for {
		sock := l.sock.Load()
		c, err := sock.AcceptTCP()
		if err == nil {
			pause = acceptPause
			l.take(c)
			continue
		}
		if l.isClosed() {
			return
		}
		if !passing(err) && (sock != l.sock.Load() || l.reopen(sock) == nil) {
			continue
		}
		select {
		case <-l.closed:
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, acceptMost)
	}
}

// passing reports errors of accept(2) that say nothing about the listener.
func passing(err error) bool {
	for _, e := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EPROTO, syscall.EINTR} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// take lets a connection in whose source is known.
func (l *Listener) take(c *net.TCPConn) {
	s := l.streams
	from := addrPort(c.RemoteAddr())
	most := maxConnsPeer
	switch kind, _ := s.guard.host.Source(from); kind {
	case Trunk:
		most = maxConnsTrunk
	case Stranger:
		if !s.guard.expects(from.Addr()) {
			s.guard.count.Drop(DropSource)
			_ = c.Close()
			return
		}
		most = 1
	}
	if !s.admit(c, from.Addr(), most) {
		s.guard.count.Drop(DropConnection)
		_ = c.Close()
		return
	}
	s.wg.Go(func() { l.greet(c, from.Addr()) })
}

// greet does the TLS handshake and gives the connection to sipgo.
func (l *Listener) greet(c *net.TCPConn, from netip.Addr) {
	s := l.streams
	if l.certs == nil {
		_ = s.enter(c, c, from)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), handshakePeriod)
	defer cancel()
	t := tls.Server(c, l.certs.Current())
	if err := t.HandshakeContext(ctx); err != nil {
		s.guard.count.Drop(DropHandshake)
		s.drop(c, from)
		return
	}
	_ = s.enter(c, t, from)
}
