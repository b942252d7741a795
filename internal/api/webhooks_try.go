package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
	"zvonar/internal/outbox"
)

// Tries sends an event to a destination out of turn; *outbox.Outbox does.
type Tries interface {
	Try(ctx context.Context, account, id string, e calls.Event) (outbox.Tried, error)
}

// Bounds of the wait for an answer to a try, in seconds.
const (
	defaultTryWait = 10
	maxTryWait     = 25 // less than an answer of ours may take
)

// TryWebhook is the body of POST /v1/webhooks/{id}/test: an event of the log, or one
// made up.
type TryWebhook struct {
	Event   string          `json:"event,omitempty" maxLength:"64" doc:"Id of an event of the log; without it one is made of type and data"`
	Type    calls.EventType `json:"type,omitempty" maxLength:"64" doc:"call.completed if not given"`
	CallID  string          `json:"call_id,omitempty" maxLength:"64" doc:"The call it is about: some kinds look it up"`
	Data    json.RawMessage `json:"data,omitempty" doc:"{\"test\": true} if not given"`
	Timeout int             `json:"timeout_s,omitempty" minimum:"1" maximum:"25" doc:"Seconds to wait for an answer; 10 if not given"`
}

// TriedWebhook is what it brought.
type TriedWebhook struct {
	Wanted bool        `json:"wanted" doc:"false: this event is nothing to the destination, and nothing was sent"`
	SentAt calls.Stamp `json:"sent_at"`
	TookMS int64       `json:"took_ms"`
	Body   string      `json:"body" doc:"What was sent"`
	Status int         `json:"status" doc:"HTTP status; 0: none"`
	Error  string      `json:"error"`
	Answer string      `json:"answer" doc:"The beginning of it"`
}

func (s *Server) declareTries() {
	register(s, calls.PermOperator, huma.Operation{OperationID: "test-webhook", Method: http.MethodPost, Path: "/v1/webhooks/{id}/test",
		Summary: "Send one event there now, out of turn, and show what is answered", Tags: []string{"webhooks"}}, s.tryWebhook)
}

func (s *Server) tryWebhook(ctx context.Context, in *struct {
	WebhookPath
	Body TryWebhook
}) (*struct{ Body TriedWebhook }, error) {
	if s.cfg.Tries == nil {
		return nil, calls.Errorf(calls.CodeWrongState, "this daemon sends no events")
	}
	if _, err := s.webhookOf(ctx, in.ID); err != nil {
		return nil, err
	}
	e, err := s.eventToTry(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	err = s.cfg.Store.Update(ctx, func(tx calls.Tx) error { // before anybody hears of it
		return tx.Audit(calls.AuditEntry{Account: accountOf(ctx), Actor: actorOf(ctx), Action: "webhook.test", Object: in.ID, At: s.clock.Now(), Detail: string(e.Type)})
	})
	if err != nil {
		return nil, err
	}
	wait := in.Body.Timeout
	if wait == 0 {
		wait = defaultTryWait
	}
	limited, cancel := context.WithTimeout(ctx, time.Duration(min(wait, maxTryWait))*time.Second)
	defer cancel()
	t, err := s.cfg.Tries.Try(limited, accountOf(ctx), in.ID, e)
	if err != nil {
		return nil, err
	}
	return &struct{ Body TriedWebhook }{TriedWebhook{Wanted: t.Wanted, SentAt: calls.Stamp(t.SentAt), TookMS: t.Took.Milliseconds(),
		Body: string(t.Message.Body), Status: t.Answer.Status, Error: t.Answer.Error, Answer: t.Answer.Text}}, nil
}

// eventToTry is the event of the log that is named, or one that is made up.
func (s *Server) eventToTry(ctx context.Context, b TryWebhook) (e calls.Event, err error) {
	if b.Event != "" {
		err = s.cfg.Store.View(ctx, func(tx calls.ReadTx) error {
			at, err := tx.EventPositions(accountOf(ctx), []string{b.Event})
			if err != nil || len(at) == 0 {
				return notFoundOr(err)
			}
			list, err := tx.Events(calls.EventFilter{Account: accountOf(ctx), After: at[0].Pos - 1, Limit: 1})
			if err != nil || len(list) == 0 || list[0].ID != b.Event {
				return notFoundOr(err)
			}
			e = list[0]
			return nil
		})
		return e, err
	}
	if b.Type == "" {
		b.Type = calls.CallCompleted
	}
	if !slices.Contains(calls.EventTypes(), b.Type) {
		return e, calls.Errorf(calls.CodeInvalidField, "there is no such type of event").At("body.type", string(b.Type))
	}
	if len(b.Data) == 0 {
		b.Data = json.RawMessage(`{"test":true}`)
	}
	now := s.clock.Now()
	subject := "test:" + string(b.Type)
	if b.CallID != "" {
		subject = "call:" + b.CallID
	}
	e = calls.Event{ID: s.cfg.IDs.New("evt_"), Subject: subject, Seq: 1, Type: b.Type, Time: now, Timestamp: now.UnixMilli(), CallID: b.CallID, Account: accountOf(ctx), Data: b.Data}
	return e, nil
}

func notFoundOr(err error) error {
	if err == nil {
		return calls.ErrNotFound
	}
	return err
}
