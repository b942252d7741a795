package api

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
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
	register(s, calls.PermOperator, huma.Operation{OperationID: "get-webhook", Method: http.MethodGet, Path: "/v1/webhooks/{id}",
		Summary: "Show a webhook and how it is doing", Tags: []string{"webhooks"}}, s.getWebhook)
	register(s, calls.PermOperator, huma.Operation{OperationID: "change-webhook", Method: http.MethodPut, Path: "/v1/webhooks/{id}",
		Summary: "Point a webhook elsewhere, choose its types, switch it off or on", Tags: []string{"webhooks"}}, s.putWebhook)
	register(s, calls.PermOperator, huma.Operation{OperationID: "rotate-webhook", Method: http.MethodPost, Path: "/v1/webhooks/{id}/rotate",
		Summary: "Make a new secret; the old one signs too for a while", Tags: []string{"webhooks"}}, s.rotateWebhook)
	register(s, calls.PermOperator, huma.Operation{OperationID: "replay-webhook", Method: http.MethodPost, Path: "/v1/webhooks/{id}/replay",
		Summary: "Send events again, in order, under their old ids", Tags: []string{"webhooks"}}, s.replay)
	register(s, calls.PermOperator, huma.Operation{OperationID: "list-deliveries", Method: http.MethodGet, Path: "/v1/webhooks/{id}/deliveries",
		Summary: "Show deliveries, newest first", Tags: []string{"webhooks"}}, s.listDeliveries)
}

type webhookListOutput struct{ Body List[WebhookResource] }

// listWebhooks has one page: maxWebhooks and the configuration's.
func (s *Server) listWebhooks(ctx context.Context, _ *struct{}) (*webhookListOutput, error) {
	var rows []WebhookResource
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) error {
		list, err := tx.Webhooks(accountOf(ctx))
		for _, w := range list {
			health, err := healthOf(tx, w)
			if err != nil {
				return err
			}
			rows = append(rows, viewWebhook(w, health))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &webhookListOutput{Body: listOf(rows, len(rows)+1, func(w WebhookResource) WebhookResource { return w }, func(w WebhookResource) string { return w.ID })}, nil
}

func (s *Server) getWebhook(ctx context.Context, in *WebhookPath) (*webhookOutput, error) {
	var out WebhookResource
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) error {
		w, err := tx.Webhook(accountOf(ctx), in.ID)
		if err != nil {
			return err
		}
		health, err := healthOf(tx, w)
		out = viewWebhook(w, health)
		return err
	})
	return &webhookOutput{Body: out}, err
}

// healthOf is how the destination of a webhook is doing; nil: well.
func healthOf(tx calls.ReadTx, w *calls.Webhook) (*calls.DestinationHealth, error) {
	h, err := tx.Health(w.Destination())
	if errors.Is(err, calls.ErrNotFound) {
		return nil, nil
	}
	return h, err
}

type createWebhookInput struct {
	Body struct {
		URL    string   `json:"url" minLength:"1" maxLength:"2048"`
		Types  []string `json:"types,omitempty" maxItems:"64" nullable:"false" doc:"event types; all where left out"`
		Secret string   `json:"secret,omitempty" maxLength:"200" doc:"whsec_ and base64 of 16 to 128 bytes, made for you where left out; of other kinds their key, such as the API key of a Salebot project"`

		Kind     string          `json:"kind,omitempty" maxLength:"64" doc:"the dialect that is spoken there, see docs/providers.md; webhook where left out" example:"salebot"`
		Settings json.RawMessage `json:"settings,omitempty" doc:"what the kind keeps of the destination, an object; see docs/providers.md"`
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
	return &newWebhookOutput{Body: NewWebhookResource{WebhookResource: viewWebhook(w, nil), Secret: w.Secret}}, nil
}

func (s *Server) newWebhook(ctx context.Context, in *createWebhookInput) (*calls.Webhook, error) {
	if err := s.checkHookURL(ctx, in.Body.URL); err != nil {
		return nil, err
	}
	types, err := eventTypes(in.Body.Types)
	if err != nil {
		return nil, err
	}
	w := &calls.Webhook{ID: s.cfg.IDs.New("wh_"), Account: accountOf(ctx), URL: in.Body.URL, Secret: in.Body.Secret, Types: types, CreatedAt: s.clock.Now()}
	w.Kind, w.Settings = in.Body.Kind, in.Body.Settings
	if w.Secret == "" && isWebhook(w) {
		w.Secret = newWebhookSecret()
	}
	return w, s.checkHook(w)
}

// isWebhook reports whether a destination is an ordinary webhook.
func isWebhook(w *calls.Webhook) bool { return w.Kind == "" || w.Kind == calls.KindWebhook }

// checkHook has the kind of a destination judge it.
func (s *Server) checkHook(w *calls.Webhook) error {
	if s.cfg.CheckHook != nil {
		return s.cfg.CheckHook(w)
	}
	if !isWebhook(w) {
		return calls.Errorf(calls.CodeInvalidField, "there is no kind %q of destinations; known: webhook", w.Kind).At("body.kind", w.Kind)
	}
	if err := outbox.CheckSecret(w.Secret); err != nil {
		return calls.Errorf(calls.CodeInvalidField, "%s", err.Error()).At("body.secret", nil)
	}
	return nil
}

// checkHookURL refuses an address that must not be spoken to.
func (s *Server) checkHookURL(ctx context.Context, url string) error {
	if !calls.Printable(url) {
		return calls.Errorf(calls.CodeInvalidField, "control characters are not allowed here").At("body.url", nil)
	}
	return s.checkURL(ctx, url, "body.url")
}

// eventTypes reads the types a webhook is to get.
func eventTypes(names []string) (types []calls.EventType, err error) {
	for i, t := range names {
		if !slices.Contains(calls.EventTypes(), calls.EventType(t)) {
			return nil, calls.Errorf(calls.CodeInvalidField, "there is no event of this type").At("body.types["+strconv.Itoa(i)+"]", t)
		}
		types = append(types, calls.EventType(t))
	}
	return types, nil
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
	State   string `query:"state" enum:"pending,delivered,dead" doc:"dead is what was given up"`
	Subject string `query:"subject" maxLength:"160" doc:"such as call:ID"`
	Event   string `query:"event" maxLength:"64" doc:"id of an event"`
}

type deliveryListOutput struct{ Body List[DeliveryResource] }

func (s *Server) listDeliveries(ctx context.Context, in *listDeliveriesInput) (*deliveryListOutput, error) {
	filter := calls.DeliveryFilter{State: calls.DeliveryState(in.State), Subject: in.Subject, EventID: in.Event, Limit: in.size()}
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
