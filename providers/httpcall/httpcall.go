package httpcall

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/providers"
)

// Bounds of the timeout.
const (
	DefaultTimeout = 10 * time.Second
	MaxTimeout     = time.Minute
)

// Config of a Provider. URL and Body are templates (see README.md).
type Config struct {
	Name    string            // of the provider, for logs and metrics
	URL     string            // http or https; scheme and host must be literal
	Method  string            // "" is POST
	Headers map[string]string // sent as they are; Content-Type decides how Body is escaped
	Body    string            // "" sends none
	// SuccessPath names the value of the JSON answer that says whether the
	// provider took the request; SuccessEquals is what it then says, "true" if
	// empty. Without a path every 2xx is a yes.
	SuccessPath, SuccessEquals string
	// CallIDPath names the provider's id of the call in the answer, "" if none.
	CallIDPath string
	// ErrorPath names the provider's own words for a refusal, "" if none.
	ErrorPath string
	Timeout   time.Duration // 0: DefaultTimeout

	Clock   clock.Clock  // nil: the system's
	Log     *slog.Logger // nil: none
	Metrics prometheus.Registerer
}

// Provider asks one service for calls. Safe for concurrent use.
type Provider struct {
	cfg     Config
	url     *urlTemplate
	body    *bodyTemplate
	client  *providers.Client
	metrics *providers.Metrics
}

var _ providers.Originator = (*Provider)(nil)

// New checks the configuration; an error names the key that is wrong.
func New(cfg Config) (*Provider, error) {
	p, err := build(cfg)
	if err != nil {
		return nil, fmt.Errorf("provider %q: %w", cfg.Name, err)
	}
	return p, nil
}

func build(cfg Config) (*Provider, error) {
	if cfg.Method == "" {
		cfg.Method = http.MethodPost
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.SuccessEquals == "" {
		cfg.SuccessEquals = "true"
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.System()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.Headers = maps.Clone(cfg.Headers)
	if err := check(cfg); err != nil {
		return nil, err
	}
	u, err := parseURL(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	b, err := parseBody(cfg.Body, contentType(cfg))
	if err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	m, err := providers.NewMetrics(cfg.Metrics)
	if err != nil {
		return nil, err
	}
	return &Provider{cfg: cfg, url: u, body: b, client: providers.NewClient(cfg.Timeout), metrics: m}, nil
}

func check(cfg Config) error {
	switch cfg.Method {
	case http.MethodGet:
		if cfg.Body != "" {
			return errors.New("method: a GET has no body, put the fields into url")
		}
	case http.MethodPost, http.MethodPut:
	default:
		return errors.New("method: GET, POST or PUT")
	}
	if cfg.Timeout < 0 || cfg.Timeout > MaxTimeout {
		return fmt.Errorf("timeout: at most %s", MaxTimeout)
	}
	for name, value := range cfg.Headers {
		if !token(name) || !calls.Printable(value) {
			return fmt.Errorf("headers: %q is not a header name, or its value has control characters", name)
		}
	}
	for key, path := range map[string]string{"success_path": cfg.SuccessPath, "call_id_path": cfg.CallIDPath, "error_path": cfg.ErrorPath} {
		if path == "" {
			continue
		}
		if err := providers.CheckPath(path); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

// token reports whether s is a field name (RFC 9110 5.6.2).
func token(s string) bool {
	const marks = "!#$%&'*+-.^_`|~"
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(marks, r)
	})
}

func contentType(cfg Config) string {
	for name, value := range cfg.Headers {
		if strings.EqualFold(name, "Content-Type") {
			return value
		}
	}
	return "application/json"
}

// Place asks the provider to call r.To and to connect our extension. It sends
// one request and never a second one. Errors are *calls.PlaceRefused (nothing
// will ring) or *calls.PlaceUnknown (it may).
func (p *Provider) Place(ctx context.Context, r calls.PlaceRequest) (calls.PlaceResult, error) {
	begun := p.cfg.Clock.Now()
	result, err := p.place(ctx, r)
	took := p.cfg.Clock.Now().Sub(begun)
	p.metrics.Placed(p.cfg.Name, took, err)
	log := p.cfg.Log.With("provider", p.cfg.Name, "call", r.CallID, "attempt", r.Attempt, "to", calls.Mask(r.To), "took", took)
	if err == nil {
		log.Info("provider took the call", "provider_call_id", result.ProviderCallID)
	} else {
		log.Debug("provider did not take the call", "error", err)
	}
	return result, err
}

func (p *Provider) place(ctx context.Context, r calls.PlaceRequest) (calls.PlaceResult, error) {
	req, err := p.request(r)
	if err != nil {
		return calls.PlaceResult{}, &calls.PlaceRefused{Reason: "the request could not be written, see url and body of its configuration", Err: err}
	}
	a, err := p.client.Send(ctx, req)
	if err != nil {
		return calls.PlaceResult{}, err
	}
	return p.read(a)
}

func (p *Provider) request(r calls.PlaceRequest) (*http.Request, error) {
	u, err := p.url.write(r)
	if err != nil {
		return nil, err
	}
	body, err := p.body.write(r)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(p.cfg.Method, u, body)
	if err != nil {
		return nil, errors.New("the url is not valid") // the cause would tell it
	}
	if p.cfg.Body != "" {
		req.Header.Set("Content-Type", contentType(p.cfg))
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "zvonar")
	for name, value := range p.cfg.Headers {
		if strings.EqualFold(name, "Host") {
			req.Host = value
			continue
		}
		req.Header.Set(name, value)
	}
	return req, nil
}
