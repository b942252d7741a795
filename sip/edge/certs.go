package edge

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"zvonar/internal/clock"
)

// TLSFiles names what a TLS listener needs, in PEM.
type TLSFiles struct {
	Cert, Key string
	ClientCA  string // peers must show a certificate of it; "": none
}

// lookPeriod is how often the files are looked at; a handshake in between takes
// what was read last.
const lookPeriod = 10 * time.Second

// Certificates are the certificate and the authority of the listeners, read anew
// when a file changes. What does not load leaves the old ones in use.
type Certificates struct {
	files   TLSFiles
	clock   clock.Clock
	problem func(error) // files that changed for the worse; may be nil

	mu     sync.Mutex
	looked time.Time
	stamps [3]stamp
	conf   *tls.Config
}

type stamp struct {
	changed time.Time
	size    int64
}

// LoadCertificates reads the files.
func LoadCertificates(files TLSFiles, clk clock.Clock, problem func(error)) (*Certificates, error) {
	c := &Certificates{files: files, clock: clk, problem: problem}
	return c, c.Reload()
}

// Reload reads the files now. On an error the former ones stay in use.
func (c *Certificates) Reload() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reload(c.look())
}

func (c *Certificates) reload(now [3]stamp) error {
	c.looked = c.clock.Now()
	pair, err := tls.LoadX509KeyPair(c.files.Cert, c.files.Key)
	if err != nil {
		return fmt.Errorf("sip.tls: %w", err)
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	if c.files.ClientCA != "" {
		if conf.ClientCAs, err = Authorities(c.files.ClientCA); err != nil {
			return fmt.Errorf("sip.tls: %w", err)
		}
		// Verified below: our own certificate, with which the self-test comes, need
		// not be of that authority.
		conf.ClientAuth = tls.RequireAnyClientCert
		own, authority := pair.Certificate[0], conf.ClientCAs
		conf.VerifyConnection = func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) > 0 && bytes.Equal(state.PeerCertificates[0].Raw, own) {
				return nil
			}
			return verifyPeer(state.PeerCertificates, authority)
		}
	}
	c.conf, c.stamps = conf, now
	return nil
}

func (c *Certificates) look() (now [3]stamp) {
	for i, name := range []string{c.files.Cert, c.files.Key, c.files.ClientCA} {
		if info, err := os.Stat(name); name != "" && err == nil {
			now[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return now
}

// Current is the configuration of a listener, of files that are fresh.
func (c *Certificates) Current() *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.clock.Now(); t.Sub(c.looked) >= lookPeriod {
		c.looked = t
		if now := c.look(); now != c.stamps {
			if err := c.reload(now); err != nil && c.problem != nil {
				c.problem(err)
			}
		}
	}
	return c.conf
}

// verifyPeer checks a client's chain.
func verifyPeer(chain []*x509.Certificate, authority *x509.CertPool) error {
	if len(chain) == 0 {
		return errors.New("the peer shows no certificate")
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{Roots: authority, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return err
}

// Own is our certificate, for peers that ask who we are.
func (c *Certificates) Own(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	return &c.Current().Certificates[0], nil
}

// Authorities reads the certificates of a PEM file.
func Authorities(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New(file + " holds no certificate in PEM")
	}
	return pool, nil
}
