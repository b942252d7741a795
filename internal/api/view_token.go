package api

import "zvonar/internal/calls"

// TokenResource is a token as published: never its secret.
type TokenResource struct {
	ID         string             `json:"id"`
	Name       string             `json:"name"`
	Roles      []calls.Permission `json:"roles" nullable:"false"`
	Prefix     string             `json:"prefix" doc:"first characters, to recognise it by"`
	CreatedAt  calls.Stamp        `json:"created_at"`
	RevokedAt  calls.Stamp        `json:"revoked_at"`
	ExpiresAt  calls.Stamp        `json:"expires_at"`
	FromConfig bool               `json:"from_config"`
	Account    string             `json:"account" doc:"whose data it sees"`
	AllowFrom  []string           `json:"allow_from" nullable:"false" doc:"networks it may be used from; empty is anywhere"`
	LastUsedAt calls.Stamp        `json:"last_used_at" doc:"to five minutes"`
}

// NewTokenResource is a token just made, with its secret: it is shown once.
type NewTokenResource struct {
	TokenResource
	Token string `json:"token" doc:"the secret; it is shown only now"`
}

func viewToken(t *calls.Token) TokenResource {
	return TokenResource{ID: t.ID, Name: t.Name, Roles: append([]calls.Permission{}, t.Roles...), Prefix: t.Prefix,
		CreatedAt: calls.Stamp(t.CreatedAt), RevokedAt: calls.StampOf(t.RevokedAt), ExpiresAt: calls.StampOf(t.ExpiresAt), FromConfig: t.FromConfig,
		Account: t.Account, AllowFrom: append([]string{}, t.AllowFrom...), LastUsedAt: calls.Stamp(t.LastUsedAt)}
}
