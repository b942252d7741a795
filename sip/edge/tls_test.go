package edge

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
	"os"
	"path/filepath"
	"testing"
	"time"

	"zvonar/internal/clock"
)

// authority signs certificates for tests.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	n    int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.key = key
	return a
}

// write makes a certificate of the authority and writes the files to dir.
func (a *authority) write(dir, name string) TLSFiles {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	a.n++
	template := &x509.Certificate{SerialNumber: big.NewInt(1 + a.n), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	f := TLSFiles{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"), ClientCA: filepath.Join(dir, "ca.pem")}
	for path, block := range map[string]*pem.Block{f.Cert: {Type: "CERTIFICATE", Bytes: der}, f.Key: {Type: "EC PRIVATE KEY", Bytes: keyDER},
		f.ClientCA: {Type: "CERTIFICATE", Bytes: a.cert.Raw}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
	}
	return f
}

func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// handshake connects to a listener and says how that went, on both sides: with
// TLS 1.3 a client hears of its refusal only when it reads.
func handshake(v *serving, conf *tls.Config) (name string, err error) {
	raw := v.dial()
	c := tls.Client(raw, conf)
	if err := c.HandshakeContext(context.Background()); err != nil {
		return "", err
	}
	if _, err := c.Write([]byte("\r\n\r\n")); err != nil {
		return "", err
	}
	pong := make([]byte, 2)
	if _, err := c.Read(pong); err != nil {
		return "", err
	}
	return c.ConnectionState().PeerCertificates[0].Subject.CommonName, nil
}

func serveTLS(t *testing.T, certs *Certificates) *serving {
	t.Helper()
	v := serve(t, nil)
	_ = v.l.Close()
	var err error
	if v.l, err = v.s.Listen(t.Context(), loopback, certs); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestARenewedCertificateIsTakenWithoutARestart(t *testing.T) {
	t.Parallel()
	a, dir := newAuthority(t), t.TempDir()
	files := a.write(dir, "first.example")
	files.ClientCA = ""
	clk := clock.NewFake(time.Now())
	problems := 0
	certs, err := LoadCertificates(files, clk, func(error) { problems++ })
	if err != nil {
		t.Fatal(err)
	}
	v := serveTLS(t, certs)
	check := func(want string) {
		t.Helper()
		if got, err := handshake(v, &tls.Config{RootCAs: a.pool(), ServerName: want}); err != nil || got != want {
			t.Fatalf("got %q, %v; want %q", got, err, want)
		}
	}
	check("first.example")
	a.write(dir, "second.example")
	check("first.example") // not looked at yet
	clk.Advance(lookPeriod)
	check("second.example")
	if err := os.WriteFile(files.Key, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	clk.Advance(lookPeriod)
	check("second.example")
	if problems != 1 {
		t.Errorf("a broken key was told %d times", problems)
	}
	a.write(dir, "third.example")
	if err := certs.Reload(); err != nil {
		t.Fatal(err)
	}
	check("third.example")
}

func TestClientsShowACertificateWhereOneIsAskedFor(t *testing.T) {
	t.Parallel()
	a, b := newAuthority(t), newAuthority(t)
	files := a.write(t.TempDir(), "zvonar.example")
	certs, err := LoadCertificates(files, clock.System(), nil)
	if err != nil {
		t.Fatal(err)
	}
	v := serveTLS(t, certs)
	pair := func(f TLSFiles) tls.Certificate {
		p, err := tls.LoadX509KeyPair(f.Cert, f.Key)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for name, tc := range map[string]struct {
		certs []tls.Certificate
		max   uint16
		ok    bool
	}{
		"of the authority": {[]tls.Certificate{pair(a.write(t.TempDir(), "peer.example"))}, 0, true},
		"our own":          {[]tls.Certificate{pair(files)}, 0, true},
		"of another":       {[]tls.Certificate{pair(b.write(t.TempDir(), "peer.example"))}, 0, false},
		"none":             {nil, 0, false},
		"an old version":   {[]tls.Certificate{pair(files)}, tls.VersionTLS11, false},
		"1.2, as at least": {[]tls.Certificate{pair(files)}, tls.VersionTLS12, true},
	} {
		_, err := handshake(v, &tls.Config{RootCAs: a.pool(), ServerName: "zvonar.example", Certificates: tc.certs, MaxVersion: tc.max, MinVersion: tls.VersionTLS10})
		if (err == nil) != tc.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
