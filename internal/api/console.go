package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
)

// Console lets people try providers and facades. Names are those of configured
// providers, and compat:KIND for facades. Errors: calls.ErrNotFound where the account has none
// of this name, wrong-state where it cannot do what was asked.
type Console interface {
	List(account string) []ProviderView
	Samples(account, name string) ([]SampleView, error)
	// Test sends a request and tells what came back, until ctx ends.
	Test(ctx context.Context, account, name, method string, header map[string]string, body []byte) (*TestAnswer, error)
	// Sign tells what signs a request with this body.
	Sign(account, name, method string, body []byte) ([]SignedView, error)
	// Certificate is our own (PEM), which the other side may want to trust.
	Certificate(account, name string) ([]byte, error)
	// MayChange reports whether the account may change how a provider is spoken to.
	MayChange(account, name string) error
}

// ProviderView is a configured provider or a facade.
type ProviderView struct {
	Name    string   `json:"name" doc:"its configured name; compat:KIND is a facade"`
	Kind    string   `json:"kind"`
	Role    string   `json:"role" enum:"client,facade" doc:"client: we ask it for calls; facade: it is our endpoint in its dialect"`
	Account *string  `json:"account" doc:"null: everybody's"`
	Can     []string `json:"can" nullable:"false" doc:"plays, joins, cancel, follow, intake, route, subscribe, test, sign"`
	Trunk   string   `json:"trunk"`
	Address string   `json:"address" doc:"where we are spoken to: of callbacks, or of the facade; the secret is masked"`
	Summary string   `json:"summary" doc:"in words, with what was said last"`
}

// SampleView is a request to try things with.
type SampleView struct {
	Method    string `json:"method"`
	Direction string `json:"direction" enum:"out,in" doc:"out: we send it; in: it is sent to us"`
	Title     string `json:"title"`
	Body      string `json:"body"`
}

// SignedView is one value that signs a request, or a step on the way to it.
type SignedView struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// TestAnswer is what came back; it stands in the journal, too.
type TestAnswer struct {
	Status int               `json:"status" doc:"HTTP status"`
	Header map[string]string `json:"header" nullable:"false"`
	Body   string            `json:"body"`
	TookMS int64             `json:"took_ms"`
}

const (
	defaultTestTime = 10 * time.Second
	maxTestTime     = 25 * time.Second // below the time limit of answers
)

func (s *Server) declareConsole() {
	if s.cfg.Console == nil {
		s.cfg.Console = noConsole{}
	}
	register(s, calls.PermOperator, huma.Operation{OperationID: "list-providers", Method: http.MethodGet, Path: "/v1/providers",
		Summary: "List providers and facades", Tags: []string{"providers"}}, s.listProviders)
	register(s, calls.PermOperator, huma.Operation{OperationID: "list-provider-samples", Method: http.MethodGet, Path: "/v1/providers/{name}/samples",
		Summary: "Show requests to try a provider or a facade with", Tags: []string{"providers"}}, s.listSamples)
	register(s, calls.PermOperator, huma.Operation{OperationID: "test-provider", Method: http.MethodPost, Path: "/v1/providers/{name}/test",
		Summary:     "Send a request to a provider or a facade, and see the answer",
		Description: "The request is real: what it asks for happens. To a facade, method is the path below its prefix.", Tags: []string{"providers"}}, s.testProvider)
	register(s, calls.PermOperator, huma.Operation{OperationID: "sign-for-provider", Method: http.MethodPost, Path: "/v1/providers/{name}/sign",
		Summary: "Show what signs a request, without sending it", Tags: []string{"providers"}}, s.signForProvider)
	s.declareProviderTLS()
}

// ProviderPath names the provider or the facade a request is about.
type ProviderPath struct {
	Name string `path:"name" maxLength:"80"`
}

type providerListOutput struct{ Body List[ProviderView] }

func (s *Server) listProviders(ctx context.Context, _ *struct{}) (*providerListOutput, error) {
	rows := s.cfg.Console.List(accountOf(ctx))
	return &providerListOutput{Body: listOf(rows, len(rows)+1, func(p ProviderView) ProviderView { return p }, nil)}, nil
}

type sampleListOutput struct{ Body List[SampleView] }

func (s *Server) listSamples(ctx context.Context, in *ProviderPath) (*sampleListOutput, error) {
	rows, err := s.cfg.Console.Samples(accountOf(ctx), in.Name)
	if err != nil {
		return nil, err
	}
	return &sampleListOutput{Body: listOf(rows, len(rows)+1, func(v SampleView) SampleView { return v }, nil)}, nil
}

// TrialRequest is a request to be sent, or only signed.
type TrialRequest struct {
	Method   string            `json:"method" maxLength:"256" doc:"of a sample; to a facade the path below its prefix"`
	Body     string            `json:"body,omitempty" maxLength:"262144"`
	Header   map[string]string `json:"header,omitempty" doc:"to a facade: headers to send"`
	TimeoutS float64           `json:"timeout_s,omitempty" minimum:"0" maximum:"25" doc:"how long to wait for the answer; 10 where left out"`
}

type trialInput struct {
	ProviderPath
	Body TrialRequest
}

type testOutput struct{ Body TestAnswer }

func (s *Server) testProvider(ctx context.Context, in *trialInput) (*testOutput, error) {
	wait := defaultTestTime
	if in.Body.TimeoutS > 0 {
		wait = min(time.Duration(in.Body.TimeoutS*float64(time.Second)), maxTestTime)
	}
	account := accountOf(ctx)
	detail, _ := json.Marshal(map[string]string{"method": in.Body.Method}) // texts always can be written
	err := s.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		return tx.Audit(calls.AuditEntry{Account: account, Actor: actorOf(ctx), Action: "provider.test", Object: "provider:" + in.Name, At: s.clock.Now(), Detail: string(detail)})
	})
	if err != nil {
		return nil, err
	}
	begun := s.clock.Now()
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	a, err := s.cfg.Console.Test(ctx, account, in.Name, in.Body.Method, in.Body.Header, []byte(in.Body.Body))
	if err != nil {
		return nil, err
	}
	a.TookMS = s.clock.Now().Sub(begun).Milliseconds()
	return &testOutput{Body: *a}, nil
}

type signOutput struct{ Body List[SignedView] }

func (s *Server) signForProvider(ctx context.Context, in *trialInput) (*signOutput, error) {
	rows, err := s.cfg.Console.Sign(accountOf(ctx), in.Name, in.Body.Method, []byte(in.Body.Body))
	if err != nil {
		return nil, err
	}
	return &signOutput{Body: listOf(rows, len(rows)+1, func(v SignedView) SignedView { return v }, nil)}, nil
}

// noConsole is where nothing is configured.
type noConsole struct{}

func (noConsole) List(string) []ProviderView                   { return nil }
func (noConsole) Samples(string, string) ([]SampleView, error) { return nil, calls.ErrNotFound }
func (noConsole) Certificate(string, string) ([]byte, error)   { return nil, calls.ErrNotFound }
func (noConsole) MayChange(string, string) error               { return calls.ErrNotFound }
func (noConsole) Sign(string, string, string, []byte) ([]SignedView, error) {
	return nil, calls.ErrNotFound
}
func (noConsole) Test(context.Context, string, string, string, map[string]string, []byte) (*TestAnswer, error) {
	return nil, calls.ErrNotFound
}
