package httpcall

import (
	"context"
	"fmt"
	"log/slog"
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

	House   *providers.House // for its journal; nil: none
	Clock   clock.Clock      // nil: the system's
	Log     *slog.Logger     // nil: none
	Metrics prometheus.Registerer
}

// Provider asks one service for calls. Safe for concurrent use.
type Provider struct {
	cfg     Config
	write   *providers.RequestTemplate
	read    providers.Reading
	client  *providers.Client
	metrics *providers.Metrics
}

var _ providers.Provider = (*Provider)(nil)

// New checks the configuration; an error names the key that is wrong.
func New(cfg Config) (*Provider, error) {
	p, err := build(cfg)
	if err != nil {
		return nil, fmt.Errorf("provider %q: %w", cfg.Name, err)
	}
	return p, nil
}

func build(cfg Config) (*Provider, error) {
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout
	}
	if cfg.Clock == nil {
		cfg.Clock = clock.System()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Timeout < 0 || cfg.Timeout > MaxTimeout {
		return nil, fmt.Errorf("timeout: at most %s", MaxTimeout)
	}
	read := providers.Reading{SuccessPath: cfg.SuccessPath, SuccessEquals: cfg.SuccessEquals, IDPath: cfg.CallIDPath, ErrorPath: cfg.ErrorPath}
	if err := read.Check(); err != nil {
		return nil, err
	}
	write, err := providers.NewRequestTemplate(providers.RequestConfig{URL: cfg.URL, Method: cfg.Method, Headers: cfg.Headers,
		Body: cfg.Body, Example: valuesOf(example)})
	if err != nil {
		return nil, err
	}
	m, err := providers.NewMetrics(cfg.Metrics)
	if err != nil {
		return nil, err
	}
	client := providers.NewClient(cfg.Timeout)
	if cfg.House != nil {
		var secrets []string
		for _, value := range cfg.Headers {
			secrets = append(secrets, value)
		}
		if client, err = cfg.House.Client(providers.ClientConfig{Kind: Kind, Provider: cfg.Name, Timeout: cfg.Timeout, Secrets: secrets}); err != nil {
			return nil, err
		}
	}
	return &Provider{cfg: cfg, write: write, read: read, client: client, metrics: m}, nil
}

// Kind is what this provider is called in the configuration and in the journal.
const Kind = "http"

// Can implements providers.Provider: the service brings its call to our user agent;
// everything else is configured.
func (p *Provider) Can() providers.Capabilities { return providers.Capabilities{} }

// The example with which a configuration is tried out; its values need escaping.
var example = calls.PlaceRequest{
	CallID: "01EXAMPLE", Attempt: "01EXAMPLE", To: "79004443322", From: "78005553535", Extension: "100", Ref: `order "7" & /more`,
}

// valuesOf is what the templates may name of a request.
func valuesOf(r calls.PlaceRequest) providers.Values {
	return providers.Values{"To": r.To, "From": r.From, "Extension": r.Extension, "CallID": r.CallID, "Attempt": r.Attempt, "Ref": r.Ref}
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
	req, err := p.write.Request(valuesOf(r))
	if err != nil {
		return calls.PlaceResult{}, &calls.PlaceRefused{Reason: "the request could not be written, see url and body of its configuration", Err: err}
	}
	// The address is a template that may hold keys anywhere: the journal sees its host.
	a, err := p.client.Send(providers.Labelled(ctx, providers.Label{Method: "place", Account: r.Account, Correlation: r.CallID,
		Secrets: []string{req.URL.RequestURI()}}), req)
	if err != nil {
		return calls.PlaceResult{}, err
	}
	id, err := p.read.Read(a)
	return calls.PlaceResult{ProviderCallID: id}, err
}
