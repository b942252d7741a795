package calls

import (
	"slices"
	"time"
)

// Permission names what a token may do. Operator and admin include caller and viewer;
// admin includes everything.
type Permission string

// The roles of a token (DESIGN 4.2).
const (
	PermViewer    Permission = "viewer"
	PermCaller    Permission = "caller"
	PermModerator Permission = "moderator"
	PermOperator  Permission = "operator"
	PermAdmin     Permission = "admin"
)

// Token is who speaks to the API. The secret itself is never stored.
type Token struct {
	ID      string       `json:"id"`
	Account string       `json:"account"`
	Name    string       `json:"name"`
	Roles   []Permission `json:"roles"`
	Prefix  string       `json:"prefix"` // first characters, to recognise it in lists
	Hash    string       `json:"-"`      // hex sha256 of the secret
	// WebhookSecret signs deliveries to a call's own webhook_url. Derived from
	// the secret when the token is made (see outbox.TokenSecret).
	WebhookSecret string     `json:"-"`
	CreatedAt     time.Time  `json:"created_at"`
	RevokedAt     *time.Time `json:"revoked_at"`
	ExpiresAt     *time.Time `json:"expires_at"` // rotation overlap ends here
	FromConfig    bool       `json:"from_config"`
	// AllowFrom are the networks it may be used from, as prefixes
	// ("192.0.2.0/24"); empty: anywhere.
	AllowFrom []string `json:"allow_from,omitempty"`
	// LastUsedAt is when it was last seen, to a few minutes; zero: never.
	// Kept by TouchToken alone.
	LastUsedAt time.Time `json:"-"`
}

// May reports whether the token carries role p, directly or through a wider one.
func (t *Token) May(p Permission) bool {
	if slices.Contains(t.Roles, PermAdmin) || slices.Contains(t.Roles, p) {
		return true
	}
	switch p {
	case PermViewer:
		return len(t.Roles) > 0
	case PermCaller:
		return slices.Contains(t.Roles, PermOperator)
	}
	return false
}

// Usable reports whether the token is neither revoked nor expired at now.
func (t *Token) Usable(now time.Time) bool {
	return (t.RevokedAt == nil || now.Before(*t.RevokedAt)) && (t.ExpiresAt == nil || now.Before(*t.ExpiresAt))
}
