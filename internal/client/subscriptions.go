package client

import (
	"context"
	"net/http"
	"net/url"
)

// Subscription is an order for the events of a telephone at a provider.
type Subscription struct {
	Provider  string `json:"provider"`
	Employee  string `json:"employee"`
	Target    string `json:"target"`
	ID        string `json:"subscription_id"`
	State     string `json:"state"` // wanted, active, lost, failed
	Words     string `json:"words"`
	ExpiresAt string `json:"expires_at"`
}

// Subscriptions lists whose telephones' events come from providers.
func (c *Client) Subscriptions(ctx context.Context) ([]Subscription, error) {
	page, err := ask[struct{ Items []Subscription }](ctx, c, http.MethodGet, "/v1/subscriptions", nil)
	return page.Items, err
}

// Subscribe orders the events of an employee's telephone anew.
func (c *Client) Subscribe(ctx context.Context, employee string) (Subscription, error) {
	return ask[Subscription](ctx, c, http.MethodPost, "/v1/employees/"+url.PathEscape(employee)+"/subscribe", nil)
}
