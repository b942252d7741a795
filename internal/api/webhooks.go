package api

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
	"zvonar/internal/outbox"
)

// maxWebhooks bounds what one account may make: each receives every event.
const maxWebhooks = 50

func (s *Server) declareWebhooks() {
	register(s, calls.PermOperator, huma.Operation{OperationID: "list-webhooks", Method: http.MethodGet, Path: "/v1/webhooks",
		Summary: "List webhooks", Tags: []string{"webhooks"}}, s.listWebhooks)
	register(s, calls.PermOperator, huma.Operation{OperationID: "create-webhook", Method: http.MethodPost, Path: "/v1/webhooks",
		Summary: "Send events somewhere; the secret is shown once", DefaultStatus: http.StatusCreated, Tags: []string{"webhooks"}}, s.createWebhook)
	register(s, calls.PermOperator, huma.Operation{OperationID: "delete-webhook", Method: http.MethodDelete, Path: "/v1/webhooks/{id}",
		Summary: "Stop sending events there", Tags: []string{"webhooks"}}, s.deleteWebhook)
	register(s, calls.PermOperator, huma.Operation{OperationID: "list-deliveries", Method: http.MethodGet, Path: "/v1/webhooks/{id}/deliveries",
		Summary: "Show deliveries, newest first", Tags: []string{"webhooks"}}, s.listDeliveries)
}

type webhookListOutput struct{ Body List[WebhookResource] }

// listWebhooks has one page: maxWebhooks and the configuration's.
func (s *Server) listWebhooks(ctx context.Context, _ *struct{}) (*webhookListOutput, error) {
	var rows []*calls.Webhook
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		rows, err = tx.Webhooks(accountOf(ctx))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &webhookListOutput{Body: listOf(rows, len(rows)+1, viewWebhook, func(w *calls.Webhook) string { return w.ID })}, nil
}

type createWebhookInput struct {
	Body struct {
		URL    string   `json:"url" minLength:"1" maxLength:"2048"`
		Types  []string `json:"types,omitempty" maxItems:"64" nullable:"false" doc:"event types; all where left out"`
		Secret string   `json:"secret,omitempty" maxLength:"200" doc:"whsec_ and base64 of 16 to 128 bytes; made for you where left out"`
	} `nameHint:"WebhookRequest"`
}

type newWebhookOutput struct{ Body NewWebhookResource }

func (s *Server) createWebhook(ctx context.Context, in *createWebhookInput) (*newWebhookOutput, error) {
	w, err := s.newWebhook(ctx, in)
	if err != nil {
		return nil, err
	}
	err = s.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		known, err := tx.Webhooks(w.Account)
		if err != nil {
			return err
		}
		if len(known) >= maxWebhooks {
			return calls.Errorf(calls.CodeWrongState, "there are %d webhooks already; delete one first", len(known))
		}
		if err := tx.PutWebhook(w); err != nil {
			return err
		}
		return tx.Audit(calls.AuditEntry{Account: w.Account, Actor: actorOf(ctx), Action: "webhook.create", Object: w.ID, At: w.CreatedAt})
	})
	if err != nil {
		return nil, err
	}
	return &newWebhookOutput{Body: NewWebhookResource{WebhookResource: viewWebhook(w), Secret: w.Secret}}, nil
}

func (s *Server) newWebhook(ctx context.Context, in *createWebhookInput) (*calls.Webhook, error) {
	if !calls.Printable(in.Body.URL) {
		return nil, calls.Errorf(calls.CodeInvalidField, "control characters are not allowed here").At("body.url", nil)
	}
	if err := s.checkURL(ctx, in.Body.URL, "body.url"); err != nil {
		return nil, err
	}
	w := &calls.Webhook{ID: s.cfg.IDs.New("wh_"), Account: accountOf(ctx), URL: in.Body.URL, Secret: in.Body.Secret, CreatedAt: s.clock.Now()}
	if w.Secret == "" {
		w.Secret = newWebhookSecret()
	}
	if err := outbox.CheckSecret(w.Secret); err != nil {
		return nil, calls.Errorf(calls.CodeInvalidField, "%s", err.Error()).At("body.secret", nil)
	}
	for i, t := range in.Body.Types {
		if !slices.Contains(calls.EventTypes(), calls.EventType(t)) {
			return nil, calls.Errorf(calls.CodeInvalidField, "there is no event of this type").At("body.types["+strconv.Itoa(i)+"]", t)
		}
		w.Types = append(w.Types, calls.EventType(t))
	}
	return w, nil
}

// newWebhookSecret makes a secret as Standard Webhooks writes it.
func newWebhookSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return "whsec_" + base64.StdEncoding.EncodeToString(b[:])
}

// WebhookPath names the webhook a request is about.
type WebhookPath struct {
	ID string `path:"id" maxLength:"128"`
}

func (s *Server) deleteWebhook(ctx context.Context, in *WebhookPath) (*struct{}, error) {
	account := accountOf(ctx)
	return nil, s.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		w, err := tx.Webhook(account, in.ID)
		switch {
		case err != nil:
			return err
		case w.FromConfig:
			return calls.Errorf(calls.CodeWrongState, "this webhook is in the configuration file; change it there and restart")
		}
		if err := tx.DeleteWebhook(account, in.ID); err != nil {
			return err
		}
		return tx.Audit(calls.AuditEntry{Account: account, Actor: actorOf(ctx), Action: "webhook.delete", Object: in.ID, At: s.clock.Now()})
	})
}

type listDeliveriesInput struct {
	WebhookPath
	Page
	State string `query:"state" enum:"pending,delivered,dead"`
}

type deliveryListOutput struct{ Body List[DeliveryResource] }

func (s *Server) listDeliveries(ctx context.Context, in *listDeliveriesInput) (*deliveryListOutput, error) {
	filter := calls.DeliveryFilter{State: calls.DeliveryState(in.State), Limit: in.size()}
	if in.Cursor != "" {
		before, err := strconv.ParseInt(in.Cursor, 10, 64)
		if err != nil || before < 1 {
			return nil, calls.Errorf(calls.CodeInvalidField, "must be the next of the page before").At("query.cursor", in.Cursor)
		}
		filter.Before = before
	}
	var rows []calls.Delivery
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		if _, err = tx.Webhook(accountOf(ctx), in.ID); err != nil {
			return err
		}
		rows, err = tx.Deliveries(in.ID, filter)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &deliveryListOutput{Body: listOf(rows, filter.Limit, viewDelivery, func(d calls.Delivery) string { return strconv.FormatInt(d.ID, 10) })}, nil
}
