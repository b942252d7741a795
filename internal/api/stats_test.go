package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// ended puts a finished call and its call.completed into the store.
func (h *house) ended(id string, at time.Time, change func(*calls.Call)) {
	h.t.Helper()
	c := &calls.Call{ID: id, Account: calls.MainAccount, Direction: calls.Out, Status: calls.StatusCompleted, Outcome: calls.OutcomeBusy, Trunk: "main",
		To: "79004443322", From: "78005553535", CreatedAt: at.Add(-time.Minute), EndedAt: &at}
	change(c)
	h.put(func(tx calls.Tx) error {
		e := calls.ForCall("evt_"+id, at, c, calls.CallCompleted, struct {
			calls.CallView
			Digits string `json:"digits"`
		}{calls.View(c), c.DigitString()})
		if err := tx.InsertCall(c); err != nil {
			return err
		}
		return tx.AppendEvent(&e)
	})
}

func (h *house) threeEnds() {
	h.ended("c1", noon.Add(time.Hour), func(c *calls.Call) { c.Metadata = []byte(`{"city":"Омск","n":1}`) })
	h.ended("c2", noon.Add(11*time.Hour), func(c *calls.Call) {
		c.Outcome, c.AnsweredAt, c.TalkMS, c.BillableMS, c.Metadata = calls.OutcomeAnswered, &noon, 1500, 2000, []byte(`{"city":"Омск"}`)
	})
	h.ended("c3", noon.Add(13*time.Hour), func(c *calls.Call) {
		c.Outcome, c.AnsweredAt, c.TalkMS, c.BillableMS, c.Ref = calls.OutcomeAnswered, &noon, 500, 1000, `a "b"`
	})
}

func TestStatisticsCountAndAddUp(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.threeEnds()
	for query, want := range map[string]string{
		"group_by=outcome":                    "outcome=answered:2/2/2000/3000 outcome=busy:1/0/0/0",
		"group_by=metadata.city":              "metadata.city=Омск:2/1/1500/2000 metadata.city=:1/1/500/1000",
		"group_by=day&zone=Europe/Moscow":     "day=" + noon.Format("2006-01-02") + ":1/0/0/0 day=" + noon.Add(24*time.Hour).Format("2006-01-02") + ":2/2/2000/3000",
		"group_by=trunk,outcome&outcome=busy": "outcome=busy,trunk=main:1/0/0/0",
		"group_by=trunk&from=" + noon.Add(12*time.Hour).Format(time.RFC3339):  "trunk=main:1/1/500/1000",
		"group_by=trunk&until=" + noon.Add(12*time.Hour).Format(time.RFC3339): "trunk=main:2/1/1500/2000",
	} {
		got := h.do("GET", "/v1/stats?"+query, "")
		var doc StatsResource
		if err := json.Unmarshal([]byte(got.body), &doc); err != nil || got.code != 200 {
			t.Fatalf("%s: %d %s", query, got.code, got.body)
		}
		var rows []string
		for _, r := range doc.Items {
			var names []string
			for _, k := range []string{"outcome", "metadata.city", "day", "trunk"} {
				if v, ok := r.Group[k]; ok {
					names = append(names, k+"="+v)
				}
			}
			rows = append(rows, fmt.Sprintf("%s:%d/%d/%d/%d", strings.Join(names, ","), r.Calls, r.Answered, r.TalkMS, r.BillableMS))
		}
		text := strings.Join(rows, " ")
		if strings.HasPrefix(query, "group_by=day") { // the larger group comes first
			text = strings.Join([]string{rows[1], rows[0]}, " ")
		}
		if text != want || !doc.Complete {
			t.Errorf("%s:\n got %s\nwant %s", query, text, want)
		}
	}
	if got := h.do("GET", "/v1/stats?group_by=trunk", "", as(h.token("shop", "other", calls.PermViewer))...); strings.Contains(got.body, "main") {
		t.Errorf("another account's: %s", got.body)
	}
	for _, wrong := range []string{"group_by=to", "group_by=outcome,outcome", "group_by=outcome,day,hour,trunk", "zone=Mars", "cursor=x"} {
		if got := h.do("GET", "/v1/stats?"+wrong, ""); got.code != 422 {
			t.Errorf("%s: %d", wrong, got.code)
		}
	}
}

func TestCallRecordsComeOncePageByPage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.threeEnds()
	after, all := "0", ""
	for range 5 {
		got := h.do("GET", "/v1/cdr?format=csv&limit=2&after="+after, "")
		if got.code != 200 {
			t.Fatalf("%d %s", got.code, got.body)
		}
		all, after = all+got.body, got.header.Get("Zvonar-Next")
	}
	if n := strings.Count(all, "\r\n"); n != 4 || strings.Count(all, "call_id") != 1 || strings.Count(all, ",c2,") != 1 || !strings.Contains(all, `"a ""b"""`) {
		t.Errorf("%d lines: %s", n, all)
	}
	h.ended("c4", noon.Add(14*time.Hour), func(*calls.Call) {})
	if got := h.do("GET", "/v1/cdr?after="+after, ""); strings.Count(got.body, "\n") != 1 || !strings.Contains(got.body, `"call_id":"c4"`) {
		t.Errorf("%s", got.body)
	}
	line := strings.SplitN(h.do("GET", "/v1/cdr?format=asterisk", "").body, "\n", 4)[2]
	want := `"main","78005553535","79004443322","zvonar","""78005553535"" <78005553535>","","SIP/main-c3","Playback","","`
	if !strings.HasPrefix(line, want) || !strings.HasSuffix(line, `,1,1,"ANSWERED","DOCUMENTATION","c3","a ""b"""`) {
		t.Errorf("%s", line)
	}
}
