package beeline

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/outbox"
	"zvonar/providers"
)

// sink tells our events as XSI events, to whoever subscribed at the facade.
type sink struct{ house *providers.House }

var _ outbox.Sink = sink{}

// Kind implements outbox.Sink.
func (sink) Kind() string { return Kind }

// Rate implements outbox.Sink.
func (sink) Rate(*calls.Webhook) outbox.Rate { return outbox.Rate{PerSecond: 50, Burst: 100} }

// heard is what a subscription was told of a call so far.
type heard struct {
	User     string `json:"u,omitempty"` // whose telephone it is
	Dialled  bool   `json:"d,omitempty"` // the client was rung
	Began    int64  `json:"b,omitempty"` // Unix milliseconds
	Answered int64  `json:"a,omitempty"`
}

// plan is what an event of ours becomes: what Map decides and Send writes.
type plan struct {
	Type        string `json:"type"`
	Personality string `json:"personality"`
	State       string `json:"state"`
	Self        bool   `json:"self,omitempty"` // the remote party is the subscriber himself
	Next        heard  `json:"next"`
}

// Map implements outbox.Sink: what becomes of the event is decided from it and from
// what was told before. The numbers of the call are read by Send: they do not change.
func (sink) Map(it outbox.Item) (outbox.Message, error) {
	o, err := orderOf(it.To)
	if err != nil {
		return outbox.Message{}, err
	}
	var was heard
	if it.State != "" {
		if err := json.Unmarshal([]byte(it.State), &was); err != nil {
			return outbox.Message{}, err
		}
	}
	p, ok := planOf(it.Event, o, was)
	if !ok {
		return outbox.Message{}, outbox.ErrNotWanted
	}
	body, err := json.Marshal(p)
	return outbox.Message{Body: body}, err
}

// planOf decides; false: the subscriber sees nothing of this event.
func planOf(e calls.Event, o ordered, was heard) (plan, bool) {
	var data struct {
		Employee string `json:"employee"`
	}
	_ = json.Unmarshal(e.Data, &data) // not every event names one
	user := was.User
	for _, u := range []string{e.Employee, data.Employee} {
		if user == "" {
			user = u
		}
	}
	if o.Employee != "" && user != o.Employee {
		return plan{}, false
	}
	ms := e.Time.UnixMilli()
	next := was
	next.User = user
	if next.Began == 0 {
		next.Began = ms
	}
	if e.Direction == calls.In {
		return planIn(e.Type, next, was, ms)
	}
	switch {
	case e.Type == calls.CallBridging && was.Began == 0: // the manager is rung first
		return plan{eventOriginating, personClickToDial, "Alerting", true, next}, true
	case e.Type == calls.CallDialing && !was.Dialled:
		next.Dialled = true
		return plan{eventOriginated, personOriginator, "Alerting", false, next}, true
	case e.Type == calls.CallAnswered && was.Answered == 0:
		next.Dialled, next.Answered = true, ms
		return plan{eventAnswered, personOriginator, "Active", false, next}, true
	case e.Type == calls.CallCompleted && was.Began != 0:
		person := personOriginator
		if !was.Dialled {
			person = personClickToDial
		}
		return plan{eventReleased, person, "Released", !was.Dialled, next}, true
	}
	return plan{}, false
}

// planIn is planOf for calls that came in: the subscriber sees them once his telephone
// rings, and the group even where nobody's did.
func planIn(t calls.EventType, next, was heard, ms int64) (plan, bool) {
	switch {
	case t == calls.CallBridging && was.Began == 0:
		return plan{eventReceived, personTerminator, "Alerting", false, next}, true
	case t == calls.CallBridged && was.Began != 0 && was.Answered == 0:
		next.Answered = ms
		return plan{eventAnswered, personTerminator, "Active", false, next}, true
	case t == calls.CallCompleted:
		return plan{eventReleased, personTerminator, "Released", false, next}, true
	}
	return plan{}, false
}

// Send implements outbox.Sink. To a subscription that has ended it tells that, and
// switches it off.
func (s sink) Send(ctx context.Context, x outbox.Exchange) outbox.Answer {
	o, err := orderOf(x.To)
	if err != nil {
		return outbox.Answer{Then: outbox.Dead, Error: "the settings of the subscription cannot be read"}
	}
	if !x.Now.Before(o.Expires) {
		e := Event{Type: eventTerminated, ID: x.Event.ID, Sequence: x.Event.Pos, User: o.User, Subscription: x.To.ID, Target: o.User}
		a := s.post(ctx, x, writeEvent(e))
		if a.Then == outbox.Delivered || a.Then == outbox.Dead {
			a = outbox.Answer{Then: outbox.Disable, Status: a.Status, Error: "the subscription has expired"}
		}
		return a
	}
	var p plan
	if err := json.Unmarshal(x.Body, &p); err != nil {
		return outbox.Answer{Then: outbox.Dead, Error: "the message cannot be read"}
	}
	e, err := s.event(ctx, x, o, p)
	switch {
	case errors.Is(err, calls.ErrNotFound):
		return outbox.Answer{Then: outbox.Dead, Error: "the call is no longer kept"}
	case err != nil:
		return outbox.Answer{Fault: outbox.Unwell, Error: "the call could not be read"}
	}
	a := s.post(ctx, x, writeEvent(e))
	if a.Then == outbox.Delivered {
		state, err := json.Marshal(p.Next)
		if err == nil {
			text := string(state)
			a.State = &text
		}
	}
	return a
}

func (s sink) post(ctx context.Context, x outbox.Exchange, body []byte) outbox.Answer {
	req, err := http.NewRequest(http.MethodPost, x.To.URL, bytes.NewReader(body))
	if err != nil {
		return outbox.Answer{Then: outbox.Dead, Error: "the URL cannot be read"}
	}
	req.Header.Set("Content-Type", "application/xml; charset=UTF-8")
	req.Header.Set("User-Agent", "zvonar")
	return outbox.Exchanged(ctx, x.Client, req, x.Now)
}

// event is the XSI event of a plan.
func (s sink) event(ctx context.Context, x outbox.Exchange, o ordered, p plan) (Event, error) {
	var c *calls.Call
	var who *calls.Employee
	err := s.house.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		if c, err = tx.Call(x.Event.Account, x.Event.CallID); err != nil || p.Next.User == "" {
			return err
		}
		who, err = tx.Employee(c.Account, p.Next.User)
		if errors.Is(err, calls.ErrNotFound) {
			return nil
		}
		return err
	})
	if err != nil {
		return Event{}, err
	}
	return eventOf(x.Event, c, who, o, p, x.To.ID), nil
}

// eventOf writes an event of ours as the PBX would have told it.
func eventOf(e calls.Event, c *calls.Call, who *calls.Employee, o ordered, p plan, subscription string) Event {
	user := c.Line // nobody's telephone rang
	if who != nil {
		user = userID(who, o.Domain)
	}
	out := Event{Type: p.Type, ID: e.ID, Sequence: e.Pos, User: user, Subscription: subscription, Target: o.User}
	x := Call{ID: c.ID, Tracking: c.ID, Personality: p.Personality, State: p.State, Start: time.UnixMilli(p.Next.Began).UTC()}
	number := clientOf(c)
	if p.Self && who != nil {
		number = who.Phone
		x.Remote.User = user
	}
	x.Remote.CallType = "Network"
	if number != "" {
		x.Remote.Address = "tel:+" + number
		if len(number) < 10 {
			x.Remote.Address, x.Remote.CallType = "tel:"+number, "Group"
		}
	} else if !p.Self {
		x.Remote.Privacy = "private"
	}
	if p.Next.Answered != 0 {
		x.Answer = time.UnixMilli(p.Next.Answered).UTC()
	}
	if p.Type == eventReleased {
		x.Release = e.Time.UTC()
		x.ReleasedBy, x.Cause = releasedBy(c.HangupBy), causes[c.Outcome]
	}
	out.Calls = []Call{x}
	return out
}

func releasedBy(p calls.Party) string {
	switch p {
	case calls.ByManager:
		return "localRelease"
	case calls.ByCustomer:
		return "remoteRelease"
	}
	return ""
}

// causes are the release causes of outcomes that are no talk.
var causes = map[calls.Outcome]string{
	calls.OutcomeBusy:          "Busy",
	calls.OutcomeNoAnswer:      "Temporarily Unavailable",
	calls.OutcomeUnreachable:   "Temporarily Unavailable",
	calls.OutcomeRejected:      "Forbidden",
	calls.OutcomeBlocked:       "Forbidden",
	calls.OutcomeInvalidNumber: "Not Found",
	calls.OutcomeTrunkError:    "Server Failure",
}
