package peers

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"zvonar/test/daemons"
	"zvonar/test/ports"
)

// campaign is the resource as far as the tests read it.
type campaign struct {
	ID, State string
	Pause     string `json:"pause_reason"`
	Counters  struct {
		Total, Waiting, Calling, Active, Done, Failed, Skipped int
		Outcomes                                               map[string]int `json:"by_outcome"`
	}
}

func (d *daemon) campaign(id string) (c campaign) {
	d.t.Helper()
	if code := d.request("GET", "/v1/campaigns/"+id, nil, &c); code != 200 {
		d.t.Fatalf("campaign: %d", code)
	}
	return c
}

func (d *daemon) steer(id, move string) {
	d.t.Helper()
	if code := d.request("POST", "/v1/campaigns/"+id+"/"+move, nil, nil); code != 200 {
		d.t.Fatalf("%s: %d", move, code)
	}
}

// reach waits until so many contacts of a campaign are done.
func (d *daemon) reach(id string, done int) {
	d.t.Helper()
	deadline := time.Now().Add(2 * patience)
	for c := d.campaign(id); c.Counters.Done < done; c = d.campaign(id) {
		if time.Now().After(deadline) || c.State == "paused" {
			d.t.Fatalf("%d contacts were not reached: %+v\n%s", done, c, tail(d.Log().String()))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// invite is the head of an INVITE that SIPp received, up to its Call-ID.
var invite = regexp.MustCompile(`(?m)^INVITE sip:(\d+)@(?:.*\n)*?Call-ID: (\S+)`)

// rung maps each number to the Call-IDs of the INVITEs that SIPp saw for it.
func (s *sipp) rung() map[string]map[string]bool {
	s.t.Helper()
	raw, err := os.ReadFile(s.messages)
	if err != nil {
		s.t.Fatal(err)
	}
	rung := map[string]map[string]bool{}
	for _, m := range invite.FindAllStringSubmatch(strings.ReplaceAll(string(raw), "\r", ""), -1) {
		if rung[m[1]] == nil {
			rung[m[1]] = map[string]bool{}
		}
		rung[m[1]][m[2]] = true
	}
	return rung
}

// A campaign of 2,000 contacts is killed (kill -9) while it runs, paused, killed
// while it is paused, and resumed: nobody is rung twice and nobody is forgotten.
func TestACampaignSurvivesPauseAndKillWithNobodyRungTwiceOrForgotten(t *testing.T) {
	t.Parallel()
	const contacts = 2000
	peer := scenario(t, "crowd", 10*contacts, "", nil)
	d := start(t, options{peerPort: peer.port, channels: 90, cps: 300})
	var made campaign
	if code := d.request("POST", "/v1/campaigns", map[string]any{"name": "crowd", "record_id": d.clip(melody(7.2)), "consent": map[string]any{"basis": "contract"}}, &made); code != 201 {
		t.Fatalf("create: %d", code)
	}
	d.list(made.ID, contacts)
	d.list(made.ID, contacts) // once more: nobody is there twice
	d.steer(made.ID, "start")
	d.reach(made.ID, contacts/5)
	d.Kill()
	d.Run()
	d.reach(made.ID, contacts/2)
	d.steer(made.ID, "pause")
	d.Eventually("what rings to end", func() bool { return d.campaign(made.ID).Counters.Active == 0 })
	paused := len(peer.rung())
	d.Kill()
	d.Run()
	if c := d.campaign(made.ID); c.State != "paused" || c.Counters.Waiting == 0 {
		t.Fatalf("after a kill the paused campaign is %+v", c)
	}
	if n := len(peer.rung()); n != paused {
		t.Errorf("%d numbers were rung while the campaign was paused", n-paused)
	}
	d.steer(made.ID, "resume")
	d.reach(made.ID, contacts)
	d.Eventually("the campaign to be finished", func() bool { return d.campaign(made.ID).State == "finished" })
	d.judge(made.ID, peer, contacts)
	var one struct {
		Items []struct{ Consent *struct{ Basis string } }
	}
	if d.request("GET", "/v1/calls?limit=1", nil, &one); len(one.Items) != 1 || one.Items[0].Consent == nil || one.Items[0].Consent.Basis != "contract" {
		t.Errorf("the consent of the campaign is not with its calls: %+v", one)
	}
}

// A dry run plays a campaign, of a flow and of talks of two, against a carrier of its
// own: the trunk of the daemon, where nobody listens, is not used.
func TestADryRunPlaysACampaignAndRingsNobody(t *testing.T) {
	t.Parallel()
	d := start(t, options{peerPort: ports.Free(t)})
	clip, own := d.clip(melody(7.2)), d.clip(melody(8))
	list := fmt.Sprintf("number,record_id,manager\n79000000001,,\n79000000002,%d,74950000000\n79000000003,,\n", own)
	for name, c := range map[string]struct {
		body map[string]any
		mix  string
		want map[string]int
		talk int // bridged
	}{
		"a flow":       {map[string]any{"record_id": clip, "digits": []any{map[string]any{}, map[string]any{"managerPhone": "74950000000"}}}, "1201,2002,0486", map[string]int{"answered": 2, "busy": 1}, 1},
		"talks of two": {map[string]any{"bridge": map[string]any{"manager": "74950000000"}}, "1000,1000,0486", map[string]int{"answered": 2, "busy": 1}, 2},
		"client first": {map[string]any{"record_id": clip, "bridge": map[string]any{"manager": "201@main", "order": "client_first"}}, "1000,0486,1000", map[string]int{"answered": 2, "busy": 1}, 2},
	} {
		c.body["name"] = name
		var made campaign
		if code := d.request("POST", "/v1/campaigns", c.body, &made); code != 201 {
			t.Fatalf("%s: create: %d", name, code)
		}
		req, err := http.NewRequest("POST", d.api+"/v1/campaigns/"+made.ID+"/contacts", strings.NewReader(list))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "text/csv")
		if code := d.send(req, nil); code != 200 {
			t.Fatalf("%s: import: %d", name, code)
		}
		run := exec.Command(daemons.Binary(), "campaign", "dry-run", made.ID, "--json", "--mix", c.mix)
		run.Env = append(os.Environ(), "ZVONAR_API="+d.api, "ZVONAR_TOKEN="+d.token)
		var stderr bytes.Buffer
		run.Stderr = &stderr
		raw, err := run.Output()
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, &stderr)
		}
		var played struct {
			campaign
			Funnel struct{ Bridged int }
		}
		if err := json.Unmarshal(raw, &played); err != nil {
			t.Fatalf("%s: %v in %s", name, err, raw)
		}
		if played.State != "finished" || !maps.Equal(played.Counters.Outcomes, c.want) || played.Funnel.Bridged != c.talk {
			t.Errorf("%s: it came to %s; want %v and %d talks", name, raw, c.want, c.talk)
		}
		if real := d.campaign(made.ID); real.State != "draft" || real.Counters.Waiting != 3 {
			t.Errorf("%s: the real campaign is %+v after it", name, real)
		}
	}
}

// list imports the contacts, by CSV with a variable.
func (d *daemon) list(id string, n int) {
	d.t.Helper()
	var list bytes.Buffer
	list.WriteString("phone;name\n")
	for i := range n {
		fmt.Fprintf(&list, "7900%07d;person %d\n", i, i)
	}
	req, err := http.NewRequest("POST", d.api+"/v1/campaigns/"+id+"/contacts", &list)
	if err != nil {
		d.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/csv")
	var out struct{ Lines, Added, Duplicates, Invalid int }
	if code := d.send(req, &out); code != 200 || out.Added+out.Duplicates != n || out.Invalid > 0 {
		d.t.Fatalf("import: %d %+v", code, out)
	}
}

// judge compares what the daemon says of every contact with what SIPp saw.
func (d *daemon) judge(id string, peer *sipp, contacts int) {
	d.t.Helper()
	c := d.campaign(id)
	if c.Counters.Total != contacts || c.Counters.Done != contacts || c.Counters.Calling+c.Counters.Failed+c.Counters.Skipped > 0 {
		d.t.Errorf("in the end: %+v", c.Counters)
	}
	_, body := d.fetch("/v1/campaigns/" + id + "/export")
	rows, err := csv.NewReader(bytes.NewReader(body)).ReadAll()
	if err != nil || len(rows) != contacts+1 {
		d.t.Fatalf("export: %d rows, %v", len(rows), err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	rung, outcomes := peer.rung(), map[string]int{}
	for _, row := range rows[1:] {
		number, outcome := row[column["number"]], row[column["outcome"]]
		outcomes[outcome]++
		times := len(rung[number])
		if times > 1 {
			d.t.Errorf("%s was rung %d times (%s)", number, times, outcome)
		}
		if times == 0 && outcome != "lost" {
			d.t.Errorf("%s was never rung and is told to be %s", number, outcome)
		}
	}
	d.t.Logf("outcomes: %v", outcomes)
	if outcomes["answered"] == 0 || outcomes["busy"] == 0 || outcomes["lost"] > 200 {
		d.t.Errorf("outcomes: %v", outcomes)
	}
	for outcome, n := range outcomes {
		if c.Counters.Outcomes[outcome] != n {
			d.t.Errorf("%s is counted %d times, the contacts say %d", outcome, c.Counters.Outcomes[outcome], n)
		}
	}
}
