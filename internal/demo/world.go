package demo

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
	"time"

	"zvonar/internal/carrier"
	"zvonar/internal/client"
)

// pace makes the test carrier's network ten times faster than a real one.
const pace = 0.1

// world is everything that runs during the demo.
type world struct {
	dir      string // temporary; removed by close
	out      string // where the audio stays
	receiver *receiver
	carrier  *carrier.Carrier
	system   System
	api      *client.Client
	http     *http.Client // of api
}

// build starts the receiver, the carrier and the daemon.
func build(ctx context.Context, cfg Config) (w *world, err error) {
	w = &world{out: cfg.Out}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	if w.dir, err = os.MkdirTemp(cfg.TempDir, "zvonar-demo-"); err != nil {
		return w, fmt.Errorf("temporary directory: %w", err)
	}
	if err := forgetOld(w.out); err != nil {
		return w, err
	}
	w.receiver = newReceiver()
	if err := w.receiver.start(ctx); err != nil {
		return w, err
	}
	sipPort, err := freePort()
	if err != nil {
		return w, err
	}
	w.carrier, err = carrier.New(carrier.Config{
		PortMin: 22000, PortMax: 23998, PeerAddr: fmt.Sprintf("sip:127.0.0.1:%d", sipPort),
		OutDir: w.out, Pace: pace, Token: "demo-pbx", Log: cfg.Log.With("part", "carrier"),
	})
	if err != nil {
		return w, err
	}
	if err := w.carrier.Start(ctx); err != nil {
		return w, err
	}
	file := filepath.Join(w.dir, "zvonar.yaml")
	text := configuration(filepath.Join(w.dir, "data"), sipPort, w.carrier.Addr(), w.carrier.HTTPAddr(), w.receiver)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return w, fmt.Errorf("configuration of the daemon: %w", err)
	}
	if w.system, err = cfg.Start(ctx, Overrides{ConfigFile: file, Log: cfg.Log}); err != nil {
		return w, fmt.Errorf("the daemon did not start: %w", err)
	}
	w.http = &http.Client{Transport: &http.Transport{}}
	w.api = &client.Client{Base: w.system.APIBase(), Token: w.system.Token(), HTTP: w.http, Pause: 200 * time.Millisecond}
	return w, nil
}

// How long the daemon may wait for its calls to end (they are over, unless the
// demo was interrupted), and the carrier for the daemon's farewells.
const (
	drainLimit = 2 * time.Second
	closeLimit = 10 * time.Second
)

// close stops what runs and removes the temporary data.
func (w *world) close() error {
	var errs []error
	stop := func(f func(context.Context) error, limit time.Duration) {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		errs = append(errs, f(ctx))
	}
	if w.http != nil {
		w.http.CloseIdleConnections()
	}
	if w.system != nil {
		stop(w.system.Stop, drainLimit)
	}
	if w.carrier != nil {
		stop(w.carrier.Stop, closeLimit)
	}
	if w.receiver != nil {
		w.receiver.stop()
	}
	if w.dir != "" {
		errs = append(errs, os.RemoveAll(w.dir))
	}
	return errors.Join(errs...)
}

// forgetOld removes what an earlier demo wrote to dir: files with the carrier's
// own names, and nothing else.
func forgetOld(dir string) error {
	old, err := filepath.Glob(filepath.Join(dir, carrier.Prefix+"????_tc_*.wav"))
	if err != nil {
		return fmt.Errorf("directory for what callees heard: %w", err)
	}
	for _, file := range old {
		if err := os.Remove(file); err != nil {
			return fmt.Errorf("audio of an earlier demo: %w", err)
		}
	}
	return nil
}

// freePort finds a UDP port that is free now: the carrier and the daemon have to
// know each other's address before both run.
func freePort() (int, error) {
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("free port for SIP: %w", err)
	}
	port := c.LocalAddr().(*net.UDPAddr).Port
	return port, c.Close()
}

// configuration is the daemon's, as an operator would write it (DESIGN 4.2).
func configuration(data string, sipPort int, sipPeer, pbx netip.AddrPort, r *receiver) string {
	return fmt.Sprintf(`node: demo
data_dir: %[1]q
store_reserve: 0
log: {level: warn, format: text}
http: {listen: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0"}
sip: {listen: ["udp://127.0.0.1:%[2]d"]}
media: {ip: 127.0.0.1, ports: 20000-21998, codecs: [PCMA, PCMU]}
trunks:
  - {name: main, uri: "sip:%[3]s", accept_from: [127.0.0.1/32], numbers: ["%[5]s"], max_calls: 50, max_cps: 20, codecs: [PCMA]}
inbound:
  - {number: "%[5]s", trunk: main, flow: {record: %[6]d, digits: []}}
webhooks:
  - {url: %[7]q, secret: %[8]q}
recordings: {first_id: %[6]d}
dialer: {window: {from: "00:00", to: "24:00"}, countries: [RU]}
facades:
  - {kind: zvonobot}
providers:
  - name: cloud
    kind: http
    url: "http://%[4]s/api/callback"
    headers: {Content-Type: application/json}
    body: '{"extension":"{{.Extension}}","phone":"{{.To}}","order":"client_first","token":"demo-pbx"}'
    success: {path: result, equals: ok}
    call_id: {path: call_id}
    error: {path: error}
    trunk: main
    extension: "%[9]s"
    match_caller: true
    ready: answer
`, data, sipPort, sipPeer, pbx, line, firstRecord, r.url, r.secret(), extension)
}

// System is the running daemon, as far as the demo knows it.
type System interface {
	APIBase() string // "http://127.0.0.1:PORT"
	Token() string   // of an administrator
	// Stop drains until ctx is over, then ends the daemon, and returns once all
	// of it has ended.
	Stop(ctx context.Context) error
}

// Overrides is what the demo asks of the daemon's start.
type Overrides struct {
	ConfigFile string // complete configuration
	Log        *slog.Logger
}
