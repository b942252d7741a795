package providers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"zvonar/internal/calls"
	"zvonar/internal/carrier"
	"zvonar/internal/client"
	"zvonar/media/capture"
	"zvonar/test/daemons"
	"zvonar/test/ports"
)

// extension is what the switch dials at zvonar; the trunk of its INVITEs is "pbx".
const extension = "201"

func TestMain(m *testing.M) { os.Exit(daemons.Main(m)) }

// world is a daemon with a telephone network around it. Make one with newWorld, then the
// simulator of the provider, which drives carrier and is asked under its own address,
// then start the daemon with the keys that name that address.
type world struct {
	*daemons.Process // once it was started

	t       *testing.T
	carrier *carrier.Carrier
	api     *client.Client // of the daemon; usable after start
	base    string         // of its HTTP listener, known from the beginning: for intakes and facades
	dir     string
	sip     int
}

// newWorld starts the carrier; its network is ten times faster than a real one.
func newWorld(t *testing.T) *world {
	t.Helper()
	if testing.Short() {
		t.Skip("the built binary is left out with -short")
	}
	w := &world{t: t, dir: t.TempDir(), sip: ports.Free(t), base: fmt.Sprintf("http://127.0.0.1:%d", ports.Free(t))}
	media := ports.Block(t)
	c, err := carrier.New(carrier.Config{PortMin: media, PortMax: media + 98, PeerAddr: fmt.Sprintf("sip:127.0.0.1:%d", w.sip), Pace: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	w.carrier = c
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), daemons.Patience)
		defer cancel()
		if err := c.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return w
}

// start runs the daemon, also anew with another configuration once it was stopped; extra is further YAML, such as providers: and facades:. Trunk
// "pbx" leads to the carrier, and shows 78005553535.
func (w *world) start(extra string) {
	w.t.Helper()
	media := ports.Block(w.t)
	text := fmt.Sprintf(`data_dir: %q
log: {level: debug, format: text}
http: {listen: %q, public_url: %q}
admin: {listen: "127.0.0.1:%d"}
sip: {listen: ["udp://127.0.0.1:%d"]}
media: {ip: 127.0.0.1, ports: %d-%d}
trunks:
  - {name: pbx, uri: "sip:%s", accept_from: [127.0.0.1/32], options: 0s, numbers: ["78005553535"], max_calls: 50, max_cps: 50}
dialer: {window: {from: "00:00", to: "24:00"}, max_attempts_per_day: 100, countries: [RU]}
%s`, filepath.Join(w.dir, "data"), strings.TrimPrefix(w.base, "http://"), w.base, ports.Free(w.t), w.sip, media, media+98, w.carrier.Addr(), extra)
	if err := os.WriteFile(filepath.Join(w.dir, "zvonar.yaml"), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	if w.Process == nil {
		w.Process = daemons.New(w.t, filepath.Join(w.dir, "zvonar.yaml"), w.answers)
	}
	w.Run()
}

// answers reports whether the daemon takes requests.
func (w *world) answers() bool {
	token, err := os.ReadFile(filepath.Join(w.dir, "data", "admin.token"))
	if err != nil {
		return false
	}
	w.api = &client.Client{Base: w.base, Token: strings.TrimSpace(string(token))}
	_, err = w.api.Trunks(context.Background())
	return err == nil
}

// clip uploads and approves eight seconds of a tune and returns the record_id.
func (w *world) clip() int64 {
	w.t.Helper()
	var file bytes.Buffer
	if err := capture.WriteWAV(&file, 8000, tune(8)); err != nil {
		w.t.Fatal(err)
	}
	rec, err := w.api.AddRecording(context.Background(), "clip.wav", "clip", false, &file)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.api.Do(context.Background(), "POST", "/v1/recordings/"+rec.RecordingID+"/approve", nil, &rec); err != nil || rec.RecordID == nil {
		w.t.Fatalf("approve: %v", err)
	}
	return *rec.RecordID
}

// asks posts a body, to /v1/calls or /v1/bridges, and returns the id of the call.
func (w *world) asks(path string, body map[string]any) string {
	w.t.Helper()
	var c calls.CallView
	if err := w.api.Do(context.Background(), "POST", path, body, &c); err != nil {
		w.t.Fatal(err)
	}
	return c.ID
}

// over waits until the call is completed.
func (w *world) over(id string) (c calls.CallView) {
	w.t.Helper()
	w.Eventually("call "+id+" to end", func() (over bool) {
		var err error
		if c, err = w.api.Call(context.Background(), id); err != nil {
			w.t.Fatal(err)
		}
		return c.Status == calls.StatusCompleted
	})
	return c
}

// ended waits likewise and checks what became of the call, "outcome" or "outcome/reason".
func (w *world) ended(id, want string) calls.CallView {
	w.t.Helper()
	c := w.over(id)
	got := string(*c.Outcome)
	if strings.Contains(want, "/") && c.Reason != nil {
		got += "/" + string(*c.Reason)
	}
	if got != want {
		w.t.Errorf("the call ended %s, want %s; told %s", got, want, w.trail(id))
	}
	return c
}

// events are what was told of a call so far.
func (w *world) events(id string) (list []calls.Event) {
	w.t.Helper()
	err := w.api.CallEvents(context.Background(), id, func(e calls.Event) error {
		list = append(list, e)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// trail is the types of these events, without "call.".
func (w *world) trail(id string) string {
	w.t.Helper()
	var names []string
	for _, e := range w.events(id) {
		names = append(names, strings.TrimPrefix(string(e.Type), "call."))
	}
	return strings.Join(names, " ")
}

// told waits until an event of this type was told of the call, and returns the last.
func (w *world) told(id string, typ calls.EventType) (ev calls.Event) {
	w.t.Helper()
	w.Eventually(string(typ), func() bool {
		list := w.events(id)
		i := slices.IndexFunc(list, func(e calls.Event) bool { return e.Type == typ })
		if i >= 0 {
			ev = list[i]
		}
		return i >= 0
	})
	return ev
}

// seen waits until the carrier's record of a call is complete.
func (w *world) seen(id string) (found carrier.Call) {
	w.t.Helper()
	w.Eventually("the carrier's call to end", func() bool {
		all := w.carrier.Calls()
		i := slices.IndexFunc(all, func(c carrier.Call) bool { return c.ID == id && !c.EndedAt.IsZero() })
		if i >= 0 {
			found = all[i]
		}
		return i >= 0
	})
	return found
}

// refused reports whether err is an answer of the API with this status.
func refused(err error, status int) bool {
	var p *client.Problem
	return errors.As(err, &p) && p.Status == status
}

// serve runs a simulator's HTTP side until the test ends and gives its address. What it
// still does then is waited for.
func serve(t *testing.T, h http.Handler) (base string) {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var answering sync.RWMutex // held for reading by each answer
	over := false
	s := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		answering.RLock()
		defer answering.RUnlock()
		if !over {
			h.ServeHTTP(rw, r)
		}
	})}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Close()
		<-done
		answering.Lock()
		defer answering.Unlock()
		over = true
	})
	return "http://" + l.Addr().String()
}

// tune is seconds of notes in a fixed pseudo-random row, 8 kHz mono.
func tune(seconds float64) []int16 {
	pcm := make([]int16, int(seconds*8000))
	phase, f := 0.0, 0.0
	for i := range pcm {
		if i%1200 == 0 {
			f = 300 + float64((i/1200*7919)%1700)
		}
		phase += 2 * math.Pi * f / 8000
		pcm[i] = int16(9000 * math.Sin(phase))
	}
	return pcm
}
