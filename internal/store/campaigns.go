package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"zvonar/internal/calls"
)

// The stored form of a campaign, as calls have one (doc_call.go).
type plainCampaign calls.Campaign

type campaignDoc struct {
	plainCampaign
	Flow flowDoc
}

func packCampaign(c *calls.Campaign) (string, error) {
	d := campaignDoc{plainCampaign: plainCampaign(*c), Flow: flowDoc{plainFlow: plainFlow(c.Flow), Digits: packDigits(c.Flow.Digits)}}
	for _, p := range []*time.Time{&d.CreatedAt, &d.StartedAt, &d.EndedAt} {
		*p = stored(*p)
	}
	if c.Consent != nil {
		consent := *c.Consent
		consent.At = storedPtr(consent.At)
		d.Consent = &consent
	}
	d.StartAt, d.StopAt = storedPtr(d.StartAt), storedPtr(d.StopAt)
	b, err := json.Marshal(d)
	if err != nil {
		return "", fmt.Errorf("store: campaign %s cannot be written: %w", c.ID, err)
	}
	return string(b), nil
}

func scanCampaign(sc scanner) (*calls.Campaign, error) {
	var doc string
	if err := sc.Scan(&doc); err != nil {
		return nil, err
	}
	var d campaignDoc
	if err := json.Unmarshal([]byte(doc), &d); err != nil {
		return nil, err
	}
	c := calls.Campaign(d.plainCampaign)
	c.Flow = calls.Flow(d.Flow.plainFlow)
	c.Flow.Digits = unpackDigits(d.Flow.Digits)
	if string(c.Metadata) == "null" {
		c.Metadata = nil
	}
	return &c, nil
}

// Campaign implements calls.ReadTx.
func (t *tx) Campaign(account, id string) (*calls.Campaign, error) {
	return one(t, scanCampaign, `SELECT doc FROM campaigns WHERE id = ? AND (CAST(? AS TEXT) = '' OR account = ?)`, id, account, account)
}

// Campaigns implements calls.ReadTx.
func (t *tx) Campaigns(f calls.CampaignFilter) ([]*calls.Campaign, error) {
	var w where
	w.equal("account", f.Account)
	w.equal("state", string(f.State))
	if f.Live {
		w.add("(state IN ('running', 'paused') OR start_at > 0)")
	}
	if f.Cursor != "" {
		w.add("id < ?", f.Cursor)
	}
	return many(t, scanCampaign, `SELECT doc FROM campaigns`+w.sql()+` ORDER BY id DESC LIMIT ?`, append(w.args, limited(f.Limit, 1000))...)
}

// InsertCampaign implements calls.Tx.
func (t *tx) InsertCampaign(c *calls.Campaign) error {
	doc, err := packCampaign(c)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO campaigns (id, account, state, start_at, created_at, doc) VALUES (?, ?, ?, ?, ?, ?)`,
		c.ID, c.Account, string(c.State), startAt(c), micros(c.CreatedAt), doc)
	return err
}

// UpdateCampaign implements calls.Tx.
func (t *tx) UpdateCampaign(c *calls.Campaign) error {
	doc, err := packCampaign(c)
	if err != nil {
		return err
	}
	return changedOne(t.exec(`UPDATE campaigns SET state = ?, start_at = ?, doc = ? WHERE id = ? AND account = ?`,
		string(c.State), startAt(c), doc, c.ID, c.Account))
}

// startAt is the time at which a draft is to be started; 0: somebody starts it.
func startAt(c *calls.Campaign) int64 {
	if c.State != calls.CampaignDraft {
		return 0
	}
	return microsPtr(c.StartAt)
}

// DeleteCampaign implements calls.Tx.
func (t *tx) DeleteCampaign(account, id string, limit int) (more bool, err error) {
	_, more, err = t.deleteCampaign(account, id, limited(limit, 10000))
	return more, err
}

const someContacts = `DELETE FROM contacts WHERE account = ? AND campaign = ? AND n IN (SELECT n FROM contacts WHERE campaign = ? ORDER BY n LIMIT ?)`

// deleteCampaign is DeleteCampaign that tells how many contacts it removed.
func (t *tx) deleteCampaign(account, id string, limit int) (contacts int64, more bool, err error) {
	contacts, err = t.exec(someContacts, account, id, id, limit)
	if err != nil || contacts == int64(limit) {
		return contacts, true, err
	}
	if _, err := t.exec(`DELETE FROM campaign_counts WHERE account = ? AND campaign = ?`, account, id); err != nil {
		return contacts, true, err
	}
	return contacts, false, changedOne(t.exec(`DELETE FROM campaigns WHERE account = ? AND id = ?`, account, id))
}

// CampaignCounts implements calls.ReadTx.
func (t *tx) CampaignCounts(account, id string) (calls.CampaignCounts, error) {
	counts := calls.CampaignCounts{}
	err := t.query(func(sc scanner) error {
		var name string
		var n int64
		err := sc.Scan(&name, &n)
		counts[name] = n
		return err
	}, `SELECT name, n FROM campaign_counts WHERE campaign = ? AND (CAST(? AS TEXT) = '' OR account = ?)`, id, account, account)
	return counts, err
}

// AddCounts implements calls.Tx.
func (t *tx) AddCounts(account, id string, c calls.CampaignCounts) error {
	for name, n := range c {
		if _, err := t.exec(`INSERT INTO campaign_counts (campaign, account, name, n) VALUES (?, ?, ?, ?)
			ON CONFLICT (campaign, name) DO UPDATE SET n = campaign_counts.n + excluded.n`, id, account, name, n); err != nil {
			return err
		}
	}
	return nil
}

// LiveOfCampaign implements calls.ReadTx.
func (t *tx) LiveOfCampaign(account, id string) (map[calls.Status]int64, error) {
	counts := map[calls.Status]int64{}
	err := t.query(func(sc scanner) error {
		var status calls.Status
		var n int64
		err := sc.Scan(&status, &n)
		counts[status] = n
		return err
	}, `SELECT status, count(*) FROM calls WHERE account = ? AND campaign = ? AND campaign <> '' AND is_over = 0 GROUP BY status`, account, id)
	return counts, err
}

// SettleContact implements calls.Tx.
func (t *tx) SettleContact(c *calls.Call) error {
	if c.CampaignID == "" || c.Contact == 0 || !c.Over() {
		return nil
	}
	result, err := json.Marshal(storedResult(calls.ResultOf(c)))
	if err != nil {
		return err
	}
	err = changedOne(t.exec(`UPDATE contacts SET state = 'done', outcome = ?, ended_at = ?, result = ?
		WHERE account = ? AND campaign = ? AND n = ? AND call_id = ? AND state = 'calling'`,
		string(c.Outcome), microsPtr(c.EndedAt), string(result), c.Account, c.CampaignID, c.Contact, c.ID))
	if errors.Is(err, calls.ErrNotFound) {
		return nil // it was settled before
	}
	if err != nil {
		return err
	}
	return t.AddCounts(c.Account, c.CampaignID, calls.SettledCounts(c))
}

func storedResult(r calls.ContactResult) calls.ContactResult {
	r.AnsweredAt = storedPtr(r.AnsweredAt)
	return r
}

// CampaignsWithCalls implements calls.ReadTx.
func (t *tx) CampaignsWithCalls() ([]calls.CampaignName, error) {
	return many(t, func(sc scanner) (c calls.CampaignName, err error) { err = sc.Scan(&c.Account, &c.ID); return c, err },
		`SELECT DISTINCT account, campaign FROM calls WHERE is_over = 0 AND campaign <> ''`)
}
