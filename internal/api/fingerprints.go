package api

import (
	"context"
	"mime/multipart"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
)

func (s *Server) declareFingerprints() {
	register(s, calls.PermViewer, huma.Operation{OperationID: "list-fingerprints", Method: http.MethodGet, Path: "/v1/fingerprints",
		Summary: "List the known announcements, oldest first", Tags: []string{"fingerprints"}}, s.listFingerprints)
	register(s, calls.PermOperator, huma.Operation{OperationID: "add-fingerprint", Method: http.MethodPost, Path: "/v1/fingerprints",
		Summary: "Make an announcement known by a recording of it", DefaultStatus: http.StatusCreated, Tags: []string{"fingerprints"},
		Description: "From now on it is known on every line within about a second, before the answer, too."}, s.addFingerprint)
	register(s, calls.PermOperator, huma.Operation{OperationID: "test-fingerprints", Method: http.MethodPost, Path: "/v1/fingerprints/test",
		Summary: "Tell what would be heard in a file: tones, beeps, known announcements", Tags: []string{"fingerprints"}, DefaultStatus: http.StatusOK}, s.testFingerprints)
	register(s, calls.PermOperator, huma.Operation{OperationID: "delete-fingerprint", Method: http.MethodDelete, Path: "/v1/fingerprints/{id}",
		Summary: "Forget an announcement", Tags: []string{"fingerprints"}}, s.removeFingerprint)
	file := &huma.Schema{Type: huma.TypeString, Format: "binary", Description: "WAV"}
	form := func(required []string, properties map[string]*huma.Schema) *huma.RequestBody {
		return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"multipart/form-data": {Schema: &huma.Schema{Type: huma.TypeObject, Required: required, Properties: properties}}}}
	}
	meanings := make([]any, 0, len(calls.Meanings()))
	for _, m := range calls.Meanings() {
		meanings = append(meanings, string(m))
	}
	paths := s.api.OpenAPI().Paths
	paths["/v1/fingerprints"].Post.RequestBody = form([]string{"file", "title", "meaning"}, map[string]*huma.Schema{
		"file": file, "title": {Type: huma.TypeString}, "meaning": {Type: huma.TypeString, Enum: meanings}})
	paths["/v1/fingerprints/test"].Post.RequestBody = form([]string{"file"}, map[string]*huma.Schema{"file": file})
}

type fingerprintListOutput struct {
	Body List[FingerprintResource]
}

func (s *Server) listFingerprints(ctx context.Context, _ *struct{}) (*fingerprintListOutput, error) {
	var rows []*calls.Fingerprint
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		rows, err = tx.Fingerprints(accountOf(ctx))
		return err
	})
	if err != nil {
		return nil, err
	}
	// All of them: an account has calls.MaxFingerprints at most.
	return &fingerprintListOutput{Body: listOf(rows, len(rows)+1, viewFingerprint, func(f *calls.Fingerprint) string { return f.ID })}, nil
}

// soundForm reads a form that has a file and the fields named; the caller removes it.
func (s *Server) soundForm(ctx context.Context, names ...string) (multipart.File, map[string]string, error) {
	if s.cfg.Fingerprints == nil {
		return nil, nil, calls.Errorf(calls.CodeNotFound, "this daemon knows no announcements")
	}
	q := requestOf(ctx)
	deadline := time.Now().Add(uploadTimeout)
	control := http.NewResponseController(q.w)
	_ = control.SetReadDeadline(deadline)
	_ = control.SetWriteDeadline(deadline.Add(writeTimeout))
	if err := q.r.ParseMultipartForm(uploadMemory); err != nil {
		return nil, nil, formError(err)
	}
	form := q.r.MultipartForm
	fields := map[string]string{}
	for _, name := range names {
		if len(form.Value[name]) != 1 {
			return nil, nil, calls.Errorf(calls.CodeInvalidField, "give this once").At("body."+name, nil)
		}
		fields[name] = form.Value[name][0]
	}
	for name := range form.Value {
		if _, ok := fields[name]; !ok {
			return nil, nil, calls.Errorf(calls.CodeInvalidField, "there is no such field").At("body."+name, nil)
		}
	}
	if len(form.File) != 1 || len(form.File["file"]) != 1 {
		return nil, nil, calls.Errorf(calls.CodeInvalidField, "send exactly one part named file, with a file name").At("body.file", nil)
	}
	file, err := form.File["file"][0].Open()
	return file, fields, err
}

// dropForm removes what a form left on disk.
func dropForm(ctx context.Context) {
	if form := requestOf(ctx).r.MultipartForm; form != nil {
		_ = form.RemoveAll()
	}
}

type addedFingerprintOutput struct {
	Location string `header:"Location"`
	Body     FingerprintResource
}

func (s *Server) addFingerprint(ctx context.Context, _ *struct{}) (*addedFingerprintOutput, error) {
	defer dropForm(ctx)
	file, fields, err := s.soundForm(ctx, "title", "meaning")
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	f, err := s.cfg.Fingerprints.Add(ctx, accountOf(ctx), actorOf(ctx), fields["title"], calls.Meaning(fields["meaning"]), file)
	if err != nil {
		return nil, err
	}
	s.changed(ctx, "fingerprint.add", f.ID, string(f.Meaning))
	return &addedFingerprintOutput{Location: "/v1/fingerprints/" + f.ID, Body: viewFingerprint(f)}, nil
}

type findingsOutput struct {
	Body struct {
		Findings []FindingResource `json:"findings" nullable:"false"`
	} `nameHint:"Findings"`
}

func (s *Server) testFingerprints(ctx context.Context, _ *struct{}) (*findingsOutput, error) {
	defer dropForm(ctx)
	file, _, err := s.soundForm(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	list, err := s.cfg.Fingerprints.Test(ctx, accountOf(ctx), file)
	if err != nil {
		return nil, err
	}
	out := &findingsOutput{}
	out.Body.Findings = make([]FindingResource, 0, len(list))
	for _, h := range list {
		out.Body.Findings = append(out.Body.Findings, viewFinding(h))
	}
	return out, nil
}

// FingerprintPath names the announcement a request is about.
type FingerprintPath struct {
	ID string `path:"id" maxLength:"64"`
}

func (s *Server) removeFingerprint(ctx context.Context, in *FingerprintPath) (*struct{}, error) {
	if s.cfg.Fingerprints == nil {
		return nil, calls.ErrNotFound
	}
	err := s.cfg.Fingerprints.Remove(ctx, accountOf(ctx), in.ID)
	if err == nil {
		s.changed(ctx, "fingerprint.remove", in.ID, "")
	}
	return nil, err
}
