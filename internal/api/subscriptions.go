package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
)

// Subscriptions are the orders for telephones' events that providers keep alive.
type Subscriptions interface {
	// Subscriptions tells how each stands, of every account.
	Subscriptions() []calls.Subscription
	// Subscribe orders the events of an employee anew. Errors: wrong-state, or what the
	// provider said.
	Subscribe(ctx context.Context, e *calls.Employee) error
}

func (s *Server) declareSubscriptions() {
	tags := []string{"providers"}
	register(s, calls.PermViewer, huma.Operation{OperationID: "list-subscriptions", Method: http.MethodGet, Path: "/v1/subscriptions",
		Summary: "Show whose telephones' events come from providers, and why not where they do not", Tags: tags}, s.listSubscriptions)
	register(s, calls.PermOperator, huma.Operation{OperationID: "subscribe-employee", Method: http.MethodPost, Path: "/v1/employees/{id}/subscribe",
		Summary: "Order the events of an employee's telephone anew", DefaultStatus: http.StatusOK, Tags: tags,
		Description: "For when events stay away: the provider is asked at once, and the answer is how the subscription stands. wrong-state says why it failed."}, s.subscribeEmployee)
}

// SubscriptionResource is a subscription as published.
type SubscriptionResource struct {
	Provider  string                  `json:"provider"`
	Employee  *string                 `json:"employee" doc:"null: of everybody, or of our own user agent"`
	Target    *string                 `json:"target" doc:"the subscriber, as the provider is asked; null: everybody"`
	ID        *string                 `json:"subscription_id"`
	State     calls.SubscriptionState `json:"state" enum:"wanted,active,lost,failed"`
	Words     *string                 `json:"words" doc:"why it is not active, for whoever has to mend it"`
	ExpiresAt calls.Stamp             `json:"expires_at"`
}

func viewSubscription(v calls.Subscription) SubscriptionResource {
	return SubscriptionResource{Provider: v.Provider, Employee: orNull(v.Employee), Target: orNull(v.Target), ID: orNull(v.ID), State: v.State,
		Words: orNull(v.Words), ExpiresAt: calls.Stamp(v.Expires)}
}

type (
	subscriptionListOutput struct{ Body List[SubscriptionResource] }
	subscriptionOutput     struct{ Body SubscriptionResource }
)

// subscriptionsOf are those of an account; main sees those of nobody in particular, too.
func (s *Server) subscriptionsOf(account string) (list []calls.Subscription) {
	if s.cfg.Subscriptions == nil {
		return nil
	}
	for _, v := range s.cfg.Subscriptions.Subscriptions() {
		if v.Account == account || v.Account == "" && account == calls.MainAccount {
			list = append(list, v)
		}
	}
	return list
}

func (s *Server) listSubscriptions(ctx context.Context, _ *struct{}) (*subscriptionListOutput, error) {
	rows := s.subscriptionsOf(accountOf(ctx))
	return &subscriptionListOutput{Body: listOf(rows, len(rows)+1, viewSubscription, func(v calls.Subscription) string { return v.ID })}, nil
}

func (s *Server) subscribeEmployee(ctx context.Context, in *callInput) (*subscriptionOutput, error) {
	account := accountOf(ctx)
	var e *calls.Employee
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		e, err = tx.Employee(account, in.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	if s.cfg.Subscriptions == nil {
		return nil, calls.Errorf(calls.CodeWrongState, "no provider of the configuration tells of telephones by subscriptions")
	}
	if err := s.cfg.Subscriptions.Subscribe(ctx, e); err != nil {
		return nil, err
	}
	s.changed(ctx, "employee.subscribe", e.ID, e.Provider)
	for _, v := range s.subscriptionsOf(account) {
		if v.Employee == e.ID {
			return &subscriptionOutput{Body: viewSubscription(v)}, nil
		}
	}
	return &subscriptionOutput{Body: viewSubscription(calls.Subscription{Provider: e.Provider, Employee: e.ID, State: calls.SubscriptionActive})}, nil
}
