package resolve

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"

	"zvonar/internal/clock"
	"zvonar/sip/resolve/dnstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is when these tests are.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func newResolver(t *testing.T) (*Resolver, *dnstest.Server, *clock.Fake) {
	t.Helper()
	dns, clk := dnstest.New(t), clock.NewFake(noon)
	return New(Config{Servers: []netip.AddrPort{dns.Addr}, Clock: clk, Random: func() float64 { return 0 }}), dns, clk
}

// targets are the targets of a name, as text.
func targets(t *testing.T, r *Resolver, q Query) string {
	t.Helper()
	found, err := r.Targets(t.Context(), q)
	if err != nil {
		return "error: " + err.Error()
	}
	var list []string
	for _, f := range found {
		list = append(list, f.String())
	}
	return strings.Join(list, " ")
}

func TestWhereARequestGoes(t *testing.T) {
	t.Parallel()
	r, dns, _ := newResolver(t)
	dns.A("plain.test", "192.0.2.1", "2001:db8::1")
	dns.A("one.test", "192.0.2.11")
	dns.A("two.test", "192.0.2.12", "192.0.2.13")
	dns.SRV("_sip._udp.srv.test", 20, 0, 5080, "two.test")
	dns.SRV("_sip._udp.srv.test", 10, 0, 5070, "one.test")
	dns.SRV("_sip._tcp.srv.test", 10, 0, 5075, "one.test")
	dns.SRV("_sips._tcp.srv.test", 10, 0, 5091, "one.test")
	dns.A("srv.test", "192.0.2.99")
	dns.NAPTR("naptr.test", 20, 0, "SIP+D2U", "_sip._udp.srv.test")
	dns.NAPTR("naptr.test", 10, 0, "SIP+D2T", "_sip._tcp.srv.test")
	dns.NAPTR("naptr.test", 5, 0, "E2U+sip", "_sip._udp.srv.test")
	dns.SRV("_sip._udp.none.test", 0, 0, 0, "")
	dns.A("none.test", "192.0.2.98")
	dns.SRV("_sip._udp.hollow.test", 0, 0, 5060, "nowhere.test")
	dns.CNAME("alias.test", "plain.test")
	for _, tc := range []struct {
		name string
		q    Query
		want string
	}{
		{"an address", Query{Addr: netip.MustParseAddr("198.51.100.1")}, "198.51.100.1:5060"},
		{"an address over TLS", Query{Addr: netip.MustParseAddr("198.51.100.1"), Secure: true}, "tls:198.51.100.1:5061"},
		{"a host without SRV", Query{Host: "plain.test"}, "192.0.2.1:5060 [2001:db8::1]:5060"},
		{"an alias", Query{Host: "alias.test"}, "192.0.2.1:5060 [2001:db8::1]:5060"},
		{"a port asks for no SRV", Query{Host: "srv.test", Port: 5062}, "192.0.2.99:5062"},
		{"SRV by priority", Query{Host: "srv.test"}, "192.0.2.11:5070 192.0.2.12:5080 192.0.2.13:5080"},
		{"a transport has its own SRV", Query{Host: "srv.test", Transport: "tcp"}, "tcp:192.0.2.11:5075"},
		{"sips", Query{Host: "srv.test", Secure: true}, "tls:192.0.2.11:5091"},
		{"NAPTR by order", Query{Host: "naptr.test"}, "tcp:192.0.2.11:5075 192.0.2.11:5070 192.0.2.12:5080 192.0.2.13:5080"},
		{"NXDOMAIN", Query{Host: "gone.test"}, "error: gone.test has no address"},
		{"decidedly none", Query{Host: "none.test", Transport: "udp"}, "error: none.test offers no SIP: its SRV record says so"},
		{"SRV to nowhere", Query{Host: "hollow.test", Transport: "udp"}, "error: hollow.test has no address"},
	} {
		if got := targets(t, r, tc.q); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestWeightsShareAPriority(t *testing.T) {
	t.Parallel()
	list := []SRV{{1, 0, 1, "zero"}, {1, 30, 1, "light"}, {1, 70, 1, "heavy"}, {0, 0, 1, "first"}}
	seen := map[string]int{}
	const steps = 1000
	for i := range steps {
		got := order(list, func() float64 { return float64(i) / steps })
		if got[0].Target != "first" || len(got) != 4 {
			t.Fatalf("order %+v", got)
		}
		seen[got[1].Target]++
	}
	if seen["heavy"] < 600 || seen["light"] < 200 || seen["zero"] == 0 || seen["zero"] > 50 {
		t.Errorf("chosen %v of %d", seen, steps)
	}
}

func TestAnswersCountForAsLongAsTheySay(t *testing.T) {
	t.Parallel()
	r, dns, clk := newResolver(t)
	dns.TTL(30)
	dns.A("one.test", "192.0.2.1")
	dns.A("two.test", "192.0.2.2")
	dns.SRV("_sip._udp.x.test", 1, 0, 5060, "one.test")
	q := Query{Host: "x.test", Transport: "udp"}
	want := func(what, list string, asked int) {
		t.Helper()
		if got := targets(t, r, q); got != list || dns.Asked("_sip._udp.x.test") != asked {
			t.Errorf("%s: %s after %d questions, want %s after %d", what, got, dns.Asked("_sip._udp.x.test"), list, asked)
		}
	}
	want("first", "192.0.2.1:5060", 1)
	dns.Forget("_sip._udp.x.test")
	dns.SRV("_sip._udp.x.test", 1, 0, 5060, "two.test")
	clk.Advance(29 * time.Second)
	want("still kept", "192.0.2.1:5060", 1)
	clk.Advance(time.Second)
	want("changed", "192.0.2.2:5060", 2)
	dns.Forget("_sip._udp.x.test")
	dns.A("x.test", "192.0.2.3")
	clk.Advance(30 * time.Second)
	want("SRV is gone", "192.0.2.3:5060", 3)
	clk.Advance(29 * time.Second)
	want("what is not there is known, too", "192.0.2.3:5060", 3)
}

func TestASilentNameServerTakesNothingAway(t *testing.T) {
	t.Parallel()
	r, dns, clk := newResolver(t)
	dns.TTL(1)
	dns.A("x.test", "192.0.2.1")
	q := Query{Host: "x.test", Port: 5060}
	if got := targets(t, r, q); got != "192.0.2.1:5060" {
		t.Fatal(got)
	}
	dns.Silent(true)
	clk.Advance(time.Minute)
	if got := targets(t, r, q); got != "192.0.2.1:5060" {
		t.Errorf("while the server is silent: %s", got)
	}
	clk.Advance(25 * time.Hour)
	if got := targets(t, r, q); !strings.HasPrefix(got, "error: name server ") {
		t.Errorf("a day later: %s", got)
	}
}

func TestASlowAnswerIsAskedForOnce(t *testing.T) {
	t.Parallel()
	r, dns, _ := newResolver(t)
	dns.A("x.test", "192.0.2.1")
	release, asked := make(chan struct{}), make(chan struct{}, 100)
	dns.Slow(func(ctx context.Context) {
		asked <- struct{}{}
		select {
		case <-release:
		case <-ctx.Done():
		}
	})
	var wg sync.WaitGroup
	got := make(chan string, 20)
	for range cap(got) {
		wg.Go(func() { got <- targets(t, r, Query{Host: "x.test", Port: 5060}) })
	}
	<-asked
	<-asked // A and AAAA
	close(release)
	wg.Wait()
	for range cap(got) {
		if one := <-got; one != "192.0.2.1:5060" {
			t.Error(one)
		}
	}
	if n := dns.Asked("x.test"); n != 2 {
		t.Errorf("asked %d times", n)
	}
}

func TestALargeAnswerComesOverTCP(t *testing.T) {
	t.Parallel()
	r, dns, _ := newResolver(t)
	dns.Large()
	dns.A("x.test", "192.0.2.1")
	if got := targets(t, r, Query{Host: "x.test", Port: 5060}); got != "192.0.2.1:5060" {
		t.Error(got)
	}
}

func TestASecondNameServerHelps(t *testing.T) {
	t.Parallel()
	dead, alive := dnstest.New(t), dnstest.New(t)
	dead.Silent(true)
	alive.A("x.test", "192.0.2.1")
	r := New(Config{Servers: []netip.AddrPort{dead.Addr, alive.Addr}, Clock: clock.System()})
	if got := targets(t, r, Query{Host: "x.test", Port: 5060}); got != "192.0.2.1:5060" {
		t.Error(got)
	}
}

func TestTheHostsFileCountsFirst(t *testing.T) {
	t.Parallel()
	c := &client{hosts: "/etc/hosts"}
	if got := c.known("localhost", dnsmessage.TypeA); !slices.Contains(got, netip.MustParseAddr("127.0.0.1")) {
		t.Skipf("this machine's hosts file does not know localhost: %v", got)
	}
}

func FuzzRead(f *testing.F) {
	q, err := question(1, "a.test", typeNAPTR)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(q)
	f.Add([]byte{0, 1, 0x80, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 'a', 4, 't', 'e', 's', 't', 0, 0, 35, 0, 1, 0xc0, 12, 0, 35, 0, 1, 0, 0, 0, 9, 0, 8, 0, 1, 0, 2, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, typ := range []uint16{1, 28, 33, 35} {
			a, err := read(b, 1, "a.test", dnsmessage.Type(typ))
			if err == nil && (a.TTL < 0 || len(a.Addrs)+len(a.SRV)+len(a.NAPTR) > maxRecords) {
				t.Errorf("read %+v", a)
			}
		}
		if n, ok := readNAPTR(b); ok && len(n.Replacement) > len(b) {
			t.Errorf("read %+v", n)
		}
	})
}
