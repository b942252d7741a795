package api

import "zvonar/internal/calls"

// WebhookResource is a webhook as published: never its secret.
type WebhookResource struct {
	ID         string            `json:"id"`
	URL        string            `json:"url"`
	Types      []calls.EventType `json:"types" nullable:"false" doc:"empty is every type"`
	FromConfig bool              `json:"from_config"`
	Disabled   bool              `json:"disabled" doc:"true after the receiver answered 410"`
	CreatedAt  calls.Stamp       `json:"created_at"`
}

// NewWebhookResource is a webhook just made, with its secret: it is shown once.
type NewWebhookResource struct {
	WebhookResource
	Secret string `json:"secret" doc:"signs deliveries (Standard Webhooks); it is shown only now"`
}

func viewWebhook(w *calls.Webhook) WebhookResource {
	return WebhookResource{ID: w.ID, URL: w.URL, Types: append([]calls.EventType{}, w.Types...), FromConfig: w.FromConfig,
		Disabled: w.Disabled, CreatedAt: calls.Stamp(w.CreatedAt)}
}

// DeliveryResource is one event on its way to one webhook, as published.
type DeliveryResource struct {
	ID         int64               `json:"id"`
	EventID    string              `json:"event_id"`
	EventPos   int64               `json:"event_pos"`
	Subject    string              `json:"subject"`
	State      calls.DeliveryState `json:"state" enum:"pending,delivered,dead"`
	Attempts   int                 `json:"attempts"`
	NextAt     calls.Stamp         `json:"next_at" doc:"when it is tried again; null once it is over"`
	LastStatus int                 `json:"last_status" doc:"HTTP status of the last attempt; 0 where there was none"`
	LastError  *string             `json:"last_error"`
	CreatedAt  calls.Stamp         `json:"created_at"`
	DoneAt     calls.Stamp         `json:"done_at"`
}

func viewDelivery(d calls.Delivery) DeliveryResource {
	v := DeliveryResource{ID: d.ID, EventID: d.EventID, EventPos: d.EventPos, Subject: d.Subject, State: d.State, Attempts: d.Attempts,
		LastStatus: d.LastStatus, LastError: orNull(d.LastError), CreatedAt: calls.Stamp(d.CreatedAt), DoneAt: calls.StampOf(d.DoneAt)}
	if d.State == calls.DeliveryPending {
		v.NextAt = calls.Stamp(d.NextAt)
	}
	return v
}
