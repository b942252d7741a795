package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
)

func (s *Server) declareAttention() {
	tags := []string{"attention"}
	register(s, calls.PermViewer, huma.Operation{OperationID: "list-attention", Method: http.MethodGet, Path: "/v1/attention",
		Summary: "List calls that need a person, newest first", Tags: tags,
		Description: "What call.needs_attention told of, and callers whom nobody spoke to (kind missed). Open and taken ones where state is left out."}, s.listAttention)
	register(s, calls.PermCaller, huma.Operation{OperationID: "take-attention", Method: http.MethodPost, Path: "/v1/attention/{id}/take",
		Summary: "Take one, so that nobody else does", DefaultStatus: http.StatusOK, Tags: tags}, s.takeAttention)
	register(s, calls.PermCaller, huma.Operation{OperationID: "finish-attention", Method: http.MethodPost, Path: "/v1/attention/{id}/done",
		Summary: "Say that it is done with", DefaultStatus: http.StatusOK, Tags: tags}, s.finishAttention)
}

// AttentionResource is a call that needs a person, as published.
type AttentionResource struct {
	ID        string               `json:"id"`
	CallID    string               `json:"call_id"`
	Kind      string               `json:"kind" doc:"attention, missed"`
	Why       string               `json:"why"`
	Number    *string              `json:"number" doc:"of the customer"`
	State     calls.AttentionState `json:"state"`
	CreatedAt calls.Stamp          `json:"created_at"`
	TakenBy   *string              `json:"taken_by" doc:"name of the token"`
	TakenAt   calls.Stamp          `json:"taken_at"`
	DoneBy    *string              `json:"done_by"`
	DoneAt    calls.Stamp          `json:"done_at"`
	Note      *string              `json:"note"`
}

func viewAttention(a *calls.Attention) AttentionResource {
	return AttentionResource{ID: a.ID, CallID: a.CallID, Kind: a.Kind, Why: a.Why, Number: orNull(a.Number), State: a.State, CreatedAt: calls.Stamp(a.CreatedAt),
		TakenBy: orNull(a.TakenBy), TakenAt: calls.Stamp(a.TakenAt), DoneBy: orNull(a.DoneBy), DoneAt: calls.Stamp(a.DoneAt), Note: orNull(a.Note)}
}

type listAttentionInput struct {
	Page
	State string `query:"state" enum:"open,taken,done"`
	Kind  string `query:"kind" enum:"attention,missed"`
}

type (
	attentionListOutput struct{ Body List[AttentionResource] }
	attentionOutput     struct{ Body AttentionResource }
	finishInput         struct {
		ID   string `path:"id" maxLength:"64"`
		Body *struct {
			Note string `json:"note,omitempty" maxLength:"1000"`
		} `nameHint:"AttentionNote"`
	}
)

func (s *Server) listAttention(ctx context.Context, in *listAttentionInput) (*attentionListOutput, error) {
	f := calls.AttentionFilter{Account: accountOf(ctx), State: calls.AttentionState(in.State), Kind: in.Kind, Cursor: in.Cursor, Limit: in.size()}
	var rows []*calls.Attention
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		rows, err = tx.Attentions(f)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &attentionListOutput{Body: listOf(rows, f.Limit, viewAttention, func(a *calls.Attention) string { return a.ID })}, nil
}

// attend changes one and notes who did.
func (s *Server) attend(ctx context.Context, id, action, detail string, change func(*calls.Attention) error) (*attentionOutput, error) {
	var a *calls.Attention
	err := s.cfg.Store.Update(ctx, func(tx calls.Tx) (err error) {
		if a, err = tx.Attention(accountOf(ctx), id); err != nil {
			return err
		}
		if err := change(a); err != nil {
			return err
		}
		return tx.PutAttention(a)
	})
	if err != nil {
		return nil, err
	}
	s.changed(ctx, action, id, detail)
	return &attentionOutput{Body: viewAttention(a)}, nil
}

func (s *Server) takeAttention(ctx context.Context, in *callInput) (*attentionOutput, error) {
	return s.attend(ctx, in.ID, "attention.take", "", func(a *calls.Attention) error {
		who := actorOf(ctx)
		switch {
		case a.State == calls.AttentionDone:
			return calls.Errorf(calls.CodeWrongState, "it is done with, by %s", a.DoneBy)
		case a.State == calls.AttentionTaken && a.TakenBy != who:
			return calls.Errorf(calls.CodeWrongState, "%s has taken it", a.TakenBy)
		}
		a.State, a.TakenBy, a.TakenAt = calls.AttentionTaken, who, s.clock.Now()
		return nil
	})
}

func (s *Server) finishAttention(ctx context.Context, in *finishInput) (*attentionOutput, error) {
	note := ""
	if in.Body != nil {
		note = in.Body.Note
	}
	if !calls.Printable(note) {
		return nil, calls.Errorf(calls.CodeInvalidField, "control characters are not allowed here").At("body.note", nil)
	}
	return s.attend(ctx, in.ID, "attention.done", note, func(a *calls.Attention) error {
		if a.State == calls.AttentionDone {
			return calls.Errorf(calls.CodeWrongState, "it is done with, by %s", a.DoneBy)
		}
		a.State, a.DoneBy, a.DoneAt, a.Note = calls.AttentionDone, actorOf(ctx), s.clock.Now(), note
		return nil
	})
}
