package peers

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBaresipHearsTheWholeClip rings baresip, which records what it decodes. It
// runs before the parallel tests, with the machine to itself: another daemon's
// start beside it would be heard.
func TestBaresipHearsTheWholeClip(t *testing.T) {
	bin := program(t, "baresip", "baresip")
	dir := t.TempDir()
	port, rtp := freePort(t, "udp"), mediaBase()
	_ = freePort(t, "tcp") // baresip listens for TLS on the port after its own: the daemon must not be given that one
	silence := filepath.Join(dir, "silence.wav")
	write(t, silence, wav(t, make([]int16, 8000*60)))
	write(t, filepath.Join(dir, "accounts"), fmt.Appendf(nil, "<sip:79161234567@127.0.0.1:%d>;regint=0;answermode=auto;audio_codecs=pcma\n", port))
	write(t, filepath.Join(dir, "config"), fmt.Appendf(nil, `module_path %s
module g711.so
module aufile.so
module sndfile.so
module_app account.so
module_app menu.so
net_interface 127.0.0.1
sip_listen 127.0.0.1:%d
rtp_ports %d-%d
audio_source aufile,%s
audio_player aufile,%s
snd_path %s
`, baresipModules(t), port, rtp, rtp+100, silence, filepath.Join(dir, "unused.wav"), dir))
	_, out := background(t, bin, "-f", dir)

	clip := melody(9)
	d := start(t, options{peerPort: port})
	d.eventually("baresip to come up", func() bool { return strings.Contains(out.String(), "baresip is ready") })
	c := d.over(d.place(map[string]any{"to": "79161234567", "record_id": d.clip(clip)}))
	if c.Outcome != "answered" || c.Reason != "flow_end" {
		t.Fatalf("ended as %+v\n%s", c, out)
	}

	files, _ := filepath.Glob(filepath.Join(dir, "dump-*-dec.wav"))
	if len(files) != 1 {
		t.Fatalf("baresip recorded %d files\n%s", len(files), out)
	}
	heard := samples(t, files[0])
	shift, corr := align(heard, clip)
	t.Logf("heard %d ms, clip starts at %d ms, correlation %.3f", len(heard)/8, shift/8, corr)
	if corr < 0.9 {
		t.Errorf("what baresip heard correlates %.3f with the clip, want at least 0.9", corr)
	}
	if gap := longestDropout(heard[shift:], clip); gap > 40 {
		t.Errorf("a dropout of %d ms, want at most 40", gap)
	}
}

func baresipModules(t *testing.T) string {
	t.Helper()
	for _, dir := range []string{"/usr/lib/baresip/modules", "/usr/local/lib/baresip/modules"} {
		if _, err := os.Stat(dir); err == nil {
			return dir
		}
	}
	found, _ := filepath.Glob("/usr/lib/*/baresip/modules")
	if len(found) == 0 {
		t.Skip("baresip's modules were not found")
	}
	return found[0]
}

func write(t *testing.T, file string, content []byte) {
	t.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// samples reads the 16-bit mono samples of a WAV file with a plain header.
func samples(t *testing.T, file string) []int16 {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	i := strings.Index(string(raw), "data")
	if i < 0 {
		t.Fatalf("%s is no WAV file", file)
	}
	raw = raw[i+8:]
	pcm := make([]int16, len(raw)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(raw[2*i:]))
	}
	return pcm
}

// align finds where in heard the clip starts, and how well the whole of it
// correlates there.
func align(heard, clip []int16) (shift int, corr float64) {
	probe := clip[:min(len(clip), 8000)]
	for s := 0; s+len(probe) <= len(heard); s += 1 {
		if c := correlation(heard[s:s+len(probe)], probe); c > corr {
			shift, corr = s, c
		}
		if corr > 0.99 {
			break
		}
	}
	n := min(len(heard)-shift, len(clip))
	if n < len(clip)-400 { // more than 50 ms of the tail are missing
		return shift, 0
	}
	return shift, correlation(heard[shift:shift+n], clip[:n])
}

func correlation(a, b []int16) float64 {
	var ab, aa, bb float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return ab / math.Sqrt(aa*bb)
}

// longestDropout is the longest run, in ms, of 10 ms blocks that are silent in
// heard and not in clip.
func longestDropout(heard, clip []int16) int {
	longest, run := 0, 0
	for i := 0; i+80 <= len(clip) && i+80 <= len(heard); i += 80 {
		if energy(heard[i:i+80]) < energy(clip[i:i+80])/100 {
			run += 10
		} else {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}

func energy(pcm []int16) (sum float64) {
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	return sum
}
