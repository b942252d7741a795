package sip

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
)

// The self-test: an OPTIONS to each listener through the real network stack.
const (
	watchPeriod  = 5 * time.Second
	watchTimeout = 4 * time.Second
	// maxMisses are forgiven before the listener is opened anew.
	maxMisses = 3
	// maxReopens are tried before the user agent gives up: it is deaf then, and
	// only its supervisor can help.
	maxReopens = 3
)

// watchdog asks every listener in turn, from one goroutine, whether it still
// answers. A process that is alive and deaf loses every call without a word.
type watchdog struct {
	ua     *UA
	period time.Duration
	ask    func(ctx context.Context, l *listener) error

	quit chan struct{}
	once sync.Once

	mu     sync.Mutex
	deaf   map[*listener]error
	failed chan error // one error, when there is no more hope
}

func newWatchdog(ua *UA) *watchdog {
	w := &watchdog{ua: ua, period: watchPeriod, quit: make(chan struct{}), deaf: map[*listener]error{}, failed: make(chan error, 1)}
	w.ask = w.probe
	return w
}

func (w *watchdog) start() { w.ua.work.Start(w.run) }

func (w *watchdog) stop() { w.once.Do(func() { close(w.quit) }) }

func (w *watchdog) run() {
	tick := time.NewTicker(w.period)
	defer tick.Stop()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	w.ua.work.Start(func() {
		<-w.quit
		cancel()
	})
	for {
		select {
		case <-w.quit:
			return
		case <-tick.C:
		}
		for _, l := range w.ua.listeners {
			w.ua.work.Guard(func() { w.look(ctx, l) })
		}
	}
}

// look tests one listener and does what its state asks for.
func (w *watchdog) look(ctx context.Context, l *listener) {
	err := l.sock.Err()
	if err == nil {
		asking, cancel := context.WithTimeout(ctx, watchTimeout)
		err = w.ask(asking, l)
		cancel()
	}
	if ctx.Err() != nil {
		return // stopping
	}
	if err == nil {
		if l.misses > 0 || l.fails > 0 {
			w.ua.log.Info("sip: a listener answers again", "listener", l.String())
		}
		l.misses, l.fails = 0, 0
		w.set(l, nil)
		return
	}
	l.misses++
	w.ua.m.missed.WithLabelValues(l.String()).Inc()
	w.ua.log.Warn("sip: a listener did not answer our own OPTIONS", "listener", l.String(), "times", l.misses, "error", err)
	if l.misses < maxMisses {
		return
	}
	w.set(l, fmt.Errorf("the SIP listener %s does not answer: %w", l, err))
	if l.fails >= maxReopens {
		w.giveUp(fmt.Errorf("the SIP listener %s is deaf and opening it anew does not help: %w", l, err))
		return
	}
	l.fails, l.misses = l.fails+1, maxMisses-1
	w.ua.m.reopened.WithLabelValues(l.String()).Inc()
	if err := l.sock.Reopen(); err != nil {
		w.ua.log.Error("sip: a listener that does not answer cannot be opened anew", "listener", l.String(), "error", err)
		return
	}
	w.ua.log.Error("sip: a listener that did not answer was opened anew", "listener", l.String())
}

func (w *watchdog) set(l *listener, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		delete(w.deaf, l)
		return
	}
	w.deaf[l] = err
}

func (w *watchdog) giveUp(err error) {
	select {
	case w.failed <- err:
	default:
	}
}

// Health is why the user agent does not hear its peers, nil if it does.
func (ua *UA) Health() error {
	ua.watch.mu.Lock()
	defer ua.watch.mu.Unlock()
	for _, err := range ua.watch.deaf {
		return err
	}
	return nil
}

// Failed gives an error when a listener is deaf for good; the process should end
// then, so that its supervisor starts it anew.
func (ua *UA) Failed() <-chan error { return ua.watch.failed }

// probe sends an OPTIONS to a listener and waits for its 200. The edge lets it
// through by its branch, which nobody else knows.
func (w *watchdog) probe(ctx context.Context, l *listener) error {
	to := l.addr
	if to.Addr().IsUnspecified() {
		home := netip.AddrFrom4([4]byte{127, 0, 0, 1})
		if to.Addr().Is6() {
			home = netip.IPv6Loopback()
		}
		to = netip.AddrPortFrom(home, to.Port())
	}
	branch := sipmsg.GenerateBranchN(32)
	w.ua.guard.Expect(to.Addr(), branch)
	defer w.ua.guard.Expect(netip.Addr{}, "")
	c, err := w.dial(ctx, l.network, to)
	if err != nil {
		return err
	}
	defer c.Close()
	context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	text := w.options(l.network, c.LocalAddr().String(), to, branch)
	return w.exchange(ctx, c, text, branch, l.network == "udp")
}

func (w *watchdog) dial(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error) {
	// From its own address, by which the edge knows it.
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: to.Addr().AsSlice()}}
	switch network {
	case "udp":
		d.LocalAddr = &net.UDPAddr{IP: to.Addr().AsSlice()}
		return d.DialContext(ctx, "udp", to.String())
	case "tls":
		// The listener is our own, and its certificate is for others to verify.
		conf := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, GetClientCertificate: w.ua.certs.Own}
		return (&tls.Dialer{NetDialer: &d, Config: conf}).DialContext(ctx, "tcp", to.String())
	default:
		return d.DialContext(ctx, "tcp", to.String())
	}
}

func (w *watchdog) options(network, from string, to netip.AddrPort, branch string) []byte {
	return []byte("OPTIONS sip:" + to.String() + " SIP/2.0\r\nVia: SIP/2.0/" + strings.ToUpper(network) + " " + from + ";rport;branch=" + branch +
		"\r\nMax-Forwards: 0\r\nFrom: <sip:self@" + from + ">;tag=" + sipmsg.GenerateTagN(16) + "\r\nTo: <sip:" + to.String() +
		">\r\nCall-ID: " + branch + "\r\nCSeq: 1 OPTIONS\r\nContent-Length: " + strconv.Itoa(0) + "\r\n\r\n")
}

// exchange sends text, over UDP again after 0.5, 1.5 and 3.5 s, until an answer
// with its branch comes.
func (w *watchdog) exchange(ctx context.Context, c net.Conn, text []byte, branch string, again bool) error {
	if _, err := c.Write(text); err != nil {
		return err
	}
	if again {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		w.ua.work.Start(func() {
			for wait := 500 * time.Millisecond; ; wait *= 2 {
				select {
				case <-ctx.Done():
					return
				case <-time.After(wait):
					_, _ = c.Write(text)
				}
			}
		})
	}
	buf := make([]byte, 2048)
	n := 0
	for n < len(buf) {
		k, err := c.Read(buf[n:])
		if err != nil {
			if err == io.EOF {
				return io.ErrUnexpectedEOF
			}
			return err
		}
		got := string(buf[:n+k])
		if strings.Contains(got, branch) && strings.Contains(got, "\r\n\r\n") {
			if strings.HasPrefix(got, "SIP/2.0 200 ") {
				return nil
			}
			line, _, _ := strings.Cut(got, "\r\n")
			return fmt.Errorf("answered with %q", line)
		}
		if !again {
			n += k
		}
	}
	return io.ErrShortBuffer
}
