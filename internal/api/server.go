package api

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/dialer/campaign"
	"zvonar/internal/retention"
)

// Limits that are not configured: no honest client comes near them.
const (
	headerTimeout  = 10 * time.Second
	bodyTimeout    = 15 * time.Second
	uploadTimeout  = 5 * time.Minute
	writeTimeout   = 30 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 32 << 10
)

// TLS names the files of the listener's certificate. Empty Cert is plain HTTP.
type TLS struct {
	Cert, Key string
	ClientCA  string // if set, clients must show a certificate of it
}

// Config of the API. Engine, Store, Recordings, Guard, Clock and IDs are needed.
type Config struct {
	Listen  string // host:port; port 0 picks one, see Addr
	TLS     TLS
	Version string // of the binary, for the OpenAPI document

	Engine     Engine
	Store      calls.Store
	Recordings Recordings
	Jobs       Jobs
	// Fingerprints of announcements; nil: there are none, and none can be added.
	Fingerprints Fingerprints
	Guard        URLGuard
	Eraser       Eraser               // nil: one over Store
	Trunks       func() []TrunkStatus // nil: none
	Accounts     []string             // besides main: a main admin may make tokens for them
	Texts        Texts                // nil: delivery reports are refused
	Tries        Tries                // of destinations; nil: none can be tried out
	Captures     Captures             // nil: none
	Traces       Traces               // SIP messages of calls; nil: none are kept
	Evidence     Evidence             // of verdicts on answers; nil: no sound is kept
	Campaigns    *campaign.Desk       // nil: there are none
	// CaptureLinks open captures without a token.
	CaptureLinks calls.CaptureLinks
	// CheckHook judges destinations of events of any kind, see outbox.Check; nil: there
	// is the kind webhook alone.
	CheckHook func(*calls.Webhook) error
	// ProviderOf is the configured provider of a kind that an account uses, or ""; nil: there are none.
	ProviderOf    func(account, kind string) string
	Subscriptions Subscriptions // nil: no provider has any
	// Mounts are what others answer on our listeners.
	Mounts Mounts
	// Console tries providers and facades; nil: there are none.
	Console Console
	// KeyForms are the kinds of facades that have keys of their own.
	KeyForms map[string]KeyForm
	// BotProvider names the provider by which the bot functions of a kind call for an
	// account, "": our own trunks; nil: always these.
	BotProvider func(account, kind string) string
	// Excludes says why an account may have no destination of events of a kind, where
	// another system of it forbids that; "": it may. nil: every kind is fine.
	Excludes func(account, kind string) (why string)
	// TextCallback lets a service tell of texts by a secret address; nil: none may.
	TextCallback *TextCallback

	// Country is the country of numbers written without a code ("RU").
	Country string
	// Countries are those that may be called.
	Countries []string

	MaxBody       int64 // bytes of a JSON body; 0: 1 MiB
	MaxUpload     int64 // bytes of an upload; 0: 25 MiB
	MaxConcurrent int   // requests at once; 0: 256
	MaxStreams    int   // live event streams at once; 0: 100
	// MaxTokenStreams is how many of them one token may have; 0: 20.
	MaxTokenStreams int
	// StreamPatience is how long a stream's client may not read before it is cut
	// off; 0: 10 s. Real time, for it is the network that is waited for.
	StreamPatience time.Duration

	Clock   clock.Clock
	IDs     *clock.IDs
	Log     *slog.Logger          // nil: discarded
	Metrics prometheus.Registerer // nil: none
}

// Server is the API on its listener.
type Server struct {
	cfg     Config
	log     *slog.Logger
	clock   clock.Clock
	metrics *metrics
	tokens  *tokenBook
	guard   *attemptGuard
	busy    chan struct{} // one element a request in progress
	streams *streams
	tail    *tail
	api     huma.API
	mux     *http.ServeMux
	handler http.Handler
	http    *http.Server

	mu       sync.Mutex
	listener net.Listener
	facades  []openListener // of Mounts.Listeners, in their order
	stopping chan struct{}  // closed by Stop: live streams end
	stopped  bool
	served   sync.WaitGroup
}

// New checks the configuration and declares every endpoint.
func New(cfg Config) (*Server, error) {
	if cfg.Engine == nil || cfg.Store == nil || cfg.Recordings == nil || cfg.Jobs == nil || cfg.Guard == nil || cfg.Clock == nil || cfg.IDs == nil {
		return nil, errors.New("api: Engine, Store, Recordings, Guard, Clock and IDs are needed")
	}
	cfg = withDefaults(cfg)
	m, err := newMetrics(cfg.Metrics)
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, log: cfg.Log, clock: cfg.Clock, metrics: m, mux: http.NewServeMux(),
		tokens: newTokenBook(cfg.Store, cfg.Clock, cfg.Log), guard: newAttemptGuard(),
		busy: make(chan struct{}, cfg.MaxConcurrent), streams: newStreams(cfg.MaxStreams, cfg.MaxTokenStreams), tail: &tail{store: cfg.Store},
		stopping: make(chan struct{}),
	}
	if err := s.declare(); err != nil {
		return nil, err
	}
	s.handler = s.chain(s.route())
	s.http = s.newHTTPServer(s.handler)
	return s, nil
}

func (s *Server) newHTTPServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

func withDefaults(cfg Config) Config {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Trunks == nil {
		cfg.Trunks = func() []TrunkStatus { return nil }
	}
	if cfg.Eraser == nil {
		cfg.Eraser = retention.NewEraser(cfg.Store, cfg.Clock, cfg.IDs)
	}
	if cfg.MaxBody <= 0 {
		cfg.MaxBody = 1 << 20
	}
	if cfg.MaxUpload <= 0 {
		cfg.MaxUpload = 25 << 20
	}
	if cfg.MaxConcurrent <= 0 {
		cfg.MaxConcurrent = 256
	}
	if cfg.MaxStreams <= 0 {
		cfg.MaxStreams = 100
	}
	if cfg.MaxTokenStreams <= 0 {
		cfg.MaxTokenStreams = 20
	}
	if cfg.StreamPatience <= 0 {
		cfg.StreamPatience = 10 * time.Second
	}
	return cfg
}

// Handler is the whole API without a listener, for tests and for mounting.
func (s *Server) Handler() http.Handler { return s.handler }

// Start opens the listener and returns once it serves.
func (s *Server) Start(ctx context.Context) error {
	tlsConfig, err := s.cfg.TLS.load()
	if err != nil {
		return err
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("http.listen %s: %w", s.cfg.Listen, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped || s.listener != nil {
		_ = l.Close()
		return errors.New("api: started twice or after Stop")
	}
	if err := s.listenForFacades(ctx); err != nil {
		_ = l.Close()
		return errors.Join(err, s.closeFacades(ctx))
	}
	s.listener = l
	if tlsConfig != nil {
		l = tls.NewListener(l, tlsConfig)
	}
	s.served.Go(func() { serve(s.http, l, s.log) })
	return nil
}

// Addr is the bound address; nil before Start.
func (s *Server) Addr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return nil
	}
	return s.listener.Addr()
}

// Stop ends live streams, lets requests in progress finish until ctx ends and
// closes the listener. It may be called twice and without Start.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	if !s.stopped {
		s.stopped = true
		close(s.stopping)
	}
	s.mu.Unlock()
	var others sync.WaitGroup
	var err error
	others.Go(func() { err = s.closeFacades(ctx) })
	end := drain(ctx, s.http)
	others.Wait()
	s.served.Wait()
	return errors.Join(end, err)
}

// closeFacades lets the requests of facades' listeners finish until ctx ends.
func (s *Server) closeFacades(ctx context.Context) (err error) {
	for _, f := range s.facades { // none is opened any more
		err = errors.Join(err, drain(ctx, f.server))
	}
	return err
}

// serve runs until the server is shut down.
func serve(srv *http.Server, l net.Listener, log *slog.Logger) {
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		log.Error("http listener ended", "addr", l.Addr().String(), "error", err)
	}
}

// shutdown drains srv until ctx ends, then cuts what is left.
func shutdown(ctx context.Context, srv *http.Server, served *sync.WaitGroup) error {
	err := drain(ctx, srv)
	served.Wait()
	return err
}

func drain(ctx context.Context, srv *http.Server) error {
	err := srv.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("requests were cut off: %w", err), srv.Close())
	}
	return err
}

// load reads the files; nil is plain HTTP.
func (t TLS) load() (*tls.Config, error) {
	if t.Cert == "" && t.Key == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return nil, fmt.Errorf("http.tls: %w", err)
	}
	c := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	if t.ClientCA == "" {
		return c, nil
	}
	pem, err := os.ReadFile(t.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("http.tls.client_ca: %w", err)
	}
	c.ClientCAs = x509.NewCertPool()
	if !c.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("http.tls.client_ca: %s holds no certificate", t.ClientCA)
	}
	c.ClientAuth = tls.RequireAndVerifyClientCert
	return c, nil
}
