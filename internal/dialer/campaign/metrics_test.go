package campaign

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"zvonar/internal/calls"
)

// follower is a node that another one leads.
type follower struct{ calls.Nodes }

func (follower) Lead(string) (bool, <-chan struct{}) { return false, nil }

func TestACampaignHasFiguresWhileItLives(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.campaign(nil, "m1 m2 m3")
	draft := b.campaign(nil, "m4")
	b.move(c, calls.CampaignStart)
	b.look("m1", "m2", "m3")
	b.over(c, "m1")
	b.gate.held = map[calls.Gate]int{calls.GateWindow: 2}
	figures := func() *prometheus.Registry {
		reg := prometheus.NewPedanticRegistry()
		reg.MustRegister(&census{b.r})
		return reg
	}
	want := strings.ReplaceAll(`
# HELP zvonar_campaign_contacts Contacts of a campaign that runs or is paused, by state; told by the node that feeds it.
# TYPE zvonar_campaign_contacts gauge
zvonar_campaign_contacts{campaign="ID",state="calling"} 2
zvonar_campaign_contacts{campaign="ID",state="done"} 1
zvonar_campaign_contacts{campaign="ID",state="failed"} 0
zvonar_campaign_contacts{campaign="ID",state="skipped"} 0
zvonar_campaign_contacts{campaign="ID",state="waiting"} 0
# HELP zvonar_campaign_held Calls of such a campaign that a gate of this node keeps back.
# TYPE zvonar_campaign_held gauge
zvonar_campaign_held{campaign="ID",gate="window"} 2
# HELP zvonar_campaign_outcomes_total Contacts of such a campaign whose call is over, by its outcome; told by the node that feeds it.
# TYPE zvonar_campaign_outcomes_total counter
zvonar_campaign_outcomes_total{campaign="ID",outcome="answered"} 1
# HELP zvonar_campaigns Campaigns that run or are paused; told by the node that feeds them.
# TYPE zvonar_campaigns gauge
zvonar_campaigns{state="paused"} 0
zvonar_campaigns{state="running"} 1
`, "ID", c.ID)
	if err := testutil.GatherAndCompare(figures(), strings.NewReader(want), "zvonar_campaigns", "zvonar_campaign_contacts", "zvonar_campaign_outcomes_total", "zvonar_campaign_held"); err != nil {
		t.Error(err)
	}
	b.r.cfg.Nodes = follower{}
	if n := testutil.CollectAndCount(&census{b.r}); n != 1 {
		t.Errorf("a node that does not feed tells %d figures, want what it holds alone", n)
	}
	b.r.cfg.Nodes = nil
	b.move(c, calls.CampaignStop)
	if n := testutil.CollectAndCount(&census{b.r}); n != 2 {
		t.Errorf("a stopped campaign and the draft %s have figures: %d", draft.ID, n)
	}
}

func TestTheFiguresOfCampaignsAreBounded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for i := range mostTold + 3 {
		b.move(b.campaign(nil, fmt.Sprint("m", i)), calls.CampaignStart)
	}
	if n := testutil.CollectAndCount(&census{b.r}, "zvonar_campaign_attempts_total"); n != mostTold {
		t.Errorf("%d campaigns have figures, want %d", n, mostTold)
	}
}
