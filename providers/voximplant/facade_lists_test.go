package voximplant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/providers/providerstest"
)

// list creates one of a file, with more parameters, and gives its number.
func (d *desk) list(file string, more ...string) string {
	d.t.Helper()
	v := d.ask("CreateCallList", append([]string{"rule_id", "1", "priority", "0", "max_simultaneous", "5", "num_attempts", "3", "interval_seconds", "600",
		"name", "October", "file_content", file}, more...)...)
	n, ok := v["list_id"].(json.Number)
	if v["result"] != true || !ok {
		d.t.Fatalf("%v", v)
	}
	return n.String()
}

func (d *desk) campaign(list string) (c *calls.Campaign) {
	d.t.Helper()
	err := d.store.View(context.Background(), func(tx calls.ReadTx) error {
		n, err := json.Number(list).Int64()
		if err != nil {
			return err
		}
		id, err := tx.Numbered(calls.MainAccount, numberList, n)
		if err == nil {
			c, err = tx.Campaign(calls.MainAccount, id)
		}
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return c
}

// details are the tasks of a list, as JSON.
func (d *desk) details(list string, more ...string) (out []map[string]any) {
	d.t.Helper()
	v := d.ask("GetCallListDetails", append([]string{"list_id", list, "output", "json"}, more...)...)
	for _, one := range v["result"].([]any) {
		out = append(out, one.(map[string]any))
	}
	return out
}

const testList = "phone;name;__task_uuid;__start_execution_time;__end_execution_time;__start_at\n" +
	"79004443322;Анна;order:1;06:00:00;18:00:00;\n79004443323;Борис;;06:00:00;18:00:00;1795300000\n"

func TestACallListIsACampaignThatRuns(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	list := d.list(testList)
	c := d.campaign(list)
	if list != "1" || c.State != calls.CampaignIsRunning || c.Name != "October" || c.Pace.MaxCalls != 5 || c.Priority != 100 ||
		c.Retry.MaxAttempts != 3 || time.Duration(c.Retry.Outcomes[calls.OutcomeBusy].After) != 10*time.Minute {
		t.Fatalf("%+v", c)
	}
	if w := c.Window; w == nil || w.From != "06:00" || w.To != "18:00" || w.Timezone != "UTC" {
		t.Fatalf("%+v", w)
	}
	tasks := d.details(list)
	if len(tasks) != 2 || tasks[0]["task_uuid"] != "order:1" || tasks[0]["custom_data"] != `{"name":"Анна","phone":"79004443322"}` ||
		tasks[0]["status"] != "New" || tasks[0]["start_execution_time"] != "06:00:00" || tasks[0]["attempts_left"] != json.Number("3") || tasks[1]["task_uuid"] == "" {
		t.Fatalf("%v", tasks)
	}
	lists := d.ask("GetCallLists", "is_active", "true")
	one := lists["result"].([]any)[0].(map[string]any)
	if one["list_name"] != "October" || one["status"] != "In progress" || one["dt_submit"] != "2026-11-21 09:00:00" || one["interval_seconds"] != json.Number("600") {
		t.Fatalf("%v", lists)
	}
}

func TestDetailsAreATableWhereNothingElseIsAskedFor(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	list := d.list(testList)
	q := url.Values{"account_id": {"12345678"}, "api_key": {d.apiKey}, "list_id": {list}, "count": {"1"}}
	r := httptest.NewRequest(http.MethodGet, "/platform_api/GetCallListDetails/?"+q.Encode(), nil)
	code, body := d.send(r)
	want := strings.Join(taskColumns, ";") + "\n1;\"{\"\"name\"\":\"\"Анна\"\",\"\"phone\"\":\"\"79004443322\"\"}\";06:00:00;18:00:00;;;3;0;New;1;order:1\n"
	if code != 200 || body != want {
		t.Fatalf("%d\n%s\n%s", code, body, want)
	}
}

func TestAListIsStoppedGoesOnAndIsDeleted(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	list := d.list("phone\n79004443322\n79004443323\n")
	for _, step := range []struct {
		method string
		state  calls.CampaignState
		status string
	}{{"StopCallListProcessing", calls.CampaignIsPaused, "Canceled"}, {"StopCallListProcessing", calls.CampaignIsPaused, "Canceled"},
		{"RecoverCallList", calls.CampaignIsRunning, "In progress"}} {
		v := d.ask(step.method, "list_id", list)
		if v["result"] != true || d.campaign(list).State != step.state {
			t.Fatalf("%s: %v", step.method, v)
		}
		if found := d.ask("GetCallLists", "list_id", list, "status", step.status); len(found["result"].([]any)) != 1 {
			t.Errorf("%s: %v", step.status, found)
		}
		if step.method == "RecoverCallList" && v["count_recovery"] != json.Number("2") {
			t.Errorf("%v", v)
		}
	}
	if v := d.ask("DeleteCallList", "account_id", "12345678", "list_id", list); v["result"] != true {
		t.Fatal(v)
	}
	if v := d.ask("GetCallListDetails", "list_id", list); errorOf(v) != 251 {
		t.Errorf("a list that was deleted: %v", v)
	}
}

func TestTasksAreAppendedMovedAndCanceled(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	list := d.list("phone;__task_uuid\n79004443322;a\n", "is_cancelled", "true")
	if d.campaign(list).State != calls.CampaignDraft {
		t.Fatal("it was to be created canceled")
	}
	more := d.ask("AppendToCallList", "list_id", list, "delimiter", ",", "file_content", "phone,__task_uuid\n79004443322,b\n79004443323,a\n79004443324,c\n")
	if more["count"] != json.Number("2") { // a is there already
		t.Fatalf("%v", more)
	}
	batch := more["batch_id"].(string)
	if got := d.details(list, "batch_id", batch); len(got) != 2 || got[0]["task_uuid"] != "b" {
		t.Fatalf("%v", got)
	}
	if v := d.ask("EditCallListTask", "list_id", list, "task_uuid", "b", "start_at", "2026-12-01 10:00:00"); v["result"] != true {
		t.Fatal(v)
	}
	if v := d.ask("CancelCallListTask", "list_id", list, "tasks_uuids", "a"); v["result"] != true || v["task_uuid"] != "a" || v["task_id"] != json.Number("1") {
		t.Fatal(v)
	}
	v := d.ask("CancelCallListTask", "list_id", list, "tasks_ids", "1;77")
	several := v["result"].([]any)
	if first := several[0].(map[string]any); first["result"] != false || first["error_msg"] == "" || len(several) != 2 {
		t.Fatal(v)
	}
	if v := d.ask("CancelCallListBatch", "list_id", list, "batch_ids", batch); v["result"] != true {
		t.Fatal(v)
	}
	for _, task := range d.details(list) {
		if task["status_id"] != json.Number("4") {
			t.Errorf("%v", task)
		}
	}
	if v := d.ask("EditCallList", "list_id", list, "max_simultaneous", "9", "num_attempts", "1", "name", "November"); v["result"] != true {
		t.Fatal(v)
	}
	if c := d.campaign(list); c.Pace.MaxCalls != 9 || c.Retry.MaxAttempts != 1 || c.Name != "November" {
		t.Errorf("%+v", c)
	}
}

func TestWrongListsAreRefusedAndLeaveNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	good := map[string]string{"rule_id": "1", "priority": "1", "max_simultaneous": "1", "num_attempts": "1", "name": "x", "file_content": "phone\n79004443322\n"}
	for name, value := range map[string]string{
		"rule_id": "5", "priority": "-1", "max_simultaneous": "0", "num_attempts": "6", "name": "a/b", "interval_seconds": "x", "delimiter": "ab", "encoding": "koi8",
		"start_at": "5", "task_priority_strategy": "best", "is_cancelled": "perhaps",
		"file_content":       "name\nAnna\n",
		"file_content ":      "",
		"file_content  ":     "phone\nAnna\n",
		"file_content   ":    "phone;__task_uuid\n79004443322;a\n79004443323;a\n",
		"file_content    ":   "phone;__start_execution_time;__end_execution_time\n79004443322;06:00:00;18:00:00\n79004443323;07:00:00;18:00:00\n",
		"file_content     ":  "phone;__colour\n79004443322;red\n",
		"file_content      ": "phone\n\"79004443322\n",
	} {
		var pairs []string
		for n, v := range good {
			if n != strings.TrimSpace(name) {
				pairs = append(pairs, n, v)
			}
		}
		v := d.ask("CreateCallList", append(pairs, strings.TrimSpace(name), value)...)
		if errorOf(v) != 101 {
			t.Errorf("%s %q: %v", name, value, v)
		}
	}
	left := d.ask("GetCallLists")
	for _, one := range left["result"].([]any) {
		if status := one.(map[string]any)["status"]; status == "In progress" {
			t.Errorf("a wrong list runs: %v", one)
		}
	}
}

func TestHistoryListsCallsAsSessions(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	answered := func(c *calls.Call) {
		at, end := c.CreatedAt.Add(5*time.Second), c.CreatedAt.Add(20*time.Second)
		c.AnsweredAt, c.EndedAt, c.TalkMS, c.Outcome, c.Status = &at, &end, 15000, calls.OutcomeAnswered, calls.StatusCompleted
	}
	busy := func(c *calls.Call) {
		end := c.CreatedAt.Add(3 * time.Second)
		c.EndedAt, c.Outcome, c.Status = &end, calls.OutcomeBusy, calls.StatusCompleted
	}
	ids := clock.NewIDs(d.clock, nil)
	for i, change := range []func(*calls.Call){answered, busy, func(*calls.Call) {}} {
		d.clock.Advance(time.Minute)
		c := &calls.Call{ID: ids.New("call_"), Account: calls.MainAccount, Direction: calls.Out, Status: calls.StatusQueued, To: fmt.Sprintf("7900444332%d", i),
			Line: "78005553535", CreatedAt: d.clock.Now(), DueAt: d.clock.Now(), Metadata: json.RawMessage(`{"voximplant":{"rule_id":1,"custom_data":"data ` + fmt.Sprint(i) + `"}}`)}
		change(c)
		d.put(func(tx calls.Tx) error { return tx.InsertCall(c) })
	}
	dates := []string{"from_date", "2026-11-21 00:00:00", "to_date", "2026-11-22 00:00:00", "with_calls", "true", "with_total_count", "true"}
	ask := func(more ...string) history {
		t.Helper()
		v := d.ask("GetCallHistory", append(append([]string{}, dates...), more...)...)
		if errorOf(v) != 0 {
			t.Fatal(v)
		}
		b, err := json.Marshal(v)
		var h history
		if err := errors.Join(err, json.Unmarshal(b, &h)); err != nil {
			t.Fatal(err)
		}
		return h
	}
	all := ask()
	if all.Count != 3 || *all.TotalCount != 3 || all.Timezone != "Etc/GMT" {
		t.Fatalf("%+v", all)
	}
	d.house.Captures, d.house.Links.Base = providerstest.Captures{d.calls()[2].ID: "/nowhere.wav"}, "https://pbx.example.com"
	if r := ask("with_records", "true").Result[0]; len(r.Records) != 1 || !strings.HasPrefix(r.Records[0].URL, "https://pbx.example.com/v1/calls/"+d.calls()[2].ID+"/recording?") ||
		r.Calls[0].RecordURL != r.Records[0].URL || *r.Records[0].Duration != 15 {
		t.Errorf("%+v", r)
	}
	operator := d.file
	d.file = d.issue("2000", calls.MainAccount, calls.PermViewer)
	if r := ask("with_records", "true").Result[0]; len(r.Records) != 1 || r.Records[0].URL != "" || r.Calls[0].RecordURL != "" {
		t.Errorf("one who may not listen is told %+v", r)
	}
	d.file = operator
	first, second, third := all.Result[0], all.Result[1], all.Result[2]
	if first.StartDate != "2026-11-21 09:01:00" || first.RuleName != "promo" || first.AppName != "bots" || first.CustomData != "data 0" || first.Finish != "Normal termination" ||
		!first.Calls[0].Successful || *first.Calls[0].Duration != 15 || first.Calls[0].RemoteNumber != "79004443320" {
		t.Fatalf("%+v", first)
	}
	if second.Calls[0].Successful || second.Calls[0].EndReason != "486 Busy here" || third.Duration != nil || third.Finish != "" {
		t.Fatalf("%+v %+v", second, third)
	}
	for want, more := range map[string][]string{
		"data 2":   {"desc_order", "true", "count", "1"},
		"data 1":   {"offset", "1", "count", "1"},
		"data 0":   {"min_duration", "1"},
		"data 1 ":  {"remote_number", "+79004443321;7"},
		"data 2 ":  {"remote_number_list", `["79004443322"]`, "remote_number", "79004443320"},
		"data 0 ":  {"call_session_history_id", first.ID.String()},
		"data 1  ": {"call_session_history_custom_data", "data 1"},
		"data 2  ": {"timezone", "Europe/Moscow", "from_date", "2026-11-21 12:02:30"},
	} {
		if got := ask(more...); len(got.Result) != 1 || got.Result[0].CustomData != strings.TrimSpace(want) {
			t.Errorf("%v: %+v", more, got)
		}
	}
	for name, more := range map[string][]string{"dates": {"from_date", "yesterday"}, "order": {"from_date", "2026-11-23 00:00:00"}, "count": {"count", "1001"},
		"offset": {"offset", "10001"}, "zone": {"timezone", "Mars"}, "flag": {"with_calls", "maybe"}, "ids": {"call_session_history_id", "x"}} {
		v := d.ask("GetCallHistory", append(append([]string{}, dates...), more...)...)
		if errorOf(v) != 101 {
			t.Errorf("%s: %v", name, v)
		}
	}
}
