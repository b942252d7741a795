package zvonobot

import (
	"context"
	"errors"
	"strconv"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// apiCallOut is an API call as get and the webhooks tell of it. There is one for every
// phone, with one call in it, which bears its number.
type apiCallOut struct {
	ID            int64     `json:"id"`
	WebhookTry    int       `json:"webhookTry"`
	PlannedAt     *int64    `json:"plannedAt"`
	NeedRecording int       `json:"needRecording"`
	WebhookSent   int       `json:"webhookSent"`
	Calls         []callOut `json:"calls"`
}

// callOut is the call in it.
type callOut struct {
	ID             int64   `json:"id"`
	Phone          string  `json:"phone"`
	Status         string  `json:"status"`
	Comment        string  `json:"comment"`
	HangupCause    string  `json:"hangupCause"`
	Cost           string  `json:"cost"`
	IVRDigit       *int    `json:"ivrDigit"`
	IVRAnswers     string  `json:"ivrAnswers"`
	StartedAt      *int64  `json:"startedAt"`
	AnsweredAt     *int64  `json:"answeredAt"`
	FinishedAt     *int64  `json:"finishedAt"`
	CreatedAt      int64   `json:"createdAt"`
	UpdatedAt      int64   `json:"updatedAt"`
	RecordFilePath *string `json:"recordFilePath"`
}

// facts are what a call object is made of.
type facts struct {
	n                        int64
	phone, status            string
	cause, comment           string
	digits                   string
	created                  time.Time
	started, answered, ended time.Time
	record                   string
	planned                  *int64
	recording                bool
	try                      int
	sent                     bool
}

// view writes facts as an API call; cost is that of the settings.
func (c facts) view(cost string) apiCallOut {
	out := callOut{ID: c.n, Phone: c.phone, Status: c.status, Comment: c.comment, HangupCause: c.cause, Cost: cost, IVRAnswers: answersText(c.digits),
		StartedAt: seconds(c.started), AnsweredAt: seconds(c.answered), FinishedAt: seconds(c.ended), CreatedAt: c.created.Unix()}
	out.UpdatedAt = out.CreatedAt
	for _, t := range []time.Time{c.started, c.answered, c.ended} {
		if !t.IsZero() {
			out.UpdatedAt = max(out.UpdatedAt, t.Unix())
		}
	}
	if c.digits != "" {
		if d, err := strconv.Atoi(c.digits[:1]); err == nil {
			out.IVRDigit = &d
		}
	}
	if c.record != "" {
		out.RecordFilePath = &c.record
	}
	return apiCallOut{ID: c.n, WebhookTry: c.try, PlannedAt: c.planned, NeedRecording: flag(c.recording), WebhookSent: flag(c.sent), Calls: []callOut{out}}
}

func seconds(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	n := t.Unix()
	return &n
}

// statuses are the words for calls that are not over.
var statuses = map[calls.Status]string{
	calls.StatusQueued: statusProcessed, calls.StatusHeld: statusProcessed,
	calls.StatusDialing: statusStarted, calls.StatusRinging: statusStarted,
	calls.StatusAnswered: statusAnswered, calls.StatusBridged: statusAnswered,
}

// waiting are the gates behind which a call does not wait for its turn yet.
var waiting = map[calls.Gate]bool{calls.GateWindow: true, calls.GateRecording: true, calls.GatePaused: true, calls.GateDue: true}

// statusOf is the dialect's word for where a call stands.
func statusOf(c *calls.Call, why *calls.Hold) string {
	switch {
	case c.Over() && c.AnsweredAt != nil:
		return statusFinished
	case c.Over():
		return statusCanceled
	case why != nil && waiting[why.Gate]:
		return statusCreated
	}
	return statuses[c.Status]
}

// commentOf says in words why a call came to what it came to.
func commentOf(o calls.Outcome, r calls.Reason) string {
	if o == calls.OutcomeNone || o == calls.OutcomeAnswered {
		return ""
	}
	if r == calls.ReasonNone {
		return string(o)
	}
	return string(o) + ": " + string(r)
}

// factsOf reads a call of ours, with the link to its sound for who may listen.
func (f *facade) factsOf(c *calls.Call, n int64, listens bool) facts {
	why := f.h.Engine.Why(c)
	out := facts{n: n, phone: c.To, status: statusOf(c, why), digits: c.DigitString(), created: c.CreatedAt, recording: c.Flow.Capture,
		comment: commentOf(c.Outcome, c.Reason), sent: c.Over()}
	if c.Over() {
		out.cause = causeOf(f.cfg.Causes, c.Outcome)
	} else if why != nil {
		out.comment = why.Text
	}
	for _, a := range c.Attempts {
		if out.started.IsZero() || a.SentAt.Before(out.started) {
			out.started = a.SentAt
		}
	}
	if c.AnsweredAt != nil {
		out.answered = *c.AnsweredAt
	}
	if c.EndedAt != nil {
		out.ended = *c.EndedAt
		if listens {
			out.record = recordLink(f.h.Links, c.ID, c.Flow.Capture, out.answered, out.ended)
		}
	}
	if c.DueAt.After(c.CreatedAt) && c.DueAt.Sub(c.CreatedAt) >= time.Second {
		out.planned = seconds(c.DueAt)
	}
	return out
}

// recordLink leads to the sound of a talk, if it was written down.
func recordLink(links calls.CaptureLinks, id string, captured bool, answered, ended time.Time) string {
	if !captured || answered.IsZero() {
		return ""
	}
	return links.URL(id, ended.Add(calls.CaptureLinkLife))
}

// ids reads apiCallIdList, or whatever list of numbers bears the name.
func (f *facade) ids(in fields, name string) ([]number, error) {
	var list []number
	if err := in.read(map[string]any{name: &list}); err != nil {
		return nil, err
	}
	switch {
	case len(list) == 0:
		return nil, faulty(name, "name at least one id")
	case len(list) > f.cfg.MaxPhones:
		return nil, faulty(name, "at most %d ids are taken at once", f.cfg.MaxPhones)
	}
	return list, nil
}

// idPage is how many calls are read in one view of the store.
const idPage = 200

// get tells where calls stand; those that are not there are left out.
func (f *facade) get(ctx context.Context, a asked) (any, error) {
	ids, err := f.ids(a.fields, "apiCallIdList")
	if err != nil {
		return nil, err
	}
	out, listens := []apiCallOut{}, providers.NeedListen.MetBy(a.token.Roles)
	for len(ids) > 0 {
		page := ids[:min(len(ids), idPage)]
		ids = ids[len(page):]
		found, err := f.callsOf(ctx, a.token.Account, page)
		if err != nil {
			return nil, err
		}
		for i, c := range found {
			if c != nil {
				out = append(out, f.factsOf(c, int64(page[i]), listens).view(f.cfg.Cost))
			}
		}
	}
	return yes(out), nil
}

// callsOf finds calls by their numbers; nil where there is none.
func (f *facade) callsOf(ctx context.Context, account string, ids []number) ([]*calls.Call, error) {
	out := make([]*calls.Call, len(ids))
	err := f.h.Store.View(ctx, func(tx calls.ReadTx) error {
		for i, n := range ids {
			id, err := tx.Numbered(account, numbersOfCalls, int64(n))
			if err == nil {
				out[i], err = tx.Call(account, id)
			}
			if err != nil && !errors.Is(err, calls.ErrNotFound) {
				return err
			}
		}
		return nil
	})
	return out, err
}
