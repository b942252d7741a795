package peers

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestAFullDiskRefusesNewCallsAndHealsByItself fills the disk of a daemon with a
// call on the line, and makes room again.
func TestAFullDiskRefusesNewCallsAndHealsByItself(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("needs root, to mount a small disk")
	}
	peer := scenario(t, "answer", 1, "", nil)
	dir := t.TempDir()
	if err := syscall.Mount("none", dir, "tmpfs", 0, "size=12582912"); err != nil {
		t.Skipf("a small disk cannot be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	d := start(t, options{peerPort: peer.port, dir: dir, extra: "store_reserve: 1MB\n"})
	clip := d.clip(melody(60))
	running := d.place(map[string]any{"to": "79161234567", "record_id": clip})
	d.Eventually("the clip to play", func() bool { return strings.Contains(types(d.events(running)), "playback_started") })

	stuff := filepath.Join(dir, "stuff")
	fill(t, stuff)
	later := map[string]any{"to": "79161234568", "record_id": clip, "not_before": "2099-01-01T00:00:00Z"}
	accepted := map[string]bool{}
	d.Eventually("a call to be refused", func() bool {
		res, body := d.ask(later)
		if res.StatusCode == http.StatusAccepted {
			var c call
			if err := json.Unmarshal(body, &c); err != nil {
				t.Fatal(err)
			}
			accepted[c.ID] = true
			return false
		}
		if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" || !bytes.Contains(body, []byte("disk under data_dir")) {
			t.Fatalf("%s, Retry-After %q: %s", res.Status, res.Header.Get("Retry-After"), body)
		}
		return true
	})
	if code, words := d.ready(); code != http.StatusServiceUnavailable || !strings.Contains(words, "make room") {
		t.Errorf("/readyz: %d %s", code, words)
	}
	if code := d.request("POST", "/v1/calls/"+running+"/hangup", nil, nil); code >= 300 {
		t.Errorf("the running call cannot be hung up: %d", code)
	}
	peer.done()

	if err := os.Remove(stuff); err != nil {
		t.Fatal(err)
	}
	d.Eventually("the daemon to be well again", func() bool { code, _ := d.ready(); return code == http.StatusOK })
	if c := d.over(running); c.Outcome != "answered" {
		t.Errorf("the call that ran ended as %+v", c)
	}
	if res, body := d.ask(later); res.StatusCode != http.StatusAccepted {
		t.Errorf("after room was made: %s %s", res.Status, body)
	}
	for id := range accepted {
		if code := d.request("GET", "/v1/calls/"+id, nil, nil); code != http.StatusOK {
			t.Errorf("call %s was accepted and is not there: %d", id, code)
		}
	}
	if n := strings.Count(d.Log().String(), "the store cannot write"); n > 3 {
		t.Errorf("the log tells %d times that the store cannot write; want once a change", n)
	}
}

// fill writes a file until the disk is full to the last byte.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
}

// ask posts a call and gives the whole answer.
func (d *daemon) ask(body map[string]any) (*http.Response, []byte) {
	d.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		d.t.Fatal(err)
	}
	req, err := http.NewRequest("POST", d.api+"/v1/calls", bytes.NewReader(text))
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+d.token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return res, answer
}

// ready asks the admin listener whether calls are taken.
func (d *daemon) ready() (code int, words string) {
	d.t.Helper()
	res, err := http.Get(d.admin + "/readyz")
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}
