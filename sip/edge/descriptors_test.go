package edge

import (
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestAListenerSurvivesTheEndOfDescriptors runs itself in a process that may open
// few files: accepting fails with EMFILE until some are closed again.
func TestAListenerSurvivesTheEndOfDescriptors(t *testing.T) {
	const child = "ZVONAR_TEST_FEW_DESCRIPTORS"
	if os.Getenv(child) == "" {
		t.Parallel()
		cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.timeout", "60s")
		cmd.Env = append(os.Environ(), child+"=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS") {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	v := serve(t, nil)
	first := v.dial()
	_, _ = first.Write([]byte(bye(0)))
	v.wait() // it was accepted
	// No further descriptor is free for a connection that is accepted; those of the
	// clients are taken before.
	var held []*os.File
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 64, Max: 64}); err != nil {
		t.Fatal(err)
	}
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		held = append(held, f)
	}
	_ = held[len(held)-1].Close() // for the client's own end
	c, err := net.Dial("tcp", v.l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = c.Write([]byte(bye(1)))
	// The loop fails meanwhile; what is open goes on.
	for range 50 {
		_, _ = first.Write([]byte(bye(0)))
		if got := v.wait(); got != bye(0) {
			t.Fatalf("got %q", got)
		}
	}
	select {
	case m := <-v.got:
		t.Fatalf("there was a descriptor: %q", m)
	case <-time.After(100 * time.Millisecond):
	}
	for _, f := range held[:len(held)-1] {
		_ = f.Close()
	}
	if got := v.wait(); got != bye(1) {
		t.Errorf("got %q", got)
	}
}
