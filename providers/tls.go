package providers

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// TLS is how a provider's address is spoken to: a struct for the settings of a
// folder (key tls). The zero value is TLS where the address says https, with the
// certificates that the system trusts.
type TLS struct {
	// Mode is on or off; off speaks plain HTTP to an address that says https. "": on.
	Mode string `yaml:"mode"`
	// Trust are files with certificates (PEM) that are trusted besides the system's:
	// of authorities, or the other side's own.
	Trust []string `yaml:"trust"`
	// Cert and Key are files with our own certificate and its key, where the other
	// side asks for one.
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
	// ServerName is the name that the other side's certificate must bear; "": that of
	// the address.
	ServerName string `yaml:"server_name"`
}

// The modes of TLS.
const (
	TLSOn  = "on"
	TLSOff = "off"
)

// Check reads what the files hold; an error names the key.
func (t TLS) Check() error {
	_, err := t.config()
	return err
}

// Off reports whether plain HTTP is spoken to an address that says https.
func (t TLS) Off() bool { return t.Mode == TLSOff }

// config reads the files.
func (t TLS) config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	switch t.Mode {
	case "", TLSOn, TLSOff:
	default:
		return nil, errors.New("tls.mode: must be on or off")
	}
	if (t.Cert == "") != (t.Key == "") {
		return nil, errors.New("tls.cert: a certificate and its key belong together; set both cert and key")
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("tls.cert: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if len(t.Trust) == 0 {
		return c, nil
	}
	c.RootCAs = systemRoots()
	for i, name := range t.Trust {
		pem, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("tls.trust[%d]: %w", i, err)
		}
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls.trust[%d]: %s holds no certificate", i, name)
		}
	}
	return c, nil
}

func systemRoots() *x509.CertPool {
	if pool, err := x509.SystemCertPool(); err == nil {
		return pool
	}
	return x509.NewCertPool()
}

// Peer is what people changed, while we run, of how a provider is spoken to.
type Peer struct {
	Mode  string   // on, off; "": as the settings say
	Trust [][]byte // certificates (PEM) that are trusted besides those of the settings
}

// Peers know the peer of each configured provider. They are asked at every
// connection and must not wait for long.
type Peers interface {
	Peer(provider string) Peer
}

// peerTLS dials as settings and people say at that moment.
type peerTLS struct {
	base     *tls.Config
	off      bool // by the settings
	provider string
	peers    Peers // nil: nobody changes anything
	timeout  time.Duration
}

func (p peerTLS) peer() Peer {
	if p.peers == nil || p.provider == "" {
		return Peer{}
	}
	return p.peers.Peer(p.provider)
}

// plain reports whether https is spoken without TLS now.
func (p peerTLS) plain() bool {
	mode := p.peer().Mode
	return mode == TLSOff || mode == "" && p.off
}

// dial makes a TLS connection.
func (p peerTLS) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c := p.base.Clone()
	if trust := p.peer().Trust; len(trust) > 0 {
		if c.RootCAs == nil {
			c.RootCAs = systemRoots()
		} else {
			c.RootCAs = c.RootCAs.Clone()
		}
		for _, pem := range trust {
			c.RootCAs.AppendCertsFromPEM(pem)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	return (&tls.Dialer{NetDialer: &net.Dialer{}, Config: c}).DialContext(ctx, network, addr)
}
