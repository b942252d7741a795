package httpsms

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/internal/outbox"
	"zvonar/providers"
)

// DefaultTimeout of a request.
const DefaultTimeout = 10 * time.Second

// Config of a Sender. URL and Body are templates with the fields To, From, Text
// and ID (see README.md).
type Config struct {
	URL      string // http or https; scheme and host must be literal
	Method   string // "" is POST
	Headers  map[string]string
	Body     string
	Statuses []int // the 2xx that are a yes; none: every one
	// SuccessPath, SuccessEquals, IDPath and ErrorPath read the JSON answer
	// (providers.Reading).
	SuccessPath, SuccessEquals, IDPath, ErrorPath string

	Timeout time.Duration // 0: DefaultTimeout; at most outbox.SMSTimeout

	Clock clock.Clock  // nil: the system's
	Log   *slog.Logger // nil: none
}

// Sender hands texts to one service. Safe for concurrent use.
type Sender struct {
	cfg    Config
	write  *providers.RequestTemplate
	read   providers.Reading
	client *providers.Client
}

var _ outbox.Sender = (*Sender)(nil)

// example is the text with which a configuration is tried out; it needs escaping.
var example = calls.SMS{ID: "sms_01EXAMPLE", To: "79004443322", From: "78005553535", Text: "«Ваш заказ» \"7\" & готов:\nhttps://example.com/?a=1"}

// valuesOf is what the templates may name of a text.
func valuesOf(m calls.SMS) providers.Values {
	return providers.Values{"To": m.To, "From": m.From, "Text": m.Text, "ID": m.ID}
}

// New checks the configuration; an error names the key that is wrong.
func New(cfg Config) (*Sender, error) {
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.Timeout < 0 || cfg.Timeout > outbox.SMSTimeout {
		return nil, fmt.Errorf("timeout: at most %s", outbox.SMSTimeout)
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.System()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	for _, status := range cfg.Statuses {
		if status < 200 || status > 299 {
			return nil, fmt.Errorf("statuses: %d can never be a yes; name some of 200 to 299", status)
		}
	}
	read := providers.Reading{Statuses: slices.Clone(cfg.Statuses), SuccessPath: cfg.SuccessPath, SuccessEquals: cfg.SuccessEquals,
		IDPath: cfg.IDPath, ErrorPath: cfg.ErrorPath}
	if err := read.Check(); err != nil {
		return nil, err
	}
	write, err := providers.NewRequestTemplate(providers.RequestConfig{URL: cfg.URL, Method: cfg.Method, Headers: cfg.Headers,
		Body: cfg.Body, Example: valuesOf(example)})
	if err != nil {
		return nil, err
	}
	return &Sender{cfg: cfg, write: write, read: read, client: providers.NewClient(cfg.Timeout)}, nil
}

// passing are the refusals that will pass: the service took nothing and will
// take the same text later.
var passing = map[int]bool{http.StatusTooManyRequests: true, http.StatusServiceUnavailable: true}

// Send implements outbox.Sender: one request, never a second one.
func (s *Sender) Send(ctx context.Context, m calls.SMS) (string, error) {
	req, err := s.write.Request(valuesOf(m))
	if err != nil {
		return "", &outbox.TextRefused{Reason: "the request could not be written, see sms.http of the configuration", Err: err}
	}
	begun := s.cfg.Clock.Now()
	answer, err := s.client.Send(ctx, req)
	again := true // an error before an answer is a refusal only where nothing was connected
	id := ""
	if err == nil {
		id, err = s.read.Read(answer)
		again = passing[answer.Status]
	}
	s.cfg.Log.Debug("text handed to its service", "sms", m.ID, "to", calls.Mask(m.To), "provider_id", id, "took", s.cfg.Clock.Now().Sub(begun), "error", err)
	var refused *calls.PlaceRefused
	var unknown *calls.PlaceUnknown
	switch {
	case errors.As(err, &refused):
		return "", &outbox.TextRefused{Reason: refused.Reason, Again: again, Err: err}
	case errors.As(err, &unknown):
		return "", errors.New(unknown.Reason)
	}
	return id, err
}
