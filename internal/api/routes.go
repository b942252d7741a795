package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"zvonar/internal/calls"
)

// roleExtension is where the OpenAPI document says which role an operation needs.
const roleExtension = "x-zvonar-role"

// declare registers every endpoint and serves the document that describes them.
func (s *Server) declare() error {
	s.api = humago.New(s.mux, s.humaConfig())
	s.declareCalls()
	s.declareTalks()
	s.declareBot()
	s.declareEvents()
	s.declareRecordings()
	s.declareFingerprints()
	s.declareBlacklist()
	s.declareTrunks()
	s.declareEmployees()
	s.declareGroups()
	s.declareNumbers()
	s.declareAttention()
	s.declareStats()
	s.declareCDR()
	s.declareTokens()
	s.declareWebhooks()
	s.declareTries()
	s.declareKeys()
	s.declareExchanges()
	s.declareConsole()
	s.declareAudit()
	s.declareErasures()
	s.declareTexts()
	s.declareCaptures()
	s.declareEvidence()
	s.declareTrace()
	s.declareCampaigns()
	s.declareBotBeeline()
	s.declareSubscriptions()
	schemas := s.api.OpenAPI().Components.Schemas.Map()
	delete(schemas, "ErrorModel") // huma's own, which never leaves this API
	delete(schemas, "ErrorDetail")
	objectsOrNull(schemas["CallView"])
	objectsOrNull(schemas["EventPage"])
	objectsOrNull(schemas["ContactResource"])
	doc, err := json.Marshal(s.api.OpenAPI())
	if err != nil {
		return err
	}
	s.mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(doc)
	})
	return nil
}

// schemaOf is the reference to the description of t.
func (s *Server) schemaOf(t reflect.Type) *huma.Schema {
	return s.api.OpenAPI().Components.Schemas.Schema(t, true, "")
}

// objectsOrNull lets the objects in schema be null too: huma has no tag for that.
func objectsOrNull(schema *huma.Schema) {
	for name, p := range schema.Properties {
		if p.Ref != "" {
			schema.Properties[name] = &huma.Schema{OneOf: []*huma.Schema{{Ref: p.Ref}, {Type: "null"}}, Description: p.Description}
		}
	}
}

func (s *Server) humaConfig() huma.Config {
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	registry.RegisterTypeAlias(reflect.TypeFor[calls.Stamp](), reflect.TypeFor[stampSchema]())
	format := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshalStrict}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "zvonar", Version: s.cfg.Version, Description: apiDescription},
			Components: &huma.Components{Schemas: registry, SecuritySchemes: map[string]*huma.SecurityScheme{
				"bearer": {Type: "http", Scheme: "bearer"}}},
		},
		Formats:                      map[string]huma.Format{"application/json": format, "json": format, "application/problem+json": format},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{restate},
	}
}

const apiDescription = "Calls, recordings, blacklist, events. Times are RFC 3339 UTC with milliseconds; numbers are digits only. " +
	"Errors are RFC 9457 problem documents."

// restate turns huma's own errors into problems and gives every problem the id
// of its request.
func restate(ctx huma.Context, _ string, v any) (any, error) {
	if m, ok := v.(*huma.ErrorModel); ok {
		v = problemOfHuma(m)
	}
	if p, ok := v.(*Problem); ok {
		p.RequestID = requestOf(ctx.Context()).id
	}
	return v, nil
}

// register declares one endpoint: who may use it, how its failures look, how
// much of a body is read.
func register[I, O any](s *Server, role calls.Permission, op huma.Operation, handle func(context.Context, *I) (*O, error)) {
	op.Security = []map[string][]string{{"bearer": {}}}
	op.Extensions = map[string]any{roleExtension: string(role)}
	op.Middlewares = append(huma.Middlewares{s.authorize(role)}, op.Middlewares...)
	op.MaxBodyBytes = s.cfg.MaxBody + 1
	op.BodyReadTimeout = bodyTimeout
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	op.Responses["default"] = &huma.Response{Description: "Problem", Content: map[string]*huma.MediaType{
		"application/problem+json": {Schema: s.schemaOf(reflect.TypeFor[Problem]())}}}
	body := &huma.RequestBody{}
	if _, ok := reflect.TypeFor[I]().FieldByName("RawBody"); ok {
		op.RequestBody = body
	}
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, s.explain(ctx, op.OperationID, err)
		}
		return out, nil
	})
	delete(body.Content, "application/octet-stream") // RawBody is read beside Body, not instead of it
}

// explain is the problem for an error; one that is our fault is logged here.
func (s *Server) explain(ctx context.Context, operation string, err error) *Problem {
	p, known := problemOf(err)
	if !known {
		s.log.Error("request failed", "request", requestOf(ctx).id, "operation", operation, "error", err)
	}
	return p
}

// accountOf is whose data the request is about.
func accountOf(ctx context.Context) string { return requestOf(ctx).token.Account }

// actorOf names who asks, for audits.
func actorOf(ctx context.Context) string { return requestOf(ctx).token.Name }

// stampSchema describes calls.Stamp.
type stampSchema struct{}

// Schema implements huma.SchemaProvider.
func (stampSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time", Nullable: true}
}
