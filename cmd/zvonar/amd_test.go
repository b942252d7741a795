package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zvonar/media/capture"
)

// busyTone is a file with six seconds of the Russian busy tone.
func busyTone(t *testing.T) string {
	t.Helper()
	pcm := make([]int16, 6*8000)
	for i := range pcm {
		if i%5600 < 2800 {
			pcm[i] = int16(6000 * math.Sin(2*math.Pi*425*float64(i)/8000))
		}
	}
	file := filepath.Join(t.TempDir(), "busy.wav")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := capture.WriteWAV(f, 8000, pcm); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestFilesAreJudgedOneLineEach(t *testing.T) {
	t.Parallel()
	file := busyTone(t)
	code, said := quick(t, nil, "amd", file, file)
	lines := strings.Split(strings.TrimSpace(said), "\n")
	if code != 0 || len(lines) != 2 || lines[0] != lines[1] {
		t.Fatalf("exit %d, said %q", code, said)
	}
	var line map[string]any
	if err := json.Unmarshal([]byte(lines[0]), &line); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"file", "verdict", "cause", "onset_ms", "decided_ms", "beep_ms", "confidence", "revised"} {
		if _, ok := line[key]; !ok {
			t.Errorf("%s is missing in %s", key, lines[0])
		}
	}
	if line["verdict"] != "announcement" || line["cause"] != "busy" || line["beep_ms"] != nil {
		t.Errorf("busy tone: %s", lines[0])
	}
	if code, said := quick(t, nil, "amd", "/nowhere.wav"); code != 1 || !strings.Contains(said, "/nowhere.wav") {
		t.Errorf("a missing file: exit %d, %q", code, said)
	}
}

func TestAVoiceThatIsJudgedIsNotLearnedFromBeside(t *testing.T) {
	t.Parallel()
	file := busyTone(t)
	manifest := filepath.Join(filepath.Dir(file), "manifest.csv")
	if err := os.WriteFile(manifest, []byte("file,label,voice\n"+filepath.Base(file)+",busy,exchange\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, said := quick(t, nil, "amd", "train", manifest, "--more", manifest)
	if code != 1 || !strings.Contains(said, `voice "exchange"`) || !strings.Contains(said, manifest) {
		t.Errorf("exit %d, said %q", code, said)
	}
}
