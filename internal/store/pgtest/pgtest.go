// Package pgtest gives tests a PostgreSQL server of their own: Debian's
// package, in a temporary directory, on a socket of the file system, with fsync
// on. It ends with the test binary, however that ends.
//
// Any goroutine of a test may call it. Only tests import it. Start reading at
// URL.
package pgtest

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// Server is a running server with an empty database.
type Server struct {
	dir  string // holds the data and the socket
	bin  string
	keep *os.File // the reaper stops the server when this closes, with the process at the latest
}

var (
	shared  = sync.OnceValues(start)
	schemas atomic.Int64
)

// URL is that of an empty schema on a server which all tests of the binary
// share. The test is skipped with -short; it fails, with what to install, where
// PostgreSQL is missing.
func URL(tb testing.TB) string {
	tb.Helper()
	return open(tb, shared).Schema(tb)
}

// New is a server that the test may stop and start.
func New(tb testing.TB) *Server {
	tb.Helper()
	s := open(tb, start)
	tb.Cleanup(func() { _ = s.keep.Close() })
	return s
}

func open(tb testing.TB, start func() (*Server, error)) *Server {
	tb.Helper()
	if testing.Short() {
		tb.Skip("needs a PostgreSQL server")
	}
	s, err := start()
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// Schema makes an empty schema and gives the URL whose search_path it is.
func (s *Server) Schema(tb testing.TB) string {
	tb.Helper()
	name := fmt.Sprintf("test_%d", schemas.Add(1))
	s.Run(tb, "CREATE SCHEMA "+name)
	q := url.Values{"host": {s.dir}, "search_path": {name}}
	return "postgres://postgres@/postgres?" + q.Encode()
}

// Run runs statements with psql and gives what they print, one row a line.
func (s *Server) Run(tb testing.TB, script string) string {
	tb.Helper()
	out, err := s.command("psql", "-h", s.dir, "-U", "postgres", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-qAt", "-c", script).CombinedOutput()
	if err != nil {
		tb.Fatalf("psql: %v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// Stop stops the server as a power cut would.
func (s *Server) Stop(tb testing.TB) {
	tb.Helper()
	if out, err := s.command("pg_ctl", "-D", s.dir+"/data", "-m", "immediate", "-w", "stop").CombinedOutput(); err != nil {
		tb.Fatalf("stop PostgreSQL: %v\n%s", err, out)
	}
}

// Start starts the server again.
func (s *Server) Start(tb testing.TB) {
	tb.Helper()
	if err := s.run(); err != nil {
		tb.Fatal(err)
	}
}

// reaper waits for the test binary to end.
const reaper = `cat >/dev/null; "$1" -D "$2/data" -m immediate -w stop >/dev/null 2>&1; rm -rf "$2"`

func start() (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "zvonar-pg-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, bin: bin}
	if c := credential(); c != nil {
		if err := os.Chown(dir, int(c.Uid), int(c.Gid)); err != nil {
			return nil, err
		}
	}
	// The end that we keep must not live on in the children.
	hold, keep, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s.keep = keep
	watch := s.command("sh", "-c", reaper, "sh", filepath.Join(bin, "pg_ctl"), dir)
	watch.Stdin = hold
	if err := watch.Start(); err != nil {
		return nil, err
	}
	_ = hold.Close()
	if out, err := s.command("initdb", "-D", dir+"/data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return s, s.run()
}

func (s *Server) run() error {
	options := "-c listen_addresses= -c unix_socket_directories=" + s.dir +
		" -c max_connections=400 -c shared_buffers=64MB -c fsync=on -c synchronous_commit=on"
	// The log is a file: whoever holds our output would keep go test waiting.
	cmd := s.command("pg_ctl", "-D", s.dir+"/data", "-l", s.dir+"/log", "-o", options, "-w", "start")
	cmd.Stdout, cmd.Stderr = nil, nil
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(s.dir + "/log")
		return fmt.Errorf("start PostgreSQL: %w\n%s", err, text)
	}
	return nil
}

// command runs a program of the server, as a user it accepts: it refuses root.
func (s *Server) command(name string, args ...string) *exec.Cmd {
	if path := filepath.Join(s.bin, name); name != "sh" {
		name = path
	}
	cmd := exec.Command(name, args...)
	cmd.Dir = s.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential(), Setsid: true}
	return cmd
}

// credential is the user postgres where we are root.
func credential() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil // initdb says what is wrong
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// binaries is where the programs of the newest server are.
func binaries() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	return "", fmt.Errorf("PostgreSQL is not installed: sudo apt-get install postgresql")
}
