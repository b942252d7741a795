package sip

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// receiveBuffer is asked of the kernel for each UDP socket; the default holds
// some 300 SIP datagrams, which one pause of the process can fill.
const receiveBuffer = 4 << 20

// The limits of TCP connections.
const (
	maxConns       = 1000
	maxConnsPeer   = 64
	tcpWritePeriod = 5 * time.Second
	tcpReadPeriod  = 10 * time.Minute // a trunk's connection may idle that long
)

// readyPeriod bounds the wait for a listener to be known to sipgo's pool.
const readyPeriod = 5 * time.Second

var libraryOnce sync.Once

// prepareLibrary sets what sipgo keeps in package variables, once a process and
// before any use. UDPMTUSize decides which datagrams it refuses to send: its
// default of 1300 bytes is less than an INVITE with credentials and a few
// further headers, and there is no switch to TCP behind it. A trunk that wants
// no fragments is configured with transport=tcp.
func prepareLibrary(log *slog.Logger) {
	libraryOnce.Do(func() {
		sipmsg.UDPMTUSize = maxDatagram + 200 // it subtracts 200
		sipmsg.SetDefaultLogger(slog.New(guardedLog{log.Handler()}))
	})
}

// open binds the listeners, starts serving and waits until sipgo knows them.
func (ua *UA) open(ctx context.Context) error {
	quiet := slog.New(guardedLog{ua.log.Handler()})
	ua.tp = sipmsg.NewTransportLayer(ua.cfg.resolver(),
		sipmsg.NewParser(func(p *sipmsg.Parser) { p.MaxMessageLength = maxDatagram }), nil,
		// The filter must come before the transports: they copy it.
		sipmsg.WithTransportLayerReadFilter(ua.filter),
		sipmsg.WithTransportLayerLogger(quiet),
		sipmsg.WithTransportLayerTransports(sipmsg.TransportsConfig{TCP: &sipmsg.TransportTCP{
			ReadTimeout: tcpReadPeriod, WriteTimeout: tcpWritePeriod,
			DialerCreate: func(local net.Addr) net.Dialer {
				return net.Dialer{Timeout: sendPatience, LocalAddr: local, Control: ua.mayConnect}
			},
		}}))
	ua.tx = sipmsg.NewTransactionLayer(ua.tp,
		sipmsg.WithTransactionLayerLogger(quiet),
		sipmsg.WithTransactionLayerUnhandledResponseHandler(func(res *sipmsg.Response) {
			ua.work.guard(func() { ua.stray(res) })
		}))
	ua.tx.OnRequest(func(req *sipmsg.Request, tx *sipmsg.ServerTx) {
		ua.work.guard(func() { ua.serve(req, tx) })
	})
	for _, b := range ua.binds {
		if err := ua.bind(ctx, b); err != nil {
			return fmt.Errorf("listen on %s://%s: %w", b.network, b.addr, err)
		}
	}
	return ua.ready(ctx)
}

// mayConnect refuses TCP connections to whoever is neither a trunk nor the far
// end of a dialog. sipgo opens one on its own where the connection of a request
// is gone before its answer is ready, to an address that the request names: a
// message must not send us wherever it likes.
func (ua *UA) mayConnect(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err == nil && to.Port() != 0 && ua.serving() && ua.welcome(to.Addr().Unmap()) {
		return nil
	}
	ua.m.drop(dropConnect)
	return fmt.Errorf("no SIP connection to %s: it is no trunk and no far end of a call", address)
}

func (ua *UA) bind(ctx context.Context, b endpoint) error {
	network := b.network + "4"
	if b.addr.Addr().Is6() {
		network = b.network + "6"
	}
	lc := net.ListenConfig{}
	if b.network == "tcp" {
		l, err := lc.Listen(ctx, network, b.addr.String())
		if err != nil {
			return err
		}
		g := &gate{Listener: l, ua: ua, perPeer: map[netip.Addr]int{}}
		ua.tcp = append(ua.tcp, g)
		ua.work.start(func() { ua.serveUntilClosed("tcp", func() error { return ua.tp.ServeTCP(g) }) })
		return nil
	}
	pc, err := lc.ListenPacket(ctx, network, b.addr.String())
	if err != nil {
		return err
	}
	conn := pc.(*net.UDPConn)
	if err := conn.SetReadBuffer(receiveBuffer); err != nil {
		ua.log.Warn("sip: the receive buffer stays small; raise net.core.rmem_max", "error", err)
	}
	ua.udp = append(ua.udp, conn)
	ua.work.start(func() { ua.serveUntilClosed("udp", func() error { return ua.tp.ServeUDP(conn) }) })
	return nil
}

// serveUntilClosed runs a listener's loop. One that ends while the user agent
// serves leaves it deaf: that is said loudly.
func (ua *UA) serveUntilClosed(network string, serve func() error) {
	err := serve()
	if ua.serving() {
		ua.log.Error("sip: a listener ended; the process has to be restarted", "network", network, "error", err)
	}
}

// ready waits until sipgo would send from our sockets: before that a request
// would open one of its own.
func (ua *UA) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyPeriod)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		known := 0
		for _, c := range ua.udp {
			if conn, err := ua.tp.GetConnection("udp", c.LocalAddr().String()); err == nil && conn != nil {
				known++
			}
		}
		if known == len(ua.udp) {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.New("the listener did not come up")
		case <-tick.C:
		}
	}
}

// close ends transactions, connections and listeners.
func (ua *UA) close() {
	ua.sends.Lock()
	ua.closed.Store(true)
	ua.sends.Unlock()
	for _, c := range ua.udp {
		_ = c.Close()
	}
	for _, l := range ua.tcp {
		_ = l.Close()
	}
	if ua.tx != nil {
		ua.tx.Close()
	}
	ua.closeTransports()
}

// closeTransports closes the connections that sipgo knows.
func (ua *UA) closeTransports() {
	if ua.tp == nil {
		return
	}
	if err := ua.tp.Close(); err != nil {
		ua.log.Debug("sip: closing connections", "error", err)
	}
}

// gate is a TCP listener that lets only known sources in, counts them, and
// survives running out of descriptors: sipgo's accept loop ends for good on the
// first error.
type gate struct {
	net.Listener
	ua *UA

	mu      sync.Mutex
	total   int
	perPeer map[netip.Addr]int
}

// acceptPause is waited before accepting again after a failure.
const acceptPause = 50 * time.Millisecond

// Accept implements net.Listener.
func (g *gate) Accept() (net.Conn, error) {
	for {
		c, err := g.Listener.Accept()
		if err != nil {
			if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) || errors.Is(err, syscall.ECONNABORTED) {
				time.Sleep(acceptPause)
				continue
			}
			return nil, err
		}
		from := addrPort(c.RemoteAddr()).Addr()
		switch {
		case !g.ua.welcome(from):
			g.ua.m.drop(dropSource)
		case !g.admit(from):
			g.ua.m.drop(dropConnection)
		default:
			return &gatedConn{Conn: c, leave: sync.OnceFunc(func() { g.leave(from) })}, nil
		}
		_ = c.Close()
	}
}

func (g *gate) admit(from netip.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.total >= maxConns || g.perPeer[from] >= maxConnsPeer {
		return false
	}
	g.total++
	g.perPeer[from]++
	return true
}

func (g *gate) leave(from netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.total--
	if g.perPeer[from]--; g.perPeer[from] <= 0 {
		delete(g.perPeer, from)
	}
}

// gatedConn tells its gate when it is closed.
type gatedConn struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *gatedConn) Close() error {
	c.leave()
	return c.Conn.Close()
}
