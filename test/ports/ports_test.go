package ports

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// asOther makes this test binary a process that claims ports, says which, and ends
// when its input does.
const asOther = "ZVONAR_TEST_PORTS"

func TestClaimsOfAnotherProcess(t *testing.T) {
	if os.Getenv(asOther) == "" {
		t.Skip("it is run by TestNoTwoProcessesAreGivenTheSamePort")
	}
	for range last - first { // all but a few of the single ports, whoever has those
		port := first + int(nextPort.Add(1)%(last-first+1))
		if port%100 == 0 && hold(t, port) {
			fmt.Println("port", port)
		}
	}
	fmt.Println("port", Block(t))
	fmt.Println("done")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
}

func TestNoTwoProcessesAreGivenTheSamePort(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run", "^TestClaimsOfAnotherProcess$", "-test.timeout", "120s")
	cmd.Env = append(os.Environ(), asOther+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	end := func() {
		if !ended {
			ended = true
			_ = in.Close()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(end)
	theirs := map[int]bool{}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var port int
		if _, err := fmt.Sscanf(lines.Text(), "port %d", &port); err == nil {
			theirs[port] = true
		}
		if strings.HasPrefix(lines.Text(), "done") {
			break
		}
	}
	if len(theirs) < 10 {
		t.Fatalf("the other process claimed %d ports", len(theirs))
	}
	for port := range theirs {
		if hold(t, port) {
			t.Errorf("port %d was given to both", port)
		}
	}
	for range 300 {
		if port := Free(t); theirs[port] {
			t.Errorf("port %d was given to both", port)
		}
	}
	if base := Block(t); theirs[base] {
		t.Errorf("the block at %d was given to both", base)
	}
}

func TestAPortIsGivenOnceUntilTheTestHasEnded(t *testing.T) {
	seen := map[int]bool{}
	for range 500 {
		port := Free(t)
		if seen[port] {
			t.Errorf("port %d was given twice", port)
		}
		seen[port] = true
	}
	if pair := Pair(t); hold(t, pair) || hold(t, pair+1) {
		t.Errorf("ports %d and %d are not held", pair, pair+1)
	}
}

func TestAPortThatSomebodyListensAtIsNotGiven(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	if unused(port) {
		t.Errorf("port %d counts as free, though somebody listens there", port)
	}
}
