package config

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"zvonar/internal/calls"
)

func checkHTTP(cfg *Config, r *report) {
	ok := r.hostPort("http.listen", cfg.HTTP.Listen)
	r.hostPort("admin.listen", cfg.Admin.Listen)
	if cfg.HTTP.Listen == cfg.Admin.Listen && !strings.HasSuffix(cfg.HTTP.Listen, ":0") {
		r.bad("admin.listen", "is the same address as http.listen; the admin listener needs its own")
	}
	r.tls("http.tls", cfg.HTTP.TLS)
	if u, err := url.Parse(cfg.HTTP.PublicURL); cfg.HTTP.PublicURL != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" ||
		u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil) {
		r.bad("http.public_url", "must be an address like https://zvonar.example.com, without anything behind ? or #")
	}
	if n := cfg.HTTP.Streams.Max; n < 1 || n > 10000 {
		r.bad("http.streams.max", "%d is outside 1 to 10000", n)
	}
	if n := cfg.HTTP.Streams.PerToken; n < 1 || n > 10000 {
		r.bad("http.streams.per_token", "%d is outside 1 to 10000", n)
	}
	if !ok || loopback(cfg.HTTP.Listen) {
		return
	}
	if len(cfg.Tokens) == 0 {
		r.bad("http.listen", "%s can be reached by others and there are no tokens; add tokens, or listen on 127.0.0.1", cfg.HTTP.Listen)
	}
	if !cfg.HTTP.TLS.On() {
		r.bad("http.listen", "%s can be reached by others and there is no TLS; set http.tls.cert and http.tls.key, or listen on 127.0.0.1 behind a proxy that has it", cfg.HTTP.Listen)
	}
}

// hostPort reports what is not an address to listen on.
func (r *report) hostPort(path, value string) bool {
	host, port, err := net.SplitHostPort(value)
	n, bad := strconv.ParseUint(port, 10, 16)
	if err != nil || bad != nil || port != strconv.FormatUint(n, 10) {
		r.bad(path, "%s is not an address to listen on; write it like 127.0.0.1:8080", quote(value))
		return false
	}
	if host != "" && host != "localhost" && net.ParseIP(host) == nil {
		r.bad(path, "%s does not begin with an IP address; write it like 127.0.0.1:8080", quote(value))
		return false
	}
	return true
}

// loopback reports whether only this machine can reach a listener.
func loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// tls checks the certificate of the listener at path.
func (r *report) tls(path string, t TLS) {
	cert, key, clientCA := join(path, "cert"), join(path, "key"), join(path, "client_ca")
	switch {
	case t.Cert == "" && t.Key == "":
		if t.ClientCA != "" {
			r.bad(clientCA, "clients cannot show certificates without TLS; set %s and %s too", cert, key)
		}
		return
	case t.Cert == "":
		r.bad(key, "there is a key without a certificate; set %s too", cert)
		return
	case t.Key == "":
		r.bad(cert, "there is a certificate without its key; set %s too", key)
		return
	}
	certOK, keyOK := r.readable(cert, t.Cert), r.readable(key, t.Key)
	if certOK && keyOK {
		if _, err := tls.LoadX509KeyPair(t.Cert, t.Key); err != nil {
			r.bad(cert, "certificate and key cannot be used together: %v", err)
		}
	}
	if t.ClientCA != "" {
		r.authorities(clientCA, t.ClientCA)
	}
}

// authorities reports a file that holds no certificate.
func (r *report) authorities(path, file string) {
	if !r.readable(path, file) {
		return
	}
	if pem, err := readFile(file, maxFile); err != nil || !x509.NewCertPool().AppendCertsFromPEM(pem) {
		r.bad(path, "%s holds no certificate in PEM", file)
	}
}

// readable reports a file that cannot be read.
func (r *report) readable(path, name string) bool {
	if _, err := readFile(name, maxFile); err != nil {
		r.bad(path, "%s", err)
		return false
	}
	return true
}

const (
	leastToken = 16 // characters: what is shorter can be guessed
	mostToken  = 256
)

func checkTokens(cfg *Config, r *report) {
	for i, t := range cfg.Tokens {
		at := element("tokens", i)
		r.name(join(at, "name"), t.Name)
		switch s := t.Token.Reveal(); {
		case s == "":
			r.bad(join(at, "token"), "a token needs its secret as token or token_file; make one with: openssl rand -hex 24")
		case len(s) < leastToken || len(s) > mostToken:
			r.bad(join(at, "token"), "a token has %d to %d characters; make one with: openssl rand -hex 24", leastToken, mostToken)
		case strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' }):
			r.bad(join(at, "token"), "a token has only letters, digits and signs of ASCII, no blanks")
		}
		if len(t.Roles) == 0 {
			r.bad(join(at, "roles"), "a token without roles may nothing; give it some of: %s", strings.Join(roles, ", "))
		}
		for j, n := range t.AllowFrom {
			if n.Bits() == 0 {
				r.bad(element(join(at, "allow_from"), j), "%s is everybody; leave the list empty for that", n)
			}
		}
		for j, role := range t.Roles {
			r.oneOf(element(join(at, "roles"), j), string(role), roles...)
		}
	}
	unique(r, "tokens", cfg.Tokens, "name", func(t Token) string { return t.Name })
	unique(r, "tokens", cfg.Tokens, "token", func(t Token) string { return t.Token.Reveal() })
}

var roles = []string{string(calls.PermViewer), string(calls.PermCaller), string(calls.PermModerator), string(calls.PermOperator), string(calls.PermAdmin)}

func checkWebhooks(cfg *Config, r *report) {
	types := calls.EventTypes()
	for i, w := range cfg.Webhooks {
		at := element("webhooks", i)
		if u, err := url.Parse(w.URL); err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" || u.Fragment != "" {
			r.bad(join(at, "url"), "must be a whole address like https://bot.example.net/hook")
		}
		if plain := w.Kind == "" || w.Kind == calls.KindWebhook; !plain { // its sink judges
		} else if !webhookSecret(w.Secret.Reveal()) {
			r.bad(join(at, "secret"), `a webhook secret is whsec_ followed by the base64 of 16 to 128 random bytes; make one with: echo "whsec_$(openssl rand -base64 24)"`)
		}
		for j, t := range w.Types {
			if !slices.Contains(types, t) {
				r.bad(element(join(at, "types"), j), "there is no event type %s; see docs/events.md", quote(string(t)))
			}
		}
	}
	unique(r, "webhooks", cfg.Webhooks, "url", func(w Webhook) string { return strings.TrimSpace(w.Kind + " " + w.URL) })
}

// webhookSecret reports whether s can sign (Standard Webhooks).
func webhookSecret(s string) bool {
	text, ok := strings.CutPrefix(s, "whsec_")
	if !ok {
		return false
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		key, err = base64.RawStdEncoding.DecodeString(text)
	}
	return err == nil && len(key) >= 16 && len(key) <= 128
}

// checkDataDir reports a directory that cannot be written or made. Nothing is
// left behind in it.
func checkDataDir(dir string, r *report) {
	if dir == "" {
		r.bad("data_dir", "a directory is needed for the database and the clips; write one like ./data")
		return
	}
	at := filepath.Clean(dir)
	for {
		info, err := os.Stat(at)
		switch {
		case err == nil && !info.IsDir():
			r.bad("data_dir", "%s is a file; name a directory", at)
			return
		case err == nil:
			if !writable(at) {
				r.bad("data_dir", "%s may not be written by this user; change its owner, or name another directory", at)
			}
			return
		case filepath.Dir(at) == at:
			r.bad("data_dir", "%s cannot be made: %v", dir, err)
			return
		}
		at = filepath.Dir(at)
	}
}

// writable tries whether a file can be made in dir.
func writable(dir string) bool {
	f, err := os.CreateTemp(dir, ".zvonar-check-*")
	if err != nil {
		return false
	}
	_ = f.Close() // nothing was written
	return os.Remove(f.Name()) == nil
}
