package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
	"zvonar/internal/outbox"
)

func (s *Server) declareTexts() {
	register(s, calls.PermViewer, huma.Operation{OperationID: "list-texts", Method: http.MethodGet, Path: "/v1/sms",
		Summary: "List texts, newest first", Tags: []string{"sms"}}, s.listTexts)
	register(s, calls.PermViewer, huma.Operation{OperationID: "get-text", Method: http.MethodGet, Path: "/v1/sms/{id}",
		Summary: "Show a text", Tags: []string{"sms"}}, s.getText)
	register(s, calls.PermCaller, huma.Operation{OperationID: "report-text", Method: http.MethodPost, Path: "/v1/sms/{id}/report",
		Summary: "Tell whether a text was delivered", DefaultStatus: http.StatusOK, Tags: []string{"sms"},
		Description: "The first report stands: the same again changes nothing, the opposite is a 409."}, s.reportText)
}

type listTextsInput struct {
	Page
	Call  string `query:"call" maxLength:"64" doc:"of this call only"`
	State string `query:"state" enum:"queued,sending,sent,delivered,failed"`
}

type textListOutput struct{ Body List[TextResource] }

func (s *Server) listTexts(ctx context.Context, in *listTextsInput) (*textListOutput, error) {
	filter := calls.SMSFilter{Account: accountOf(ctx), CallID: in.Call, State: calls.SMSState(in.State), Cursor: in.Cursor, Limit: in.size()}
	var rows []calls.SMS
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		rows, err = tx.Texts(filter)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &textListOutput{Body: listOf(rows, filter.Limit, viewText, func(m calls.SMS) string { return m.ID })}, nil
}

// TextPath names the text a request is about.
type TextPath struct {
	ID string `path:"id" maxLength:"64"`
}

type textOutput struct{ Body TextResource }

func (s *Server) getText(ctx context.Context, in *TextPath) (*textOutput, error) {
	var m *calls.SMS
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		m, err = tx.SMS(accountOf(ctx), in.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &textOutput{Body: viewText(*m)}, nil
}

type reportTextInput struct {
	TextPath
	Body struct {
		State string     `json:"state" enum:"delivered,failed"`
		Error string     `json:"error,omitempty" maxLength:"500" doc:"why it was not delivered"`
		At    *time.Time `json:"at,omitempty" doc:"when it was learned; now where left out"`
	} `nameHint:"TextReport"`
}

func (s *Server) reportText(ctx context.Context, in *reportTextInput) (*textOutput, error) {
	if s.cfg.Texts == nil {
		return nil, calls.Errorf(calls.CodeWrongState, "this daemon sends no texts")
	}
	report := outbox.TextReport{Delivered: in.Body.State == string(calls.SMSIsDelivered), Error: in.Body.Error}
	if in.Body.At != nil {
		report.At = *in.Body.At
	}
	m, err := s.cfg.Texts.Report(ctx, accountOf(ctx), in.ID, report)
	if err != nil {
		return nil, err
	}
	return &textOutput{Body: viewText(*m)}, nil
}
