package leak

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"zvonar/test/ports"
)

var amount = flag.Int("leak.calls", 300, "how many calls are made")

// callers call side by side, each one call after another.
const callers = 48

// settled bounds the wait for everything to return: an answer is kept for 36 s,
// an INVITE whose ACK never came for 32 s.
const settled = 2 * time.Minute

// watched are the gauges that have to come back, with what each is called.
// few are the daemon's own doing at a moment: a self-test, a look at the metrics.
var watched = []struct {
	name, metric string
	few          float64
}{
	{"calls", "zvonar_calls_active", 0},
	{"dialogs", "zvonar_sip_dialogs", 0},
	{"transactions", "zvonar_sip_transactions", 0},
	{"media ports", "zvonar_media_ports_in_use", 0},
	{"units of work", "zvonar_store_queue_length", 0},
	{"goroutines", "go_goroutines", 2},
	{"descriptors", "process_open_fds", 2},
}

// share is what may be left, of what was there before.
const share = 0.01

func TestCallsLeaveNothingBehind(t *testing.T) {
	d := startDaemon(t)
	warm := d.ring(min(*amount, 2*callers)) // readers of the store, stacks, tables
	before := d.rest()
	counts := d.ring(*amount)
	at := d.gauges()
	after := d.settle(before)
	var table strings.Builder
	fmt.Fprintf(&table, "%d calls after %d: %s\n\n| | before | at the end | settled |\n|---|---|---|---|\n", *amount, warm.ok, counts)
	for _, w := range watched {
		fmt.Fprintf(&table, "| %s | %.0f | %.0f | %.0f |\n", w.name, before[w.metric], at[w.metric], after[w.metric])
		if after[w.metric] > before[w.metric]*(1+share)+w.few {
			t.Errorf("%s: %.0f before, %.0f after", w.name, before[w.metric], after[w.metric])
		}
	}
	const heap = "go_memstats_heap_alloc_bytes"
	fmt.Fprintf(&table, "| heap, MiB | %.1f | %.1f | %.1f |\n", before[heap]/(1<<20), at[heap]/(1<<20), after[heap]/(1<<20))
	if *amount >= 10000 {
		fmt.Println(table.String())
	} else {
		t.Log(table.String())
	}
	if counts.failed > 0 || counts.ok != int64(*amount) {
		t.Errorf("%s", counts)
	}
	if t.Failed() {
		t.Logf("goroutines:\n%s", d.get("/debug/pprof/goroutine?debug=1"))
	}
}

// tally is what became of calls.
type tally struct{ ok, refused, failed int64 }

func (c tally) String() string {
	return fmt.Sprintf("%d went through, %d were refused with 503 before and tried again, %d failed", c.ok, c.refused, c.failed)
}

// ring makes n calls of all shapes.
func (d *daemon) ring(n int) (c tally) {
	d.t.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		p, err := newCaller(d.sip)
		if err != nil {
			d.t.Fatal(err)
		}
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer p.close()
			for {
				i := next.Add(1)
				if i > int64(n) {
					return
				}
				refused, err := p.call(int(i))
				atomic.AddInt64(&c.refused, int64(refused))
				if err != nil {
					atomic.AddInt64(&c.failed, 1)
					d.t.Errorf("call %d (%s): %v", i, shapeOf(int(i)).name, err)
					return
				}
				atomic.AddInt64(&c.ok, 1)
			}
		}()
	}
	wg.Wait()
	return c
}

// daemon is a zvonar on loopback.
type daemon struct {
	t     *testing.T
	sip   int
	admin string
}

// startDaemon builds and starts a daemon that answers calls to "1000".
func startDaemon(t *testing.T) *daemon {
	t.Helper()
	dir := t.TempDir()
	bin := filepath.Join(dir, "zvonar")
	if out, err := exec.Command("go", "build", "-o", bin, "zvonar/cmd/zvonar").CombinedOutput(); err != nil {
		t.Fatalf("the binary does not build: %v\n%s", err, out)
	}
	d := &daemon{t: t, sip: ports.Free(t)}
	admin, api := ports.Free(t), ports.Free(t)
	d.admin = fmt.Sprintf("http://127.0.0.1:%d", admin)
	file := filepath.Join(dir, "zvonar.yaml")
	text := fmt.Sprintf(`data_dir: %s
log: {level: error, format: text}
http: {listen: 127.0.0.1:%d}
admin: {listen: 127.0.0.1:%d}
sip: {listen: ["udp://127.0.0.1:%d"]}
media: {ip: 127.0.0.1, ports: 20000-29998}
trunks: [{name: main, uri: "sip:127.0.0.1:%d", accept_from: [127.0.0.1/32], options: 0s, numbers: ["78005553535"], max_calls: 0, max_cps: 0}]
inbound: [{number: "1000", trunk: main, flow: {answer_only: true}}]
`, filepath.Join(dir, "data"), api, admin, d.sip, ports.Free(t))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.Command(bin, "serve", "--config", file)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(time.Minute):
			_ = cmd.Process.Kill()
			<-ended
		}
		if t.Failed() {
			t.Logf("the daemon's log:\n%s", log.String())
		}
	})
	for deadline := time.Now().Add(settled); ; time.Sleep(20 * time.Millisecond) {
		if res, err := http.Get(d.admin + "/readyz"); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return d
			}
		}
		select {
		case <-ended:
			t.Fatalf("the daemon ended: %s\n%s", cmd.ProcessState, log.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("the daemon is not ready\n%s", log.String())
		}
	}
}

func (d *daemon) get(path string) string {
	d.t.Helper()
	// A connection that stays open would count as a descriptor and two goroutines.
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := c.Get(d.admin + path)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return string(text)
}

// gauges reads all metrics that have no labels, after a collection.
func (d *daemon) gauges() map[string]float64 {
	d.t.Helper()
	d.get("/debug/pprof/heap?gc=1")
	m := map[string]float64{}
	for s := bufio.NewScanner(strings.NewReader(d.get("/metrics"))); s.Scan(); {
		name, value, _ := strings.Cut(s.Text(), " ")
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			m[name] = v
		}
	}
	for _, w := range watched {
		if _, ok := m[w.metric]; !ok {
			d.t.Fatalf("there is no metric %s", w.metric)
		}
	}
	return m
}

// rest waits until no goroutine has ended for ten seconds, and gives the gauges
// with the fewest; of transactions it takes for granted that they end.
func (d *daemon) rest() map[string]float64 {
	d.t.Helper()
	least, same := d.gauges(), 0
	for deadline := time.Now().Add(settled); same < 10 && time.Now().Before(deadline); time.Sleep(time.Second) {
		same++
		if m := d.gauges(); m["go_goroutines"] < least["go_goroutines"] {
			least, same = m, 0
		}
	}
	least["zvonar_sip_transactions"] = 0
	return least
}

// settle waits until all gauges are back; where that does not happen it gives
// what there is.
func (d *daemon) settle(was map[string]float64) map[string]float64 {
	d.t.Helper()
	for deadline := time.Now().Add(settled); ; time.Sleep(time.Second) {
		m, back := d.gauges(), true
		for _, w := range watched {
			back = back && m[w.metric] <= was[w.metric]*(1+share)+w.few
		}
		if back || time.Now().After(deadline) {
			return m
		}
	}
}
