package figures

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"zvonar/media/capture"
	"zvonar/test/ports"
)

var wanted = flag.Bool("figures", false, "take the figures; minutes of load on the whole machine")

// need skips a table that nobody asked for.
func need(t *testing.T) {
	t.Helper()
	if !*wanted {
		t.Skip("figures are taken with `make figures`")
	}
}

var binary string

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		if !*wanted {
			return m.Run()
		}
		dir, err := os.MkdirTemp("", "zvonar-figures-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "zvonar")
		build := exec.Command("go", "build", "-o", binary, "zvonar/cmd/zvonar")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "the binary does not build:", err)
			return 1
		}
		return m.Run()
	}())
}

// daemon is a running zvonar on loopback.
type daemon struct {
	t     *testing.T
	data  string
	file  string
	sip   int
	peer  int // where its trunk points
	api   string
	admin string
	token string
	env   []string
	log   bytes.Buffer
	cmd   *exec.Cmd
	ended chan struct{}
}

// configure writes the configuration of a daemon over data; run starts it.
func configure(t *testing.T, data string, env ...string) *daemon {
	t.Helper()
	d := &daemon{t: t, data: data, sip: ports.Free(t), peer: ports.Free(t), env: env, file: filepath.Join(t.TempDir(), "zvonar.yaml")}
	h, a := ports.Free(t), ports.Free(t)
	d.api, d.admin = fmt.Sprintf("http://127.0.0.1:%d", h), fmt.Sprintf("http://127.0.0.1:%d", a)
	text := fmt.Sprintf(`data_dir: %s
log: {level: warn, format: text}
http: {listen: 127.0.0.1:%d}
admin: {listen: 127.0.0.1:%d}
sip: {listen: ["udp://127.0.0.1:%d"]}
media: {ip: 127.0.0.1, ports: 20000-29998}
trunks:
  - {name: main, uri: "sip:127.0.0.1:%d", accept_from: [127.0.0.1/32], options: 0s, numbers: ["78005553535"], max_calls: 5000, max_cps: 1000}
inbound: [{number: "1000", trunk: main, flow: {record: 1000001, loop: true}}]
dialer: {window: {from: "00:00", to: "24:00"}, max_attempts_per_day: 0, countries: [RU]}
`, data, h, a, d.sip, d.peer)
	if err := os.WriteFile(d.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.stop)
	return d
}

// start starts the process and does not wait for it.
func (d *daemon) start() {
	d.t.Helper()
	d.log.Reset()
	d.cmd = exec.Command(binary, "serve", "--config", d.file)
	d.cmd.Env = append(os.Environ(), d.env...)
	d.cmd.Stdout, d.cmd.Stderr = &d.log, &d.log
	if err := d.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.ended = make(chan struct{})
	go func(c *exec.Cmd, ended chan struct{}) { _ = c.Wait(); close(ended) }(d.cmd, d.ended)
}

// run starts the process and waits until it is ready.
func (d *daemon) run() {
	d.t.Helper()
	d.start()
	d.until("the daemon is ready", d.ready)
}

func (d *daemon) until(what string, ok func() bool) {
	d.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		select {
		case <-d.ended:
			d.t.Fatalf("the daemon ended: %s\n%s", d.cmd.ProcessState, d.log.String())
		default:
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("waited in vain until %s", what)
		}
	}
}

// ready reports whether the API and the admin listener say so, and learns the token.
func (d *daemon) ready() bool {
	b, err := os.ReadFile(filepath.Join(d.data, "admin.token"))
	if err != nil {
		return false
	}
	d.token = strings.TrimSpace(string(b))
	for _, url := range []string{d.admin + "/readyz", d.api + "/openapi.json"} {
		res, err := http.Get(url)
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return false
		}
	}
	return true
}

func (d *daemon) stop() {
	if d.cmd == nil {
		return
	}
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.ended:
	case <-time.After(5 * time.Second):
		_ = d.cmd.Process.Signal(syscall.SIGTERM) // no more draining
		select {
		case <-d.ended:
		case <-time.After(30 * time.Second):
			_ = d.cmd.Process.Kill()
			<-d.ended
		}
	}
	d.cmd = nil
}

// kill is kill -9.
func (d *daemon) kill() {
	_ = d.cmd.Process.Kill()
	<-d.ended
	d.cmd = nil
}

// clip uploads and approves a clip of 9 s; it is 1000001 in a fresh store.
func (d *daemon) clip() {
	d.t.Helper()
	pcm := make([]int16, 9*8000)
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(2*math.Pi*440*float64(i)/8000))
	}
	var audio, form bytes.Buffer
	if err := capture.WriteWAV(&audio, 8000, pcm); err != nil {
		d.t.Fatal(err)
	}
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("file", "clip.wav")
	if err != nil {
		d.t.Fatal(err)
	}
	_, _ = part.Write(audio.Bytes())
	_ = w.WriteField("title", "clip")
	_ = w.Close()
	var rec struct {
		RecordingID string `json:"recording_id"`
	}
	d.do("POST", "/v1/recordings", w.FormDataContentType(), &form, &rec)
	d.do("POST", "/v1/recordings/"+rec.RecordingID+"/approve", "application/json", nil, nil)
}

// do is ask for the goroutine of the test: what fails ends it.
func (d *daemon) do(method, path, kind string, body io.Reader, out any) {
	d.t.Helper()
	if err := d.ask(method, path, kind, body, out); err != nil {
		d.t.Fatal(err)
	}
}

// ask sends a request to the API and reads the answer into out, unless that is nil.
func (d *daemon) ask(method, path, kind string, body io.Reader, out any) error {
	req, err := http.NewRequest(method, d.api+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+d.token)
	req.Header.Set("Content-Type", kind)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %d %s %v", method, path, res.StatusCode, raw, err)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(raw, out)
}
