package peers

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"zvonar/internal/carrier"
)

// The callees of these tests, by what they do.
const (
	answers = "1000" // rings, answers, listens until we hang up
	presses = "1202" // answers, presses 2 two seconds into the clip
	rings   = "3000" // rings for ever
	leaves  = "2002" // answers, hangs up three seconds later
	refuses = "0486" // is busy
)

// away is how long the database is away: longer than a lease.
const away = 20 * time.Second

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
