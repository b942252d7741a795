package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"zvonar/internal/calls"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// names is a resolver made of a table. A name with several answers gives them
// in turn, the last for ever.
type names struct {
	mu    sync.Mutex
	table map[string][][]string
	asked int
}

func (n *names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked++
	answers, ok := n.table[host]
	if !ok {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	if len(answers) > 1 {
		n.table[host] = answers[1:]
	}
	var out []netip.Addr
	for _, s := range answers[0] {
		out = append(out, netip.MustParseAddr(s))
	}
	return out, nil
}

func newGuard(t *testing.T, table map[string][][]string, allow ...string) (*Guard, *names) {
	t.Helper()
	n := &names{table: table}
	g, err := New(Config{Allow: allow, Resolver: n})
	if err != nil {
		t.Fatal(err)
	}
	return g, n
}

// outsideURLs lead to the public internet, whatever they look like.
var outsideURLs = []string{
	"https://hooks.example.com/x", "http://hooks.example.com", "https://hooks.example.com:8443/a?b=c",
	"https://HOOKS.Example.COM./x", "https://93.184.216.34/", "https://[2606:2800:220:1::1]/",
	"https://unknown.example.com/", "https://xn--80ak6aa92e.example.com/", "https://localhost.example.com/",
}

// insideURLs must never be let through.
var insideURLs = []string{
	// plain
	"http://127.0.0.1/", "http://127.0.0.1:9090/metrics", "http://127.1.2.3/", "http://0.0.0.0/", "http://10.0.0.1/",
	"http://172.16.0.1/", "http://172.31.255.255/", "http://192.168.1.1/", "http://100.64.0.1/", "http://100.100.100.200/",
	"http://169.254.169.254/latest/meta-data/", "http://224.0.0.1/", "http://255.255.255.255/", "http://192.0.0.1/",
	"http://198.18.0.1/", "http://192.88.99.1/", "http://168.63.129.16/",
	// other spellings of IPv4
	"http://2130706433/", "http://017700000001/", "http://0x7f000001/", "http://0x7f.1/", "http://127.1/", "http://127.0.1/",
	"http://0177.0.0.1/", "http://0x7f.0.0.0x1/", "http://127.0.0.01/", "http://127.0.0.1./", "http://0/", "http://127.0.0.1.0x0/",
	"http://%31%32%37.0.0.1/", "http://127。0。0。1/", "http://①②⑦.0.0.1/",
	// IPv6
	"http://[::1]/", "http://[::]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[::ffff:8.8.8.8]/",
	"http://[::127.0.0.1]/", "http://[fe80::1]/", "http://[fe80::1%25eth0]/", "http://[fec0::1]/", "http://[fc00::1]/",
	"http://[fd00:ec2::254]/", "http://[ff02::1]/", "http://[2002:7f00:1::]/", "http://[64:ff9b::7f00:1]/",
	"http://[64:ff9b:1::1]/", "http://[2001:0:7f00:1::]/", "http://[0:0:0:0:0:0:0:1]/", "http://[127.0.0.1]/", "http://::1/",
	// names
	"http://localhost/", "http://LOCALHOST:8080/", "http://localhost./", "http://a.localhost/", "http://metadata.google.internal/",
	"http://printer.local/", "http://inside.example.com/", "http://mixed.example.com/", "http://mapped.example.com/", "http://router.lan/",
	// shapes
	"http://user@hooks.example.com/", "http://user:pw@hooks.example.com/", "http://hooks.example.com@127.0.0.1/",
	"http://127.0.0.1\\@hooks.example.com/", "http://hooks.example.com\\.evil/", "http:///etc/passwd", "http:hooks.example.com",
	"//hooks.example.com/", "hooks.example.com", "", "ftp://hooks.example.com/", "file:///etc/passwd", "gopher://hooks.example.com/",
	"javascript:alert(1)", "http://hooks.example.com:0/", "http://hooks.example.com:99999/", "http://hooks.example.com:/",
	"http://hooks.example.com:80:80/", "http://hooks.example.com /", "http://hooks.example.com/\r\nHost: x", "http://hooks.example.com/#f",
	"http://hooks..example.com/", "http://-/\x00", "http://[::1/", "http://hooks.example.com/" + strings.Repeat("a", maxURL),
}

var testNames = map[string][][]string{
	"hooks.example.com":          {{"93.184.216.34"}},
	"xn--80ak6aa92e.example.com": {{"93.184.216.34", "2606:2800:220:1::1"}},
	"localhost.example.com":      {{"93.184.216.34"}},
	"inside.example.com":         {{"10.1.2.3"}},
	"mixed.example.com":          {{"93.184.216.34", "127.0.0.1"}},
	"mapped.example.com":         {{"::ffff:192.168.0.1"}},
	"localhost":                  {{"127.0.0.1"}},
	"router.lan":                 {{"93.184.216.34"}}, // a resolver that lies does not help
	"2130706433":                 {{"127.0.0.1"}},
	"metadata.google.internal":   {{"169.254.169.254"}},
	"hooks.corp.example":         {{"10.1.2.3"}},
	"other.corp.example":         {{"10.1.2.4"}},
}

func TestURLsThatLeadOutsidePass(t *testing.T) {
	t.Parallel()
	g, _ := newGuard(t, testNames)
	for _, u := range outsideURLs {
		if err := g.Check(t.Context(), u); err != nil {
			t.Errorf("%s: %v", u, err)
		}
	}
}

func TestURLsThatLeadInsideAreRefusedInEverySpelling(t *testing.T) {
	t.Parallel()
	g, _ := newGuard(t, testNames)
	for _, u := range insideURLs {
		err := g.Check(t.Context(), u)
		var e *calls.Error
		if !errors.As(err, &e) || e.Code != calls.CodeForbiddenURL {
			t.Errorf("%q: %v; want forbidden-url", u, err)
			continue
		}
		for _, secret := range []string{"10.1.2.3", "127.0.0.1", "169.254"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%q: the refusal tells %s: %v", u, secret, err)
			}
		}
	}
}

// canary is a server on loopback that nobody may reach.
func canary(t *testing.T) (addr string, touched func() bool) {
	t.Helper()
	var mu sync.Mutex
	var hit bool
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.Config.ConnState = func(net.Conn, http.ConnState) { mu.Lock(); defer mu.Unlock(); hit = true }
	srv.Start()
	t.Cleanup(srv.Close)
	return srv.Listener.Addr().String(), func() bool { mu.Lock(); defer mu.Unlock(); return hit }
}

func get(t *testing.T, c *http.Client, url string) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := c.Do(req)
	if err == nil {
		t.Cleanup(func() { _ = res.Body.Close() })
	}
	return res, err
}

func TestTheClientNeverReachesLoopback(t *testing.T) {
	t.Parallel()
	addr, touched := canary(t)
	_, port, _ := net.SplitHostPort(addr)
	g, _ := newGuard(t, map[string][][]string{"inside.example.com": {{"127.0.0.1"}}, "localhost": {{"127.0.0.1"}}})
	client := g.Client()
	defer client.CloseIdleConnections()
	for _, host := range []string{"127.0.0.1", "localhost", "inside.example.com", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "user@127.0.0.1"} {
		_, err := get(t, client, fmt.Sprintf("http://%s:%s/", host, port))
		var e *calls.Error
		if !errors.As(err, &e) || e.Code != calls.CodeForbiddenURL {
			t.Errorf("%s: %v; want forbidden-url", host, err)
		}
	}
	if touched() {
		t.Error("a connection reached loopback")
	}
}

func TestANameThatMovesInsideAfterTheCheckIsNotDialled(t *testing.T) {
	t.Parallel()
	addr, touched := canary(t)
	_, port, _ := net.SplitHostPort(addr)
	g, n := newGuard(t, map[string][][]string{"rebind.example.com": {{"93.184.216.34"}, {"127.0.0.1"}}})
	url := fmt.Sprintf("http://rebind.example.com:%s/", port)
	if err := g.Check(t.Context(), url); err != nil {
		t.Fatalf("the first, harmless answer: %v", err)
	}
	client := g.Client()
	defer client.CloseIdleConnections()
	if _, err := get(t, client, url); calls.CodeOf(err) != calls.CodeForbiddenURL {
		t.Errorf("after rebinding: %v; want forbidden-url", err)
	}
	if n.asked != 2 {
		t.Errorf("%d look-ups; want one for the check and one for the dial", n.asked)
	}
	if touched() {
		t.Error("a connection reached loopback")
	}
}

func TestTheLastLookIsAtTheDialledAddress(t *testing.T) {
	t.Parallel()
	g, _ := newGuard(t, nil, "127.0.0.1:9000")
	for address, ok := range map[string]bool{"93.184.216.34:80": true, "127.0.0.1:80": false, "127.0.0.1:9000": true,
		"[::1]:80": false, "[fe80::1%eth0]:80": false, "nonsense": false} {
		if err := g.control(address, false); (err == nil) != ok {
			t.Errorf("%s: %v; want allowed %v", address, err, ok)
		}
	}
}

func TestExceptionsOpenWhatTheyNameAndNothingElse(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		allow, url string
		ok         bool
	}{
		{"127.0.0.1", "http://127.0.0.1:1234/", true},
		{"127.0.0.1:9000", "http://127.0.0.1:9000/", true},
		{"127.0.0.1:9000", "http://127.0.0.1:9001/", false},
		{"127.0.0.1:80", "http://127.0.0.1/", true},
		{"127.0.0.1:443", "http://127.0.0.1/", false},
		{"10.0.0.0/8", "http://inside.example.com/", true},
		{"10.0.0.0/8:8080", "http://inside.example.com:8080/", true},
		{"10.0.0.0/8:8080", "http://inside.example.com/", false},
		{"10.0.0.0/8", "http://192.168.0.1/", false},
		{"10.0.0.0/8", "http://[::ffff:10.0.0.1]/", false},
		{"::1", "http://[::1]:8080/", true},
		{"[::1]:80", "http://[::1]/", true},
		{"[::1]:80", "http://[::1]:81/", false},
		{"[fd00::]/8:80", "http://[fd00::7]/", true},
		{"fd00::/8", "http://[fd12::7]/", true},
		{"hooks.corp.example", "http://hooks.corp.example/", true},
		{"Hooks.Corp.Example.", "http://hooks.corp.example:99/", true},
		{"hooks.corp.example:8443", "https://hooks.corp.example:8443/", true},
		{"hooks.corp.example:8443", "https://hooks.corp.example/", false},
		{"hooks.corp.example", "http://other.corp.example/", false},
		{"hooks.corp.example", "http://10.1.2.3/", false},
		{"127.0.0.0/8", "http://localhost/", true},
		{"localhost", "http://localhost:9000/", true},
		{"127.0.0.1", "http://user@127.0.0.1/", false},
		{"127.0.0.1", "http://2130706433/", false},
	} {
		g, _ := newGuard(t, testNames, tc.allow)
		if err := g.Check(t.Context(), tc.url); (err == nil) != tc.ok {
			t.Errorf("allow %s, %s: %v; want allowed %v", tc.allow, tc.url, err, tc.ok)
		}
	}
}

func TestAFaultyExceptionIsNamed(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "http://x", "10.0.0.0/33", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:70000", "[::1", "[::1]:", "a b", "2130706433", "*.example.com", "fe80::1%eth0"} {
		if _, err := New(Config{Allow: []string{s}}); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", s)) {
			t.Errorf("%q: %v; want an error that names it", s, err)
		}
	}
}

func TestTheClientDoesNotFollowRedirectsAndReadsABoundedBody(t *testing.T) {
	t.Parallel()
	addr, touched := canary(t)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/away" {
			http.Redirect(w, r, "http://"+addr+"/", http.StatusFound)
			return
		}
		_, _ = w.Write(make([]byte, 3*MaxResponse))
	}))
	t.Cleanup(srv.Close)
	g, _ := newGuard(t, nil, srv.Listener.Addr().String())
	for name, client := range map[string]*http.Client{"guarded": g.Client(), "trusted": Trusted()} {
		t.Cleanup(client.CloseIdleConnections)
		res, err := get(t, client, srv.URL+"/away")
		if err != nil || res.StatusCode != http.StatusFound {
			t.Errorf("%s: redirect gives %v, %v; want the 302 itself", name, res, err)
		}
		res, err = get(t, client, srv.URL+"/big")
		if err != nil {
			t.Fatal(err)
		}
		body := make([]byte, 4*MaxResponse)
		n := 0
		for {
			k, err := res.Body.Read(body[n:])
			n += k
			if err != nil {
				break
			}
		}
		if n != MaxResponse {
			t.Errorf("%s: %d bytes were read; want %d", name, n, MaxResponse)
		}
		if client.Timeout != Timeout {
			t.Errorf("%s: time-out %v; want %v", name, client.Timeout, Timeout)
		}
	}
	if touched() {
		t.Error("a redirect was followed")
	}
}

func TestNoProxyIsAsked(t *testing.T) {
	addr, touched := canary(t)
	t.Setenv("HTTP_PROXY", "http://"+addr)
	t.Setenv("http_proxy", "http://"+addr)
	g, _ := newGuard(t, map[string][][]string{})
	client := g.Client()
	defer client.CloseIdleConnections()
	if _, err := get(t, client, "http://nowhere.example.com/"); err == nil {
		t.Error("a name without an address was reached")
	}
	if touched() {
		t.Error("the proxy of the environment was asked")
	}
}

func FuzzCheckNeverPassesAnAddressThatIsNotPublic(f *testing.F) {
	for _, u := range append(append([]string{}, insideURLs...), outsideURLs...) {
		f.Add(u)
	}
	g, err := New(Config{Resolver: &names{}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, u string) {
		tg, err := g.parse(u)
		if err != nil {
			if calls.CodeOf(err) != calls.CodeForbiddenURL {
				t.Errorf("%q: %v; want forbidden-url", u, err)
			}
			return
		}
		if tg.port == 0 || tg.host == "" || (!tg.addr.IsValid() && (!validName(tg.host) || numericName(tg.host))) {
			t.Errorf("%q was read as %+v", u, tg)
		}
		if g.Check(t.Context(), u) == nil && tg.addr.IsValid() && !public(tg.addr) {
			t.Errorf("%q passed", u)
		}
	})
}
