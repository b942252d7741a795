package voximplant

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/dialer/campaign"
)

// listMeta is what is kept of a call list with its campaign.
type listMeta struct {
	RuleID     int64  `json:"rule_id"`
	Priority   int64  `json:"priority"`
	Attempts   int64  `json:"num_attempts"`
	Interval   int64  `json:"interval_seconds"` // as asked for
	Strategy   string `json:"task_priority_strategy"`
	CustomData string `json:"list_custom_data,omitempty"`
	Number     string `json:"number_column"`
	// From and To are the hours of every task, UTC; "": any.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// metaOf reads it; ok is false for campaigns that are no call lists.
func metaOf(c *calls.Campaign) (m listMeta, ok bool) {
	var all struct {
		List *listMeta `json:"voximplant_list"`
	}
	if err := json.Unmarshal(c.Metadata, &all); err != nil || all.List == nil {
		return m, false
	}
	return *all.List, true
}

func (m listMeta) raw() (json.RawMessage, error) {
	return json.Marshal(map[string]any{"voximplant_list": m})
}

// batchVariable keeps the batch of a task among the variables of its contact.
const batchVariable = "__batch_id"

// leastRetry is the shortest time between two attempts; shorter intervals become it.
const leastRetry = 10 * time.Second

// createCallList is a campaign with the flow of a rule, which starts at once.
func (f *facade) createCallList(_ http.ResponseWriter, q *query) (any, error) {
	c, meta, err := f.readList(q)
	if err != nil {
		return nil, err
	}
	t, err := readTable(q.params)
	if err != nil {
		return nil, err
	}
	if meta.Number, err = f.numberColumn(t); err != nil {
		return nil, err
	}
	file, batch, err := listFile(t, &meta, true)
	if err != nil {
		return nil, err
	}
	if meta.From != "" {
		c.Window = &calls.Window{From: meta.From, To: meta.To, Timezone: "UTC"}
	}
	if c.Metadata, err = meta.raw(); err != nil {
		return nil, err
	}
	if err := f.house.Campaigns.Create(q.ctx, c); err != nil {
		return nil, err
	}
	n, err := f.listNumber(q, c.ID)
	if err != nil {
		return nil, err
	}
	added, err := f.importList(q, c.ID, file)
	if err != nil || added == 0 {
		return nil, errors.Join(err, f.dropEmpty(q, c.ID, err))
	}
	held, err := q.params.flag("is_cancelled")
	if err == nil && !held && c.StartAt == nil {
		_, err = f.house.Campaigns.Move(q.ctx, c.Account, c.ID, calls.CampaignStart, "", q.actor())
	}
	if err != nil {
		return nil, err
	}
	return map[string]any{"result": true, "count": added, "list_id": n, "batch_id": batch}, nil
}

// dropEmpty removes a list that came to nothing and says why.
func (f *facade) dropEmpty(q *query, id string, cause error) error {
	if err := f.house.Campaigns.Delete(context.WithoutCancel(q.ctx), q.key.Account, id); err != nil {
		return err
	}
	if cause == nil {
		return &apiError{101, "Invalid arguments: no row of 'file_content' has a number that may be called."}
	}
	return nil
}

// readList reads the parameters of a list.
func (f *facade) readList(q *query) (c *calls.Campaign, m listMeta, err error) {
	p := q.params
	if m.RuleID, err = p.need("rule_id", 1, 1<<53); err != nil {
		return nil, m, err
	}
	rule, ok := f.rule(q.key.Account, m.RuleID)
	if !ok {
		return nil, m, invalid("rule_id")
	}
	flow := *rule.Flow
	c = &calls.Campaign{Account: q.key.Account, CreatedBy: q.actor(), Flow: flow, Trunk: rule.Trunk}
	if rule.From != "" {
		c.From = []string{rule.From}
	}
	if rule.Provider != "" {
		return nil, m, &apiError{101, "Invalid arguments: the rule calls by a provider, which lists cannot."}
	}
	var most int64
	var err1, err2, err3, err4 error
	m.Priority, err1 = p.need("priority", 0, 1<<31)
	most, err2 = p.need("max_simultaneous", 1, 1_000_000)
	m.Attempts, err3 = p.need("num_attempts", 1, 5)
	m.Interval, _, err4 = p.number("interval_seconds", 0, 30*24*3600)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, m, cmpError(err1, err2, err3, err4)
	}
	c.Name, m.CustomData, m.Strategy = p.text("name"), p.text("list_custom_data"), p.text("task_priority_strategy")
	if err := checkListTexts(c.Name, m); err != nil {
		return nil, m, err
	}
	if m.Strategy == "" {
		m.Strategy = "first_attempts"
	}
	at, given, err := p.number("start_at", 1, 1<<33)
	if err != nil {
		return nil, m, err
	}
	if start := time.Unix(at, 0).UTC(); given {
		if start.Before(f.house.Clock.Now().Add(-f.skew())) {
			return nil, m, invalid("start_at")
		}
		c.StartAt = &start
	}
	c.Pace.MaxCalls, c.Priority, c.Retry = int(most), priorityOf(m.Priority), retryOf(m)
	return c, m, nil
}

// cmpError is the first that is no nil: one is told at a time, as the API does.
func cmpError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func checkListTexts(name string, m listMeta) error {
	switch {
	case name == "" || len(name) > 255 || strings.ContainsAny(name, `/\`) || !calls.Printable(name):
		return invalid("name")
	case m.Strategy != "" && m.Strategy != "first_attempts" && m.Strategy != "repeated_attempts":
		return invalid("task_priority_strategy")
	case len(m.CustomData) > 1000:
		return invalid("list_custom_data")
	}
	return nil
}

// priorityOf turns 0, the highest, …2^31 into ours, of which 100 is the highest.
func priorityOf(n int64) int { return int(max(-100, 100-n)) }

// retryOf is when a task is tried again: after every outcome that may be, up to as
// many attempts as were asked for.
func retryOf(m listMeta) *calls.RetryPolicy {
	after := max(leastRetry, time.Duration(m.Interval)*time.Second)
	p := &calls.RetryPolicy{MaxAttempts: int(m.Attempts), Outcomes: map[calls.Outcome]calls.RetryRule{}}
	for _, o := range calls.Retried() {
		p.Outcomes[o] = calls.RetryRule{After: calls.Duration(after)}
	}
	return p
}

// readTable reads the file of a list.
func readTable(p params) (t table, err error) {
	d, err := dialectOf(p.text("encoding"), p.text("delimiter"), p.text("escape"), p.text("quote"))
	if err != nil {
		return t, &apiError{101, "Invalid arguments: " + err.Error() + "."}
	}
	content := p.content()
	if len(content) == 0 {
		return t, invalid("file_content")
	}
	if t, err = d.parse(content); err != nil {
		return t, &apiError{101, "Invalid arguments: file_content: " + err.Error() + "."}
	}
	return t, nil
}

// numberColumn is the column with the numbers.
func (f *facade) numberColumn(t table) (string, error) {
	for _, name := range f.settings.CustomData.To {
		for _, head := range t.heads {
			if strings.EqualFold(head, name) {
				return head, nil
			}
		}
	}
	return "", &apiError{101, "Invalid arguments: no column of 'file_content' is the number (" + strings.Join(f.settings.CustomData.To, ", ") + ")."}
}

// contactLine is a row as the import of campaigns reads it.
type contactLine struct {
	Number    string            `json:"number"`
	Ref       string            `json:"ref"`
	NotBefore *time.Time        `json:"not_before,omitempty"`
	Variables map[string]string `json:"variables"`
}

// listFile writes the rows of a list for the import, and names their batch. The hours
// must be those of the list; the first rows of it say which.
func listFile(t table, m *listMeta, fresh bool) (file []byte, batch string, err error) {
	batch = newUUID()
	plain := strings.ReplaceAll(batch, "-", "")
	seen := map[string]bool{}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	for i, row := range t.rows {
		control, data, err := t.control(row)
		switch {
		case err != nil:
		case seen[control.uuid] && control.uuid != "":
			err = fmt.Errorf("%s is there twice", columnUUID)
		case fresh && i == 0:
			m.From, m.To = control.from, control.to
		case control.from != m.From || control.to != m.To:
			err = errors.New("all tasks of a list must have the same hours: make a list for each")
		}
		if err != nil {
			return nil, "", &apiError{101, fmt.Sprintf("Invalid arguments: file_content: task %d: %v.", i+1, err)}
		}
		seen[control.uuid] = true
		line := contactLine{Number: data[m.Number], Ref: control.uuid, Variables: data}
		if line.Ref == "" {
			line.Ref = plain + ":" + strconv.Itoa(i+1)
		}
		if !control.at.IsZero() {
			line.NotBefore = &control.at
		}
		data[batchVariable] = batch
		if err := e.Encode(line); err != nil {
			return nil, "", err
		}
	}
	return b.Bytes(), batch, nil
}

// importList stores the rows of a list and tells how many were new.
func (f *facade) importList(q *query, id string, file []byte) (int64, error) {
	done, err := f.house.Campaigns.Import(q.ctx, q.key.Account, id, campaign.List{Format: "ndjson", Charset: "utf-8",
		Country: f.house.Country, Countries: f.house.Countries}, bytes.NewReader(file))
	if done == nil {
		return 0, err
	}
	if done.Invalid > 0 {
		f.log.Warn("rows of a call list are no contacts", "campaign", id, "invalid", done.Invalid, "added", done.Added)
	}
	return done.Added, err
}

func (f *facade) listNumber(q *query, id string) (n int64, err error) {
	err = f.house.Store.Update(q.ctx, func(tx calls.Tx) (err error) {
		n, err = tx.GiveNumber(q.key.Account, numberList, id, 0)
		return err
	})
	return n, err
}

// errNoList is told of a list_id that names none.
var errNoList = &apiError{251, "The call list is not found."}

// list finds the campaign of the parameter list_id.
func (f *facade) list(q *query) (c *calls.Campaign, n int64, m listMeta, err error) {
	if n, err = q.params.need("list_id", 1, 1<<53); err != nil {
		return nil, 0, m, err
	}
	err = f.house.Store.View(q.ctx, func(tx calls.ReadTx) error {
		id, err := tx.Numbered(q.key.Account, numberList, n)
		if err == nil {
			c, err = tx.Campaign(q.key.Account, id)
		}
		return err
	})
	if errors.Is(err, calls.ErrNotFound) {
		return nil, 0, m, errNoList
	}
	if err != nil {
		return nil, 0, m, err
	}
	var ok bool
	if m, ok = metaOf(c); !ok {
		return nil, 0, m, errNoList
	}
	return c, n, m, nil
}

// appendToCallList adds tasks; a list that had come to its end goes on.
func (f *facade) appendToCallList(_ http.ResponseWriter, q *query) (any, error) {
	c, n, meta, err := f.list(q)
	if err != nil {
		return nil, err
	}
	t, err := readTable(q.params)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(t.heads, meta.Number) {
		return nil, &apiError{101, "Invalid arguments: the list has its numbers in the column " + meta.Number + "."}
	}
	file, batch, err := listFile(t, &meta, false)
	if err != nil {
		return nil, err
	}
	added, err := f.importList(q, c.ID, file)
	if err != nil {
		return nil, err
	}
	if c.State == calls.CampaignIsFinished && added > 0 {
		if _, err := f.house.Campaigns.Move(q.ctx, c.Account, c.ID, calls.CampaignStart, "", q.actor()); err != nil {
			return nil, err
		}
	}
	return map[string]any{"result": true, "count": added, "list_id": n, "batch_id": batch}, nil
}
