package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
	"zvonar/internal/retention"
)

// erasureTimeout bounds one erasure: some 100,000 calls a minute. Asked for
// again it goes on where it was.
const erasureTimeout = 10 * time.Minute

// Eraser erases numbers; *retention.Eraser does.
type Eraser interface {
	Erase(ctx context.Context, q retention.Request) (id string, n calls.Erased, err error)
}

func (s *Server) declareErasures() {
	register(s, calls.PermAdmin, huma.Operation{OperationID: "create-erasure", Method: http.MethodPost, Path: "/v1/erasures",
		Summary: "Erase a number from everything that is kept", DefaultStatus: http.StatusOK, Tags: []string{"erasures"},
		Description: "What happened stays, whom it happened to is replaced by \"erased\": calls, attempts, events, texts, answers of receivers, audit entries. " +
			"409 wrong-state while a call with this number is not over. The answer comes once the number is in no file of the database; " +
			"backups and log files made before are not touched."}, s.createErasure)
}

type erasureInput struct {
	Body struct {
		Number  string `json:"number" minLength:"1" maxLength:"40"`
		Blocked string `json:"blocked,omitempty" enum:"keep,erase" default:"keep" doc:"what becomes of the number on the blacklist: keep, so that this person is not called again, or erase"`
	} `nameHint:"ErasureRequest"`
}

// ErasureResource tells what was erased.
type ErasureResource struct {
	ID     string       `json:"id" doc:"stands for the number in the subject of its events"`
	Erased calls.Erased `json:"erased"`
	Note   string       `json:"note"`
}

type erasureOutput struct{ Body ErasureResource }

func (s *Server) createErasure(ctx context.Context, in *erasureInput) (*erasureOutput, error) {
	number, err := s.erasable(in.Body.Number)
	if err != nil {
		return nil, err
	}
	_ = http.NewResponseController(requestOf(ctx).w).SetWriteDeadline(time.Now().Add(erasureTimeout + writeTimeout)) // not every test's writer can
	ctx, cancel := context.WithTimeout(ctx, erasureTimeout)
	defer cancel()
	id, n, err := s.cfg.Eraser.Erase(ctx, retention.Request{Account: accountOf(ctx), Actor: actorOf(ctx), Number: number, KeepBlock: in.Body.Blocked != "erase"})
	if errors.Is(err, context.DeadlineExceeded) {
		err = calls.Errorf(calls.CodeOverloaded, "this takes longer than one request may; ask again, and it goes on")
	}
	if err != nil {
		return nil, err
	}
	note := "the number is not on the blacklist"
	if n.Blocked {
		note = "the number itself is kept on the blacklist, without a reason, so that this person is not called again; blocked: erase removes it there, too"
	}
	return &erasureOutput{Body: ErasureResource{ID: id, Erased: n, Note: note}}, nil
}

// erasable is the number to look for: in normal form where it is in a numbering
// plan, else its digits, for callers come with all kinds of numbers.
func (s *Server) erasable(raw string) (string, error) {
	number, err := s.number(raw, "body.number")
	if err == nil {
		return number, nil
	}
	for _, c := range raw {
		if c < '0' || c > '9' {
			return "", err
		}
	}
	if len(raw) < 7 || len(raw) > 15 {
		return "", err
	}
	return raw, nil
}
