package peers

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zvonar/test/daemons"
	"zvonar/test/hearing"
	"zvonar/test/ports"
)

// baresipSays is one way of ringing baresip.
type baresipSays struct {
	account string // further parameters of its account
	modules string // further lines of its configuration
	trunk   string // further keys of our trunk
	rate    int    // of what it records, Hz
	capture bool   // have the talk written down
}

// TestBaresipHearsTheWholeClip rings baresip, which records what it decodes. It
// runs before the parallel tests, with the machine to itself: another daemon's
// start beside it would be heard.
func TestBaresipHearsTheWholeClip(t *testing.T) {
	baresipHears(t, baresipSays{account: "audio_codecs=pcma", rate: 8000})
}

// TestBaresipHearsG722 does the same in G.722, which baresip decodes with
// spandsp's coder.
func TestBaresipHearsG722(t *testing.T) {
	baresipHears(t, baresipSays{account: "audio_codecs=g722/16000/1", modules: "module g722.so\n", trunk: ", codecs: [PCMA, G722]", rate: 16000})
}

// TestBaresipHearsAnEncryptedCall does it by SRTP with libsrtp on the other side.
func TestBaresipHearsAnEncryptedCall(t *testing.T) {
	c := baresipHears(t, baresipSays{account: "audio_codecs=pcma;mediaenc=srtp-mand", modules: "module srtp.so\n", trunk: ", srtp: required", rate: 8000, capture: true})
	if len(c.Legs) == 1 && !c.Legs[0].SRTP {
		t.Error("the call was not encrypted")
	}
}

func baresipHears(t *testing.T, how baresipSays) call {
	t.Helper()
	bin := program(t, "baresip", "baresip")
	dir := t.TempDir()
	port, rtp := ports.Pair(t), ports.Block(t) // baresip listens for TLS on the port after its own
	silence := filepath.Join(dir, "silence.wav")
	write(t, silence, wavAt(t, how.rate, make([]int16, how.rate*60)))
	write(t, filepath.Join(dir, "accounts"), fmt.Appendf(nil, "<sip:79161234567@127.0.0.1:%d>;regint=0;answermode=auto;%s\n", port, how.account))
	write(t, filepath.Join(dir, "config"), fmt.Appendf(nil, `module_path %s
module g711.so
%smodule aufile.so
module sndfile.so
module_app account.so
module_app menu.so
net_interface 127.0.0.1
sip_listen 127.0.0.1:%d
rtp_ports %d-%d
audio_source aufile,%s
audio_player aufile,%s
snd_path %s
`, baresipModules(t), how.modules, port, rtp, rtp+100, silence, filepath.Join(dir, "unused.wav"), dir))
	_, out := background(t, bin, "-f", dir)

	clip := melody(9)
	d := start(t, options{peerPort: port, trunk: how.trunk})
	d.Eventually("baresip to come up", func() bool { return strings.Contains(out.String(), "baresip is ready") })
	record := d.clip(clip)
	var c call
	hearing.Judge(t, func() (wrong []string) {
		forget(t, dir)
		c = d.over(d.place(map[string]any{"to": "79161234567", "record_id": record, "capture": how.capture}))
		if c.Outcome != "answered" || c.Reason != "flow_end" {
			t.Fatalf("ended as %+v\n%s", c, out)
		}
		if wrong = compare(t, recorded(t, dir, out, how.rate), clip); len(c.Legs) != 1 || c.Legs[0].RX == 0 || c.Legs[0].TX == 0 || c.Legs[0].MOS < 3 {
			wrong = append(wrong, fmt.Sprintf("the facts of the leg: %+v", c.Legs))
		}
		if how.capture {
			wrong = append(wrong, d.captured(c.ID, clip)...)
		}
		return wrong
	})
	return c
}

// dumps are the files in which a baresip wrote down what it heard.
func dumps(dir string) []string {
	files, _ := filepath.Glob(filepath.Join(dir, "dump-*-dec.wav"))
	return files
}

// forget removes what a baresip wrote down of calls that are over.
func forget(t *testing.T, dir string) {
	t.Helper()
	for _, file := range dumps(dir) {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
}

// recorded is what baresip heard in its last call, at 8 kHz. Of 16 kHz there are two.
func recorded(t *testing.T, dir string, out *daemons.Output, rate int) [][]int16 {
	t.Helper()
	files := dumps(dir)
	if len(files) != 1 {
		t.Fatalf("baresip recorded %d files\n%s", len(files), out)
	}
	heard := samples(t, files[0])
	if rate == 16000 {
		return [][]int16{halved(heard), halved(heard[1:])}
	}
	return [][]int16{heard}
}

// compare says what is wrong with a clip as it was heard. Of several hearings the one
// counts that resembles it most: the filters of G.722 delay by half a sample of the
// clip, or by none.
func compare(t *testing.T, hearings [][]int16, clip []int16) (wrong []string) {
	t.Helper()
	heard, shift, corr := hearings[0], 0, 0.0
	for _, h := range hearings {
		if s, c := align(h, clip); c > corr {
			heard, shift, corr = h, s, c
		}
		if corr >= 0.95 {
			break
		}
	}
	t.Logf("heard %d ms, clip starts at %d ms, correlation %.3f", len(heard)/8, shift/8, corr)
	if corr < 0.9 {
		wrong = append(wrong, fmt.Sprintf("what baresip heard correlates %.3f with the clip, want at least 0.9", corr))
	}
	if gap := longestDropout(heard[shift:], clip); gap > 40 {
		wrong = append(wrong, fmt.Sprintf("a dropout of %d ms, want at most 40", gap))
	}
	return wrong
}

// captured opens the link of call.recording_ready without a token, looks for the clip
// on our side of the talk and says what is wrong with it.
func (d *daemon) captured(id string, clip []int16) (wrong []string) {
	d.t.Helper()
	raw, duration := d.capture(id)
	left := ourSide(raw)
	if _, corr := align(left, clip); corr < 0.99 || int64(len(left))/8 != duration {
		wrong = append(wrong, fmt.Sprintf("the capture of %d ms (%d told) correlates %.3f with the clip", len(left)/8, duration, corr))
	}
	if res, err := http.Get(d.api + "/v1/calls/" + id + "/recording"); err != nil || res.StatusCode != 401 {
		d.t.Errorf("without link and token: %v %v", res, err)
	}
	return wrong
}

// capture is the file behind the link of call.recording_ready, and its duration as
// it is told, ms.
func (d *daemon) capture(id string) (raw []byte, duration int64) {
	d.t.Helper()
	var ready struct {
		URL        string
		DurationMS int64 `json:"duration_ms"`
		SHA256     string
	}
	d.Eventually("the capture to be ready", func() bool {
		for _, e := range d.events(id) {
			if e.Type == "call.recording_ready" {
				return json.Unmarshal(e.Data, &ready) == nil
			}
		}
		return false
	})
	res, err := http.Get(d.api + ready.URL)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err = io.ReadAll(res.Body)
	if sum := sha256.Sum256(raw); err != nil || res.StatusCode != 200 || hex.EncodeToString(sum[:]) != ready.SHA256 {
		d.t.Fatalf("%s: %d, %d bytes, %v", ready.URL, res.StatusCode, len(raw), err)
	}
	return raw, ready.DurationMS
}

// ourSide is the left channel of a capture.
func ourSide(wav []byte) []int16 { return channel(wav, 0) }

// theirSide is the right channel of a capture.
func theirSide(wav []byte) []int16 { return channel(wav, 1) }

// channel is one of the two of a capture: 16-bit samples, or A-law (G.711).
func channel(wav []byte, n int) (side []int16) {
	data := wav[bytes.Index(wav, []byte("data"))+8:]
	if wav[20] == 1 {
		for i := 2 * n; i+2 <= len(data); i += 4 {
			side = append(side, int16(binary.LittleEndian.Uint16(data[i:])))
		}
		return side
	}
	for i := n; i < len(data); i += 2 {
		c := data[i] ^ 0x55
		x := int16(c&15)<<4 + 8
		if segment := c >> 4 & 7; segment > 0 {
			x = (x + 256) << (segment - 1)
		}
		if c < 0x80 {
			x = -x
		}
		side = append(side, x)
	}
	return side
}

// halved is sound of 16 kHz at 8, well enough for a melody below 2 kHz.
func halved(pcm []int16) []int16 {
	half := make([]int16, len(pcm)/2)
	for i := range half {
		half[i] = int16((int(pcm[2*i]) + int(pcm[2*i+1])) / 2)
	}
	return half
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
	const missing = 400 // 50 ms, which may be missing
	probe := clip[:min(len(clip), 8000)]
	for s := 0; s+len(probe) <= len(heard) && s+len(clip) <= len(heard)+missing; s++ {
		if c := correlation(heard[s:s+len(probe)], probe); c > corr {
			shift, corr = s, c
		}
		if corr > 0.99 || corr > 0.9 && s > shift+160 { // what is that alike is nowhere else
			break
		}
	}
	n := min(len(heard)-shift, len(clip))
	if n < len(clip)-missing {
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
