package daemons

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Patience bounds every wait for something that must happen; it is generous
// because the machine may be busy, and nothing is measured by it.
const Patience = 3 * time.Minute

// built is the path of the binary, once Main has built it.
var built atomic.Pointer[string]

// Binary is the path of the built zvonar.
func Binary() string { return *built.Load() }

// Main builds the binary, runs the tests of a package and gives what to exit with: the
// whole of a TestMain.
func Main(m *testing.M) int {
	dir, err := os.MkdirTemp("", "zvonar-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "zvonar")
	build := exec.Command("go", "build", "-race", "-o", binary, "zvonar/cmd/zvonar")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "the binary does not build:", err)
		return 1
	}
	built.Store(&binary)
	return m.Run()
}

// Process is a daemon of one test, which may be started again and again. Make one with
// New, then Run it.
type Process struct {
	t      testing.TB
	config string
	ready  func() bool
	log    atomic.Pointer[Output]
	cmd    *exec.Cmd  // nil: it does not run
	exited chan error // holds how cmd ended

	telling sync.RWMutex // held for reading while a stand-in tells something
	ending  bool         // the daemon was asked to end, or does not run yet
}

// New makes a daemon with a configuration file. ready tells whether it takes requests
// already; it is asked from the goroutine of Run. A daemon that runs at the end of
// the test is stopped.
func New(t testing.TB, config string, ready func() bool) *Process {
	p := &Process{t: t, config: config, ready: ready, ending: true}
	p.log.Store(&Output{})
	t.Cleanup(p.Stop)
	return p
}

// Run starts the process and waits until it takes requests.
func (p *Process) Run() {
	p.t.Helper()
	if p.cmd != nil {
		p.t.Fatal("the daemon runs already")
	}
	out := &Output{}
	p.log.Store(out)
	cmd := exec.Command(Binary(), "serve", "--config", p.config)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	p.cmd, p.exited = cmd, exited
	p.telling.Lock() // what stand-ins say waits until it can be heard
	defer p.telling.Unlock()
	p.Eventually("the daemon to come up", func() bool {
		select {
		case err := <-p.exited:
			p.cmd = nil
			p.t.Fatalf("the daemon ended at once: %v\n%s", err, out)
		default:
		}
		return p.ready()
	})
	p.ending = false
}

// Log is what the present process says, or the last one.
func (p *Process) Log() *Output { return p.log.Load() }

// Stop ends the daemon politely and insists on exit code 0. One that does not run is
// left alone.
func (p *Process) Stop() {
	p.t.Helper()
	if p.cmd == nil {
		return
	}
	p.ends()
	p.Signal(syscall.SIGCONT) // a test may have ended while it was paused
	p.Signal(syscall.SIGTERM)
	if err := p.Ended(); err != nil {
		p.t.Errorf("the daemon did not end well: %v", err)
	}
	if p.t.Failed() {
		p.t.Logf("daemon log:\n%s", p.Log())
	}
}

// Kill is kill -9. What stand-ins say until Run is left unsaid.
func (p *Process) Kill() {
	p.t.Helper()
	p.ends()
	_ = p.cmd.Process.Kill()
	_ = p.Ended()
}

// Signal sends one.
func (p *Process) Signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Errorf("%s: %v", s, err)
	}
}

// Ended waits until the process has ended and gives how. Whatever it ended of, its
// log shows no data race and no panic.
func (p *Process) Ended() error {
	p.t.Helper()
	var err error
	select {
	case err = <-p.exited:
	case <-time.After(Patience):
		p.t.Error("the daemon does not end")
		_ = p.cmd.Process.Kill()
		err = <-p.exited
	}
	p.cmd = nil
	if said := p.Log().String(); strings.Contains(said, "DATA RACE") || strings.Contains(said, "panic") {
		p.t.Errorf("the log shows a data race or a panic\n%s", said)
	}
	return err
}

// Tells runs what a stand-in of another service tells the daemon and judges by the
// answer. A call may be over for a test before the service has said everything: what it
// would say once the daemon was asked to end is left unsaid.
func (p *Process) Tells(say func()) {
	p.telling.RLock()
	defer p.telling.RUnlock()
	if !p.ending {
		say()
	}
}

// ends lets stand-ins finish what they say; what they say later is left unsaid.
func (p *Process) ends() {
	p.telling.Lock()
	defer p.telling.Unlock()
	p.ending = true
}

// Eventually waits for a condition, and ends the test where it does not come.
func (p *Process) Eventually(what string, ok func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(Patience); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("waited in vain for %s\n%s", what, p.Log())
		}
	}
}
