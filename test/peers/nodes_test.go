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
	"syscall"
	"testing"
	"time"

	"zvonar/internal/carrier"
	"zvonar/internal/store/pgtest"
)

// The callees of these tests, by what they do.
const (
	answers = "1000" // rings, answers, listens until we hang up
	presses = "1202" // answers, presses 2 two seconds into the clip
	rings   = "3000" // rings for ever
	leaves  = "2002" // answers, hangs up three seconds later
	refuses = "0486" // is busy
)

// lease is short, so that nodes are missed soon, and longer than a loaded
// machine keeps a process waiting.
const lease = "15s"

// away is how long the database is away: longer than a lease.
const away = 20 * time.Second

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

func TestTwoNodesShareTheirCallsAndTellOfBoth(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	streams := []func() []event{c.live(c.a), c.live(c.b)}
	same := map[string]any{"to": c.number(leaves), "record_id": c.clip, "ref": "parcel-1"}
	first := c.a.place(same)
	var again call
	if code := c.b.request("POST", "/v1/calls", same, &again); code != http.StatusOK || again.ID != first {
		t.Errorf("the ref of a live call of node a, asked for at node b: %d, call %s; want 200 and %s", code, again.ID, first)
	}
	ids := []string{first}
	for range 3 {
		ids = append(ids, c.place(c.a, leaves, nil), c.place(c.b, leaves, nil))
	}

	// A call of the other node is not ended here, and the answer names its node.
	far := c.place(c.b, answers, map[string]any{"series": "s"})
	c.told(c.a, far, "call.playback_started")
	for _, ask := range [][2]string{{"POST", "/v1/calls/" + far + "/hangup"}, {"DELETE", "/v1/calls?series=s"}} {
		if code, problem := c.refused(c.a, ask[0], ask[1]); code != http.StatusConflict || problem["node"] != "b" {
			t.Errorf("%s of a call of node b, asked of node a: %d %v", ask[0], code, problem)
		}
	}

	// Node a starts anew while b's call goes on.
	c.settle(c.a, ids...)
	c.a.Stop()
	c.a.Run()
	if c.b.request("GET", "/v1/calls/"+far, nil, &again); again.Status != "answered" {
		t.Errorf("after a restart of node a the call of node b is %s %s", again.Status, again.Reason)
	}
	c.a.Kill()
	c.a.Run()
	if !slices.ContainsFunc(c.network.Calls(), func(n carrier.Call) bool { return n.EndedAt.IsZero() }) {
		t.Error("the call of node b ended with node a")
	}
	c.hangup(c.b, far)
	c.ended(c.a, far, "answered", "by_api")
	ids = append(ids, far)
	c.settle(c.a, ids...)

	for i, d := range []*daemon{c.a, c.b} {
		var list struct{ Items []call }
		d.request("GET", "/v1/calls?limit=100", nil, &list)
		for _, id := range ids {
			if !slices.ContainsFunc(list.Items, func(got call) bool { return got.ID == id }) {
				t.Errorf("the list of node %d lacks call %s", i, id)
			}
		}
	}
	// Node a ended its streams; b's shows everything, of both.
	told := c.log(c.b)
	c.b.Eventually("the stream of node b to show all", func() bool { return len(streams[1]()) >= len(told) })
	for i, e := range told {
		if got := streams[1]()[i]; got.ID != e.ID {
			t.Fatalf("the stream of node b shows %s at place %d, the log has %s", got.Type, i, e.Type)
		}
	}
	if len(streams[0]()) == 0 {
		t.Error("node a streamed nothing")
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

// The node that leads the deliveries dies with calls in every phase and texts on
// their way; the other one takes all of it over.
func TestAKilledNodeIsTakenOverByTheOther(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	own := c.place(c.b, answers, nil)
	var pressing []string
	press := func(d *daemon) {
		text := []map[string]any{{}, {}, {"smsText": fmt.Sprint("text ", len(pressing))}}
		pressing = append(pressing, c.place(d, presses, map[string]any{"digits": text}))
	}
	press(c.a)
	c.told(c.a, pressing[0], "sms.sent")
	c.hangup(c.a, pressing[0])
	c.a.over(pressing[0])
	queued, ringing, talking := c.everyPhase(c.a)
	c.told(c.b, own, "call.playback_started")
	for range 3 {
		press(c.b)
	}
	c.told(c.b, pressing[1], "sms.queued")
	c.a.Kill()

	for _, id := range slices.Concat(ringing, talking) {
		c.ended(c.b, id, "lost", "node_lost")
	}
	for _, id := range queued {
		c.ended(c.b, id, "answered", "")
		if n := c.rung(c.b, id); n != 1 {
			t.Errorf("somebody who waited was rung %d times", n)
		}
	}
	mine := c.toOf(own)
	c.b.Eventually("the legs of the lost talks to be hung up", func() bool {
		for _, n := range c.network.Calls() {
			if n.EndedAt.IsZero() && strings.HasPrefix(n.To, "7916"+answers) && n.To != mine {
				return false
			}
		}
		return true
	})
	if !slices.Contains(c.lasting(), mine) {
		t.Error("a call of the node that lives was ended, too")
	}
	for _, id := range pressing[1:] {
		c.told(c.b, id, "sms.sent")
		c.hangup(c.b, id)
	}
	c.hangup(c.b, own)
	c.settle(c.b, slices.Concat(queued, ringing, talking, pressing, []string{own})...)
	for text, n := range c.texts() {
		if n != 1 {
			t.Errorf("%q was sent %d times", text, n)
		}
	}
	if n := len(c.texts()); n != len(pressing) {
		t.Errorf("%d texts were sent, want %d", n, len(pressing))
	}

	// The name comes back, and finds nothing of its own.
	c.a.Run()
	fresh := c.place(c.a, leaves, nil)
	c.settle(c.a, fresh)
}

// toOf is the number of a call.
func (c *cluster) toOf(id string) string {
	c.t.Helper()
	var got struct{ To string }
	c.b.request("GET", "/v1/calls/"+id, nil, &got)
	return got.To
}

func TestAPausedNodeIsFencedAndRingsNobody(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	queued, ringing, talking := c.everyPhase(c.a)
	c.a.Signal(syscall.SIGSTOP)
	for _, id := range slices.Concat(ringing, talking) {
		c.ended(c.b, id, "lost", "node_lost")
	}
	for _, id := range queued {
		c.ended(c.b, id, "answered", "")
	}
	c.a.Signal(syscall.SIGCONT)
	err := c.a.Ended()
	if err == nil || !strings.Contains(c.a.Log().String(), "lost its node") {
		t.Errorf("a fenced node ended with %v\n%s", err, c.a.Log())
	}
	c.settle(c.b, slices.Concat(queued, ringing, talking)...)
	c.b.Eventually("every leg to be hung up", func() bool { return len(c.lasting()) == 0 })
	for _, id := range slices.Concat(queued, ringing, talking) {
		if n := c.rung(c.b, id); n != 1 {
			t.Errorf("somebody was rung %d times for call %s", n, id)
		}
	}
}

func TestCallsGoOnWhileTheDatabaseIsAwayAndEverythingHeals(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	talks := []string{c.place(c.a, answers, nil), c.place(c.b, answers, nil)}
	var talkers []string
	for _, id := range talks {
		c.told(c.a, id, "call.playback_started")
		talkers = append(talkers, c.toOf(id))
	}
	far := map[string]any{"not_before": "2099-01-01T00:00:00Z"}
	kept := []string{c.place(c.a, leaves, far), c.place(c.b, leaves, far)}
	asking := c.keepAsking(5)
	c.server.Stop(t)
	for _, d := range []*daemon{c.a, c.b} {
		d.Eventually("/readyz to say why", func() bool {
			code, words := d.ready()
			return code == http.StatusServiceUnavailable && strings.Contains(words, "database")
		})
		res, body := d.ask(map[string]any{"to": number(leaves, 99), "record_id": c.clip})
		if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
			t.Errorf("a new call while the database is away: %s, Retry-After %q, %s", res.Status, res.Header.Get("Retry-After"), body)
		}
	}
	<-time.After(away)
	for _, to := range talkers {
		if !slices.Contains(c.lasting(), to) {
			t.Errorf("the talk with %s ended while the database was away", to)
		}
	}
	c.server.Start(t)
	defer func() {
		for _, d := range []*daemon{c.a, c.b} {
			if strings.Contains(d.Log().String(), "disk under data_dir") {
				t.Errorf("the disk is blamed for a server that is away\n%s", d.Log())
			}
		}
	}()
	for _, d := range []*daemon{c.a, c.b} {
		d.Eventually("the node to be well again", func() bool { code, _ := d.ready(); return code == http.StatusOK })
	}
	for i, d := range []*daemon{c.a, c.b} {
		var got call
		if d.request("GET", "/v1/calls/"+talks[i], nil, &got); got.Status != "answered" {
			t.Errorf("the call of node %d is %s %s/%s after the database came back", i, got.Status, got.Outcome, got.Reason)
		}
		c.hangup(d, talks[i])
		c.ended(d, talks[i], "answered", "by_api")
		if code := d.request("GET", "/v1/calls/"+kept[i], nil, &got); code != http.StatusOK || got.Status == "completed" {
			t.Errorf("the call that waits: %d %s", code, got.Status)
		}
		talks = append(talks, c.place(d, leaves, nil))
	}
	accepted := asking()
	for _, id := range accepted {
		c.ended(c.b, id, "answered", "")
	}
	c.settle(c.b, append(accepted, talks...)...)
	if n := len(c.network.Calls()); n != len(talks)+len(accepted) {
		t.Errorf("the network saw %d calls, want %d: of those that were refused nobody may be rung", n, len(talks)+len(accepted))
	}
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
