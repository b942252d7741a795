package carrier

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/media"
	"zvonar/media/capture"
	"zvonar/sip"
	"zvonar/sip/trunk"
)

// Config of a Carrier. The zero value of a field is its default.
type Config struct {
	Listen     string     // "udp://127.0.0.1:5070"; default udp://127.0.0.1:0 (a free port)
	HTTPListen string     // "127.0.0.1:5071"; default 127.0.0.1:0
	MediaIP    netip.Addr // default: the address of Listen
	PortMin    int        // first RTP port, even; default 30000
	PortMax    int        // default PortMin + 1998
	// PeerAddr is the SIP URI of zvonar, for calls that the carrier places.
	PeerAddr string // default sip:127.0.0.1:5060
	// AcceptFrom are the sources whose INVITEs are answered; default loopback.
	AcceptFrom []netip.Prefix
	// Token, if set, is demanded by the HTTP API.
	Token string
	// CallerID is the From of PBX calls; "" shows the client's phone.
	CallerID string
	// Aliases let further numbers behave like a magic one: number → number or suffix.
	Aliases map[string]string
	// OutDir is where the audio of each call is written as WAV; "" writes none.
	OutDir string
	// Pace scales the delays of the network (ringing, answering): 0.1 is ten
	// times faster; default 1. What lasts as long as its audio is not scaled.
	Pace     float64
	MaxCalls int           // at once; further ones get 503; default 200
	MaxCall  time.Duration // longest call; default 10 min
	Clock    clock.Clock
	IDs      *clock.IDs
	Log      *slog.Logger
}

// trunkName is the carrier's trunk to zvonar.
const trunkName = "zvonar"

// Carrier is the fake telephone network. Make one with New.
type Carrier struct {
	cfg    Config
	ua     *sip.UA
	media  *media.Engine
	http   *http.Server
	sounds soundSet
	log    *callLog

	httpAddr netip.AddrPort // set by Start
	serving  sync.WaitGroup // the HTTP server

	mu      sync.Mutex
	running bool             // calls are taken
	live    map[string]*call // by id
	calls   sync.WaitGroup   // goroutines of live
}

// New checks the configuration; nothing is opened yet.
func New(cfg Config) (*Carrier, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	engine, err := media.NewEngine(media.Config{IP: cfg.MediaIP, PortMin: cfg.PortMin, PortMax: cfg.PortMax, Log: cfg.Log})
	if err != nil {
		return nil, fmt.Errorf("media of the test carrier: %w", err)
	}
	trunks, err := trunk.NewSet([]trunk.Config{{
		Name: trunkName, URI: cfg.PeerAddr, AcceptFrom: cfg.AcceptFrom, MaxCalls: cfg.MaxCalls,
	}})
	if err != nil {
		return nil, fmt.Errorf("peer of the test carrier: %w", err)
	}
	ua, err := sip.New(sip.Config{
		Listen: []string{cfg.Listen}, UserAgent: "zvonar-carrier", Trunks: trunks, Media: engine,
		Clock: cfg.Clock, IDs: cfg.IDs, Log: cfg.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("user agent of the test carrier: %w", err)
	}
	c := &Carrier{cfg: cfg, ua: ua, media: engine, sounds: sounds(), log: newCallLog(), live: map[string]*call{}}
	c.http = c.server()
	ua.OnInvite(c.onInvite)
	return c, nil
}

// complete fills in the defaults and refuses what cannot work.
func (cfg *Config) complete() error {
	if cfg.Listen == "" {
		cfg.Listen = "udp://127.0.0.1:0"
	}
	if cfg.HTTPListen == "" {
		cfg.HTTPListen = "127.0.0.1:0"
	}
	listen, err := listenAddr(cfg.Listen)
	if err != nil {
		return err
	}
	if !cfg.MediaIP.IsValid() {
		cfg.MediaIP = listen.Addr()
	}
	if cfg.PortMin == 0 {
		cfg.PortMin = 30000
	}
	if cfg.PortMax == 0 {
		cfg.PortMax = cfg.PortMin + 1998
	}
	if cfg.PeerAddr == "" {
		cfg.PeerAddr = "sip:127.0.0.1:5060"
	}
	if len(cfg.AcceptFrom) == 0 {
		cfg.AcceptFrom = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	}
	if cfg.Pace == 0 {
		cfg.Pace = 1
	}
	if cfg.Pace < 0 || cfg.Pace > 100 {
		return calls.Errorf(calls.CodeInvalidField, "pace must be between 0 and 100, not %g", cfg.Pace)
	}
	if cfg.MaxCalls <= 0 {
		cfg.MaxCalls = 200
	}
	if cfg.MaxCall <= 0 {
		cfg.MaxCall = 10 * time.Minute
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.System()
	}
	if cfg.IDs == nil {
		cfg.IDs = clock.NewIDs(cfg.Clock, nil)
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	for number, like := range cfg.Aliases {
		if _, _, ok := script(magic(like)); !ok {
			return calls.Errorf(calls.CodeInvalidField, "alias of %s: %q is not a magic number or the last four digits of one", number, bounded(like))
		}
	}
	return nil
}

// Start opens the listeners and returns once calls are taken.
func (c *Carrier) Start(ctx context.Context) error {
	if c.cfg.OutDir != "" {
		if err := os.MkdirAll(c.cfg.OutDir, 0o755); err != nil {
			return fmt.Errorf("directory for the audio of calls: %w", err)
		}
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", c.cfg.HTTPListen)
	if err != nil {
		return fmt.Errorf("HTTP listener of the test carrier: %w", err)
	}
	if err := c.startLines(ctx); err != nil {
		return errors.Join(err, l.Close())
	}
	c.httpAddr = l.Addr().(*net.TCPAddr).AddrPort()
	c.serving.Go(func() {
		if err := c.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			c.cfg.Log.Error("test carrier: HTTP server ended", "error", err)
		}
	})
	return nil
}

// startLines starts what calls need.
func (c *Carrier) startLines(ctx context.Context) error {
	if err := c.media.Start(ctx); err != nil {
		return fmt.Errorf("media of the test carrier: %w", err)
	}
	c.mu.Lock()
	c.running = true
	c.mu.Unlock()
	if err := c.ua.Start(ctx); err != nil {
		return errors.Join(fmt.Errorf("user agent of the test carrier: %w", err), c.media.Stop(ctx))
	}
	return nil
}

// Stop hangs up what is left, writes its audio and returns when every goroutine
// has ended, or ctx is over. It may be called twice, and without Start.
func (c *Carrier) Stop(ctx context.Context) error {
	c.mu.Lock()
	was := c.running
	c.running = false
	c.mu.Unlock()
	if !was {
		return nil
	}
	err := errors.Join(c.http.Shutdown(ctx), c.ua.Stop(ctx))
	c.mu.Lock()
	for _, x := range c.live {
		// A client who was never connected has no leg to end him.
		x.on(calls.LegEvent{Kind: calls.LegEnded, Ending: calls.Ending{By: calls.ByZvonar}})
	}
	c.mu.Unlock()
	c.calls.Wait()
	c.serving.Wait()
	return errors.Join(err, c.media.Stop(ctx))
}

// Addr is the bound SIP address; valid after Start.
func (c *Carrier) Addr() netip.AddrPort { return c.ua.Addr("udp") }

// HTTPAddr is the bound address of the HTTP API; valid after Start.
func (c *Carrier) HTTPAddr() netip.AddrPort { return c.httpAddr }

// Calls lists the newest thousand calls, oldest first.
func (c *Carrier) Calls() []Call { return c.log.all() }

// Heard is what the callee (or, on a call the carrier placed, the caller) heard
// in call id: 8 kHz mono. It is there once the call is over, for the newest 64.
func (c *Carrier) Heard(id string) ([]int16, bool) { return c.log.heard(id) }

// paced is a delay of the network at the carrier's pace.
func (c *Carrier) paced(d time.Duration) time.Duration {
	return time.Duration(float64(d) * c.cfg.Pace)
}

// delay is how long a step waits.
func (c *Carrier) delay(s step) time.Duration {
	if s.unit == talk {
		return s.after
	}
	return c.paced(s.after)
}

// keepAudio stores what was heard in rec's call and notes its length.
func (c *Carrier) keepAudio(rec *Call, pcm []int16) {
	rec.HeardMS = int64(len(pcm)) * 1000 / sampleRate
	c.log.putAudio(rec.ID, pcm)
	if c.cfg.OutDir == "" || len(pcm) == 0 {
		return
	}
	name := filepath.Join(c.cfg.OutDir, rec.Number+"_"+rec.ID+".wav")
	if err := writeFile(name, pcm); err != nil {
		c.cfg.Log.Error("test carrier: audio of a call was not written", "file", name, "error", err)
		return
	}
	rec.WAV = name
}

// writeFile writes a WAV file of 8 kHz mono samples.
func writeFile(name string, pcm []int16) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return capture.WriteWAV(f, sampleRate, pcm)
}
