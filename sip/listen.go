package sip

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"

	"zvonar/sip/edge"
)

// readyPeriod bounds the wait for a listener or connection to be known to
// sipgo's pool.
const readyPeriod = 5 * time.Second

var libraryOnce sync.Once

// prepareLibrary sets what sipgo keeps in package variables, once a process and
// before any use. UDPMTUSize decides which datagrams it refuses to send
// (docs/decisions/006); its buffer has to hold one message of the edge.
func prepareLibrary(log *slog.Logger) {
	libraryOnce.Do(func() {
		sipmsg.UDPMTUSize = edge.MaxMessage + 200 // it subtracts 200
		sipmsg.TransportBufferReadSize = edge.MaxMessage + 1024
		sipmsg.SetDefaultLogger(slog.New(newGuardedLog(log.Handler())))
	})
}

// open binds the listeners, starts serving and waits until sipgo knows them.
func (ua *UA) open(ctx context.Context) error {
	quiet := slog.New(newGuardedLog(ua.log.Handler()))
	noDial := func(net.Addr) net.Dialer { return net.Dialer{Control: ua.refuseConnect} }
	ua.tp = sipmsg.NewTransportLayer(ua.cfg.resolver(),
		sipmsg.NewParser(func(p *sipmsg.Parser) { p.MaxMessageLength = edge.MaxMessage }), nil,
		sipmsg.WithTransportLayerLogger(quiet),
		sipmsg.WithTransportLayerTransports(sipmsg.TransportsConfig{
			TCP: &sipmsg.TransportTCP{DialerCreate: noDial},
			TLS: &sipmsg.TransportTLS{TransportTCP: &sipmsg.TransportTCP{DialerCreate: noDial}},
		}))
	ua.tp.OnMessage(ua.arrive) // before the transaction layer, which starts goroutines
	ua.tx = sipmsg.NewTransactionLayer(ua.tp,
		sipmsg.WithTransactionLayerLogger(quiet),
		sipmsg.WithTransactionLayerUnhandledResponseHandler(func(res *sipmsg.Response) {
			ua.work.Guard(func() { ua.stray(res) })
		}))
	ua.tx.OnRequest(ua.serve)
	if ua.cfg.TLS.Cert != "" {
		certs, err := edge.LoadCertificates(ua.cfg.TLS, ua.clock, func(err error) {
			ua.log.Error("sip: the TLS certificate changed and cannot be read; the former one stays in use", "error", err)
		})
		if err != nil {
			return err
		}
		ua.certs = certs
	}
	for _, b := range ua.binds {
		if err := ua.bind(ctx, b); err != nil {
			return fmt.Errorf("listen on %s://%s: %w", b.network, b.addr, err)
		}
	}
	ua.work.Start(func() { _ = ua.tp.ServeTCP(ua.streams["TCP"]) })
	ua.work.Start(func() { _ = ua.tp.ServeTLS(ua.streams["TLS"]) })
	return ua.ready(ctx)
}

// refuseConnect keeps sipgo from opening connections on its own, to an address
// that a message names: ours are opened by connect, behind the edge.
func (ua *UA) refuseConnect(_, address string, _ syscall.RawConn) error {
	ua.m.Drop(dropConnect)
	return fmt.Errorf("no SIP connection to %s: the one that the request came over is gone", address)
}

func (ua *UA) bind(ctx context.Context, b endpoint) error {
	if b.network != "udp" {
		transport, certs := "TCP", (*edge.Certificates)(nil)
		if b.network == "tls" {
			transport, certs = "TLS", ua.certs
		}
		l, err := ua.streams[transport].Listen(ctx, b.addr, certs)
		if err != nil {
			return err
		}
		ua.listeners = append(ua.listeners, &listener{network: b.network, addr: l.Addr(), sock: l})
		return nil
	}
	u, err := edge.OpenUDP(ctx, ua.guard, b.addr, func(pc net.PacketConn) {
		ua.work.Start(func() { _ = ua.tp.ServeUDP(pc) })
	})
	if err != nil {
		return err
	}
	got := u.Buffers()
	ua.m.buffer(u.Addr(), got)
	if small := got.Small(); small != "" {
		ua.log.Warn("sip: the kernel gives the socket less than 4 MiB: bursts of calls may be lost; raise "+small+" (deploy/90-zvonar.conf)",
			"listener", u.Addr(), "receive", got.Receive, "send", got.Send)
	}
	ua.listeners = append(ua.listeners, &listener{network: "udp", addr: u.Addr(), sock: u})
	ua.udp = append(ua.udp, u)
	u.Start()
	return nil
}

// listener is a bound listener of any transport.
type listener struct {
	network string // "udp", "tcp", "tls"
	addr    netip.AddrPort
	sock    interface {
		Err() error
		Reopen() error
		Close() error
	}
	misses int // of the self-test, one after another
	fails  int // attempts to open it anew, one after another
}

func (l *listener) String() string { return l.network + "://" + l.addr.String() }

// ready waits until sipgo would send from our sockets: before that a request
// would open one of its own.
func (ua *UA) ready(ctx context.Context) error {
	for _, u := range ua.udp {
		if !ua.pooled(ctx, "udp", u.Addr().String()) {
			return errors.New("the listener did not come up")
		}
	}
	return nil
}

// pooled waits until sipgo knows a connection or listener by addr.
func (ua *UA) pooled(ctx context.Context, network, addr string) bool {
	ctx, cancel := context.WithTimeout(ctx, readyPeriod)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if ua.known(network, addr) {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
}

func (ua *UA) known(network, addr string) bool {
	c, err := ua.tp.GetConnection(network, addr)
	if err != nil || c == nil {
		return false
	}
	_, _ = c.TryClose() // looking it up takes a reference
	return true
}

// connect makes sure that there is a connection for a request over TCP or TLS,
// and sets the request's destination to its address.
func (ua *UA) connect(ctx context.Context, req *sipmsg.Request) error {
	streams := ua.streams[req.Transport()]
	if streams == nil {
		return nil
	}
	to, err := ua.resolve(ctx, req.Destination())
	if err != nil {
		return err
	}
	req.SetDestination(to.String())
	network := sipmsg.NetworkToLower(req.Transport())
	unlock := ua.dialing.lock(network + to.String())
	defer unlock()
	if ua.known(network, to.String()) {
		return nil
	}
	if !ua.welcome(to.Addr()) {
		ua.m.Drop(dropConnect)
		return fmt.Errorf("no SIP connection to %s: it is no trunk and no far end of a call", to)
	}
	var conf *tls.Config
	if network == "tls" {
		if conf, err = ua.towards(to); err != nil {
			return err
		}
	}
	if err := streams.Dial(ctx, to, conf); err != nil {
		return fmt.Errorf("connect to %s://%s: %w", network, to, err)
	}
	if !ua.pooled(ctx, network, to.String()) {
		return fmt.Errorf("the connection to %s ended at once", to)
	}
	return nil
}

// resolve finds the address of host:port.
func (ua *UA) resolve(ctx context.Context, dest string) (netip.AddrPort, error) {
	if to, err := netip.ParseAddrPort(dest); err == nil {
		return netip.AddrPortFrom(to.Addr().Unmap(), to.Port()), nil
	}
	host, port, err := sipmsg.ParseAddr(dest)
	if err != nil {
		return netip.AddrPort{}, err
	}
	found, err := ua.cfg.resolver().LookupNetIP(ctx, "ip", host)
	if err != nil {
		return netip.AddrPort{}, err
	}
	for _, a := range found {
		if a = a.Unmap(); ua.welcome(a) {
			return netip.AddrPortFrom(a, uint16(port)), nil
		}
	}
	if len(found) == 0 {
		return netip.AddrPort{}, fmt.Errorf("%s has no address", host)
	}
	return netip.AddrPortFrom(found[0].Unmap(), uint16(port)), nil
}

// towards is how a TLS peer is verified: its certificate must be of the trunk's
// authority, or of one that the system trusts, and for the host of the trunk's
// uri, whatever address it stands for now.
func (ua *UA) towards(to netip.AddrPort) (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: to.Addr().String()}
	if ua.certs != nil {
		conf.GetClientCertificate = ua.certs.Own
	}
	t, ok := ua.cfg.Trunks.MatchFrom(to)
	if !ok {
		return conf, nil
	}
	conf.ServerName = t.Target().Host
	if t.CA != "" {
		pool, err := edge.Authorities(t.CA)
		if err != nil {
			return nil, fmt.Errorf("trunk %s: ca: %w", t.Name, err)
		}
		conf.RootCAs = pool
	}
	return conf, nil
}

// ReloadCertificates reads the files of sip.tls anew. They are looked at every
// ten seconds anyway.
func (ua *UA) ReloadCertificates() error {
	if ua.certs == nil {
		return nil
	}
	return ua.certs.Reload()
}

// close ends transactions, connections and listeners.
func (ua *UA) close() {
	ua.sends.Lock()
	ua.closed.Store(true)
	ua.sends.Unlock()
	ua.past.close()
	ua.ended.close()
	ua.load.answers.close()
	for _, l := range ua.listeners {
		_ = l.sock.Close()
	}
	for _, s := range ua.streams {
		_ = s.Close()
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

// keyed is a lock for each key.
type keyed struct {
	mu sync.Mutex
	m  map[string]*keyedLock
}

type keyedLock struct {
	sync.Mutex
	waiting int
}

// lock takes the lock of key and gives what frees it.
func (k *keyed) lock(key string) (unlock func()) {
	k.mu.Lock()
	if k.m == nil {
		k.m = map[string]*keyedLock{}
	}
	l := k.m[key]
	if l == nil {
		l = &keyedLock{}
		k.m[key] = l
	}
	l.waiting++
	k.mu.Unlock()
	l.Lock()
	return func() {
		l.Unlock()
		k.mu.Lock()
		defer k.mu.Unlock()
		if l.waiting--; l.waiting == 0 {
			delete(k.m, key)
		}
	}
}
