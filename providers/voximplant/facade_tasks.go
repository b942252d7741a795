package voximplant

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"zvonar/internal/calls"
)

// The statuses of a list, by the state of its campaign.
var listStatus = map[calls.CampaignState]string{
	calls.CampaignDraft: "Canceled", calls.CampaignIsRunning: "In progress", calls.CampaignIsPaused: "Canceled",
	calls.CampaignIsStopped: "Canceled", calls.CampaignIsFinished: "Completed",
}

// statusOf is that of a list; one that waits for its time is in progress.
func statusOf(c *calls.Campaign) string {
	if c.State == calls.CampaignDraft && c.StartAt != nil {
		return "In progress"
	}
	return listStatus[c.State]
}

// The statuses of tasks.
const (
	taskNew = iota
	taskRunning
	taskProcessed
	taskError
	taskCanceled
)

var taskStatus = [...]string{"New", "In progress", "Processed", "Error", "Canceled"}

// statusOfTask is that of a contact.
func statusOfTask(c *calls.Campaign, t *calls.Contact) int {
	switch t.State {
	case calls.ContactWaiting:
		if c.State == calls.CampaignIsStopped {
			return taskCanceled
		}
		return taskNew
	case calls.ContactCalling:
		return taskRunning
	case calls.ContactSkipped:
		return taskCanceled
	case calls.ContactDone:
		if t.Outcome == calls.OutcomeAnswered {
			return taskProcessed
		}
		if t.Outcome == calls.OutcomeCanceled {
			return taskCanceled
		}
	}
	return taskError
}

// maxPage is the most that one answer lists.
const maxPage = 1000

// getCallLists lists campaigns that are call lists, newest first.
func (f *facade) getCallLists(_ http.ResponseWriter, q *query) (any, error) {
	want, err := f.listFilter(q)
	if err != nil {
		return nil, err
	}
	out, total := []map[string]any{}, int64(0)
	err = f.house.Store.View(q.ctx, func(tx calls.ReadTx) error {
		cursor := ""
		for {
			page, err := tx.Campaigns(calls.CampaignFilter{Account: q.key.Account, Cursor: cursor, Limit: 500})
			if err != nil {
				return err
			}
			for _, c := range page {
				cursor = c.ID
				m, ok := metaOf(c)
				if !ok || !want.takes(c, m) {
					continue
				}
				n, err := tx.NumberOf(q.key.Account, numberList, c.ID)
				if errors.Is(err, calls.ErrNotFound) || err == nil && len(want.ids) > 0 && !slices.Contains(want.ids, strconv.FormatInt(n, 10)) {
					continue
				}
				if err != nil {
					return err
				}
				if total++; total > want.offset && int64(len(out)) < want.count {
					out = append(out, listView(c, m, n))
				}
			}
			if len(page) < 500 {
				return nil
			}
		}
	})
	return map[string]any{"result": out, "count": len(out), "total_count": total}, err
}

// listFilter is what GetCallLists asks for.
type listFilter struct {
	ids, rules    []string
	name, status  string
	active        bool
	from, to      time.Time
	count, offset int64
}

func (f *facade) listFilter(q *query) (w listFilter, err error) {
	p := q.params
	w = listFilter{ids: p.list("list_id"), rules: p.list("rule_id"), name: p.text("name"), status: p.text("status"), count: 20}
	var errs [5]error
	w.active, errs[0] = p.flag("is_active")
	w.from, errs[1] = p.date("from_date", time.UTC)
	w.to, errs[2] = p.date("to_date", time.UTC)
	w.count, errs[3] = p.page("count", maxPage, 20)
	w.offset, errs[4] = p.page("offset", 1<<31, 0)
	return w, cmpError(errs[:]...)
}

// page reads a count or an offset.
func (p params) page(name string, most, otherwise int64) (int64, error) {
	n, given, err := p.number(name, 0, most)
	if !given {
		n = otherwise
	}
	return n, err
}

func (w *listFilter) takes(c *calls.Campaign, m listMeta) bool {
	return (len(w.rules) == 0 || slices.Contains(w.rules, strconv.FormatInt(m.RuleID, 10))) &&
		(w.name == "" || strings.Contains(strings.ToLower(c.Name), strings.ToLower(w.name))) &&
		(w.status == "" || strings.EqualFold(w.status, statusOf(c))) && (!w.active || statusOf(c) == "In progress") &&
		(w.from.IsZero() || !c.CreatedAt.Before(w.from)) && (w.to.IsZero() || !c.CreatedAt.After(w.to))
}

// listView is a CallListType.
func listView(c *calls.Campaign, m listMeta, n int64) map[string]any {
	v := map[string]any{"list_id": n, "list_name": c.Name, "priority": m.Priority, "rule_id": m.RuleID, "max_simultaneous": c.Pace.MaxCalls,
		"num_attempts": m.Attempts, "interval_seconds": m.Interval, "dt_submit": c.CreatedAt.UTC().Format(dateLayout), "status": statusOf(c),
		"task_priority_strategy": m.Strategy}
	if !c.EndedAt.IsZero() {
		v["dt_complete"] = c.EndedAt.UTC().Format(dateLayout)
	}
	return v
}

// taskView is a CallListDetailType; its names are the columns of the CSV, too.
type taskView struct {
	ListID      int64  `json:"list_id"`
	CustomData  string `json:"custom_data"`
	From        string `json:"start_execution_time,omitempty"`
	To          string `json:"finish_execution_time,omitempty"`
	Result      string `json:"result_data,omitempty"`
	LastAttempt string `json:"last_attempt,omitempty"`
	Left        int64  `json:"attempts_left"`
	StatusID    int    `json:"status_id"`
	Status      string `json:"status"`
	TaskID      int64  `json:"task_id"`
	UUID        string `json:"task_uuid"`
}

var taskColumns = []string{"list_id", "custom_data", "start_execution_time", "finish_execution_time", "result_data", "last_attempt",
	"attempts_left", "status_id", "status", "task_id", "task_uuid"}

func (v taskView) row() []string {
	return []string{strconv.FormatInt(v.ListID, 10), v.CustomData, v.From, v.To, v.Result, v.LastAttempt, strconv.FormatInt(v.Left, 10),
		strconv.Itoa(v.StatusID), v.Status, strconv.FormatInt(v.TaskID, 10), v.UUID}
}

func viewTask(c *calls.Campaign, m listMeta, list int64, t *calls.Contact) (v taskView) {
	data := map[string]string{}
	for name, value := range t.Variables {
		if name != batchVariable {
			data[name] = value
		}
	}
	custom, _ := json.Marshal(data) // texts cannot fail
	v = taskView{ListID: list, CustomData: string(custom), Left: max(0, m.Attempts-int64(t.Result.Attempts)), TaskID: t.N, UUID: t.Ref,
		StatusID: statusOfTask(c, t)}
	v.Status = taskStatus[v.StatusID]
	if m.From != "" {
		v.From, v.To = m.From+":00", m.To+":00"
	}
	if t.State == calls.ContactDone || t.State == calls.ContactFailed {
		result, _ := json.Marshal(map[string]any{"outcome": t.Outcome, "reason": t.Result.Reason, "digits": t.Result.Digits, "verdict": t.Result.Verdict,
			"talk_ms": t.Result.TalkMS, "error": t.Error})
		v.Result = string(result)
	}
	if !t.EndedAt.IsZero() {
		v.LastAttempt = t.EndedAt.UTC().Format(dateLayout)
	}
	return v
}

// tasks visits the tasks of a list from offset on, at most count.
func (f *facade) tasks(q *query, c *calls.Campaign, offset, count int64, visit func(*calls.Contact) error) error {
	batches := q.params.list("batch_id")
	var after, seen, given int64
	for given < count {
		var page []*calls.Contact
		err := f.house.Store.View(q.ctx, func(tx calls.ReadTx) (err error) {
			page, err = tx.Contacts(calls.ContactFilter{Account: c.Account, Campaign: c.ID, After: after, Limit: 500})
			return err
		})
		if err != nil {
			return err
		}
		for _, t := range page {
			after = t.N
			if len(batches) > 0 && !slices.Contains(batches, t.Variables[batchVariable]) {
				continue
			}
			if seen++; seen <= offset || given >= count {
				continue
			}
			given++
			if err := visit(t); err != nil {
				return err
			}
		}
		if len(page) < 500 {
			return nil
		}
	}
	return nil
}

// getCallListDetails lists the tasks of a list, as a table or as JSON.
func (f *facade) getCallListDetails(w http.ResponseWriter, q *query) (any, error) {
	c, n, m, err := f.list(q)
	if err != nil {
		return nil, err
	}
	offset, err := q.params.page("offset", 1<<31, 0)
	if err != nil {
		return nil, err
	}
	switch q.params.text("output") {
	case "json":
		count, err := q.params.page("count", maxPage, maxPage)
		if err != nil {
			return nil, err
		}
		list := []taskView{}
		err = f.tasks(q, c, offset, count, func(t *calls.Contact) error {
			list = append(list, viewTask(c, m, n, t))
			return nil
		})
		return map[string]any{"result": list, "count": len(list)}, err
	case "", "csv":
		count, err := q.params.page("count", maxTasks, maxTasks)
		if err != nil {
			return nil, err
		}
		return nil, f.writeTasks(w, q, c, n, m, offset, count)
	}
	return nil, &apiError{105, "The output format is not supported."}
}

// writeTasks writes the table as a file, which is what clients take it for.
func (f *facade) writeTasks(w http.ResponseWriter, q *query, c *calls.Campaign, n int64, m listMeta, offset, count int64) error {
	d, err := dialectOf("", q.params.text("delimiter"), "", "")
	if err != nil {
		return &apiError{101, "Invalid arguments: " + err.Error() + "."}
	}
	t := table{heads: taskColumns}
	err = f.tasks(q, c, offset, count, func(one *calls.Contact) error {
		t.rows = append(t.rows, viewTask(c, m, n, one).row())
		return nil
	})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="call_list_`+strconv.FormatInt(n, 10)+`.csv"`)
	_, _ = w.Write(d.write(t)) // who went away needs no table
	return nil
}
