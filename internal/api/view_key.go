package api

import (
	"encoding/json"

	"zvonar/internal/calls"
)

// KeyResource is a key of a facade as published: never its secret.
type KeyResource struct {
	ID         string             `json:"id"`
	Kind       string             `json:"kind" doc:"of the facade: sipuni, mango, …"`
	Name       string             `json:"name"`
	Public     string             `json:"public" doc:"what requests name it by: login, API key, client id"`
	Roles      []calls.Permission `json:"roles" nullable:"false"`
	Account    string             `json:"account"`
	AllowFrom  []string           `json:"allow_from" nullable:"false" doc:"networks it may be used from; empty is anywhere"`
	CreatedAt  calls.Stamp        `json:"created_at"`
	RevokedAt  calls.Stamp        `json:"revoked_at"`
	LastUsedAt calls.Stamp        `json:"last_used_at" doc:"to five minutes"`
	// The former secret is good until then.
	OldSecretUntil calls.Stamp     `json:"old_secret_until" doc:"until then the former secret is good, too"`
	EventsURL      *string         `json:"events_url" doc:"where events go in the dialect of the kind"`
	EventsSettings json.RawMessage `json:"events_settings" doc:"what the kind keeps of that address"`
}

// NewKeyResource is a key just made or rotated, with its secret: it is shown once.
type NewKeyResource struct {
	KeyResource
	Secret string            `json:"secret" doc:"it is shown only now"`
	Shown  map[string]string `json:"shown" doc:"what else the kind gives to the key's owner, shown only now"`
}

// viewKey is a key with the destination that follows it, which may be nil.
func viewKey(k *calls.FacadeKey, w *calls.Webhook) KeyResource {
	out := KeyResource{ID: k.ID, Kind: k.Kind, Name: k.Name, Public: k.Public, Roles: append([]calls.Permission{}, k.Roles...), Account: k.Account,
		AllowFrom: append([]string{}, k.AllowFrom...), CreatedAt: calls.Stamp(k.CreatedAt), RevokedAt: calls.StampOf(k.RevokedAt),
		LastUsedAt: calls.Stamp(k.LastUsedAt), OldSecretUntil: calls.Stamp(k.OldSecretUntil), EventsSettings: json.RawMessage("{}")}
	if w != nil {
		out.EventsURL = &w.URL
		if len(w.Settings) > 0 {
			out.EventsSettings = w.Settings
		}
	}
	return out
}
