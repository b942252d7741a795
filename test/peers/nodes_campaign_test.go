package peers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// contactRow is a line of the export as far as the tests read it.
type contactRow struct {
	N                              int64
	Number, State, Outcome, Reason string
	CallID                         string `json:"call_id"`
}

// exported reads all contacts of a campaign.
func (d *daemon) exported(id string) (rows []contactRow) {
	d.t.Helper()
	_, body := d.fetch("/v1/campaigns/" + id + "/export?format=jsonl")
	for lines := json.NewDecoder(bytes.NewReader(body)); lines.More(); {
		var row contactRow
		if err := lines.Decode(&row); err != nil {
			d.t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows
}

// crowd imports contacts of two behaviours in turn and gives their numbers.
func (d *daemon) crowd(id string, n int) (numbers []string) {
	d.t.Helper()
	for i := range n {
		numbers = append(numbers, number([]string{leaves, refuses}[i%2], i/2))
	}
	req, err := http.NewRequest("POST", d.api+"/v1/campaigns/"+id+"/contacts", strings.NewReader("number\n"+strings.Join(numbers, "\n")+"\n"))
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/csv")
	var out struct{ Added int }
	if code := d.send(req, &out); code != 200 || out.Added != n {
		d.t.Fatalf("import: %d %+v", code, out)
	}
	return numbers
}

// One node of two feeds a campaign. The other one pauses and resumes it, blocks a
// number of it, and takes it over when the first is killed (kill -9): nobody is
// rung twice and nobody is forgotten. Only the one that feeds makes calls of it, so
// its pace and its limit of calls at once hold over both.
func TestACampaignOfAKilledNodeIsGoneOnWithByTheOther(t *testing.T) {
	t.Parallel()
	const contacts, atOnce = 100, 5
	c := newCluster(t)
	var made campaign
	if code := c.b.request("POST", "/v1/campaigns", map[string]any{"name": "two nodes", "record_id": c.clip, "pace": map[string]any{"cps": 12, "max_calls": atOnce}}, &made); code != 201 {
		t.Fatalf("create: %d", code)
	}
	numbers := c.b.crowd(made.ID, contacts)
	c.b.steer(made.ID, "start")
	c.b.reach(made.ID, contacts/8)

	// The pause is asked of the one and goes for the other, whichever feeds.
	c.b.steer(made.ID, "pause")
	c.b.Eventually("what rings to end", func() bool { return c.a.campaign(made.ID).Counters.Active == 0 && len(c.lasting()) == 0 })
	paused := len(c.network.Calls())
	blocked := numbers[contacts-1]
	if code := c.b.request("PUT", "/v1/blacklist/"+blocked, map[string]any{"reason": "asked for it"}, nil); code >= 300 {
		t.Fatalf("block: %d", code)
	}
	c.ended(c.a, c.a.place(map[string]any{"to": blocked, "record_id": c.clip}), "blocked", "")
	if n := len(c.network.Calls()); n != paused {
		t.Errorf("%d calls were begun while the campaign was paused", n-paused)
	}
	c.b.steer(made.ID, "resume")
	c.b.reach(made.ID, contacts/3)

	feeds, takes := c.a, c.b
	if c.begun(c.b) > 0 {
		feeds, takes = c.b, c.a
	}
	if n := c.begun(takes); n > 0 {
		t.Errorf("both nodes make calls of the campaign: %d, %d", c.begun(feeds), n)
	}
	feeds.Kill()
	takes.reach(made.ID, contacts/2)
	feeds.Run() // its name comes back and finds nothing of its own
	takes.reach(made.ID, contacts)
	takes.Eventually("the campaign to be finished", func() bool { return takes.campaign(made.ID).State == "finished" })

	c.judgeCampaign(takes.exported(made.ID), blocked, contacts, 3*atOnce)
}

// begun is how many calls the dialer of a node began.
func (c *cluster) begun(d *daemon) (n int) {
	c.t.Helper()
	res, err := http.Get(d.admin + "/metrics")
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	_, line, found := strings.Cut(string(text), "\nzvonar_dialer_start_lag_seconds_count ")
	if !found {
		c.t.Fatal("the node tells nothing of its dialer")
	}
	if _, err := fmt.Sscan(line, &n); err != nil {
		c.t.Fatal(err)
	}
	return n
}

// judgeCampaign holds what the contacts say to what the network saw.
func (c *cluster) judgeCampaign(rows []contactRow, blocked string, contacts, mostLost int) {
	c.t.Helper()
	rung, outcomes := map[string]int{}, map[string]int{}
	for _, n := range c.network.Calls() {
		rung[n.To]++
	}
	if len(rows) != contacts {
		c.t.Errorf("%d contacts are exported; want %d", len(rows), contacts)
	}
	for _, r := range rows {
		outcomes[r.Outcome]++
		want := map[string]string{leaves: "answered", refuses: "busy"}[r.Number[4:8]]
		switch times := rung[r.Number]; {
		case r.State != "done":
			c.t.Errorf("contact %d is %s in the end", r.N, r.State)
		case r.Number == blocked:
			if r.Outcome != "blocked" || times > 0 {
				c.t.Errorf("the blocked number ended %s and was rung %d times", r.Outcome, times)
			}
		case times > 1:
			c.t.Errorf("%s was rung %d times (%s)", r.Number, times, r.Outcome)
		case r.Outcome != "lost" && (times != 1 || r.Outcome != want):
			c.t.Errorf("%s was rung %d times and ended %s/%s; want %s", r.Number, times, r.Outcome, r.Reason, want)
		}
	}
	c.t.Logf("outcomes: %v", outcomes)
	if outcomes["lost"] > mostLost {
		c.t.Errorf("%d calls were lost with the node; what it had under way is less", outcomes["lost"])
	}
	if !slices.ContainsFunc(rows, func(r contactRow) bool { return r.Outcome == "blocked" }) {
		c.t.Error("nobody was blocked")
	}
}
