package peers

import (
	"bytes"
	"cmp"
	"context"
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
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"zvonar/media/capture"
	"zvonar/test/daemons"
	"zvonar/test/ports"
)

// patience bounds every wait for something that must happen.
const patience = daemons.Patience

// sideBySide is how many tests run at once where nobody asked for a number: they wait
// for calls most of the time, so two processors are enough for more than two of them.
const sideBySide = 4

func TestMain(m *testing.M) {
	flag.Parse()
	asked := false
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "test.parallel" })
	if !asked && runtime.GOMAXPROCS(0) < sideBySide {
		if err := flag.Set("test.parallel", strconv.Itoa(sideBySide)); err != nil {
			panic(err)
		}
	}
	os.Exit(daemons.Main(m))
}

// daemon is a running zvonar.
type daemon struct {
	*daemons.Process

	t      *testing.T
	dir    string
	config string
	api    string
	admin  string
	token  string
	sip    int // its SIP port
}

// options of a daemon under test.
type options struct {
	peerPort int      // where trunk "main" points
	extra    string   // further YAML
	sip      string   // further keys of sip, ", key: value"
	trunk    string   // further keys of trunk main, ", key: value"
	trunks   []string // further trunks: "name: a, uri: …, key: value"
	channels int      // max_calls of trunk main; 0: 50
	cps      int      // its max_cps; 0: 50
	tcp      bool     // trunk main is reached over TCP
	dir      string   // for everything it writes; "": a fresh one
}

// start runs a daemon whose trunk "main" points at peerPort.
func start(t *testing.T, o options) *daemon {
	t.Helper()
	d := &daemon{t: t, dir: o.dir, sip: ports.Free(t)}
	if d.dir == "" {
		d.dir = t.TempDir()
	}
	httpPort, adminPort := ports.Free(t), ports.Free(t)
	d.api, d.admin = fmt.Sprintf("http://127.0.0.1:%d", httpPort), fmt.Sprintf("http://127.0.0.1:%d", adminPort)
	media, transport := ports.Block(t), ""
	if o.tcp {
		transport = ";transport=tcp"
	}
	d.config = filepath.Join(d.dir, "zvonar.yaml")
	text := fmt.Sprintf(`data_dir: %s
log: {level: debug, format: text}
http: {listen: 127.0.0.1:%d}
admin: {listen: 127.0.0.1:%d}
sip: {listen: ["udp://127.0.0.1:%d", "tcp://127.0.0.1:%d"]%s}
media: {ip: 127.0.0.1, ports: %d-%d}
trunks:
  - {name: main, uri: "sip:127.0.0.1:%d%s", accept_from: [127.0.0.1/32], options: 0s, numbers: ["78005553535"], max_calls: %d, max_cps: %d%s}
%sdialer: {window: {from: "00:00", to: "24:00"}, max_attempts_per_day: 100, countries: [RU]}
%s`, filepath.Join(d.dir, "data"), httpPort, adminPort, d.sip, d.sip, o.sip, media, media+198, o.peerPort, transport, cmp.Or(o.channels, 50), cmp.Or(o.cps, 50), o.trunk, furtherTrunks(o.trunks), o.extra)
	if err := os.WriteFile(d.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	d.Process = daemons.New(t, d.config, d.answers)
	d.Run()
	return d
}

// furtherTrunks are rows of the list of trunks.
func furtherTrunks(keys []string) (rows string) {
	for _, k := range keys {
		rows += "  - {" + k + "}\n"
	}
	return rows
}

// answers reports whether the daemon takes requests.
func (d *daemon) answers() bool {
	b, err := os.ReadFile(filepath.Join(d.dir, "data", "admin.token"))
	if err != nil {
		return false
	}
	d.token = strings.TrimSpace(string(b))
	res, err := http.Get(d.api + "/openapi.json")
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == 200
}

// request speaks the API; the answer's JSON is decoded into out if not nil.
func (d *daemon) request(method, path string, body, out any) int {
	d.t.Helper()
	var reader io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			d.t.Fatal(err)
		}
		reader = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, d.api+path, reader)
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	return d.send(req, out)
}

func (d *daemon) send(req *http.Request, out any) int {
	d.t.Helper()
	req.Header.Set("Authorization", "Bearer "+d.token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	if res.StatusCode >= 400 {
		d.t.Logf("%s %s: %d %s", req.Method, req.URL.Path, res.StatusCode, raw)
	}
	if out != nil && res.StatusCode < 300 {
		if err := json.Unmarshal(raw, out); err != nil {
			d.t.Fatalf("%s: %v in %s", req.URL.Path, err, raw)
		}
	}
	return res.StatusCode
}

// clip uploads and approves 8 kHz mono samples and returns the record_id.
func (d *daemon) clip(pcm []int16) int64 {
	d.t.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("file", "clip.wav")
	if err != nil {
		d.t.Fatal(err)
	}
	_, _ = part.Write(wav(d.t, pcm))
	_ = w.WriteField("title", "clip")
	_ = w.Close()
	req, err := http.NewRequest("POST", d.api+"/v1/recordings", &form)
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Content-Type", w.FormDataContentType())
	var rec struct {
		RecordingID string `json:"recording_id"`
		RecordID    *int64 `json:"record_id"`
	}
	if code := d.send(req, &rec); code >= 300 {
		d.t.Fatalf("upload: %d", code)
	}
	if code := d.request("POST", "/v1/recordings/"+rec.RecordingID+"/approve", nil, &rec); code >= 300 || rec.RecordID == nil {
		d.t.Fatalf("approve: %d", code)
	}
	return *rec.RecordID
}

// call is the resource as far as the tests read it.
type call struct {
	ID, To, Status, Outcome, Reason, Trunk string
	SIPCode                                int    `json:"sip_code"`
	HangupBy                               string `json:"hangup_by"`
	TalkMS                                 int64  `json:"talk_ms"`
	Direction                              string
	Digits                                 []struct{ Digit, Via string }
	Attempts                               []struct {
		N       int
		To      string
		Trunk   string
		Role    string
		SIPCode int  `json:"sip_code"`
		Charged bool `json:"charged"`
	}
	Actions []struct{ Digit, Action, Value, Result, Error string }
	Legs    []struct {
		Codec    string
		RX, TX   int64
		SRTP     bool
		JitterMS float64 `json:"jitter_ms"`
		RTTMS    float64 `json:"rtt_ms"`
		MOS      float64
	}
}

// place asks for a call and returns its id.
func (d *daemon) place(body map[string]any) string {
	d.t.Helper()
	var c call
	if code := d.request("POST", "/v1/calls", body, &c); code != 202 {
		d.t.Fatalf("POST /v1/calls: %d", code)
	}
	return c.ID
}

// over waits until the call is completed.
func (d *daemon) over(id string) call {
	d.t.Helper()
	var c call
	d.Eventually("call "+id+" to end", func() bool {
		return d.request("GET", "/v1/calls/"+id, nil, &c) == 200 && c.Status == "completed"
	})
	return c
}

// event is one row of the log as far as the tests read it.
type event struct {
	ID, Type string
	Pos, Seq int64
	CallID   string `json:"call_id"`
	Data     json.RawMessage
}

// events returns everything that was told about a call so far.
func (d *daemon) events(id string) []event {
	d.t.Helper()
	var list struct{ Items []event }
	if code := d.request("GET", "/v1/calls/"+id+"/events?limit=500", nil, &list); code != 200 {
		d.t.Fatalf("events: %d", code)
	}
	for i, e := range list.Items {
		if e.Seq != int64(i+1) {
			d.t.Errorf("event %d of the call has seq %d", i+1, e.Seq)
		}
	}
	return list.Items
}

// types is the event types in order.
func types(events []event) string {
	var names []string
	for _, e := range events {
		names = append(names, strings.TrimPrefix(e.Type, "call."))
	}
	return strings.Join(names, " ")
}

// program returns the path of an outside program, or skips with what to install.
func program(t *testing.T, name, debian string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("outside peers are left out with -short")
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed: sudo apt-get install %s (make test does it)", name, debian)
	}
	return path
}

// melody is seconds of a tune that no shift of itself resembles: the far end's
// recording can be aligned with it.
func melody(seconds float64) []int16 {
	pcm := make([]int16, int(seconds*8000))
	phase, f := 0.0, 0.0
	for i := range pcm {
		if i%1200 == 0 { // a new note every 150 ms, from a fixed pseudo-random row
			f = 300 + float64((i/1200*7919)%1700)
		}
		phase += 2 * math.Pi * f / 8000
		pcm[i] = int16(9000 * math.Sin(phase))
	}
	return pcm
}

// wav is a canonical WAV file of 8 kHz mono samples.
func wav(t *testing.T, pcm []int16) []byte { return wavAt(t, 8000, pcm) }

func wavAt(t *testing.T, rate int, pcm []int16) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := capture.WriteWAV(&b, rate, pcm); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// background runs a program until the test ends and keeps its output. wait gives how
// it ended.
func background(t *testing.T, name string, args ...string) (wait func() error, out *daemons.Output) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out = &daemons.Output{}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	wait = sync.OnceValue(cmd.Wait)
	t.Cleanup(func() { cancel(); _ = wait() })
	return wait, out
}
