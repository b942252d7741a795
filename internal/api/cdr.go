package api

import (
	"bytes"
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
	"zvonar/internal/cdr"
)

func (s *Server) declareCDR() {
	text := &huma.Schema{Type: huma.TypeString}
	register(s, calls.PermViewer, huma.Operation{OperationID: "export-cdr", Method: http.MethodGet, Path: "/v1/cdr",
		Summary: "Call records: one a call, in the order of their ends", Tags: []string{"cdr"},
		Description: "Zvonar-Next of the answer is the after of the next request; it stays the same where there are no more calls yet. So each call comes once.",
		Responses: map[string]*huma.Response{"200": {Description: "OK",
			Headers: map[string]*huma.Param{"Zvonar-Next": {Schema: &huma.Schema{Type: huma.TypeInteger}, Description: "cursor of the next page"}},
			Content: map[string]*huma.MediaType{"application/x-ndjson": {Schema: text}, "text/csv": {Schema: text}}}}}, s.exportCDR)
}

type cdrInput struct {
	After  int64  `query:"after" minimum:"0" doc:"Zvonar-Next of the page before; 0 is the oldest that is kept"`
	Limit  int    `query:"limit" minimum:"1" maximum:"5000" default:"1000"`
	Format string `query:"format" enum:"jsonl,csv,asterisk" default:"jsonl" doc:"asterisk: the columns of Master.csv"`
}

type cdrOutput struct {
	ContentType string `header:"Content-Type"`
	Next        string `header:"Zvonar-Next"`
	Body        []byte
}

func (s *Server) exportCDR(ctx context.Context, in *cdrInput) (*cdrOutput, error) {
	format := cdr.Format(first(in.Format, string(cdr.JSONL)))
	limit, after := in.Limit, in.After
	if limit <= 0 {
		limit = 1000
	}
	var body bytes.Buffer
	w := cdr.NewWriter(&body, format, in.After == 0)
	for limit > 0 {
		size := min(limit, 1000)
		var page []calls.Event
		err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
			page, err = tx.Ends(accountOf(ctx), after, size)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			r, err := cdr.Read(e)
			if err == nil {
				err = w.Write(r)
			}
			if err != nil {
				return nil, err
			}
			after = e.Pos
		}
		if limit -= len(page); len(page) < size {
			break
		}
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	return &cdrOutput{ContentType: format.ContentType(), Next: strconv.FormatInt(after, 10), Body: body.Bytes()}, nil
}
