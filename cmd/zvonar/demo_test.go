package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"zvonar/test/hearing"
)

// TestDemo is the whole house at work: daemon, carrier, every action, what
// callees heard, webhooks.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("the demo takes the time that its calls take")
	}
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent()) // it leaves nothing running
	hearing.Judge(t, func() (wrong []string) {
		out := filepath.Join(t.TempDir(), "heard")
		var screen, log bytes.Buffer
		if code := run(t.Context(), []string{"demo", "--out", out, "--log-level", "warn"}, nil, &screen, &log, nil); code != exitOK {
			said := fmt.Sprintf("exit code %d\n%s\n%s", code, &screen, &log)
			if code != exitFailed || !onlyStrained(screen.String()) {
				t.Error(said)
				return nil
			}
			wrong = append(wrong, said)
		}
		if files, err := filepath.Glob(filepath.Join(out, "*.wav")); err != nil || len(files) < 10 {
			t.Errorf("%d WAV files of what callees heard", len(files))
		}
		return wrong
	})
}

// onlyStrained tells whether all that the demo found wrong is what a machine does that
// keeps programs waiting: sound has pauses in it, and a call from outside is refused
// with 503, as none may begin while sound is late.
func onlyStrained(screen string) bool {
	for line := range strings.Lines(screen) {
		fault, ok := strings.CutPrefix(strings.TrimSpace(line), "! ")
		if ok && !strings.HasPrefix(fault, "the callee did not hear") && !strings.HasPrefix(fault, "no call.completed within") {
			return false
		}
	}
	return strings.Contains(screen, "FAIL ")
}

func TestCarrierOptionsWinOverItsFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "carrier.yaml")
	if err := os.WriteFile(file, []byte("http: 127.0.0.1:5081\npace: 0.5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := (&carrierCmd{Config: file, Pace: 0.2}).carrier()
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Listen != "udp://127.0.0.1:5070" || cfg.HTTPListen != "127.0.0.1:5081" || cfg.Pace != 0.2 {
		t.Errorf("%+v", cfg)
	}
	if code := run(t.Context(), []string{"carrier", "--listen", "here"}, nil, io.Discard, io.Discard, nil); code != exitFailed {
		t.Errorf("a wrong address ends with %d", code)
	}
}
