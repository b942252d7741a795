package api

import (
	"encoding/json"

	"zvonar/internal/calls"
)

// WebhookResource is a webhook as published: never its secret.
type WebhookResource struct {
	ID             string            `json:"id"`
	Kind           string            `json:"kind"`
	URL            string            `json:"url"`
	Types          []calls.EventType `json:"types" nullable:"false" doc:"empty is every type"`
	FromConfig     bool              `json:"from_config"`
	Disabled       bool              `json:"disabled" doc:"true after the receiver answered 410, or by somebody's wish"`
	DisabledReason *string           `json:"disabled_reason"`
	OldSecretUntil calls.Stamp       `json:"old_secret_until" doc:"until when the former secret signs too; null where none does"`
	CreatedAt      calls.Stamp       `json:"created_at"`
	Settings       json.RawMessage   `json:"settings" doc:"what the kind keeps of the destination; null where it keeps nothing"`
	Key            *string           `json:"key" doc:"the facade key whose secrets sign; null where the destination has its own"`

	FailingSince calls.Stamp `json:"failing_since" doc:"since when nothing is taken: everything waits, and is tried with one event at least every 60 s"`
	ProbeAt      calls.Stamp `json:"probe_at" doc:"the next such attempt"`
	AuthFailedAt calls.Stamp `json:"auth_failed_at" doc:"since when its credential is refused: everything waits for a new one"`
	LastError    *string     `json:"last_error" doc:"why it is failing"`
}

// NewWebhookResource is a webhook just made, with its secret: it is shown once.
type NewWebhookResource struct {
	WebhookResource
	Secret string `json:"secret" doc:"signs deliveries (Standard Webhooks); it is shown only now"`
}

func viewWebhook(w *calls.Webhook, h *calls.DestinationHealth) WebhookResource {
	v := WebhookResource{ID: w.ID, Kind: w.Kind, URL: w.URL, Types: append([]calls.EventType{}, w.Types...), FromConfig: w.FromConfig,
		Disabled: w.Disabled, DisabledReason: orNull(w.DisabledReason), OldSecretUntil: calls.Stamp(w.OldSecretUntil), CreatedAt: calls.Stamp(w.CreatedAt),
		Settings: w.Settings, Key: orNull(w.Key)}
	if len(v.Settings) == 0 {
		v.Settings = json.RawMessage("null")
	}
	if v.Kind == "" {
		v.Kind = calls.KindWebhook
	}
	if h != nil {
		v.FailingSince, v.ProbeAt, v.AuthFailedAt, v.LastError = calls.Stamp(h.FailingSince), calls.Stamp(h.ProbeAt), calls.Stamp(h.AuthFailedAt), orNull(h.LastError)
	}
	return v
}

// DeliveryResource is one event on its way to one webhook, as published.
type DeliveryResource struct {
	ID         int64               `json:"id"`
	EventID    string              `json:"event_id"`
	EventPos   int64               `json:"event_pos"`
	Subject    string              `json:"subject"`
	State      calls.DeliveryState `json:"state" enum:"pending,delivered,dead"`
	Attempts   int                 `json:"attempts" doc:"since it was made, or replayed"`
	Replays    int                 `json:"replays"`
	Gap        bool                `json:"gap" doc:"given up, and the receiver has not been told yet"`
	NextAt     calls.Stamp         `json:"next_at" doc:"when it is tried again; null once it is over"`
	LastStatus int                 `json:"last_status" doc:"HTTP status of the last attempt; 0 where there was none"`
	LastError  *string             `json:"last_error"`
	Response   *string             `json:"response" doc:"the beginning of the last answer, without control characters"`
	SentAt     calls.Stamp         `json:"sent_at" doc:"the last attempt"`
	TookMS     *int64              `json:"took_ms" doc:"how long it took"`
	CreatedAt  calls.Stamp         `json:"created_at"`
	DoneAt     calls.Stamp         `json:"done_at"`
}

func viewDelivery(d calls.Delivery) DeliveryResource {
	v := DeliveryResource{ID: d.ID, EventID: d.EventID, EventPos: d.EventPos, Subject: d.Subject, State: d.State, Attempts: d.Attempts,
		Replays: d.Replays, Gap: d.Gap, LastStatus: d.LastStatus, LastError: orNull(d.LastError), Response: orNull(d.Response), SentAt: calls.Stamp(d.SentAt), CreatedAt: calls.Stamp(d.CreatedAt), DoneAt: calls.StampOf(d.DoneAt)}
	if d.State == calls.DeliveryPending {
		v.NextAt = calls.Stamp(d.NextAt)
	}
	if !d.SentAt.IsZero() {
		ms := d.Took.Milliseconds()
		v.TookMS = &ms
	}
	return v
}
