//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Addresses of a run, all on loopback.
const (
	targetIP = "127.0.0.41"
	farmIP   = "127.0.0.42"
	sipPort  = 15060
	farmPort = 15070
	apiAddr  = targetIP + ":18080"
	admin    = targetIP + ":19090"
	token    = "load-0123456789abcdef0123456789ab"
)

// target is the daemon that is measured.
type target struct {
	dir string
	cmd *exec.Cmd
	log *os.File
	hc  http.Client
}

const configuration = `data_dir: %[1]s/data
log: {level: warn, format: text}
http: {listen: %[2]s}
admin: {listen: %[3]s}
tokens: [{name: load, token: %[4]s, roles: [admin]}]
sip: {listen: ["udp://%[5]s:%[6]d"]}
media: {ip: %[5]s, ports: 20000-31998}
trunks:
  - {name: main, uri: "sip:%[7]s:%[8]d", accept_from: [%[7]s/32], options: 0s, numbers: ["78005553535"], max_calls: 10000, max_cps: 1000, codecs: [%[9]s]%[10]s}
inbound: [{number: "ivr", trunk: main, flow: {record: 1000001, loop: true%[11]s}}]
dialer: {window: {from: "00:00", to: "24:00"}, max_attempts_per_day: 0, countries: [RU]}
`

// startTarget starts the binary on one processor, with a clip of 9 s to play.
func startTarget(binary string, cpu int, w workload) (*target, error) {
	dir, err := os.MkdirTemp("", "zvonar-load-")
	if err != nil {
		return nil, err
	}
	t := &target{dir: dir}
	file := filepath.Join(dir, "zvonar.yaml")
	text := fmt.Sprintf(configuration, dir, apiAddr, admin, token, targetIP, sipPort, farmIP, farmPort, w.codecs, w.trunk, w.flow)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	if t.log, err = os.Create(filepath.Join(dir, "log")); err != nil {
		return nil, err
	}
	t.cmd = exec.Command(binary, "serve", "--config", file)
	t.cmd.Stdout, t.cmd.Stderr = t.log, t.log
	if err := startOn(t.cmd, cpu); err != nil {
		return nil, err
	}
	for range 200 {
		if res, err := http.Get("http://" + admin + "/readyz"); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return t, t.clip()
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	said, _ := os.ReadFile(t.log.Name())
	return nil, fmt.Errorf("the daemon is not ready: %s", said)
}

// startOn starts a command on one processor, in a scheduling group of its own that
// goes before unrelated work where that is allowed.
func startOn(cmd *exec.Cmd, cpu int) error {
	// It is to see the one processor, not how this program was told to share its own.
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GOMAXPROCS=") })
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, only unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	only.Set(cpu)
	if err := unix.SchedSetaffinity(0, &only); err != nil {
		return fmt.Errorf("processor %d: %w", cpu, err)
	}
	err := cmd.Start() // inherits the thread's processor
	if err == nil {
		prefer(cmd.Process.Pid)
	}
	return unix.SchedSetaffinity(0, &before)
}

// prefer raises a process's share, if this user may.
func prefer(pid int) {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/autogroup", pid), []byte("-15"), 0)
}

func (t *target) stop() {
	_ = t.cmd.Process.Signal(syscall.SIGKILL)
	_ = t.cmd.Wait()
	_ = t.log.Close()
	_ = os.RemoveAll(t.dir)
}

// clip uploads and approves 9 s of a tone that swells.
func (t *target) clip() error {
	const samples = 9 * 8000
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	part, err := w.CreateFormFile("file", "clip.wav")
	if err != nil {
		return err
	}
	head := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data\x00\x00\x00\x00")
	binary.LittleEndian.PutUint32(head[4:], 36+2*samples)
	binary.LittleEndian.PutUint32(head[40:], 2*samples)
	pcm := make([]int16, samples)
	for i := range pcm {
		pcm[i] = int16(7000 * math.Sin(2*math.Pi*440*float64(i)/8000) * math.Abs(math.Sin(math.Pi*float64(i)/4000)))
	}
	_, _ = part.Write(head)
	_ = binary.Write(part, binary.LittleEndian, pcm)
	_ = w.Close()
	var made struct{ ID string }
	if err := t.post("/v1/recordings", w.FormDataContentType(), &form, &made); err != nil {
		return err
	}
	for range 100 {
		if err = t.post("/v1/recordings/"+made.ID+"/approve", "application/json", strings.NewReader("{}"), nil); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond) // it is looked at first
	}
	return err
}

func (t *target) post(path, kind string, body io.Reader, out any) error {
	req, err := http.NewRequest("POST", "http://"+apiAddr+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", kind)
	res, err := t.hc.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	said, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 {
		return fmt.Errorf("POST %s: %d %s %w", path, res.StatusCode, said, err)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(said, out)
}

// originate asks for rate calls a second until stop is closed, and tells how many
// were refused.
func (t *target) originate(w workload, rate float64, stop <-chan struct{}, refused func(error)) {
	next := time.NewTicker(time.Duration(float64(time.Second) / rate))
	defer next.Stop()
	room := make(chan struct{}, 64)
	for first, n := rand.IntN(5_000_000), 0; ; n++ {
		select {
		case <-stop:
			return
		case <-next.C:
		}
		room <- struct{}{}
		go func() {
			defer func() { <-room }()
			path, body := w.request(first + n)
			if err := t.post(path, "application/json", strings.NewReader(body), nil); err != nil {
				refused(err)
			}
		}()
	}
}

// cpu is the processor time that the daemon has used, in its own code and in the kernel.
func (t *target) cpu() time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", t.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * (time.Second / 100) // USER_HZ
}

// memory is what the daemon holds resident, in kB.
func (t *target) memory() int {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", t.cmd.Process.Pid))
	for line := range strings.SplitSeq(string(b), "\n") {
		if v, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, _ := strconv.Atoi(strings.Fields(v)[0])
			return n
		}
	}
	return 0
}

// busy is the time a processor has worked, and has been taken by the host.
func busy(cpu int) (work, stolen time.Duration) {
	b, _ := os.ReadFile("/proc/stat")
	for line := range strings.SplitSeq(string(b), "\n") {
		f := strings.Fields(line)
		if len(f) < 9 || f[0] != "cpu"+strconv.Itoa(cpu) {
			continue
		}
		for _, i := range []int{1, 2, 3, 6, 7} {
			n, _ := strconv.Atoi(f[i])
			work += time.Duration(n) * (time.Second / 100)
		}
		n, _ := strconv.Atoi(f[8])
		stolen = time.Duration(n) * (time.Second / 100)
	}
	return work, stolen
}
