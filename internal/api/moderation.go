package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
	"zvonar/recordings"
)

func (s *Server) declareModeration() {
	decide := func(id, path, summary, description string) huma.Operation {
		return huma.Operation{OperationID: id, Method: http.MethodPost, Path: "/v1/recordings" + path, Summary: summary, Description: description,
			DefaultStatus: http.StatusOK, Tags: []string{"recordings"}}
	}
	register(s, calls.PermModerator, decide("claim-next-recording", "/claim", "Claim the oldest recording that waits for you",
		"Until the claim ends nobody else decides on it. 404: nothing waits."), s.claimNext)
	register(s, calls.PermModerator, decide("claim-recording", "/{id}/claim", "Claim a pending recording", "Your own claim is prolonged."), s.claimRecording)
	register(s, calls.PermModerator, decide("release-recording", "/{id}/release", "Give a claimed recording back to the queue", ""), s.releaseRecording)
	register(s, calls.PermModerator, decide("approve-recording", "/{id}/approve", "Approve a recording: it gets its record_id",
		"Where two approvals are needed the first one leaves it pending."), s.approveRecording)
	register(s, calls.PermModerator, decide("reject-recording", "/{id}/reject", "Reject a recording",
		"Where another version is live, calls go on playing that one."), s.rejectRecording)
	register(s, calls.PermModerator, decide("archive-recording", "/{id}/archive", "Archive a recording: accepted calls play it, no new ones", ""), s.archiveRecording)
	register(s, calls.PermModerator, decide("restore-recording", "/{id}/restore", "Take a recording out of the archive", ""), s.restoreRecording)
	register(s, calls.PermModerator, decide("revoke-recording", "/{id}/revoke", "Revoke a recording: nobody hears it any more",
		"Calls that play it end; queued calls are held while this can be undone, and then canceled, or canceled at once."), s.revokeRecording)
	register(s, calls.PermModerator, decide("undo-recording", "/{id}/undo", "Take your last decision back, within a minute", ""), s.undoRecording)

	add := decide("add-recording-version", "/{id}/versions", "Upload a new version", "It waits for a moderator; until it is approved calls play what they played before.")
	add.DefaultStatus = http.StatusCreated
	register(s, calls.PermCaller, add, s.addVersion)
	s.describeForm("/v1/recordings/{id}/versions", nil)
	take := decide("import-recording", "/import", "Import a recording of another zvonar",
		"With what was decided on it there: that is why it takes an admin. What is not byte for byte what was decided on waits for a moderator. 409: it is here already.")
	take.DefaultStatus = http.StatusCreated
	register(s, calls.PermAdmin, take, s.importRecording)
	s.describeForm("/v1/recordings/import", map[string]*huma.Schema{"recording": {Type: huma.TypeString, Description: "a line of an export: the recording as JSON"}})
	register(s, calls.PermViewer, huma.Operation{OperationID: "list-recording-versions", Method: http.MethodGet, Path: "/v1/recordings/{id}/versions",
		Summary: "Every upload of a recording, newest first", Tags: []string{"recordings"}}, s.listVersions)
	register(s, calls.PermViewer, huma.Operation{OperationID: "get-recording-version-audio", Method: http.MethodGet, Path: "/v1/recordings/{id}/versions/{version}/audio",
		Summary: "Hear one version of a recording", Tags: []string{"recordings"},
		Responses: map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{
			"audio/wav": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}}},
	}, s.versionAudio)
	register(s, calls.PermViewer, huma.Operation{OperationID: "list-recording-history", Method: http.MethodGet, Path: "/v1/recordings/{id}/history",
		Summary: "Who did what to a recording, newest first", Tags: []string{"recordings"}}, s.recordingHistory)
}

// describeForm tells the document of a form that a handler reads by itself: a
// file and further fields, all required.
func (s *Server) describeForm(path string, fields map[string]*huma.Schema) {
	form := &huma.Schema{Type: huma.TypeObject, Required: []string{"file"}, Properties: map[string]*huma.Schema{"file": {Type: huma.TypeString, Format: "binary", Description: "WAV"}}}
	for name, field := range fields {
		form.Properties[name], form.Required = field, append(form.Required, name)
	}
	s.api.OpenAPI().Paths[path].Post.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"multipart/form-data": {Schema: form}}}
}

// decided runs one decision on the recording that the path names.
func (s *Server) decided(ctx context.Context, path RecordingPath, d recordings.Decision,
	decide func(context.Context, recordings.Decision) (*calls.Recording, error)) (*recordingOutput, error) {
	rec, err := s.recording(ctx, path.ID)
	if err != nil {
		return nil, err
	}
	d.Account, d.ID, d.Actor = rec.Account, rec.ID, actorOf(ctx)
	if rec, err = decide(ctx, d); err != nil {
		return nil, err
	}
	return &recordingOutput{Body: viewRecording(rec)}, nil
}

// byActor fits a change that needs no more than who asks.
func byActor(do func(ctx context.Context, account, id, actor string) (*calls.Recording, error)) func(context.Context, recordings.Decision) (*calls.Recording, error) {
	return func(ctx context.Context, d recordings.Decision) (*calls.Recording, error) {
		return do(ctx, d.Account, d.ID, d.Actor)
	}
}

func (s *Server) claimNext(ctx context.Context, _ *struct{}) (*recordingOutput, error) {
	rec, err := s.cfg.Recordings.ClaimNext(ctx, accountOf(ctx), actorOf(ctx))
	if err != nil {
		return nil, err
	}
	return &recordingOutput{Body: viewRecording(rec)}, nil
}

func (s *Server) claimRecording(ctx context.Context, in *RecordingPath) (*recordingOutput, error) {
	return s.decided(ctx, *in, recordings.Decision{}, byActor(s.cfg.Recordings.Claim))
}

func (s *Server) releaseRecording(ctx context.Context, in *RecordingPath) (*recordingOutput, error) {
	return s.decided(ctx, *in, recordings.Decision{}, byActor(s.cfg.Recordings.Release))
}

func (s *Server) undoRecording(ctx context.Context, in *RecordingPath) (*recordingOutput, error) {
	return s.decided(ctx, *in, recordings.Decision{}, byActor(s.cfg.Recordings.Undo))
}

type approveInput struct {
	RecordingPath
	Body *struct {
		Version int `json:"version,omitempty" minimum:"1" doc:"the version that was listened to; another one waits now: 409"`
	} `nameHint:"Approval"`
}

func (s *Server) approveRecording(ctx context.Context, in *approveInput) (*recordingOutput, error) {
	var d recordings.Decision
	if in.Body != nil {
		d.Version = in.Body.Version
	}
	return s.decided(ctx, in.RecordingPath, d, s.cfg.Recordings.Approve)
}

type rejectInput struct {
	RecordingPath
	Body struct {
		Reason  string `json:"reason" minLength:"1" maxLength:"1000" doc:"what the uploader must change"`
		Version int    `json:"version,omitempty" minimum:"1" doc:"the version that was listened to; another one waits now: 409"`
	} `nameHint:"Rejection"`
}

func (s *Server) rejectRecording(ctx context.Context, in *rejectInput) (*recordingOutput, error) {
	return s.decided(ctx, in.RecordingPath, recordings.Decision{Reason: in.Body.Reason, Version: in.Body.Version}, s.cfg.Recordings.Reject)
}

func (s *Server) archiveRecording(ctx context.Context, in *RecordingPath) (*recordingOutput, error) {
	return s.decided(ctx, *in, recordings.Decision{}, s.cfg.Recordings.Archive)
}

func (s *Server) restoreRecording(ctx context.Context, in *RecordingPath) (*recordingOutput, error) {
	return s.decided(ctx, *in, recordings.Decision{}, s.cfg.Recordings.Restore)
}

type revokeInput struct {
	RecordingPath
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"1000" doc:"why nobody may hear it any more"`
		Calls  string `json:"calls,omitempty" enum:"hold,cancel" default:"hold" doc:"hold queued calls while this can be undone, or cancel them at once"`
	} `nameHint:"Revocation"`
}

func (s *Server) revokeRecording(ctx context.Context, in *revokeInput) (*recordingOutput, error) {
	return s.decided(ctx, in.RecordingPath, recordings.Decision{Reason: in.Body.Reason, Cancel: in.Body.Calls == "cancel"}, s.cfg.Recordings.Revoke)
}

func (s *Server) addVersion(ctx context.Context, in *RecordingPath) (*addedRecordingOutput, error) {
	rec, err := s.recording(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	form, err := readForm(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = form.RemoveAll() }()
	for name := range form.Value {
		return nil, calls.Errorf(calls.CodeInvalidField, "there is no such field; a new version has a file and nothing else").At("body."+name, nil)
	}
	file, err := uploadFile(form)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	if rec, err = s.cfg.Recordings.AddVersion(ctx, rec.Account, rec.ID, actorOf(ctx), file); err != nil {
		return nil, located(err, "body.file", nil)
	}
	return s.added(rec), nil
}

func (s *Server) importRecording(ctx context.Context, _ *struct{}) (*addedRecordingOutput, error) {
	form, err := readForm(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = form.RemoveAll() }()
	m, err := importFields(form.Value)
	if err != nil {
		return nil, err
	}
	file, err := uploadFile(form)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	rec, err := s.cfg.Recordings.Import(ctx, accountOf(ctx), actorOf(ctx), m, file)
	if err != nil {
		return nil, located(err, "body.file", nil)
	}
	return s.added(rec), nil
}

// importFields reads the one field of an import: the resource as GET
// /v1/recordings/{id} gave it elsewhere.
func importFields(fields map[string][]string) (m recordings.Imported, err error) {
	if len(fields) != 1 || len(fields["recording"]) != 1 {
		return m, calls.Errorf(calls.CodeInvalidField, "the form has file and recording, each once").At("body.recording", nil)
	}
	var r RecordingResource
	if err := json.Unmarshal([]byte(fields["recording"][0]), &r); err != nil {
		return m, (&calls.Error{Code: calls.CodeInvalidField, Err: err, Detail: "this is not a line of an export"}).At("body.recording", nil)
	}
	m = recordings.Imported{ID: r.RecordingID, Title: r.Title, State: r.State, System: r.System, RecordID: r.RecordID, SHA256: r.SHA256,
		CreatedAt: time.Time(r.CreatedAt)}
	m.Variables = r.Variables
	for to, from := range map[*string]*string{&m.Text: r.Text, &m.Voice: r.Voice, &m.Reason: r.Reason, &m.UploadedBy: r.UploadedBy, &m.DecidedBy: r.DecidedBy} {
		if from != nil {
			*to = *from
		}
	}
	if at := time.Time(r.DecidedAt); !at.IsZero() {
		m.DecidedAt = &at
	}
	return m, nil
}

type versionListOutput struct{ Body List[VersionResource] }

func (s *Server) listVersions(ctx context.Context, in *struct {
	RecordingPath
	Page
}) (*versionListOutput, error) {
	rec, err := s.recording(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	var rows []*calls.ClipVersion
	err = s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		rows, err = tx.RecordingVersions(rec.Account, rec.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	rows, err = pageOfVersions(rows, in.Page)
	if err != nil {
		return nil, err
	}
	view := func(v *calls.ClipVersion) VersionResource { return viewVersion(v, rec.Live) }
	return &versionListOutput{Body: listOf(rows, in.size(), view, func(v *calls.ClipVersion) string { return strconv.Itoa(v.Version) })}, nil
}

// pageOfVersions is the part of all versions, newest first, that a page asks for.
func pageOfVersions(rows []*calls.ClipVersion, p Page) ([]*calls.ClipVersion, error) {
	if p.Cursor != "" {
		before, err := strconv.Atoi(p.Cursor)
		if err != nil {
			return nil, calls.Errorf(calls.CodeInvalidField, "must be the next of the page before").At("query.cursor", p.Cursor)
		}
		for len(rows) > 0 && rows[0].Version >= before {
			rows = rows[1:]
		}
	}
	return rows[:min(len(rows), p.size())], nil
}

func (s *Server) versionAudio(ctx context.Context, in *struct {
	RecordingPath
	Version int `path:"version" minimum:"1"`
}) (*huma.StreamResponse, error) {
	rec, err := s.recording(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	var v *calls.ClipVersion
	err = s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		v, err = tx.RecordingVersion(rec.Account, rec.ID, in.Version)
		return err
	})
	if err != nil {
		return nil, err
	}
	rec.Show(v)
	return s.sound(ctx, rec)
}

func (s *Server) recordingHistory(ctx context.Context, in *struct {
	RecordingPath
	Page
}) (*auditListOutput, error) {
	rec, err := s.recording(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return s.auditPage(ctx, calls.AuditFilter{Account: rec.Account, Object: rec.ID}, in.Page)
}
