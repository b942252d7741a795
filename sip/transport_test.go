package sip

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"zvonar/internal/calls"
	"zvonar/sip/edge"
	"zvonar/sip/trunk"
)

// certificates makes an authority and a certificate for "localhost" with openssl.
func certificates(t *testing.T) (ca string, files edge.TLSFiles) {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not there")
	}
	dir := t.TempDir()
	run := func(args ...string) {
		t.Helper()
		cmd := exec.Command("openssl", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("openssl %v: %v\n%s", args, err, out)
		}
	}
	ext := filepath.Join(dir, "ext")
	if err := os.WriteFile(ext, []byte("subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem")
	run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "csr.pem")
	run("x509", "-req", "-in", "csr.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", ext, "-out", "cert.pem")
	return filepath.Join(dir, "ca.pem"), edge.TLSFiles{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
}

// freePort is a TCP port of 127.0.0.1 that is free just now.
func freePort(t *testing.T, address string) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		t.Skipf("%s is not there: %v", address, err)
	}
	defer l.Close()
	return addrPort(l.Addr())
}

// twoSides starts a caller and a callee that reach each other by a transport
// alone; host is how the caller's trunk names the callee.
func twoSides(t *testing.T, network, address, host string, change func(*trunk.Config, *Config)) (a, b *side) {
	t.Helper()
	home, far := freePort(t, address), netip.AddrPort{}
	b = newSide(t, network+"://"+net.JoinHostPort(address, "0"), func(tc *trunk.Config, c *Config) {
		tc.URI = "sip:" + net.JoinHostPort(host, digitsOfPort(home)) + ";transport=" + network
		tc.AcceptFrom = []netip.Prefix{netip.PrefixFrom(home.Addr(), home.Addr().BitLen())}
		change(tc, c)
	}, home)
	far = b.ua.Addr(network)
	a = newSide(t, network+"://"+home.String(), func(tc *trunk.Config, c *Config) {
		tc.URI = "sip:" + net.JoinHostPort(host, digitsOfPort(far)) + ";transport=" + network
		change(tc, c)
	}, far)
	return a, b
}

func digitsOfPort(a netip.AddrPort) string {
	_, port, _ := net.SplitHostPort(a.String())
	return port
}

func TestCallsGoOverEveryTransportAndFamily(t *testing.T) {
	t.Parallel()
	ca, files := certificates(t)
	for name, tc := range map[string]struct{ network, address, host string }{
		"UDP over IPv6": {"udp", "::1", "::1"},
		"TCP":           {"tcp", "127.0.0.1", "127.0.0.1"},
		"TCP over IPv6": {"tcp", "::1", "::1"},
		"TLS":           {"tls", "127.0.0.1", "localhost"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := twoSides(t, tc.network, tc.address, tc.host, func(c *trunk.Config, ua *Config) {
				c.CA, ua.TLS = ca, files
			})
			out, in := establish(t, a, b)
			out.leg.Hangup(0)
			if got, far := out.end(), in.end(); !got.Answered || far.By != calls.ByCustomer {
				t.Errorf("endings %+v and %+v", got, far)
			}
			// The way back, over the same connection or another.
			back := b.dial(t, func(r *calls.DialRequest) { r.To = "100" })
			got := a.arrived(t)
			got.leg.Answer()
			back.until(calls.LegAnswered)
			got.leg.Hangup(0)
			back.end()
			got.end()
		})
	}
}

func TestATrunkWithAnotherNameOrAuthorityIsNotCalled(t *testing.T) {
	t.Parallel()
	ca, files := certificates(t)
	other, _ := certificates(t)
	for name, tc := range map[string]struct{ ca, host string }{
		"another authority": {other, "localhost"},
		"the system's":      {"", "localhost"},
		"another name":      {ca, "127.0.0.1"}, // the certificate names localhost alone
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _ := twoSides(t, "tls", "127.0.0.1", tc.host, func(c *trunk.Config, ua *Config) { c.CA, ua.TLS = tc.ca, files })
			if got := a.dial(t, nil).end(); !got.Transport || got.Answered {
				t.Errorf("ending %+v", got)
			}
		})
	}
}

func TestACancelOverTCPCountsFromItsOwnConnectionOnly(t *testing.T) {
	t.Parallel()
	a, p := withRaw(t, func(tc *trunk.Config, c *Config) {
		c.Listen = append(c.Listen, "tcp://127.0.0.1:0")
	})
	// Another trunk's far end, heard because a call goes over it.
	a.ua.peers.add(netip.MustParseAddr("127.0.0.7"), 1)
	defer a.ua.peers.add(netip.MustParseAddr("127.0.0.7"), -1)
	dial := func(from string) net.Conn {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		c, err := d.Dial("tcp", a.ua.Addr("tcp").String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	overTCP := func(text string) []byte { return []byte(strings.Replace(text, "SIP/2.0/UDP", "SIP/2.0/TCP", 1)) }
	mine, foreign := dial("127.0.0.1"), dial("127.0.0.7")
	_, _ = mine.Write(overTCP(p.request("INVITE", "c", "f", "", rawSDP, 1)))
	k := a.arrived(t)
	_, _ = foreign.Write(overTCP(p.request("CANCEL", "c", "f", "", "", 1)))
	eventually(t, func() bool { return testutil.ToFloat64(a.ua.m.dropped.WithLabelValues(edge.DropCancel)) == 1 })
	_, _ = mine.Write(overTCP(p.request("CANCEL", "c", "f", "", "", 1)))
	if got := k.end(); got.Code != 487 {
		t.Errorf("ending %+v", got)
	}
}

// heldConn keeps what a transaction writes.
type heldConn struct {
	sipmsg.Connection
	wrote []sipmsg.Message
}

func (c *heldConn) WriteMsg(m sipmsg.Message) error { c.wrote = append(c.wrote, m); return nil }
func (c *heldConn) TryClose() (int, error)          { return 1, nil }

func TestAHandlerThatPanicsAnswers500(t *testing.T) {
	t.Parallel()
	ua := idleUA(t)
	req := sipmsg.NewRequest(sipmsg.BYE, sipmsg.Uri{Host: "x"}) // no headers: the edge would never let it through
	conn := &heldConn{}
	tx := sipmsg.NewServerTx("k", req, conn, slog.New(slog.DiscardHandler))
	if err := tx.Init(); err != nil {
		t.Fatal(err)
	}
	defer tx.Terminate()
	ua.serve(req, tx)
	if len(conn.wrote) != 1 || !strings.HasPrefix(conn.wrote[0].String(), "SIP/2.0 500 ") {
		t.Errorf("answered %v", conn.wrote)
	}
	if n := testutil.ToFloat64(ua.m.panics); n != 1 {
		t.Errorf("%v panics counted", n)
	}
}

func TestADeafListenerIsOpenedAnewAndThenGivenUp(t *testing.T) {
	t.Parallel()
	a, _ := withRaw(t, nil)
	w := newWatchdog(a.ua)
	sock := &fakeSocket{}
	l := &listener{network: "udp", addr: a.ua.Addr("udp"), sock: sock}
	answer := errors.New("deaf")
	w.ask = func(context.Context, *listener) error { return answer }
	a.ua.watch.stop()
	a.ua.watch = w
	for range maxMisses - 1 {
		w.look(t.Context(), l)
	}
	if sock.reopened != 0 || a.ua.Health() != nil {
		t.Fatalf("opened anew %d times after %d misses; %v", sock.reopened, maxMisses-1, a.ua.Health())
	}
	w.look(t.Context(), l)
	if sock.reopened != 1 || a.ua.Health() == nil {
		t.Fatalf("opened anew %d times after %d misses; %v", sock.reopened, maxMisses, a.ua.Health())
	}
	answer = nil
	w.look(t.Context(), l)
	if a.ua.Health() != nil {
		t.Fatal("a listener that answers again is still said to be deaf")
	}
	answer = errors.New("deaf")
	for range maxMisses + maxReopens {
		select {
		case err := <-a.ua.Failed():
			t.Fatalf("given up early: %v", err)
		default:
		}
		w.look(t.Context(), l)
	}
	select {
	case <-a.ua.Failed():
	default:
		t.Errorf("not given up after %d attempts", sock.reopened)
	}
}

type fakeSocket struct{ reopened int }

func (s *fakeSocket) Err() error    { return nil }
func (s *fakeSocket) Reopen() error { s.reopened++; return nil }
func (s *fakeSocket) Close() error  { return nil }

func TestEveryListenerAnswersItsSelfTest(t *testing.T) {
	t.Parallel()
	_, files := certificates(t)
	files.ClientCA = files.Cert // our own certificate is not of it
	p := newRawPeer(t, "127.0.0.1")
	a := newSide(t, "udp://127.0.0.40:0", func(tc *trunk.Config, c *Config) {
		tc.URI = "sip:192.0.2.1" // so that our own address is a stranger's
		c.TLS = files
		c.Advertise = netip.MustParseAddr("127.0.0.40")
		c.Listen = append(c.Listen, "tcp://127.0.0.40:0", "tls://127.0.0.40:0", "udp://0.0.0.0:0")
	}, addrPort(p.conn.LocalAddr()))
	for _, l := range a.ua.listeners {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		if err := a.ua.watch.probe(ctx, l); err != nil {
			t.Errorf("%s: %v", l, err)
		}
		cancel()
	}
	p.to = net.UDPAddrFromAddrPort(a.ua.Addr("udp"))
	p.send(p.request("OPTIONS", "x", "f", "", "", 1))
	eventually(t, func() bool { return testutil.ToFloat64(a.ua.m.dropped.WithLabelValues(edge.DropSource)) == 1 })
}

func TestTheWatchdogRuns(t *testing.T) {
	t.Parallel()
	a, _ := withRaw(t, nil)
	asked := make(chan string, 10)
	w := newWatchdog(a.ua)
	w.period = time.Millisecond
	w.ask = func(_ context.Context, l *listener) error {
		select {
		case asked <- l.String():
		default:
		}
		return nil
	}
	w.start()
	<-asked
	<-asked
	w.stop()
}
