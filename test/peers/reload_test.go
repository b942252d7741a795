package peers

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	"zvonar/internal/carrier"
	"zvonar/test/ports"
)

// network starts a telephone network where the first n numbers of each kind are known.
func network(t *testing.T, n int, kinds ...string) *carrier.Carrier {
	t.Helper()
	aliases := map[string]string{}
	for _, like := range kinds {
		for i := range n {
			aliases[number(like, i)] = like
		}
	}
	media := ports.Block(t)
	c, err := carrier.New(carrier.Config{PortMin: media, PortMax: media + 198, Aliases: aliases, Pace: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Stop(context.Background()) })
	return c
}

// reload changes the file of a daemon, sends SIGHUP and waits for the n-th word of it
// in the log.
func (d *daemon) reload(change func(string) string, word string, n int) {
	d.t.Helper()
	text, err := os.ReadFile(d.config)
	if err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(d.config, []byte(change(string(text))), 0o600); err != nil {
		d.t.Fatal(err)
	}
	d.Signal(syscall.SIGHUP)
	d.Eventually(fmt.Sprintf("%q, %d times", word, n), func() bool { return strings.Count(d.Log().String(), word) >= n })
}

func TestAHundredReloadsEndNoTalk(t *testing.T) {
	t.Parallel()
	const talks, reloads = 40, 100
	net := network(t, talks+1, answers)
	d := start(t, options{peerPort: int(net.Addr().Port())})
	flow := map[string]any{"record": d.clip(melody(7.2)), "loop": true} // the talks last as long as it takes
	var ids []string
	for i := range talks {
		ids = append(ids, d.place(map[string]any{"to": number(answers, i), "flow": flow}))
	}
	for _, id := range ids {
		d.Eventually("the talks to begin", func() bool { return strings.Contains(types(d.events(id)), "playback_started") })
	}
	const anchor = "dialer: {window"
	second := fmt.Sprintf("  - {name: second, uri: \"sip:127.0.0.1:%d\", options: 0s, numbers: [\"78005553536\"]}\n", ports.Free(t))
	for i := range reloads {
		d.reload(func(text string) string {
			switch i % 4 {
			case 0: // one comes
				return strings.Replace(text, anchor, second+anchor, 1)
			case 1: // one changes
				return strings.Replace(text, "max_cps: 50", "max_cps: 49", 1)
			case 2: // one goes
				return strings.Replace(text, second, "", 1)
			default:
				return strings.Replace(text, "max_cps: 49", "max_cps: 50", 1)
			}
		}, "the configuration was read anew", i+1)
	}
	lasting := 0
	for _, c := range net.Calls() {
		if c.EndedAt.IsZero() {
			lasting++
		}
	}
	if lasting != talks {
		t.Errorf("%d of %d talks go on", lasting, talks)
	}
	for _, id := range ids {
		if code := d.request("POST", "/v1/calls/"+id+"/hangup", nil, nil); code >= 300 {
			t.Errorf("hangup of %s: %d", id, code)
		}
		if c := d.over(id); c.Outcome != "answered" || c.Reason != "by_api" {
			t.Errorf("a talk ended %s/%s", c.Outcome, c.Reason)
		}
	}
	if n := len(net.Calls()); n != talks {
		t.Errorf("the network saw %d calls, want %d", n, talks)
	}
}

func TestAReloadedTrunkIsDialledAndABadFileChangesNothing(t *testing.T) {
	t.Parallel()
	net := network(t, 3, leaves)
	d := start(t, options{peerPort: ports.Free(t)}) // nobody is there
	clip := d.clip(melody(7.2))
	token := "reload-" + strings.Repeat("t", 40)
	d.reload(func(text string) string {
		return strings.Replace(text, "trunks:\n", fmt.Sprintf("tokens: [{name: new, token: %s, roles: [operator]}]\ntrunks:\n  - {name: other, uri: \"sip:%s\", options: 0s, numbers: [\"78005553536\"]}\n",
			token, net.Addr()), 1)
	}, "the configuration was read anew", 1)
	id := d.place(map[string]any{"to": number(leaves, 0), "record_id": clip, "trunk": "other"})
	if c := d.over(id); c.Outcome != "answered" {
		t.Errorf("over the new trunk: %s/%s", c.Outcome, c.Reason)
	}
	was := d.token
	d.token = token
	if code := d.request("GET", "/v1/trunks", nil, nil); code != http.StatusOK {
		t.Errorf("the new token gets %d", code)
	}
	d.token = was
	d.reload(func(text string) string { return strings.Replace(text, "max_calls: 50", "max_calls: many", 1) }, "the former one stays in use", 1)
	if !strings.Contains(d.Log().String(), "max_calls") {
		t.Errorf("the log does not say what is wrong with the file\n%s", d.Log())
	}
	id = d.place(map[string]any{"to": number(leaves, 1), "record_id": clip, "trunk": "other"})
	if c := d.over(id); c.Outcome != "answered" {
		t.Errorf("after a bad file: %s/%s", c.Outcome, c.Reason)
	}
	d.reload(func(text string) string {
		return strings.Replace(strings.Replace(text, "max_calls: many", "max_calls: 50", 1), "name: other", "name: renamed", 1)
	}, "the configuration was read anew", 2)
	body := map[string]any{"to": number(leaves, 2), "record_id": clip, "trunk": "other"}
	if code := d.request("POST", "/v1/calls", body, nil); code != http.StatusUnprocessableEntity {
		t.Errorf("a call over a trunk that is gone: %d", code)
	}
	d.reload(func(text string) string { return text + "drain_timeout: 7s\n" }, "restart to change them", 1)
	if !strings.Contains(d.Log().String(), "keys=drain_timeout") {
		t.Errorf("the log does not name the key\n%s", d.Log())
	}
}
