package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// AdminConfig of the admin listener.
type AdminConfig struct {
	Listen   string // host:port; port 0 picks one, see Addr
	Gatherer prometheus.Gatherer
	// Ready says why the daemon cannot take calls now; nil where it can.
	Ready func() error
	// Note is what /readyz adds where it is ready but not well; "": nothing.
	Note func() string
	Log  *slog.Logger // nil: discarded
}

// AdminServer serves /metrics, /livez, /readyz and, on a loopback address only,
// /debug/pprof. It asks for no token: keep it off the network.
type AdminServer struct {
	cfg  AdminConfig
	http *http.Server

	mu       sync.Mutex
	listener net.Listener
	served   sync.WaitGroup
}

// NewAdmin builds the admin server.
func NewAdmin(cfg AdminConfig) *AdminServer {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Gatherer == nil {
		cfg.Gatherer = prometheus.NewRegistry()
	}
	if cfg.Ready == nil {
		cfg.Ready = func() error { return nil }
	}
	if cfg.Note == nil {
		cfg.Note = func() string { return "" }
	}
	a := &AdminServer{cfg: cfg}
	a.http = &http.Server{
		Handler: a.Handler(), ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
	}
	return a
}

// Handler is the admin listener's handler, for tests.
func (a *AdminServer) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.cfg.Gatherer, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := a.cfg.Ready(); err != nil {
			plain(w, http.StatusServiceUnavailable, "not ready: "+err.Error())
			return
		}
		if note := a.cfg.Note(); note != "" {
			plain(w, http.StatusOK, "ok, but "+note)
			return
		}
		plain(w, http.StatusOK, "ok")
	})
	if IsLoopback(a.cfg.Listen) {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return mux
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n")
}

// Start opens the listener and returns once it serves.
func (a *AdminServer) Start(ctx context.Context) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", a.cfg.Listen)
	if err != nil {
		return fmt.Errorf("admin.listen %s: %w", a.cfg.Listen, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.listener != nil {
		_ = l.Close()
		return errors.New("admin: started twice")
	}
	a.listener = l
	a.served.Go(func() { serve(a.http, l, a.cfg.Log) })
	return nil
}

// Addr is the bound address; nil before Start.
func (a *AdminServer) Addr() net.Addr {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.listener == nil {
		return nil
	}
	return a.listener.Addr()
}

// Stop closes the listener and waits for requests in progress until ctx ends.
// It may be called twice and without Start.
func (a *AdminServer) Stop(ctx context.Context) error { return shutdown(ctx, a.http, &a.served) }

// IsLoopback reports whether a listen address is reachable from this machine only.
func IsLoopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
