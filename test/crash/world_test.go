package crash

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"zvonar/internal/failpoint"
	"zvonar/media/capture"
)

// patience bounds every wait for something that must happen.
const patience = 90 * time.Second

// world is one daemon and everybody around it, on loopback addresses of its own
// so that no port is taken while the daemon is dead.
type world struct {
	t    *testing.T
	n    int
	dir  string // data and configuration of the daemon
	net  string // "127.A.B."
	seed uint64
	rng  *rand.Rand // of the rounds; the load has its own

	store  string // "sqlite", or the URL of a database of PostgreSQL
	token  string
	client *http.Client
	clips  [2]int64

	cmd    *exec.Cmd
	exited chan struct{}
	log    *logFile

	receiver *receiver
	load     *load
	peers    []*peer

	mu       sync.Mutex
	seen     map[string]event
	oddities []string
	copies   []string
	cuts     int // copies that were examined
	tries    int // lives for a copy

	again []string // ids of the calls that used a ref again
}

// logFile keeps the last lives' log on disk.
type logFile struct{ *os.File }

func newWorld(t *testing.T, n int, seed uint64, store string) *world {
	t.Helper()
	w := &world{t: t, n: n, seed: seed, store: store, dir: t.TempDir(), seen: map[string]event{},
		net: fmt.Sprintf("127.%d.%d.", 64+os.Getpid()%120, (os.Getpid()/120*8+n)%250+1),
		rng: rand.New(rand.NewPCG(seed, uint64(n)))}
	w.client = &http.Client{Timeout: 15 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	w.configure()
	f, err := os.Create(filepath.Join(w.dir, "daemon.log"))
	if err != nil {
		t.Fatal(err)
	}
	w.log = &logFile{f}
	t.Cleanup(func() {
		w.endDaemon()
		w.stopPeers()
		f.Close()
		w.client.CloseIdleConnections()
	})
	w.receiver = newReceiver(w)
	return w
}

func (w *world) addr(host, port int) string { return fmt.Sprintf("%s%d:%d", w.net, host, port) }
func (w *world) api() string                { return "http://" + w.addr(1, 8080) }

func (w *world) configure() {
	text := fmt.Sprintf(`data_dir: %[1]s/data
store: "%[8]s"
log: {level: info, format: text}
http: {listen: "%[2]s"}
admin: {listen: "%[3]s"}
sip: {listen: ["udp://%[4]s"]}
media: {ip: %[5]s1, ports: 20000-20998}
trunks:
  - {name: main, uri: "sip:%[6]s", accept_from: [%[5]s0/24], options: 0s, numbers: ["78005553535"], max_calls: 200, max_cps: 100}
inbound: [{number: "78005553535", trunk: main, flow: {record: 1000001, digits: []}}]
webhooks: [{url: "http://%[7]s/hook/all", secret: whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=}]
egress: {allow: ["%[5]s0/24"]}
dialer: {window: {from: "00:00", to: "24:00"}, max_attempts_per_day: 0, countries: [RU]}
providers:
  - {name: cloud, kind: http, url: "http://%[7]s/callback", body: '{"call":"{{.CallID}}","attempt":"{{.Attempt}}","phone":"{{.To}}"}',
     success: {path: ok, equals: "true"}, trunk: main, extension: "201", match_caller: true, ready: answer, expect_timeout: 5s}
`, w.dir, w.addr(1, 8080), w.addr(1, 9090), w.addr(1, 5060), w.net, w.addr(2, 5070), w.addr(9, 9000), w.store)
	if err := os.WriteFile(filepath.Join(w.dir, "zvonar.yaml"), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// start begins a life of the daemon with points armed, and does not wait.
func (w *world) start(armed string) {
	w.t.Helper()
	fmt.Fprintf(w.log, "=== %s armed: %s\n", time.Now().Format(time.RFC3339Nano), armed)
	cmd := exec.Command(zvonar, "serve", "--config", filepath.Join(w.dir, "zvonar.yaml"))
	cmd.Env = append(os.Environ(), failpoint.Variable+"="+armed)
	cmd.Stdout, cmd.Stderr = w.log.File, w.log.File
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { _ = cmd.Wait(); close(exited) }()
	w.cmd, w.exited = cmd, exited
}

// dead waits until the daemon died by itself, at most for.
func (w *world) dead(within time.Duration) bool {
	t := time.NewTimer(within)
	defer t.Stop()
	select {
	case <-w.exited:
		return true
	case <-t.C:
		return false
	}
}

// killed reports how the last life ended: by SIGKILL, as it should.
func (w *world) killed() bool {
	<-w.exited
	status, ok := w.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// kill is kill -9.
func (w *world) kill() {
	_ = w.cmd.Process.Kill()
	<-w.exited
}

// up waits until the API answers.
func (w *world) up() {
	w.t.Helper()
	w.eventually("the daemon to come up", func() bool {
		select {
		case <-w.exited:
			w.t.Fatalf("the daemon ended by itself\n%s", w.logTail())
		default:
		}
		res, err := w.client.Get(w.api() + "/openapi.json")
		if err != nil {
			return false
		}
		res.Body.Close()
		b, err := os.ReadFile(filepath.Join(w.dir, "data", "admin.token"))
		w.token = strings.TrimSpace(string(b))
		return err == nil && res.StatusCode == 200
	})
}

// endDaemon ends the daemon politely.
func (w *world) endDaemon() {
	if w.cmd == nil {
		return
	}
	_ = w.cmd.Process.Signal(syscall.SIGTERM)
	if !w.dead(patience) {
		w.t.Error("the daemon did not drain")
		w.kill()
	}
	w.cmd = nil
}

func (w *world) logTail() string {
	b, _ := os.ReadFile(w.log.Name())
	return string(b[max(0, len(b)-4000):])
}

func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(25 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatalf("waited in vain for %s\n%s", what, w.logTail())
		}
	}
}

// try makes one request; an error means that nothing is known of its fate.
func (w *world) try(method, path string, body any, key string) (code int, answer []byte, err error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	if body == nil {
		raw = nil
	}
	req, err := http.NewRequest(method, w.api()+path, bytes.NewReader(raw))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	return w.send(req)
}

func (w *world) send(req *http.Request) (code int, answer []byte, err error) {
	req.Header.Set("Authorization", "Bearer "+w.token)
	res, err := w.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(res.Body)
	return res.StatusCode, answer, err
}

// must makes a request of a daemon that is up and not armed.
func (w *world) must(method, path string, body, out any) {
	w.t.Helper()
	code, raw, err := w.try(method, path, body, "")
	if err != nil || code >= 300 {
		w.t.Fatalf("%s %s: %d %s %v\n%s", method, path, code, raw, err, w.logTail())
	}
	if out != nil {
		if err := json.Unmarshal(raw, out); err != nil {
			w.t.Fatalf("%s: %v in %s", path, err, raw)
		}
	}
}

// clip uploads and approves seven seconds of a hum.
func (w *world) clip() int64 {
	w.t.Helper()
	pcm := make([]int16, 8000*72/10)
	for i := range pcm {
		pcm[i] = int16(4000 * (i / 20 % 2))
	}
	var sound, form bytes.Buffer
	if err := capture.WriteWAV(&sound, 8000, pcm); err != nil {
		w.t.Fatal(err)
	}
	m := multipart.NewWriter(&form)
	part, err := m.CreateFormFile("file", "clip.wav")
	if err != nil {
		w.t.Fatal(err)
	}
	_, _ = part.Write(sound.Bytes())
	_ = m.WriteField("title", "hum")
	_ = m.Close()
	req, _ := http.NewRequest("POST", w.api()+"/v1/recordings", &form)
	req.Header.Set("Content-Type", m.FormDataContentType())
	code, raw, err := w.send(req)
	var rec struct {
		RecordingID string `json:"recording_id"`
		RecordID    *int64 `json:"record_id"`
	}
	if err != nil || code >= 300 || json.Unmarshal(raw, &rec) != nil {
		w.t.Fatalf("upload: %d %s %v", code, raw, err)
	}
	w.must("POST", "/v1/recordings/"+rec.RecordingID+"/approve", nil, &rec)
	if rec.RecordID == nil {
		w.t.Fatal("an approved clip has no record_id")
	}
	return *rec.RecordID
}

// odd notes an answer that nothing explains.
func (w *world) odd(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.oddities = append(w.oddities, fmt.Sprintf(format, args...))
}

// show notes that somebody was shown an event.
func (w *world) show(e event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.seen[e.ID]; !known {
		w.seen[e.ID] = e
	}
}

// peer is a running SIPp with its trace.
type peer struct {
	cmd   *exec.Cmd
	trace string
	done  chan struct{}
}

var peers atomic.Int64

// sipp runs a scenario of ./sipp until stop or until it is through.
func (w *world) sipp(name, ip string, port int, replace map[string]string, more ...string) *peer {
	raw, err := os.ReadFile(filepath.Join("sipp", name+".xml"))
	if err != nil {
		w.t.Fatal(err)
	}
	text := string(raw)
	for k, v := range replace {
		text = strings.ReplaceAll(text, "@"+k+"@", v)
	}
	dir := filepath.Join(w.dir, fmt.Sprintf("%s-%d", name, peers.Add(1)))
	if err := os.Mkdir(dir, 0o700); err != nil {
		w.t.Error(err)
	}
	file := filepath.Join(dir, name+".xml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		w.t.Error(err)
	}
	p := &peer{trace: filepath.Join(dir, "messages.log"), done: make(chan struct{})}
	args := []string{"-sf", file, "-i", ip, "-mi", ip, "-p", fmt.Sprint(port), "-nostdin", "-deadcall_wait", "0",
		"-watchdog_interval", "0", "-trace_msg", "-message_file", p.trace, "-trace_err", "-error_file", filepath.Join(dir, "errors.log")}
	p.cmd = exec.Command("sipp", append(args, more...)...)
	if err := p.cmd.Start(); err != nil {
		w.t.Errorf("SIPp: %v", err)
		close(p.done)
		return p
	}
	go func() { _ = p.cmd.Wait(); close(p.done) }()
	w.mu.Lock()
	w.peers = append(w.peers, p)
	w.mu.Unlock()
	return p
}

func (p *peer) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

func (p *peer) stop() {
	if p.running() {
		_ = p.cmd.Process.Kill()
	}
	<-p.done
}

func (w *world) stopPeers() {
	w.mu.Lock()
	list := w.peers
	w.mu.Unlock()
	for _, p := range list {
		p.stop()
	}
}

// settled waits until something holds, however many requests that takes.
func (w *world) settled(ctx context.Context, ok func() bool) bool {
	for !ok() {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(200 * time.Millisecond):
		}
	}
	return true
}
