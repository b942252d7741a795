package zvonobot

import (
	"errors"
	"io"
	"net/http"

	"zvonar/providers"
)

// maxWebhook bounds the body of a webhook, in bytes.
const maxWebhook = 4 << 20

// Intake implements providers.Intake: both webhooks. What is no JSON of theirs is a
// 400; everything else is taken, whether somebody follows the call or not, for the
// provider would only send it again.
func (c *Client) Intake() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "webhooks are sent by POST", http.StatusMethodNotAllowed)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxWebhook))
		if err != nil {
			status := http.StatusBadRequest
			if tooLong := new(http.MaxBytesError); errors.As(err, &tooLong) {
				status = http.StatusRequestEntityTooLarge
			}
			http.Error(w, "the body cannot be read", status)
			return
		}
		list, err := parseWebhook(body)
		if err != nil {
			providers.Named(r.Context(), providers.Label{Method: "webhook", Fault: err.Error()})
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		name := "webhook status"
		if list[0].Digit {
			name = "webhook digit"
		}
		providers.Named(r.Context(), providers.Label{Method: name, Correlation: list[0].Echo})
		for _, t := range list {
			c.follows.tell(t)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"status":"success"}`)
	})
}
