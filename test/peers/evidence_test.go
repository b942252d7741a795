package peers

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"zvonar/test/daemons"
)

// zv runs a command against the daemon and gives what it said.
func (d *daemon) zv(args ...string) string {
	d.t.Helper()
	out, err := exec.Command(daemons.Binary(), append(args, "--api", d.api, "--token", d.token)...).CombinedOutput()
	if err != nil {
		d.t.Fatalf("zvonar %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// kept is the sound that is kept of a call; nil as long as there is none.
func (d *daemon) kept(id string) []byte {
	d.t.Helper()
	status, sound := d.fetch("/v1/calls/" + id + "/amd/audio")
	if status != 200 {
		return nil
	}
	return sound
}

// fetch reads what is no document of JSON.
func (d *daemon) fetch(path string) (status int, body []byte) {
	d.t.Helper()
	req, err := http.NewRequest("GET", d.api+path, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+d.token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err = io.ReadAll(res.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return res.StatusCode, body
}

func TestSIPpAnswersAreKeptJudgedAgainLabelledAndExported(t *testing.T) {
	t.Parallel()
	peer := scenario(t, "tones", 1, "", map[string]string{"TONES": answer(t, "busy")})
	d := start(t, options{peerPort: peer.port, extra: "amd: {keep: 3s}\n"})
	id := d.place(map[string]any{"to": "79161234567", "record_id": d.clip(melody(90)), "amd": "async"})
	// A busy machine has SIPp speak slowly: the call lasts until all was heard.
	d.Eventually("the first seconds to be kept", func() bool {
		return len(d.kept(id)) == 44+3*16000
	})
	d.told(id, "amd")
	d.control(id, "hangup", nil)
	d.over(id)
	peer.done()
	if said := d.zv("amd", "rescore", id); !strings.Contains(said, "announcement (busy") {
		t.Errorf("judged again: %s", said)
	}
	if list := d.events(id); !strings.HasSuffix(types(list), "completed amd") || !strings.Contains(string(list[len(list)-1].Data), `"rescored":true`) {
		t.Errorf("told: %s", types(list))
	}
	d.zv("amd", "label", id, "noise")
	if said := d.zv("amd", "report", "--trunk", "main", "--json"); !strings.Contains(said, `"trunk":"main","label":"noise","verdict":"announcement","rescored":"announcement","calls":1`) {
		t.Errorf("report: %s", said)
	}
	dir := filepath.Join(t.TempDir(), "training")
	d.zv("amd", "export", dir)
	manifest, err := os.ReadFile(filepath.Join(dir, "manifest.csv"))
	if want := "file,label,voice,real,trunk,verdict\n" + id + ".wav,noise," + id + ",real,main,announcement\n"; err != nil || string(manifest) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, manifest, want)
	}
	report, err := exec.Command(daemons.Binary(), "amd", "train", "--check", filepath.Join(dir, "manifest.csv")).CombinedOutput()
	if err != nil {
		t.Errorf("the manifest cannot be used: %v\n%s", err, report)
	}
}
