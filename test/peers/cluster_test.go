package peers

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"zvonar/internal/carrier"
	"zvonar/internal/store/pgtest"
)

// lease is short, so that nodes are missed soon, and longer than a loaded
// machine keeps a process waiting.
const lease = "15s"

// cluster is two daemons on one PostgreSQL server, a telephone network that
// counts, and one receiver of webhooks.
type cluster struct {
	t        *testing.T
	server   *pgtest.Server
	network  *carrier.Carrier
	receiver *receiver
	url      string // of the database
	hook     string // of the receiver
	clips    string // the directory of clips that the nodes share
	a, b     *daemon
	clip     int64
	numbers  int
}

// newCluster starts both nodes.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, server: pgtest.New(t), receiver: &receiver{}, clips: t.TempDir()}
	c.url = c.server.Schema(t)
	hook := httptest.NewServer(c.receiver)
	t.Cleanup(hook.Close)
	c.hook = hook.URL
	c.startNetwork()
	c.a = c.node("a")
	c.b = c.node("b")
	c.clip = c.a.clip(melody(240)) // longer than any of these tests lasts
	return c
}

// number is one that nobody was called at, of somebody who behaves as told.
func (c *cluster) number(like string) string {
	c.numbers++
	return number(like, c.numbers)
}

func number(like string, n int) string { return fmt.Sprintf("7916%s%03d", like, n) }

const perKind = 200 // numbers of each behaviour

func (c *cluster) startNetwork() {
	c.t.Helper()
	c.network = network(c.t, perKind, answers, presses, rings, leaves, refuses)
}

// node starts a daemon of the cluster.
func (c *cluster) node(name string) *daemon {
	c.t.Helper()
	dir := c.t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "data"), 0o700); err != nil {
		c.t.Fatal(err)
	}
	if err := os.Symlink(c.clips, filepath.Join(dir, "data", "clips")); err != nil {
		c.t.Fatal(err)
	}
	token := strings.Repeat("n", 40)
	if err := os.WriteFile(filepath.Join(dir, "data", "admin.token"), []byte(token), 0o600); err != nil {
		c.t.Fatal(err) // where the harness looks for it
	}
	return start(c.t, options{dir: dir, channels: channels, peerPort: int(c.network.Addr().Port()), extra: fmt.Sprintf(`node: %s
store: %q
node_lease: %s
tokens: [{name: test, token: %s, roles: [admin]}]
webhooks: [{url: %q, secret: whsec_%s}]
`, name, c.url, lease, token, c.hook, base64.StdEncoding.EncodeToString(hookKey))})
}

// place asks a node to call somebody who behaves as told.
func (c *cluster) place(d *daemon, like string, more map[string]any) string {
	c.t.Helper()
	body := map[string]any{"to": c.number(like), "record_id": c.clip}
	for k, v := range more {
		body[k] = v
	}
	return d.place(body)
}

// hangup ends a call of node d.
func (c *cluster) hangup(d *daemon, id string) {
	c.t.Helper()
	if code := d.request("POST", "/v1/calls/"+id+"/hangup", nil, nil); code >= 300 {
		c.t.Errorf("hangup of %s: %d", id, code)
	}
}

// told waits until a call has told of all these, as node d shows it.
func (c *cluster) told(d *daemon, id string, want ...string) {
	c.t.Helper()
	for _, w := range want {
		d.Eventually(id+" to tell "+w, func() bool {
			return slices.ContainsFunc(d.events(id), func(e event) bool { return e.Type == w })
		})
	}
}

// rung counts the INVITEs that the network saw of a call's attempts, which it
// finds by their number: each call has one of its own.
func (c *cluster) rung(d *daemon, id string) (invites int) {
	c.t.Helper()
	var got struct{ To string }
	if code := d.request("GET", "/v1/calls/"+id, nil, &got); code != http.StatusOK {
		c.t.Fatalf("call %s: %d", id, code)
	}
	for _, n := range c.network.Calls() {
		if n.To == got.To {
			invites++
		}
	}
	return invites
}

// lasting are the calls that the network holds to be going on.
func (c *cluster) lasting() (numbers []string) {
	for _, n := range c.network.Calls() {
		if n.EndedAt.IsZero() {
			numbers = append(numbers, n.To)
		}
	}
	return numbers
}

// settle waits for the ends of calls and for all that was told of them to be
// delivered, and judges both: one end each, nobody rung twice, deliveries in
// order and nothing left out.
func (c *cluster) settle(d *daemon, ids ...string) {
	c.t.Helper()
	for _, id := range ids {
		d.over(id)
		if n := c.rung(d, id); n > 1 {
			c.t.Errorf("somebody was rung %d times for call %s", n, id)
		}
		var told []event
		d.Eventually("every event of "+id+" to be delivered", func() bool {
			told = d.events(id)
			// Which came last does not matter: a node that was paused while it
			// sent one sends it again when it goes on.
			got := c.receiver.of(id)
			return len(told) > 0 && !slices.ContainsFunc(told, func(e event) bool {
				return !slices.ContainsFunc(got, func(g event) bool { return g.ID == e.ID })
			})
		})
		completed := 0
		for _, e := range told {
			if e.Type == "call.completed" {
				completed++
			}
		}
		if completed != 1 {
			c.t.Errorf("call %s has %d call.completed: %s", id, completed, types(told))
		}
		c.inOrder(id, told)
	}
}

// inOrder holds the deliveries about a call to the log: in order, where those
// that come again under an id that is known do not count.
func (c *cluster) inOrder(id string, told []event) {
	c.t.Helper()
	known := map[string]bool{}
	var got []string
	for _, e := range c.receiver.of(id) {
		if !known[e.ID] {
			known[e.ID] = true
			got = append(got, e.ID)
		}
	}
	var want []string
	for _, e := range told {
		want = append(want, e.ID)
	}
	if !slices.Equal(got, want) {
		c.t.Errorf("of call %s the receiver got %v, the log has %v", id, got, want)
	}
}

// ended insists on how a call ended.
func (c *cluster) ended(d *daemon, id, outcome, reason string) {
	c.t.Helper()
	if got := d.over(id); got.Outcome != outcome || reason != "" && got.Reason != reason {
		c.t.Errorf("call %s ended %s/%s; want %s/%s", id, got.Outcome, got.Reason, outcome, reason)
	}
}

// texts counts the texts that both nodes handed to their senders, by their words.
func (c *cluster) texts() map[string]int {
	c.t.Helper()
	sent := map[string]int{}
	for _, d := range []*daemon{c.a, c.b} {
		raw, err := os.ReadFile(filepath.Join(d.dir, "data", "sms.jsonl"))
		if err != nil && !os.IsNotExist(err) {
			c.t.Fatal(err)
		}
		for line := range strings.Lines(string(raw)) {
			var m struct{ Text string }
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				c.t.Fatalf("%v in %s", err, line)
			}
			sent[m.Text]++
		}
	}
	return sent
}

// live reads the stream of a node from the beginning of the log.
func (c *cluster) live(d *daemon) (seen func() []event) {
	c.t.Helper()
	ctx, cancel := context.WithCancel(c.t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", d.api+"/v1/events?after=0", nil)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Authorization", "Bearer "+d.token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	got, done := make(chan event, 4096), make(chan struct{})
	go func() {
		defer close(done)
		lines := bufio.NewScanner(res.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data:"); ok {
				var e event
				if json.Unmarshal([]byte(data), &e) == nil && e.ID != "" {
					got <- e
				}
			}
		}
	}()
	c.t.Cleanup(func() { cancel(); _ = res.Body.Close(); <-done })
	var all []event
	return func() []event {
		for len(got) > 0 {
			all = append(all, <-got)
		}
		return all
	}
}

// refused makes a request that must fail and gives the problem.
func (c *cluster) refused(d *daemon, method, path string) (int, map[string]any) {
	c.t.Helper()
	req, err := http.NewRequest(method, d.api+path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+d.token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	problem := map[string]any{}
	_ = json.NewDecoder(res.Body).Decode(&problem)
	return res.StatusCode, problem
}

// log is the whole log as a node lists it.
func (c *cluster) log(d *daemon) (all []event) {
	c.t.Helper()
	for after := int64(0); ; {
		var page struct{ Items []event }
		if code := d.request("GET", fmt.Sprintf("/v1/events?after=%d&limit=500", after), nil, &page); code != http.StatusOK {
			c.t.Fatalf("events: %d", code)
		}
		if len(page.Items) == 0 {
			return all
		}
		all = append(all, page.Items...)
		after = all[len(all)-1].Pos
	}
}

// channels is how many calls a node may have at its trunk.
const channels = 6

// everyPhase leaves node d calls in each phase: ringing and talking ones, which
// take every channel, and others that wait for one.
func (c *cluster) everyPhase(d *daemon) (queued, ringing, talking []string) {
	c.t.Helper()
	for range channels / 2 {
		ringing = append(ringing, c.place(d, rings, map[string]any{"ring_timeout": "120s"}))
		talking = append(talking, c.place(d, answers, nil))
	}
	for i := range ringing {
		c.told(d, ringing[i], "call.ringing")
		c.told(d, talking[i], "call.playback_started")
	}
	for range 3 {
		queued = append(queued, c.place(d, leaves, nil))
	}
	c.told(d, queued[0], "call.held") // the others stand behind it
	return queued, ringing, talking
}

// toOf is the number of a call.
func (c *cluster) toOf(id string) string {
	c.t.Helper()
	var got struct{ To string }
	c.b.request("GET", "/v1/calls/"+id, nil, &got)
	return got.To
}

// keepAsking has both nodes asked for calls, all the time, until each accepted n
// of them; ids waits for that and lists what was accepted.
func (c *cluster) keepAsking(n int) (ids func() []string) {
	var asking sync.WaitGroup
	lists := make([][]string, 2)
	for i, d := range []*daemon{c.a, c.b} {
		asking.Go(func() {
			for tries := 0; len(lists[i]) < n && tries < 1000; tries++ {
				// A ref makes it safe to ask again where no answer came.
				res, body := d.ask(map[string]any{"to": number(leaves, 100+50*i+len(lists[i])), "record_id": c.clip, "ref": fmt.Sprint(i, "-", len(lists[i]))})
				var got call
				switch {
				case res.StatusCode == http.StatusServiceUnavailable:
					<-time.After(100 * time.Millisecond)
				case res.StatusCode >= 300 || json.Unmarshal(body, &got) != nil:
					c.t.Errorf("a call asked for: %s %s", res.Status, body)
					return
				default:
					lists[i] = append(lists[i], got.ID)
				}
			}
		})
	}
	return func() []string {
		asking.Wait()
		for i := range lists {
			if len(lists[i]) < n {
				c.t.Errorf("node %d accepted %d of %d calls", i, len(lists[i]), n)
			}
		}
		return slices.Concat(lists...)
	}
}
