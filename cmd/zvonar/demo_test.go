package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

// TestDemo is the whole house at work: daemon, carrier, every action, what
// callees heard, webhooks.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("the demo takes the time that its calls take")
	}
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent()) // it leaves nothing running
	out := filepath.Join(t.TempDir(), "heard")
	var screen, log bytes.Buffer
	if code := run(t.Context(), []string{"demo", "--out", out, "--log-level", "warn"}, nil, &screen, &log, nil); code != exitOK {
		t.Errorf("exit code %d\n%s\n%s", code, &screen, &log)
	}
	if files, err := filepath.Glob(filepath.Join(out, "*.wav")); err != nil || len(files) < 10 {
		t.Errorf("%d WAV files of what callees heard", len(files))
	}
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
