package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
)

// Evidence is the sound that was kept of answers. Errors of Rescore are
// *calls.Error where they are the asker's to mend.
type Evidence interface {
	Captures
	// Rescore judges an answer again, keeps and tells what it came to.
	Rescore(ctx context.Context, account, id, actor string) (*calls.JudgedAgain, error)
}

func (s *Server) declareEvidence() {
	register(s, calls.PermOperator, huma.Operation{OperationID: "rescore-call", Method: http.MethodPost, Path: "/v1/calls/{id}/amd/rescore",
		Summary: "Judge again who answered, with the model of now", DefaultStatus: http.StatusOK, Tags: []string{"amd"},
		Description: "By the sound that amd.keep kept. Told as call.amd with rescored; the call keeps its verdict and outcome."}, s.rescoreCall)
	register(s, calls.PermOperator, huma.Operation{OperationID: "label-call", Method: http.MethodPut, Path: "/v1/calls/{id}/amd/label",
		Summary: "Say who answered, as a person heard it", Tags: []string{"amd"}, Description: "Another label takes its place."}, s.labelCall)
	register(s, calls.PermOperator, huma.Operation{OperationID: "get-call-answer", Method: http.MethodGet, Path: "/v1/calls/{id}/amd/audio",
		Summary: "Hear who answered", Tags: []string{"amd"},
		Description: "The first seconds of the callee alone, from the answer on: WAV, mono, 8 kHz. Each opening is in the audit log (call.listen).",
		Responses: map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{
			"audio/wav": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}}}}, s.callAnswer)
	register(s, calls.PermViewer, huma.Operation{OperationID: "list-labels", Method: http.MethodGet, Path: "/v1/amd/labels",
		Summary: "List the answers that have a label", Tags: []string{"amd"}}, s.listLabels)
	register(s, calls.PermViewer, huma.Operation{OperationID: "report-amd", Method: http.MethodGet, Path: "/v1/amd/report",
		Summary: "Compare verdicts with labels, by trunk", Tags: []string{"amd"}}, s.reportAMD)
}

// RescoredResource is what a later look came to.
type RescoredResource struct {
	CallID string        `json:"call_id"`
	Was    calls.Verdict `json:"was" doc:"the verdict that the call ended with; empty without one"`
	calls.AMDTold
}

type rescoredOutput struct{ Body RescoredResource }

func (s *Server) rescoreCall(ctx context.Context, in *callInput) (*rescoredOutput, error) {
	if s.cfg.Evidence == nil {
		return nil, calls.Errorf(calls.CodeNotFound, "nothing is kept here of answers")
	}
	j, err := s.cfg.Evidence.Rescore(ctx, accountOf(ctx), in.ID, actorOf(ctx))
	if err != nil {
		return nil, err
	}
	told := j.Told()
	told.Revised, told.Rescored = j.Verdict != j.Was, true
	return &rescoredOutput{Body: RescoredResource{CallID: in.ID, Was: j.Was, AMDTold: told}}, nil
}

// EvidenceResource is what is known of a verdict besides the call.
type EvidenceResource struct {
	CallID     string      `json:"call_id"`
	Trunk      string      `json:"trunk"`
	CalledAt   calls.Stamp `json:"called_at" doc:"when it was answered"`
	Verdict    *string     `json:"verdict" doc:"that the call ended with"`
	Label      *string     `json:"label"`
	LabelledBy *string     `json:"labelled_by" doc:"name of the token"`
	LabelledAt calls.Stamp `json:"labelled_at"`
	Rescored   *string     `json:"rescored" doc:"verdict of the last later look"`
	Model      *string     `json:"model" doc:"that looked"`
	RescoredAt calls.Stamp `json:"rescored_at"`
}

func viewEvidence(e *calls.Evidence) EvidenceResource {
	return EvidenceResource{CallID: e.CallID, Trunk: e.Trunk, CalledAt: calls.Stamp(e.CalledAt), Verdict: orNull(string(e.Verdict)),
		Label: orNull(string(e.Label)), LabelledBy: orNull(e.LabelledBy), LabelledAt: calls.Stamp(e.LabelledAt),
		Rescored: orNull(string(e.Rescored)), Model: orNull(e.Model), RescoredAt: calls.Stamp(e.RescoredAt)}
}

type labelInput struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Label string `json:"label" enum:"human,machine,announcement,fax,silence,music,noise"`
	}
}

type evidenceOutput struct{ Body EvidenceResource }

func (s *Server) labelCall(ctx context.Context, in *labelInput) (*evidenceOutput, error) {
	var row *calls.Evidence
	err := s.cfg.Store.Update(ctx, func(tx calls.Tx) error {
		call, err := tx.Call(accountOf(ctx), in.ID)
		if err != nil {
			return err
		}
		if row, err = calls.EvidenceFor(call); err != nil {
			return err
		}
		if known, err := tx.Evidence(call.ID); err == nil {
			row = known
		} else if !errors.Is(err, calls.ErrNotFound) {
			return err
		}
		row.Label, row.LabelledBy, row.LabelledAt = calls.Label(in.Body.Label), actorOf(ctx), s.clock.Now()
		return errors.Join(tx.PutEvidence(row),
			tx.Audit(calls.AuditEntry{Account: call.Account, Actor: actorOf(ctx), Action: "call.label", Object: call.ID, At: s.clock.Now(), Detail: in.Body.Label}))
	})
	if err != nil {
		return nil, err
	}
	return &evidenceOutput{Body: viewEvidence(row)}, nil
}

func (s *Server) callAnswer(ctx context.Context, in *callInput) (*huma.StreamResponse, error) {
	q := requestOf(ctx)
	var from Captures
	if s.cfg.Evidence != nil {
		from = s.cfg.Evidence
	}
	audio, err := s.listen(ctx, from, q.token.Account, in.ID, q.token.Name)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(huma.Context) { serveCapture(q.w, q.r, audio) }}, nil
}

// EvidenceQuery selects labelled answers.
type EvidenceQuery struct {
	Trunk string    `query:"trunk" maxLength:"64"`
	Since time.Time `query:"since" doc:"answered from this time on"`
	Until time.Time `query:"until" doc:"answered before this time"`
}

func (q EvidenceQuery) filter(ctx context.Context) calls.EvidenceFilter {
	return calls.EvidenceFilter{Account: accountOf(ctx), Trunk: q.Trunk, Since: q.Since, Until: q.Until}
}

type listLabelsInput struct {
	Page
	EvidenceQuery
}

type labelListOutput struct{ Body List[EvidenceResource] }

func (s *Server) listLabels(ctx context.Context, in *listLabelsInput) (*labelListOutput, error) {
	filter := in.filter(ctx)
	filter.After, filter.Limit = in.Cursor, in.size()
	var rows []*calls.Evidence
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		rows, err = tx.Labelled(filter)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &labelListOutput{Body: listOf(rows, filter.Limit, viewEvidence, func(e *calls.Evidence) string { return e.CallID })}, nil
}

// ComparisonResource is how many answers of a trunk have this label and these verdicts.
type ComparisonResource struct {
	Trunk    string        `json:"trunk"`
	Label    calls.Label   `json:"label" doc:"what a person heard"`
	Verdict  calls.Verdict `json:"verdict" doc:"that the calls ended with; empty without one"`
	Rescored calls.Verdict `json:"rescored" doc:"verdict of the last later look; empty without one"`
	Calls    int64         `json:"calls"`
}

type amdReportInput struct{ EvidenceQuery }

type amdReportOutput struct {
	Body struct {
		Items []ComparisonResource `json:"items" nullable:"false"`
	} `nameHint:"AMDReport"`
}

func (s *Server) reportAMD(ctx context.Context, in *amdReportInput) (*amdReportOutput, error) {
	var rows []calls.EvidenceCount
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		rows, err = tx.CompareLabels(in.filter(ctx))
		return err
	})
	if err != nil {
		return nil, err
	}
	out := &amdReportOutput{}
	out.Body.Items = make([]ComparisonResource, 0, len(rows))
	for _, r := range rows {
		out.Body.Items = append(out.Body.Items, ComparisonResource(r))
	}
	return out, nil
}
