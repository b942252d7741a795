package voximplant

import (
	"net/http"

	"zvonar/internal/calls"
)

// stoppedByList is why a campaign is paused that StopCallListProcessing stopped.
const stoppedByList = "StopCallListProcessing"

// stopCallList pauses the campaign, for RecoverCallList can take it up again.
func (f *facade) stopCallList(_ http.ResponseWriter, q *query) (any, error) {
	c, _, _, err := f.list(q)
	if err != nil {
		return nil, err
	}
	if c.State == calls.CampaignDraft && c.StartAt != nil {
		_, err = f.house.Campaigns.Change(q.ctx, c.Account, c.ID, func(c *calls.Campaign) error {
			c.StartAt = nil
			return nil
		})
	} else if c.State == calls.CampaignIsRunning {
		_, err = f.house.Campaigns.Move(q.ctx, c.Account, c.ID, calls.CampaignPause, stoppedByList, q.actor())
	}
	if err != nil {
		return nil, err
	}
	return map[string]any{"result": true, "msg": "The call list is stopped."}, nil
}

// recoverCallList goes on with a list that was stopped.
func (f *facade) recoverCallList(_ http.ResponseWriter, q *query) (any, error) {
	c, _, _, err := f.list(q)
	if err != nil {
		return nil, err
	}
	move := calls.CampaignResume
	if c.State == calls.CampaignDraft {
		move = calls.CampaignStart
	}
	if c.State != calls.CampaignIsFinished {
		if c, err = f.house.Campaigns.Move(q.ctx, c.Account, c.ID, move, "", q.actor()); err != nil {
			return nil, err
		}
	}
	var waiting int64
	err = f.house.Store.View(q.ctx, func(tx calls.ReadTx) error {
		counts, err := tx.CampaignCounts(c.Account, c.ID)
		waiting = counts.Waiting()
		return err
	})
	return map[string]any{"result": true, "count_recovery": waiting}, err
}

// deleteCallList stops and deletes; calls that ring or talk must be over first.
func (f *facade) deleteCallList(_ http.ResponseWriter, q *query) (any, error) {
	c, _, _, err := f.list(q)
	if err != nil {
		return nil, err
	}
	if c.Live() {
		if _, err := f.house.Campaigns.Move(q.ctx, c.Account, c.ID, calls.CampaignStop, "DeleteCallList", q.actor()); err != nil {
			return nil, err
		}
	}
	if err := f.house.Campaigns.Delete(q.ctx, c.Account, c.ID); err != nil {
		return nil, err
	}
	return map[string]any{"result": true, "msg": "The call list is deleted."}, nil
}

// editCallList changes what is given.
func (f *facade) editCallList(_ http.ResponseWriter, q *query) (any, error) {
	c, _, m, err := f.list(q)
	if err != nil {
		return nil, err
	}
	p := q.params
	most := int64(c.Pace.MaxCalls)
	for _, x := range []struct {
		name        string
		least, most int64
		into        *int64
	}{{"priority", 0, 1 << 31, &m.Priority}, {"max_simultaneous", 1, 1_000_000, &most}, {"num_attempts", 1, 5, &m.Attempts}, {"interval_seconds", 0, 30 * 24 * 3600, &m.Interval}} {
		n, given, err := p.number(x.name, x.least, x.most)
		if err != nil {
			return nil, err
		}
		if given {
			*x.into = n
		}
	}
	name := c.Name
	for field, into := range map[string]*string{"name": &name, "list_custom_data": &m.CustomData, "task_priority_strategy": &m.Strategy} {
		if p.text(field) != "" {
			*into = p.text(field)
		}
	}
	if err := checkListTexts(name, m); err != nil {
		return nil, err
	}
	raw, err := m.raw()
	if err != nil {
		return nil, err
	}
	_, err = f.house.Campaigns.Change(q.ctx, c.Account, c.ID, func(c *calls.Campaign) error {
		c.Name, c.Metadata, c.Priority, c.Retry, c.Pace.MaxCalls = name, raw, priorityOf(m.Priority), retryOf(m), int(most)
		return nil
	})
	return map[string]any{"result": true}, err
}
