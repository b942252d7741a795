package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
)

func (s *Server) declareExchanges() {
	register(s, calls.PermOperator, huma.Operation{OperationID: "list-exchanges", Method: http.MethodGet, Path: "/v1/exchanges",
		Summary:     "Show what was said with providers, sinks and users of facades",
		Description: "Newest first; with after oldest first, to follow what is said. Secrets are masked.", Tags: []string{"providers"}}, s.listExchanges)
	register(s, calls.PermOperator, huma.Operation{OperationID: "clear-exchanges", Method: http.MethodDelete, Path: "/v1/exchanges",
		Summary: "Clear the journal, or a part of it", Tags: []string{"providers"}}, s.clearExchanges)
}

// ExchangeResource is a request with its answer.
type ExchangeResource struct {
	ID        int64       `json:"id" doc:"ascending"`
	Account   *string     `json:"account" doc:"null: nobody's, a request whose key was not known"`
	Kind      string      `json:"kind" doc:"of the provider, the facade or the sink"`
	Provider  *string     `json:"provider" doc:"its configured name; null: a facade or a sink"`
	Direction string      `json:"direction" enum:"out,in" doc:"out: from us to them"`
	Method    string      `json:"method" doc:"the provider's name of it; of sinks the type of the event"`
	At        calls.Stamp `json:"at"`
	TookMS    int64       `json:"took_ms"`
	Request   string      `json:"request" doc:"first line, headers and body; cut at 16 KiB"`
	Answer    string      `json:"answer" doc:"likewise; empty: none came"`
	Status    int         `json:"status" doc:"HTTP status; 0: none"`
	Fault     string      `json:"fault" doc:"why there was no answer, or what was wrong with the request"`
	Test      bool        `json:"test" doc:"sent by a person, to try"`
	CallID    *string     `json:"call_id"`
	Remote    string      `json:"remote"`
}

func viewExchange(x calls.Exchange) ExchangeResource {
	out := ExchangeResource{ID: x.ID, Account: orNull(x.Account), Kind: x.Kind, Provider: orNull(x.Provider), Direction: "in", Method: x.Method,
		At: calls.Stamp(x.At), TookMS: x.TookMS, Request: x.Request, Answer: x.Answer, Status: x.Status, Fault: x.Fault, Test: x.Test,
		CallID: orNull(x.Correlation), Remote: x.RemoteAddress}
	if x.Outgoing {
		out.Direction = "out"
	}
	return out
}

// ExchangeQuery selects exchanges.
type ExchangeQuery struct {
	Kind      string `query:"kind" maxLength:"64"`
	Provider  string `query:"provider" maxLength:"64" doc:"a configured name"`
	Method    string `query:"method" maxLength:"64"`
	Direction string `query:"direction" enum:"out,in"`
	CallID    string `query:"call_id" maxLength:"64"`
}

// filter is what is asked for, as far as the asker may see it: the exchanges of his
// account and, for main, those of nobody.
func (q ExchangeQuery) filter(ctx context.Context) calls.ExchangeFilter {
	f := calls.ExchangeFilter{Account: accountOf(ctx), Unowned: accountOf(ctx) == calls.MainAccount, Kind: q.Kind, Provider: q.Provider, Method: q.Method, CallID: q.CallID}
	if q.Direction != "" {
		f.Outgoing = new(q.Direction == "out")
	}
	return f
}

type listExchangesInput struct {
	Page
	ExchangeQuery
	After int64 `query:"after" minimum:"0" doc:"only those after this id, oldest first"`
}

type exchangeListOutput struct {
	Body List[ExchangeResource]
}

func (s *Server) listExchanges(ctx context.Context, in *listExchangesInput) (*exchangeListOutput, error) {
	f := in.filter(ctx)
	f.After, f.Limit = in.After, in.size()
	if in.Cursor != "" {
		n, err := strconv.ParseInt(in.Cursor, 10, 64)
		if err != nil || n < 1 {
			return nil, calls.Errorf(calls.CodeInvalidField, "is not the next of a page").At("query.cursor", in.Cursor)
		}
		f.Before = n
	}
	var rows []calls.Exchange
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		rows, err = tx.Exchanges(f)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &exchangeListOutput{Body: listOf(rows, in.size(), viewExchange, func(x calls.Exchange) string { return strconv.FormatInt(x.ID, 10) })}, nil
}

type clearedOutput struct {
	Body struct {
		Removed int `json:"removed"`
	} `nameHint:"Cleared"`
}

func (s *Server) clearExchanges(ctx context.Context, in *ExchangeQuery) (*clearedOutput, error) {
	out := &clearedOutput{}
	f := in.filter(ctx)
	err := s.cfg.Store.Update(ctx, func(tx calls.Tx) (err error) {
		if out.Body.Removed, err = tx.ClearExchanges(f); err != nil {
			return err
		}
		return tx.Audit(calls.AuditEntry{Account: accountOf(ctx), Actor: actorOf(ctx), Action: "exchanges.clear", Object: "exchanges", At: s.clock.Now(),
			Detail: "removed=" + strconv.Itoa(out.Body.Removed)})
	})
	return out, err
}
