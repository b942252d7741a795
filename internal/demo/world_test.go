package demo

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"zvonar/internal/config"
)

func TestTheDaemonAcceptsTheConfiguration(t *testing.T) {
	t.Parallel()
	r := newReceiver()
	r.url = "http://127.0.0.1:9000/hook"
	text := configuration(filepath.Join(t.TempDir(), "data"), 5060, netip.MustParseAddrPort("127.0.0.1:5070"), netip.MustParseAddrPort("127.0.0.1:5071"), r)
	cfg, problems := config.Parse("demo.yaml", []byte(text), nil)
	for _, p := range problems {
		t.Error(p)
	}
	if cfg != nil && (len(cfg.Trunks) != 1 || len(cfg.Providers) != 1 || cfg.Recordings.FirstID != firstRecord) {
		t.Errorf("%+v", cfg)
	}
}

func TestOnlyAudioOfEarlierDemosIsForgotten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"79005551101_tc_01ABC.wav", "mine.wav", "79005551101.wav"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := forgetOld(dir); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 || left[0].Name() != "79005551101.wav" || left[1].Name() != "mine.wav" {
		t.Errorf("left: %v, %v", left, err)
	}
}
