package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
	"zvonar/internal/engine"
)

// beelineKind is the kind of provider that carries the calls of beeline_call.
const beelineKind = "beeline"

func (s *Server) declareBotBeeline() {
	register(s, calls.PermCaller, huma.Operation{OperationID: "bot-beeline-call", Method: http.MethodPost, Path: "/v1/bot/beeline_call",
		Summary: "Connect an employee and a client", DefaultStatus: http.StatusOK, Tags: []string{"bot"},
		Description: "beeline_call(client_phone, user). Rings the employee, then the client: by the provider of kind beeline, or by our own trunks where none is configured. " +
			"The answer is 200 with status 1 and the call's id in result, or status 0 and why in error."}, s.beelineCall)
}

type beelineCallInput struct {
	Body struct {
		ClientPhone text `json:"client_phone,omitempty" doc:"the client, eleven digits" example:"\"79220001122\""`
		User        text `json:"user,omitempty" doc:"the employee's number at the PBX, ten digits; also an extension" example:"\"9333221100\""`
	}
}

type botOutput struct{ Body BotAnswer }

// BotAnswer is what a bot's function gives back.
type BotAnswer struct {
	Status string `json:"status" enum:"0,1" doc:"1: done; 0: not"`
	Result string `json:"result,omitempty" example:"Call ID: call_01JD"`
	Error  string `json:"error,omitempty"`
}

func (s *Server) beelineCall(ctx context.Context, in *beelineCallInput) (*botOutput, error) {
	r, err := s.beelineRequest(ctx, string(in.Body.ClientPhone), string(in.Body.User))
	if err == nil {
		var call *calls.Call
		if call, _, err = s.cfg.Engine.Submit(ctx, r); err == nil {
			return &botOutput{BotAnswer{Status: "1", Result: "Call ID: " + call.ID}}, nil
		}
	}
	var known *calls.Error
	if !errors.As(err, &known) || known.Code == calls.CodeInternal {
		return nil, err
	}
	return &botOutput{BotAnswer{Status: "0", Error: known.Detail}}, nil
}

// beelineRequest is the talk that the function asks for.
func (s *Server) beelineRequest(ctx context.Context, client, user string) (r engine.CallRequest, err error) {
	token := requestOf(ctx).token
	r = engine.CallRequest{Account: token.Account, TokenID: token.ID, To: client, ToAt: "body.client_phone", ManagerAt: "body.user"}
	if s.cfg.BotProvider != nil {
		r.Provider = s.cfg.BotProvider(token.Account, beelineKind)
	}
	user = onlyDigitsOf(user)
	switch {
	case client == "":
		return r, calls.Errorf(calls.CodeInvalidField, "client_phone is needed: the client's number, eleven digits").At("body.client_phone", nil)
	case user == "":
		return r, calls.Errorf(calls.CodeInvalidField, "user is needed: the employee's number at the PBX, ten digits").At("body.user", nil)
	}
	e, err := s.employeeByNumber(ctx, token.Account, user)
	if err != nil {
		return r, err
	}
	r.Bridge = &calls.Bridge{Order: calls.ManagerFirst}
	switch {
	case e != nil:
		r.Employee, r.Bridge.Manager, r.From = e.ID, "employee:"+e.ID, e.Caller
	case r.Provider != "":
		r.Bridge.Manager = lastTen(user) + "@" + r.Provider
	default:
		return r, calls.Errorf(calls.CodeInvalidField, "nobody has the number %s: add an employee with it, or a provider of kind beeline", user).At("body.user", user)
	}
	return r, nil
}

// employeeByNumber finds whose phone, subscriber or extension a number is; nil: nobody's.
func (s *Server) employeeByNumber(ctx context.Context, account, number string) (found *calls.Employee, err error) {
	err = s.cfg.Store.View(ctx, func(tx calls.ReadTx) error {
		if len(number) < 10 {
			found, err = tx.EmployeeByExtension(account, number)
			if errors.Is(err, calls.ErrNotFound) {
				return nil
			}
			return err
		}
		for after := ""; found == nil; {
			page, err := tx.Employees(account, after, 500)
			if err != nil || len(page) == 0 {
				return err
			}
			for _, e := range page {
				user, _, _ := strings.Cut(e.Subscriber, "@")
				if lastTen(onlyDigitsOf(user)) == lastTen(number) || lastTen(e.Phone) == lastTen(number) {
					found = cmp.Or(found, e)
				}
			}
			after = page[len(page)-1].ID
		}
		return nil
	})
	return found, err
}

// onlyDigitsOf drops everything else.
func onlyDigitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// lastTen are the digits by which numbers of Russia are compared.
func lastTen(digits string) string { return digits[max(0, len(digits)-10):] }
