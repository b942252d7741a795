package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"zvonar/internal/calls"
)

// Mounts is what others answer on our listeners: facades in the dialects of
// providers, and what providers tell us. They speak for themselves: neither the rule that
// bodies are JSON nor problem documents are theirs. Limits, deadlines, counts and
// the guard against panics are those of the API.
type Mounts struct {
	// Facades answer under /compat/KIND/, by kind. That prefix is taken off, and
	// several slashes in a row are one, for clients put addresses together carelessly.
	Facades map[string]http.Handler
	// Listeners are for facades whose clients cannot take a path.
	Listeners []Listener
	// Intakes hear the callbacks of providers.
	Intakes []Intake
}

// Listener is a facade at an address of its own.
type Listener struct {
	Kind    string
	Listen  string // host:port; port 0 picks one, see ListenerAddr
	TLS     TLS
	Handler http.Handler
}

// Intake is where one provider's callbacks come in: /intake/NAME/SECRET/…; what is
// left of the path begins with a slash.
type Intake struct {
	Name, Secret string
	AllowFrom    []netip.Prefix // empty: anywhere
	Handler      http.Handler
}

const (
	compatPath = "/compat/"
	intakePath = "/intake/"
)

// isMounted tells requests that are not of the API.
func isMounted(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, compatPath) || strings.HasPrefix(r.URL.Path, intakePath) || foreignListener(r)
}

type listenerKey struct{}

// foreignListener reports whether r came to the listener of a facade.
func foreignListener(r *http.Request) bool {
	return r.Context().Value(listenerKey{}) != nil
}

// serveMounted answers what is not of the API; false: it is.
func (s *Server) serveMounted(w http.ResponseWriter, r *http.Request) bool {
	switch {
	case strings.HasPrefix(r.URL.Path, compatPath):
		kind, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, compatPath), "/")
		h := s.cfg.Mounts.Facades[kind]
		if h == nil {
			return false
		}
		s.mount(kind, h, compatPath+kind).ServeHTTP(w, r)
	case strings.HasPrefix(r.URL.Path, intakePath):
		s.serveIntake(w, r)
	default:
		return false
	}
	return true
}

// mount puts the deadline of a body around a facade and takes prefix off.
func (s *Server) mount(kind string, h http.Handler, prefix string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Pattern = r.Method + " " + compatPath + kind + "/" // for the metrics
		h.ServeHTTP(w, under(prefix, bounded(w, r)))
	})
}

// under is r as it is asked below prefix: that is taken off, and slashes in a row
// are one.
func under(prefix string, r *http.Request) *http.Request {
	u := *r.URL
	u.Path = singleSlashes(strings.TrimPrefix(u.Path, prefix))
	if u.RawPath != "" {
		if u.RawPath = singleSlashes(strings.TrimPrefix(u.RawPath, prefix)); !sameDecoded(&u) {
			u.RawPath = ""
		}
	}
	below := *r
	below.URL, below.RequestURI = &u, u.RequestURI()
	return &below
}

// sameDecoded reports whether the raw path of u still spells its path.
func sameDecoded(u *url.URL) bool {
	path, err := url.PathUnescape(u.RawPath)
	return err == nil && path == u.Path
}

// singleSlashes makes slashes in a row one, and puts one at the beginning.
func singleSlashes(path string) string {
	var b strings.Builder
	b.WriteByte('/')
	last := byte('/')
	for i := range len(path) {
		if path[i] != '/' || last != '/' {
			b.WriteByte(path[i])
		}
		last = path[i]
	}
	return b.String()
}

// bounded gives the sender of a body a time limit, which ends with the body.
func bounded(w http.ResponseWriter, r *http.Request) *http.Request {
	if r.ContentLength == 0 {
		return r
	}
	control := http.NewResponseController(w)
	if control.SetReadDeadline(time.Now().Add(bodyTimeout)) != nil {
		return r
	}
	r.Body = &timedBody{ReadCloser: r.Body, done: func() { _ = control.SetReadDeadline(time.Time{}) }}
	return r
}

// timedBody lifts the time limit of a body once it is read: what comes after it has
// none, and the connection is watched for its end.
type timedBody struct {
	io.ReadCloser
	done func()
}

// Read implements io.Reader.
func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.done()
	}
	return n, err
}

// serveIntake hears one callback. Guessing the secret is slowed down like guessing a
// token, and a wrong one looks like no path at all.
func (s *Server) serveIntake(w http.ResponseWriter, r *http.Request) {
	r.Pattern = r.Method + " " + intakePath + "{provider}/" // for the metrics
	name, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, intakePath), "/")
	secret, _, _ := strings.Cut(rest, "/")
	in, p := s.intakeOf(r, name, secret)
	if p != nil {
		p.write(w, requestOf(r.Context()).id)
		return
	}
	in.Handler.ServeHTTP(w, under(intakePath+name+"/"+secret, bounded(w, r)))
}

// intakeOf finds the intake that a request may speak to.
func (s *Server) intakeOf(r *http.Request, name, secret string) (*Intake, *Problem) {
	given := sha256.Sum256([]byte(name + "/" + secret))
	if p := s.slowDown(r, given); p != nil {
		return nil, p
	}
	source, now := sourceOf(r.RemoteAddr), s.clock.Now()
	i := slices.IndexFunc(s.cfg.Mounts.Intakes, func(in Intake) bool {
		want := sha256.Sum256([]byte(in.Name + "/" + in.Secret))
		return in.Secret != "" && subtle.ConstantTimeCompare(given[:], want[:]) == 1
	})
	if i < 0 {
		s.guard.failed(source, now)
		s.metrics.refused.WithLabelValues("token").Inc()
		return nil, newProblem(calls.CodeNotFound, noSuchPath)
	}
	in := &s.cfg.Mounts.Intakes[i]
	if !(&bookEntry{from: in.AllowFrom}).allows(r.RemoteAddr) {
		s.guard.failed(source, now)
		s.metrics.refused.WithLabelValues("address").Inc()
		s.log.Warn("a callback was refused: its source is not in intake.allow_from", "provider", name, "source", source)
		return nil, newProblem(calls.CodeForbidden, "callbacks of this provider are not taken from your address")
	}
	s.guard.succeeded(source, given, now)
	return in, nil
}

// openListener is a listener of a facade that serves.
type openListener struct {
	server *http.Server
	net.Listener
}

// listen opens the listeners of the facades. mu is held.
func (s *Server) listenForFacades(ctx context.Context) error {
	for _, l := range s.cfg.Mounts.Listeners {
		config, err := l.TLS.load()
		if err != nil {
			return fmt.Errorf("facade %s: %w", l.Kind, err)
		}
		sock, err := (&net.ListenConfig{}).Listen(ctx, "tcp", l.Listen)
		if err != nil {
			return fmt.Errorf("facade %s: %s: %w", l.Kind, l.Listen, err)
		}
		handler := s.chain(s.mount(l.Kind, l.Handler, ""))
		server := s.newHTTPServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			handler.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), listenerKey{}, l.Kind)))
		}))
		s.facades = append(s.facades, openListener{server, sock})
		if config != nil {
			sock = tls.NewListener(sock, config)
		}
		s.served.Go(func() { serve(server, sock, s.log) })
	}
	return nil
}

// ListenerAddr is the bound address of the n-th listener of Mounts; nil before Start.
func (s *Server) ListenerAddr(n int) net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n >= len(s.facades) {
		return nil
	}
	return s.facades[n].Addr()
}
