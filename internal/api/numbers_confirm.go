package api

import (
	"context"
	"encoding/json"
	"strings"

	"zvonar/internal/calls"
	"zvonar/internal/engine"
)

type confirmNumberInput struct {
	NumberPath
	Body struct {
		By       string `json:"by" enum:"operator,call"`
		RecordID text   `json:"record_id,omitempty" doc:"with by call: an approved recording that asks for the code"`
		CallID   string `json:"call_id,omitempty" maxLength:"64" doc:"with by call: the confirming call, once the code was pressed"`
	} `nameHint:"Confirmation"`
}

// ConfirmedResource is a number with what is to be pressed.
type ConfirmedResource struct {
	NumberResource
	Code      *string     `json:"code" doc:"to be pressed in the confirming call"`
	CodeUntil calls.Stamp `json:"code_until"`
}

type confirmedOutput struct{ Body ConfirmedResource }

func (s *Server) confirmNumber(ctx context.Context, in *confirmNumberInput) (*confirmedOutput, error) {
	var n *calls.Number
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		n, err = s.readNumber(tx, accountOf(ctx), in.Number)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case n.State == calls.NumberConfirmed:
		return nil, calls.Errorf(calls.CodeWrongState, "the number is confirmed already")
	case in.Body.By == "operator":
		n, err = s.confirmed(ctx, n.Number, actorOf(ctx), "")
	case in.Body.CallID != "":
		n, err = s.pressedCode(ctx, n, in.Body.CallID)
	case in.Body.RecordID == "":
		return nil, calls.Errorf(calls.CodeInvalidField, "name a recording that asks for the code, or the call_id of a call in which it was pressed").At("body.record_id", nil)
	default:
		n, err = s.confirmByCall(ctx, n, string(in.Body.RecordID))
	}
	if err != nil {
		return nil, err
	}
	out, err := s.shown(ctx, n)
	if err != nil {
		return nil, err
	}
	return &confirmedOutput{Body: ConfirmedResource{NumberResource: out.Body, Code: orNull(n.Code), CodeUntil: calls.Stamp(n.CodeUntil)}}, nil
}

// confirmByCall has the number called; whoever answers presses the code.
func (s *Server) confirmByCall(ctx context.Context, n *calls.Number, clip string) (*calls.Number, error) {
	code, err := newCode()
	if err != nil {
		return nil, err
	}
	flow := calls.DefaultFlow()
	flow.Record, flow.Repeats, flow.BargeIn = calls.ClipID(clip), 3, false
	metadata, _ := json.Marshal(map[string]string{"confirms": n.Number})
	token := requestOf(ctx).token
	call, _, err := s.cfg.Engine.Submit(ctx, engine.CallRequest{Account: n.Account, TokenID: token.ID, To: n.Number, Flow: &flow, Metadata: metadata, BodyHash: code})
	if err != nil {
		return nil, err
	}
	err = s.cfg.Store.Update(ctx, func(tx calls.Tx) (err error) {
		if n, err = tx.Number(n.Account, n.Number); err != nil {
			return err
		}
		n.Code, n.CodeUntil, n.CallID = code, s.clock.Now().Add(codeLife), call.ID
		return tx.PutNumber(n)
	})
	if err == nil {
		s.changed(ctx, "number.call", "number:"+n.Number, call.ID)
	}
	return n, err
}

// pressedCode confirms a number whose code was pressed in its call.
func (s *Server) pressedCode(ctx context.Context, n *calls.Number, id string) (*calls.Number, error) {
	var call *calls.Call
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		call, err = tx.Call(n.Account, id)
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case n.CallID != id || call.To != n.Number || n.Code == "":
		return nil, calls.Errorf(calls.CodeWrongState, "this is not the confirming call of the number").At("body.call_id", id)
	case !n.CodeUntil.After(s.clock.Now()):
		return nil, calls.Errorf(calls.CodeWrongState, "the code is too old; have the number called anew")
	case !strings.Contains(call.DigitString(), n.Code):
		return nil, calls.Errorf(calls.CodeWrongState, "the code was not pressed in the call")
	}
	return s.confirmed(ctx, n.Number, "call", id)
}

// confirmed notes by whom a number is confirmed.
func (s *Server) confirmed(ctx context.Context, number, by, call string) (n *calls.Number, err error) {
	err = s.cfg.Store.Update(ctx, func(tx calls.Tx) (err error) {
		if n, err = tx.Number(accountOf(ctx), number); err != nil {
			return err
		}
		n.State, n.ConfirmedBy, n.ConfirmedAt, n.Code = calls.NumberConfirmed, by, s.clock.Now(), ""
		return tx.PutNumber(n)
	})
	if err == nil {
		s.changed(ctx, "number.confirm", "number:"+number, first(call, "by operator"))
	}
	return n, err
}
