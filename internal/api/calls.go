package api

import (
	"context"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
	"zvonar/internal/engine"
	"zvonar/internal/numbering"
)

func (s *Server) declareCalls() {
	register(s, calls.PermCaller, huma.Operation{OperationID: "create-call", Method: http.MethodPost, Path: "/v1/calls",
		Summary: "Call someone", DefaultStatus: http.StatusAccepted, Tags: []string{"calls"},
		Description: "202 once the call is durable. The same ref or Idempotency-Key with the same body gives 200, the call that is there already, and Idempotency-Replayed: true.",
		Responses: map[string]*huma.Response{"200": {Description: "The call was there already", Content: map[string]*huma.MediaType{
			"application/json": {Schema: s.schemaOf(reflect.TypeFor[calls.CallView]())}}}},
	}, s.createCall)
	register(s, calls.PermViewer, huma.Operation{OperationID: "list-calls", Method: http.MethodGet, Path: "/v1/calls",
		Summary: "List calls, newest first", Tags: []string{"calls"}}, s.listCalls)
	register(s, calls.PermCaller, huma.Operation{OperationID: "cancel-calls", Method: http.MethodDelete, Path: "/v1/calls",
		Summary: "Cancel what is not over of a ref or series", DefaultStatus: http.StatusOK, Tags: []string{"calls"}}, s.cancelCalls)
	register(s, calls.PermViewer, huma.Operation{OperationID: "get-call", Method: http.MethodGet, Path: "/v1/calls/{id}",
		Summary: "Show a call", Tags: []string{"calls"}}, s.getCall)
	register(s, calls.PermCaller, huma.Operation{OperationID: "hangup-call", Method: http.MethodPost, Path: "/v1/calls/{id}/hangup",
		Summary: "End a call", DefaultStatus: http.StatusAccepted, Tags: []string{"calls"}}, s.hangupCall)
	register(s, calls.PermViewer, huma.Operation{OperationID: "list-call-events", Method: http.MethodGet, Path: "/v1/calls/{id}/events",
		Summary: "What happened to a call, in order", Tags: []string{"calls"}}, s.callEvents)
}

type createCallInput struct {
	IdempotencyKey string `header:"Idempotency-Key" maxLength:"200" doc:"covers retries of this request for 24 h"`
	Body           callBody
	RawBody        []byte
}

type createCallOutput struct {
	Status   int
	Location string `header:"Location"`
	Replayed string `header:"Idempotency-Replayed"`
	Body     calls.CallView
}

func (s *Server) createCall(ctx context.Context, in *createCallInput) (*createCallOutput, error) {
	r, err := in.Body.request()
	if err != nil {
		return nil, err
	}
	if r.Spoken != nil {
		r.Spoken.Actor = actorOf(ctx)
		_ = http.NewResponseController(requestOf(ctx).w).SetWriteDeadline(time.Now().Add(uploadTimeout)) // not every test's writer can
	}
	return s.submit(ctx, r, in.IdempotencyKey, in.RawBody)
}

// submit asks the engine for a call that a body described.
func (s *Server) submit(ctx context.Context, r engine.CallRequest, key string, body []byte) (out *createCallOutput, err error) {
	if !calls.Printable(key) {
		return nil, calls.Errorf(calls.CodeInvalidField, "control characters are not allowed here").At("header.Idempotency-Key", nil)
	}
	if r.WebhookURL != "" {
		if err := s.checkURL(ctx, r.WebhookURL, "body.webhook_url"); err != nil {
			return nil, err
		}
	}
	token := requestOf(ctx).token
	r.Account, r.TokenID, r.IdempotencyKey = token.Account, token.ID, key
	if r.BodyHash, err = bodyHash(body); err != nil {
		return nil, err
	}
	call, replayed, err := s.cfg.Engine.Submit(ctx, r)
	if err != nil {
		return nil, err
	}
	out = &createCallOutput{Status: http.StatusAccepted, Location: "/v1/calls/" + call.ID, Body: calls.View(call)}
	if replayed {
		out.Status, out.Replayed = http.StatusOK, "true"
	}
	return out, nil
}

// checkURL asks the guard whether a URL of the API's may be spoken to.
func (s *Server) checkURL(ctx context.Context, url, location string) error {
	err := s.cfg.Guard.Check(ctx, url)
	if err == nil || calls.CodeOf(err) == calls.CodeForbiddenURL {
		return located(err, location, url)
	}
	return &calls.Error{Code: calls.CodeForbiddenURL, Detail: "this URL may not be used", Err: err,
		Fields: []calls.FieldError{{Location: location, Message: err.Error(), Value: url}}}
}

type listCallsInput struct {
	Page
	Status   string `query:"status" enum:"queued,held,dialing,ringing,answered,bridged,completed"`
	To       string `query:"to" maxLength:"40"`
	Ref      string `query:"ref" maxLength:"128"`
	Series   string `query:"series" maxLength:"128"`
	Campaign string `query:"campaign" maxLength:"64"`
	Outcome  string `query:"outcome" enum:"answered,machine,busy,no_answer,rejected,unreachable,invalid_number,announcement,fax,canceled,expired,missed,blocked,trunk_error,lost"`
}

type callListOutput struct{ Body List[calls.CallView] }

func (s *Server) listCalls(ctx context.Context, in *listCallsInput) (*callListOutput, error) {
	filter := calls.CallFilter{Account: accountOf(ctx), Ref: in.Ref, Series: in.Series, Campaign: in.Campaign,
		Status: calls.Status(in.Status), Outcome: calls.Outcome(in.Outcome), Cursor: in.Cursor, Limit: in.size()}
	if in.To != "" {
		number, err := s.number(in.To, "query.to")
		if err != nil {
			return nil, err
		}
		filter.To = number
	}
	var rows []*calls.Call
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		if rows, err = tx.Calls(filter); err == nil {
			err = numberClips(tx, rows)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return &callListOutput{Body: listOf(rows, filter.Limit, calls.View, func(c *calls.Call) string { return c.ID })}, nil
}

// number is the normal form of a number in a path or query.
func (s *Server) number(raw, location string) (string, error) {
	number, err := numbering.Normalize(raw, s.cfg.Country)
	return number, located(err, location, raw)
}

type cancelCallsInput struct {
	Ref    string `query:"ref" maxLength:"128"`
	Series string `query:"series" maxLength:"128"`
}

func (s *Server) cancelCalls(ctx context.Context, in *cancelCallsInput) (*callListOutput, error) {
	if (in.Ref == "") == (in.Series == "") {
		return nil, calls.Errorf(calls.CodeInvalidField, "say which calls: give either ref or series").At("query", nil)
	}
	rows, err := s.cfg.Engine.Cancel(ctx, accountOf(ctx), in.Ref, in.Series)
	if len(rows) > 0 { // also where it was broken off
		object := "ref:" + in.Ref
		if in.Ref == "" {
			object = "series:" + in.Series
		}
		s.changed(ctx, "call.cancel", object, strconv.Itoa(len(rows))+" calls")
	}
	if err != nil {
		return nil, err
	}
	return &callListOutput{Body: listOf(rows, len(rows)+1, calls.View, func(c *calls.Call) string { return c.ID })}, nil
}

type callInput struct {
	ID string `path:"id" maxLength:"64"`
}

type callOutput struct{ Body calls.CallView }

func (s *Server) getCall(ctx context.Context, in *callInput) (*callOutput, error) {
	var call *calls.Call
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		if call, err = tx.Call(accountOf(ctx), in.ID); err == nil {
			err = numberClips(tx, []*calls.Call{call})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	call.Hold = s.cfg.Engine.Why(call)
	return &callOutput{Body: calls.View(call)}, nil
}

func (s *Server) hangupCall(ctx context.Context, in *callInput) (*callOutput, error) {
	call, err := s.cfg.Engine.Hangup(ctx, accountOf(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	s.changed(ctx, "call.hangup", call.ID, "")
	return &callOutput{Body: calls.View(call)}, nil
}

type callEventsInput struct {
	ID    string `path:"id" maxLength:"64"`
	After int64  `query:"after" minimum:"0" doc:"pos of the last event you know"`
	Limit int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

type eventListOutput struct{ Body List[calls.Event] }

func (s *Server) callEvents(ctx context.Context, in *callEventsInput) (*eventListOutput, error) {
	filter := calls.EventFilter{Account: accountOf(ctx), Subject: calls.CallSubject(in.ID), After: in.After, Limit: Page{Limit: in.Limit}.size()}
	var rows []calls.Event
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		if _, err = tx.Call(filter.Account, in.ID); err != nil {
			return err
		}
		rows, err = tx.Events(filter)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &eventListOutput{Body: eventList(ctx, rows, filter.Limit)}, nil
}
