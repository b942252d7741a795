package voximplant

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"zvonar/internal/calls"
)

// task finds a task by its id or its uuid.
func (f *facade) task(q *query, c *calls.Campaign, id, uuid string) (t *calls.Contact, err error) {
	n, bad := strconv.ParseInt(id, 10, 64)
	if id != "" && bad != nil {
		return nil, calls.ErrNotFound
	}
	err = f.house.Store.View(q.ctx, func(tx calls.ReadTx) (err error) {
		if id != "" {
			t, err = tx.Contact(c.Account, c.ID, n)
			return err
		}
		found, err := tx.Contacts(calls.ContactFilter{Account: c.Account, Campaign: c.ID, Ref: uuid, Limit: 1})
		if err == nil && len(found) == 0 {
			err = calls.ErrNotFound
		}
		if err == nil {
			t = found[0]
		}
		return err
	})
	return t, err
}

// editCallListTask moves a task that waits to another time; nothing else of one can
// be changed.
func (f *facade) editCallListTask(_ http.ResponseWriter, q *query) (any, error) {
	c, _, _, err := f.list(q)
	if err != nil {
		return nil, err
	}
	p := q.params
	for _, name := range []string{"attempts_left", "custom_data", "min_execution_time", "max_execution_time", "call_schedule", "user_id", "skill_id"} {
		if p.text(name) != "" {
			return nil, &apiError{101, "Invalid arguments: '" + name + "' of a task cannot be changed here; start_at and next_attempt_time can."}
		}
	}
	at, err := p.date("start_at", time.UTC)
	if err == nil && at.IsZero() {
		at, err = p.date("next_attempt_time", time.UTC)
	}
	if err != nil || at.IsZero() || p.text("task_id")+p.text("task_uuid") == "" {
		return nil, cmpError(err, invalid("start_at"))
	}
	t, err := f.task(q, c, p.text("task_id"), p.text("task_uuid"))
	if errors.Is(err, calls.ErrNotFound) {
		return nil, invalid("task_id")
	}
	if err == nil {
		_, err = f.house.Campaigns.Place(q.ctx, c.Account, c.ID, t.N, false, at)
	}
	return map[string]any{"result": true}, err
}

// canceled is what CancelCallListTask says of one task.
type canceled struct {
	TaskID int64  `json:"task_id,omitempty"`
	UUID   string `json:"task_uuid,omitempty"`
	Result bool   `json:"result"`
	Msg    string `json:"error_msg,omitempty"`
}

// cancelCallListTask takes tasks out of the list. One task is answered as such,
// several as a list of them.
func (f *facade) cancelCallListTask(_ http.ResponseWriter, q *query) (any, error) {
	c, _, _, err := f.list(q)
	if err != nil {
		return nil, err
	}
	ids, uuids := q.params.list("tasks_ids"), q.params.list("tasks_uuids")
	if n := len(ids) + len(uuids); n == 0 || n > maxPage {
		return nil, invalid("tasks_ids")
	}
	done := make([]canceled, 0, len(ids)+len(uuids))
	for _, id := range ids {
		done = append(done, f.cancelTask(q, c, id, ""))
	}
	for _, uuid := range uuids {
		done = append(done, f.cancelTask(q, c, "", uuid))
	}
	if len(done) == 1 {
		return done[0], nil
	}
	return map[string]any{"result": done}, nil
}

func (f *facade) cancelTask(q *query, c *calls.Campaign, id, uuid string) canceled {
	out := canceled{UUID: uuid}
	out.TaskID, _ = strconv.ParseInt(id, 10, 64) // what is no number is found nowhere
	t, err := f.task(q, c, id, uuid)
	if err == nil {
		out.TaskID, out.UUID = t.N, t.Ref
		_, err = f.house.Campaigns.Skip(q.ctx, c.Account, c.ID, t.N, "CancelCallListTask")
	}
	if out.Result = err == nil; err != nil {
		out.Msg = f.fault(q.http, err).Msg
	}
	return out
}

// cancelCallListBatch takes what waits of batches out of the list.
func (f *facade) cancelCallListBatch(_ http.ResponseWriter, q *query) (any, error) {
	c, _, _, err := f.list(q)
	if err != nil {
		return nil, err
	}
	batches := q.params.list("batch_ids")
	if len(batches) == 0 {
		return nil, invalid("batch_ids")
	}
	q.params.values.Set("batch_id", strings.Join(batches, ";"))
	found := false
	err = f.tasks(q, c, 0, maxTasks, func(t *calls.Contact) error {
		found = true
		if t.State != calls.ContactWaiting {
			return nil
		}
		_, err := f.house.Campaigns.Skip(q.ctx, c.Account, c.ID, t.N, "CancelCallListBatch")
		if calls.CodeOf(err) == calls.CodeWrongState && err != nil {
			return nil // its turn came meanwhile
		}
		return err
	})
	if err == nil && !found {
		return nil, invalid("batch_ids")
	}
	return map[string]any{"result": true}, err
}
