package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
	"zvonar/internal/engine"
)

// declareTalks declares talks between two parties, and what can be done to a call
// that runs.
func (s *Server) declareTalks() {
	register(s, calls.PermCaller, huma.Operation{OperationID: "create-bridge", Method: http.MethodPost, Path: "/v1/bridges",
		Summary: "Connect two parties", DefaultStatus: http.StatusAccepted, Tags: []string{"calls"},
		Description: "Rings first, then second, and lets them talk. 202 once the call is durable; ref and Idempotency-Key as with POST /v1/calls."}, s.createBridge)
	for path, op := range map[string]struct {
		summary string
		declare func(huma.Operation)
	}{
		"transfer": {"Hand the customer to somebody else", func(o huma.Operation) { register(s, calls.PermCaller, o, s.transferCall) }},
		"play":     {"Play a recording to the customer", func(o huma.Operation) { register(s, calls.PermCaller, o, s.playToCall) }},
		"dtmf":     {"Send digits to a party", func(o huma.Operation) { register(s, calls.PermCaller, o, s.sendDigits) }},
		"record":   {"Write the talk down, or stop", func(o huma.Operation) { register(s, calls.PermCaller, o, s.recordCall) }},
		"hold":     {"Ask a party to hold, or to go on", func(o huma.Operation) { register(s, calls.PermCaller, o, s.holdCall) }},
	} {
		op.declare(huma.Operation{OperationID: path + "-call", Method: http.MethodPost, Path: "/v1/calls/{id}/" + path,
			Summary: op.summary, DefaultStatus: http.StatusAccepted, Tags: []string{"calls"}})
	}
}

// bridgeBody is the body of POST /v1/bridges.
type bridgeBody struct {
	First       text            `json:"first" doc:"who is rung first: a number, an extension at a trunk (201@office), an employee (201, employee:ID) or a group (group:NAME)" example:"\"201@office\""`
	Second      text            `json:"second" doc:"who is rung once the first one is on the line" example:"79004443322"`
	Order       string          `json:"order,omitempty" enum:"manager_first,client_first" default:"manager_first" doc:"who the first one is; blacklist, window and caps are the client's"`
	Anonymous   bool            `json:"anonymous,omitempty" doc:"neither sees a number (Privacy: id)"`
	RecordID    text            `json:"record_id,omitempty" doc:"what the first one hears while the second is rung; ringback where left out"`
	From        text            `json:"from,omitempty" doc:"caller number that the client sees"`
	Trunk       string          `json:"trunk,omitempty" maxLength:"64"`
	Provider    string          `json:"provider,omitempty" maxLength:"64" doc:"that joins them; then the manager may also be SUBSCRIBER@PROVIDER, somebody whom only the provider knows"`
	Ref         string          `json:"ref,omitempty" maxLength:"128"`
	RingTimeout string          `json:"ring_timeout,omitempty" maxLength:"20" doc:"of the client; 5s to 3m"`
	MaxDuration string          `json:"max_duration,omitempty" maxLength:"20" doc:"5s to 4h"`
	Metadata    json.RawMessage `json:"metadata,omitempty" doc:"an object of your own, at most 16 KiB"`
	WebhookURL  string          `json:"webhook_url,omitempty" maxLength:"2048"`
}

// request turns the body into what the engine is asked.
func (b *bridgeBody) request() (engine.CallRequest, error) {
	var f faults
	client, manager := b.Second, b.First
	clientAt, managerAt := "body.second", "body.first"
	order := calls.Order(b.Order)
	if order == "" {
		order = calls.ManagerFirst
	}
	if order == calls.ClientFirst {
		client, manager, clientAt, managerAt = manager, client, managerAt, clientAt
	}
	r := engine.CallRequest{
		To: string(client), ToAt: clientAt, ManagerAt: managerAt, From: string(b.From), Clip: calls.ClipID(b.RecordID), Ref: b.Ref, Trunk: b.Trunk, Provider: b.Provider,
		Bridge: &calls.Bridge{Manager: string(manager), Order: order, Anonymous: b.Anonymous}, WebhookURL: b.WebhookURL,
	}
	for _, field := range []struct{ location, value string }{
		{"body.from", r.From}, {"body.ref", b.Ref}, {"body.trunk", b.Trunk}, {"body.provider", b.Provider}, {"body.webhook_url", b.WebhookURL}, {"body.record_id", string(b.RecordID)},
		{managerAt, string(manager)},
	} {
		if !calls.Printable(field.value) {
			f.field(field.location, nil, "control characters are not allowed here")
		}
	}
	r.RingTimeout = duration(b.RingTimeout, "body.ring_timeout", 5*time.Second, 3*time.Minute, &f)
	r.MaxDuration = duration(b.MaxDuration, "body.max_duration", 5*time.Second, 4*time.Hour, &f)
	if !empty(b.Metadata) {
		r.Metadata = bytes.Clone(b.Metadata)
		if len(b.Metadata) > maxMetadata {
			f.field("body.metadata", nil, "metadata has %d bytes, at most %d are kept", len(b.Metadata), maxMetadata)
		} else if bytes.TrimSpace(b.Metadata)[0] != '{' {
			f.field("body.metadata", nil, "metadata must be an object")
		}
	}
	return r, f.err()
}

type createBridgeInput struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"200" doc:"covers retries of this request for 24 h"`
	Body           bridgeBody
	RawBody        []byte
}

func (s *Server) createBridge(ctx context.Context, in *createBridgeInput) (*createCallOutput, error) {
	r, err := in.Body.request()
	if err != nil {
		return nil, err
	}
	return s.submit(ctx, r, in.IdempotencyKey, in.RawBody)
}

type transferInput struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Target text `json:"target" doc:"a number, an extension at a trunk (201@office), an employee (201, employee:ID) or a group (group:NAME)" example:"\"201@office\""`
	}
}

func (s *Server) transferCall(ctx context.Context, in *transferInput) (*callOutput, error) {
	if !calls.Printable(string(in.Body.Target)) {
		return nil, calls.Errorf(calls.CodeInvalidField, "control characters are not allowed here").At("body.target", nil)
	}
	call, err := s.cfg.Engine.Transfer(ctx, accountOf(ctx), in.ID, string(in.Body.Target))
	return s.controlled(ctx, "call.transfer", call, err)
}

type playInput struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		RecordID text `json:"record_id" doc:"approved recording, by number or id" example:"1460168"`
	}
}

func (s *Server) playToCall(ctx context.Context, in *playInput) (*callOutput, error) {
	call, err := s.cfg.Engine.Play(ctx, accountOf(ctx), in.ID, calls.ClipID(in.Body.RecordID))
	return s.controlled(ctx, "call.play", call, err)
}

type dtmfInput struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Digits text   `json:"digits" doc:"at most 64 of 0-9 * # A-D" example:"\"12#\""`
		Leg    string `json:"leg,omitempty" enum:"customer,manager" default:"customer"`
	}
}

// maxSentDigits bounds the digits of one request: more than ten seconds of them.
const maxSentDigits = 64

func (s *Server) sendDigits(ctx context.Context, in *dtmfInput) (*callOutput, error) {
	digits := string(in.Body.Digits)
	if digits == "" || len(digits) > maxSentDigits || strings.Trim(digits, "0123456789*#ABCD") != "" {
		return nil, calls.Errorf(calls.CodeInvalidField, "write 1 to %d of 0-9 * # A-D", maxSentDigits).At("body.digits", nil)
	}
	call, err := s.cfg.Engine.SendDigits(ctx, accountOf(ctx), in.ID, calls.Role(in.Body.Leg), digits)
	return s.controlled(ctx, "call.dtmf", call, err)
}

type holdInput struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		On  bool   `json:"on"`
		Leg string `json:"leg,omitempty" enum:"customer,manager" default:"customer" doc:"who is to wait; he hears the hold clip"`
	}
}

func (s *Server) holdCall(ctx context.Context, in *holdInput) (*callOutput, error) {
	call, err := s.cfg.Engine.Hold(ctx, accountOf(ctx), in.ID, calls.Role(in.Body.Leg), in.Body.On)
	return s.controlled(ctx, "call.hold", call, err)
}

// controlled answers with the call as it was when it was asked.
func (s *Server) controlled(ctx context.Context, what string, call *calls.Call, err error) (*callOutput, error) {
	if err != nil {
		return nil, err
	}
	s.changed(ctx, what, call.ID, "")
	return &callOutput{Body: calls.View(call)}, nil
}
