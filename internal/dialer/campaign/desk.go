package campaign

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// Desk makes and changes campaigns. Errors are *calls.Error where they are the
// asker's to mend, calls.ErrNotFound where there is no such campaign or contact.
// Safe for concurrent use.
type Desk struct {
	store   calls.Store
	gate    Gate
	opens   Opens
	resolve Resolve
	clock   clock.Clock
	ids     *clock.IDs
	log     *slog.Logger
	kick    func()
	// telling is held from the reading of a campaign's state until the gate knows of
	// it, so that the gate is never told of a state that is over.
	telling sync.Mutex

	counting sync.Mutex
	counted  map[string]counted // by campaign: for forecasts
}

// Create stores a draft and gives it its id.
func (d *Desk) Create(ctx context.Context, c *calls.Campaign) error {
	c.ID, c.State, c.CreatedAt = d.ids.New("camp_"), calls.CampaignDraft, d.clock.Now()
	if err := d.store.Update(ctx, func(tx calls.Tx) error { return tx.InsertCampaign(c) }); err != nil {
		return err
	}
	d.kick()
	return nil
}

// Change applies change to a campaign that is not stopped: from the next call on
// it goes by that.
func (d *Desk) Change(ctx context.Context, account, id string, change func(*calls.Campaign) error) (c *calls.Campaign, err error) {
	err = d.store.Update(ctx, func(tx calls.Tx) (err error) {
		if c, err = tx.Campaign(account, id); err != nil {
			return err
		}
		if c.State == calls.CampaignIsStopped {
			return calls.Errorf(calls.CodeWrongState, "the campaign is stopped: it can only be read or deleted")
		}
		if err := change(c); err != nil {
			return err
		}
		return tx.UpdateCampaign(c)
	})
	if err == nil {
		d.kick()
	}
	return c, err
}

// Move starts, pauses, resumes or stops a campaign. Where it stands already as
// the move would have it nothing happens.
func (d *Desk) Move(ctx context.Context, account, id string, m calls.CampaignMove, reason, actor string) (*calls.Campaign, error) {
	d.telling.Lock()
	defer d.telling.Unlock()
	c, err := d.move(ctx, account, id, m, reason, actor)
	if err == nil && c.Live() { // from here on the dialer of this node goes by it
		d.gate.SetCampaign(c.ID, c.Rule())
	}
	if err == nil && m == calls.CampaignStop {
		d.gate.DropCampaign(c.ID) // the runner withdraws what is queued
	}
	return c, err
}

// toldData is the payload of the events of a campaign.
type toldData struct {
	ID       string           `json:"campaign_id"`
	Name     string           `json:"name"`
	State    string           `json:"state"`
	Reason   string           `json:"reason,omitempty"`
	By       string           `json:"by"`
	Counters map[string]int64 `json:"counters"`
}

func (d *Desk) move(ctx context.Context, account, id string, m calls.CampaignMove, reason, actor string) (c *calls.Campaign, err error) {
	err = d.store.Update(ctx, func(tx calls.Tx) (err error) {
		if c, err = tx.Campaign(account, id); err != nil {
			return err
		}
		counts, err := tx.CampaignCounts(c.Account, id)
		if err != nil || stands(c, m) {
			return err
		}
		if m == calls.CampaignStart && counts.Waiting() == 0 {
			return calls.Errorf(calls.CodeWrongState, "the campaign has nobody to call: import contacts first")
		}
		if m == calls.CampaignStart || m == calls.CampaignResume {
			if err := d.playable(tx, c); err != nil {
				return err
			}
		}
		if m == calls.CampaignFinish && (counts.Waiting() > 0 || counts[calls.CountCalling] > 0) {
			return nil // contacts came meanwhile
		}
		told, refused := c.Move(m, reason, d.clock.Now())
		if refused != nil {
			return refused
		}
		if err := tx.UpdateCampaign(c); err != nil {
			return err
		}
		e := calls.NewEvent(d.ids.New("evt_"), d.clock.Now(), calls.CampaignSubject(id), told,
			toldData{ID: id, Name: c.Name, State: string(c.State), Reason: reason, By: actor, Counters: Sums(counts)})
		e.Account = c.Account
		return tx.AppendEvent(&e)
	})
	if err == nil {
		d.kick()
	}
	return c, err
}

// playable asks for every clip of a campaign's flow whether it may be played.
func (d *Desk) playable(tx calls.ReadTx, c *calls.Campaign) error {
	for _, id := range c.Flow.ClipIDs() {
		if err := d.resolve(tx, c.Account, id); err != nil {
			return err
		}
	}
	return nil
}

// stands reports whether a campaign is already as a move would have it.
func stands(c *calls.Campaign, m calls.CampaignMove) bool {
	switch m {
	case calls.CampaignStart, calls.CampaignResume:
		return c.State == calls.CampaignIsRunning
	case calls.CampaignPause:
		return c.State == calls.CampaignIsPaused
	case calls.CampaignStop:
		return c.State == calls.CampaignIsStopped
	}
	return false
}

// Sums are the counts that are told of a campaign.
func Sums(counts calls.CampaignCounts) map[string]int64 {
	return map[string]int64{"total": counts[calls.CountTotal], "waiting": counts.Waiting(), "calling": counts[calls.CountCalling],
		"done": counts[calls.CountDone], "skipped": counts[calls.CountSkipped], "failed": counts[calls.CountFailed]}
}

// finish ends a campaign that has nothing left.
func (d *Desk) finish(ctx context.Context, c *calls.Campaign) error {
	_, err := d.move(ctx, c.Account, c.ID, calls.CampaignFinish, "", "zvonar")
	if err != nil && calls.CodeOf(err) == calls.CodeWrongState {
		return nil // paused or stopped meanwhile
	}
	return err
}

// pauseItself pauses a campaign of any account for what went wrong.
func (d *Desk) pauseItself(ctx context.Context, id, reason string) error {
	_, err := d.move(ctx, "", id, calls.CampaignPause, reason, "zvonar")
	if errors.Is(err, calls.ErrNotFound) || err != nil && calls.CodeOf(err) == calls.CodeWrongState {
		return nil
	}
	return err
}

// forgetSchedule takes back a time to start that came to nothing.
func (d *Desk) forgetSchedule(ctx context.Context, c *calls.Campaign) error {
	d.log.Warn("a campaign could not be started at its time: it has nobody to call", "campaign", c.ID)
	_, err := d.Change(ctx, c.Account, c.ID, func(c *calls.Campaign) error {
		if c.State == calls.CampaignDraft {
			c.StartAt = nil
		}
		return nil
	})
	if err != nil && calls.CodeOf(err) == calls.CodeWrongState {
		return nil
	}
	return err
}

// Delete removes a campaign that does not run, with its contacts. Its calls stay.
func (d *Desk) Delete(ctx context.Context, account, id string) error {
	for more := true; more; {
		err := d.store.Update(ctx, func(tx calls.Tx) error {
			c, err := tx.Campaign(account, id)
			if err != nil {
				return err
			}
			counts, err := tx.CampaignCounts(account, id)
			if err != nil {
				return err
			}
			if c.Live() || counts[calls.CountCalling] > 0 {
				return calls.Errorf(calls.CodeWrongState, "the campaign is %s and %d of its calls are not over: stop it and wait for them", c.State, counts[calls.CountCalling])
			}
			c.State, c.StartAt = calls.CampaignIsStopped, nil // nobody starts what is half there
			if err := tx.UpdateCampaign(c); err != nil {
				return err
			}
			more, err = tx.DeleteCampaign(account, id, deleteAtOnce)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

const deleteAtOnce = 100 // contacts: some milliseconds, for which events of calls wait

// Skip takes a contact out of the line; if it has a call that nobody was rung for
// yet, that is for the asker to end.
func (d *Desk) Skip(ctx context.Context, account, id string, n int64, why string) (*calls.Contact, error) {
	return d.contact(ctx, account, id, n, func(tx calls.Tx) error {
		return tx.DropContact(account, id, n, calls.ContactSkipped, why)
	})
}

// Place moves a contact that waits: to the front of the line, or to a time.
func (d *Desk) Place(ctx context.Context, account, id string, n int64, front bool, at time.Time) (*calls.Contact, error) {
	return d.contact(ctx, account, id, n, func(tx calls.Tx) error {
		turn := at.UnixMicro()
		if front {
			// The latest move is the foremost: all of them are before 1970.
			turn = -d.clock.Now().UnixMicro()
		}
		return tx.PlaceContact(account, id, n, turn)
	})
}

// contact changes a contact that waits and gives it as it is then.
func (d *Desk) contact(ctx context.Context, account, id string, n int64, change func(calls.Tx) error) (t *calls.Contact, err error) {
	err = d.store.Update(ctx, func(tx calls.Tx) (err error) {
		if t, err = tx.Contact(account, id, n); err != nil {
			return err
		}
		if t.State != calls.ContactWaiting {
			return calls.Errorf(calls.CodeWrongState, "the contact is %s, it waits no more", t.State)
		}
		if err := change(tx); err != nil {
			return err
		}
		t, err = tx.Contact(account, id, n)
		return err
	})
	if err == nil {
		d.kick()
	}
	return t, err
}
