package rostelecom

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/providers"
	"zvonar/providers/providerstest"
)

// clientOf is a client whose API is at an address.
func clientOf(t *testing.T, url, more string) (*Provider, *providerstest.World) {
	t.Helper()
	w := providerstest.New(clock.NewFake(noon))
	p, err := newProvider(w.House, "rt", yamlText("api: "+url+"\nclient_id: "+simID+"\nsign_key: "+simKey+"\nfrom_pin: \"317\"\n"+more))
	if err != nil {
		t.Fatal(err)
	}
	return p, w
}

// Our client speaks to our facade as to the real one.
func TestTheClientSpeaksToTheFacade(t *testing.T) {
	t.Parallel()
	for _, archive := range []string{"zip", "gzip", "plain"} {
		o := newOffice(t, "history: {archive: "+archive+", delimiter: \",\", header: false}")
		server := httptest.NewServer(http.StripPrefix("/compat/rostelecom", o.facade))
		t.Cleanup(server.Close)
		p, _ := clientOf(t, server.URL+"/compat/rostelecom", "")
		ctx := context.Background()

		placed, err := p.Place(ctx, toClient)
		if err != nil || len(o.Engine.Requests()) != 1 || callOf(placed.ProviderCallID) == "" {
			t.Fatalf("%+v, %v", placed, err)
		}
		nobody := toClient
		nobody.Flow.Bridge, nobody.Employee = &calls.Bridge{}, &calls.Employee{Extension: "999"}
		if _, err := p.Place(ctx, nobody); err == nil || !strings.Contains(err.Error(), "trying to make the callback") {
			t.Errorf("%v", err)
		}
		if users, err := p.Users(ctx, "317"); err != nil || len(users) != 1 || users[0].DisplayName != "Анна" {
			t.Errorf("%+v, %v", users, err)
		}
		end := noon.Add(20 * time.Second)
		session := o.put(&calls.Call{Direction: calls.Out, To: "79161234567", From: "78005553535", Outcome: calls.OutcomeAnswered, AnsweredAt: &end, EndedAt: &end, TalkMS: 7000}, true)
		info, err := p.CallInfo(ctx, session, "")
		if err != nil || info.State.whole() != infoAccepted || info.Duration != "7" || !info.IsRecord.yes() {
			t.Errorf("%+v, %v", info, err)
		}
		if link, err := p.Record(ctx, session, ""); err != nil || !strings.Contains(link, recordPath) {
			t.Errorf("%s, %v", link, err)
		}
		f := HistoryFilter{From: noon.Add(-time.Hour), To: noon.Add(time.Hour), State: 1, Phone: "79161234567"}
		for range 2 { // the second time it already exists
			rows, err := p.History(ctx, f)
			if err != nil || len(rows) != 1 || rows[0].SessionID != session || rows[0].To != "79161234567" || rows[0].Duration != 7 || !rows[0].Recorded {
				t.Errorf("%s: %+v, %v", archive, rows, err)
			}
		}
		f.State = 2
		if rows, err := p.History(ctx, f); err != nil || len(rows) != 0 {
			t.Errorf("%+v, %v", rows, err)
		}
		if _, err := p.History(ctx, HistoryFilter{From: noon, To: noon.Add(-time.Hour)}); err == nil {
			t.Error("a period that ends before it begins was taken")
		}
		if _, err := p.Download(ctx, "77"); err != errNotReady {
			t.Errorf("%v", err)
		}
	}
}

// authority is a private CA, as the service has one.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{t: t, key: key, cert: &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign}}
	der, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	a.file = a.write("ca.pem", "CERTIFICATE", der)
	return a
}

func (a *authority) write(name, kind string, der []byte) string {
	path := filepath.Join(a.t.TempDir(), name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.t.Fatal(err)
	}
	return path
}

// issue gives files with a certificate and its key.
func (a *authority) issue() (certFile, keyFile string) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "127.0.0.1"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}, a.cert, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	bytes, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.write("cert.pem", "CERTIFICATE", der), a.write("key.pem", "PRIVATE KEY", bytes)
}

// The other side's certificate is of an authority that no trust store has, and it asks
// for ours; without either nobody is asked for anything.
func TestTheServersAuthorityAndOurCertificateAreConfigured(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	cert, key := ca.issue()
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(mustParse(t, ca))
	sim := newSimulator(t, func(h http.Handler) *httptest.Server {
		s := httptest.NewUnstartedServer(h)
		s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
		s.StartTLS()
		return s
	})
	sim.say(methodCallBack, jsonSays(`{"result":"0","session_id":"s"}`))
	ourCert, ourKey := ca.issue()
	for name, c := range map[string]struct {
		settings string
		ok       bool
	}{
		"trusted, with our certificate": {"tls: {trust: [" + ca.file + "], cert: " + ourCert + ", key: " + ourKey + "}", true},
		"not trusted":                   {"tls: {cert: " + ourCert + ", key: " + ourKey + "}", false},
		"without our certificate":       {"tls: {trust: [" + ca.file + "]}", false},
		"of another name":               {"tls: {server_name: api.example, trust: [" + ca.file + "], cert: " + ourCert + ", key: " + ourKey + "}", false},
	} {
		p, _ := clientOf(t, sim.URL, c.settings)
		if _, err := p.Place(context.Background(), toClient); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(sim.bodies(methodCallBack)); n != 1 {
		t.Errorf("%d requests came through", n)
	}
}

func mustParse(t *testing.T, a *authority) *x509.Certificate {
	t.Helper()
	b, err := os.ReadFile(a.file)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(b)
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEncryptionIsSwitchedOffForDebugging(t *testing.T) {
	t.Parallel()
	sim := newSimulator(t, nil)
	sim.say(methodCallBack, jsonSays(`{"result":"0","session_id":"s"}`))
	p, _ := clientOf(t, strings.Replace(sim.URL, "http:", "https:", 1), "tls: {mode: off}")
	if _, err := p.Place(context.Background(), toClient); err != nil {
		t.Errorf("%v", err)
	}
	on, _ := clientOf(t, strings.Replace(sim.URL, "http:", "https:", 1), "")
	if _, err := on.Place(context.Background(), toClient); err == nil {
		t.Error("plain HTTP was spoken though encryption is on")
	}
}

// Our facade's router side asks our client's intake, as PBX and CRM of one house.
func TestThePBXAsksTheCRMOfOurOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "number_info: {on: true, budget: 10s}")
	staff(w.house)
	w.p.house.Store = numbered{Store: w.house.Memory}
	server := httptest.NewServer(w.p.Intake())
	t.Cleanup(server.Close)
	p, err := newProvider(providerstest.New(clock.NewFake(noon)).House, "crm", yamlText("crm: {url: "+server.URL+", client_id: "+simID+", sign_key: "+simKey+", signed: always, timeout: 10s}"))
	if err != nil {
		t.Fatal(err)
	}
	for from, want := range map[string]providers.RouteAnswer{"79771234567": {Found: true, Target: "317", Name: "Иван Петров"}, "79779999999": {}} {
		if got, err := p.Route(context.Background(), providers.RouteQuery{From: from, To: "74951234567"}); err != nil || got != want {
			t.Errorf("%s: %+v, %v", from, got, err)
		}
	}
}
