package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"zvonar/internal/calls"
	"zvonar/recordings"
)

// uploadMemory is how much of an upload is kept in memory; the rest waits on disk.
const uploadMemory = 1 << 20

func (s *Server) declareRecordings() {
	register(s, calls.PermCaller, huma.Operation{OperationID: "add-recording", Method: http.MethodPost, Path: "/v1/recordings",
		Summary: "Upload a clip, or have a text read aloud", DefaultStatus: http.StatusCreated, Tags: []string{"recordings"},
		Description: "The clip is checked at once and waits as pending for a moderator."}, s.addRecording)
	// The form is read by the handler, so huma must not know of the body; the
	// document must.
	s.api.OpenAPI().Paths["/v1/recordings"].Post.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"multipart/form-data": {Schema: &huma.Schema{Type: huma.TypeObject, Required: []string{"file"}, Properties: map[string]*huma.Schema{
			"file":   {Type: huma.TypeString, Format: "binary", Description: "WAV, MP3, FLAC or Ogg Opus"},
			"title":  {Type: huma.TypeString},
			"system": {Type: huma.TypeBoolean, Description: "a prompt: free of the least duration"},
			"async":  {Type: huma.TypeBoolean, Description: "answer at once with 202; the recording is processing until it was taken in or refused"},
		}}},
		"application/json": {Schema: &huma.Schema{Type: huma.TypeObject, Description: "text and voice, or dictate_to", Properties: map[string]*huma.Schema{
			"text":  {Type: huma.TypeString, Description: "what the voice says, 1 to 2000 characters"},
			"voice": {Type: huma.TypeString, Enum: []any{"male", "female"}},
			"variables": {Type: huma.TypeArray, Description: "what the places in the text, {name}, may hold; those left out here are what their name or the text says, {debt:sum}",
				Items: s.schemaOf(reflect.TypeFor[calls.Variable]())},
			"title":  {Type: huma.TypeString, Description: "default: the beginning of the text"},
			"system": {Type: huma.TypeBoolean, Description: "a prompt: free of the least duration"},
			"async":  {Type: huma.TypeBoolean, Description: "answer at once with 202; the recording is processing until it was spoken or refused"},

			"dictate_to": {Type: huma.TypeString, Description: "number that is called: who answers speaks after the tone until #, hears himself, and presses 1 to keep it or 2 to begin again; with title alone"},
		}}}}}
	register(s, calls.PermCaller, huma.Operation{OperationID: "cancel-recording", Method: http.MethodDelete, Path: "/v1/recordings/{id}", DefaultStatus: http.StatusAccepted,
		Summary: "Cancel a recording that is on its way in", Description: "One that is processing or a draft ends as rejected. What is in the library is archived or revoked instead.",
		Tags: []string{"recordings"}}, s.cancelRecording)
	register(s, calls.PermViewer, huma.Operation{OperationID: "list-recordings", Method: http.MethodGet, Path: "/v1/recordings",
		Summary: "List recordings, newest first", Tags: []string{"recordings"}}, s.listRecordings)
	register(s, calls.PermViewer, huma.Operation{OperationID: "get-recording", Method: http.MethodGet, Path: "/v1/recordings/{id}",
		Summary: "Show a recording by recording_id or record_id", Tags: []string{"recordings"}}, s.getRecording)
	register(s, calls.PermViewer, huma.Operation{OperationID: "get-recording-audio", Method: http.MethodGet, Path: "/v1/recordings/{id}/audio",
		Summary: "Hear a recording", Description: "WAV; ranges are served. The 16 kHz form is what callees with G.722 hear.", Tags: []string{"recordings"},
		Responses: map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{
			"audio/wav": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}}},
	}, s.recordingAudio)
	register(s, calls.PermViewer, huma.Operation{OperationID: "get-recording-peaks", Method: http.MethodGet, Path: "/v1/recordings/{id}/peaks",
		Summary: "See a recording: its outline, as audiowaveform writes it", Tags: []string{"recordings"}}, s.recordingPeaks)
	s.declareModeration()
}

// RecordingPath names the recording a request is about. Exported, as Page is,
// because huma reads embedded structs only then.
type RecordingPath struct {
	ID string `path:"id" maxLength:"64" doc:"recording_id or record_id"`
}

type recordingOutput struct{ Body RecordingResource }

type addedRecordingOutput struct {
	Status   int
	Location string `header:"Location"`
	Body     RecordingResource
}

func (s *Server) addRecording(ctx context.Context, _ *struct{}) (*addedRecordingOutput, error) {
	if media, _, err := mime.ParseMediaType(requestOf(ctx).r.Header.Get("Content-Type")); err == nil && media == "application/json" {
		return s.addText(ctx)
	}
	form, err := readForm(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = form.RemoveAll() }()
	fields, err := uploadFields(form)
	if err != nil {
		return nil, err
	}
	file, err := uploadFile(form)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	add := s.cfg.Recordings.Add
	if fields.async {
		add = s.cfg.Jobs.Add
	}
	rec, err := add(ctx, accountOf(ctx), fields.title, actorOf(ctx), fields.system, file)
	if err != nil {
		return nil, located(err, "body.file", nil)
	}
	s.changed(ctx, "recording.add", rec.ID, "")
	return s.added(rec), nil
}

// added tells of a recording that is here, or on its way in.
func (s *Server) added(rec *calls.Recording) *addedRecordingOutput {
	status := http.StatusCreated
	if rec.State == calls.RecordingProcessing || rec.State == calls.RecordingDraft {
		status = http.StatusAccepted
	}
	return &addedRecordingOutput{Status: status, Location: "/v1/recordings/" + rec.ID, Body: s.viewRecording(rec)}
}

// addText reads {text, voice, title, system}, or {dictate_to, title}.
func (s *Server) addText(ctx context.Context) (*addedRecordingOutput, error) {
	q := requestOf(ctx)
	_ = http.NewResponseController(q.w).SetWriteDeadline(time.Now().Add(uploadTimeout))
	raw, err := io.ReadAll(io.LimitReader(q.r.Body, s.cfg.MaxBody+1))
	if err != nil || int64(len(raw)) > s.cfg.MaxBody {
		return nil, calls.Errorf(calls.CodeTooLarge, "the body is too large")
	}
	var body struct {
		Text   string `json:"text"`
		Voice  string `json:"voice"`
		Title  string `json:"title"`
		System bool   `json:"system"`

		Variables []calls.Variable `json:"variables"`
		Async     bool             `json:"async"`
		DictateTo text             `json:"dictate_to"`
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil || d.More() {
		return nil, &calls.Error{Code: calls.CodeBadJSON, Detail: `send {"text":…,"voice":"male" or "female","title":…,"system":…} and nothing else`, Err: err}
	}
	if body.DictateTo != "" {
		if body.Text != "" || body.Voice != "" || body.System || len(body.Variables) > 0 || body.Async {
			return nil, calls.Errorf(calls.CodeInvalidField, "who is to dictate needs a title at most: leave the rest out").At("body.dictate_to", nil)
		}
		return s.dictate(ctx, string(body.DictateTo), body.Title, raw)
	}
	add := s.cfg.Recordings.AddText
	if body.Async {
		add = s.cfg.Jobs.AddText
	}
	rec, err := add(ctx, accountOf(ctx), actorOf(ctx), recordings.Spoken{Text: body.Text, Voice: body.Voice, Title: body.Title, System: body.System, Variables: body.Variables})
	if err != nil {
		return nil, err
	}
	s.changed(ctx, "recording.add", rec.ID, "spoken")
	return s.added(rec), nil
}

// readForm reads an upload. The caller removes what waits of it on the disk.
func readForm(ctx context.Context) (*multipart.Form, error) {
	q := requestOf(ctx)
	deadline := time.Now().Add(uploadTimeout)
	control := http.NewResponseController(q.w)
	_ = control.SetReadDeadline(deadline)
	_ = control.SetWriteDeadline(deadline.Add(writeTimeout))
	if err := q.r.ParseMultipartForm(uploadMemory); err != nil {
		return nil, formError(err)
	}
	return q.r.MultipartForm, nil
}

// formError tells a form that is too large from one that is broken.
func formError(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) || errors.Is(err, multipart.ErrMessageTooLarge) {
		return calls.Errorf(calls.CodeTooLarge, "the upload is too large; send a shorter clip")
	}
	return (&calls.Error{Code: calls.CodeInvalidField, Err: err,
		Detail: "send the clip as multipart/form-data with a part named file (curl -F file=@clip.wav -F title=…)"}).At("body", nil)
}

// uploadForm is what a form says beside its file.
type uploadForm struct {
	title         string
	system, async bool
}

func uploadFields(form *multipart.Form) (u uploadForm, err error) {
	for name, values := range form.Value {
		location := "body." + name
		switch {
		case name != "title" && name != "system" && name != "async":
			return u, calls.Errorf(calls.CodeInvalidField, "there is no such field; the form has file, title, system and async").At(location, nil)
		case len(values) != 1:
			return u, calls.Errorf(calls.CodeInvalidField, "give this once").At(location, nil)
		case name == "title":
			u.title = values[0]
			continue
		}
		is, err := strconv.ParseBool(values[0])
		if err != nil {
			return u, calls.Errorf(calls.CodeInvalidField, "must be true or false").At(location, values[0])
		}
		if name == "system" {
			u.system = is
		} else {
			u.async = is
		}
	}
	return u, nil
}

func uploadFile(form *multipart.Form) (multipart.File, error) {
	for name := range form.File {
		if name != "file" {
			return nil, calls.Errorf(calls.CodeInvalidField, "there is no such file part; the form has file, title and system").At("body."+name, nil)
		}
	}
	if len(form.File["file"]) != 1 {
		return nil, calls.Errorf(calls.CodeInvalidField, "send exactly one part named file, with a file name").At("body.file", nil)
	}
	return form.File["file"][0].Open()
}

type listRecordingsInput struct {
	Page
	State string `query:"state" enum:"draft,processing,pending,approved,rejected,archived,revoked"`
	Order string `query:"order" enum:"newest,oldest" default:"newest" doc:"oldest first is the moderators' queue"`
}

type recordingListOutput struct{ Body List[RecordingResource] }

func (s *Server) listRecordings(ctx context.Context, in *listRecordingsInput) (*recordingListOutput, error) {
	filter := calls.RecordingFilter{Account: accountOf(ctx), State: calls.RecordingState(in.State), Oldest: in.Order == "oldest", Cursor: in.Cursor, Limit: in.size()}
	var rows []*calls.Recording
	err := s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		rows, err = tx.Recordings(filter)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &recordingListOutput{Body: listOf(rows, filter.Limit, s.viewRecording, func(r *calls.Recording) string { return r.ID })}, nil
}

// recording finds a recording of the asker's account by either of its names.
func (s *Server) recording(ctx context.Context, id string) (rec *calls.Recording, err error) {
	account := accountOf(ctx)
	err = s.cfg.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		if n, bad := strconv.ParseInt(id, 10, 64); bad == nil {
			rec, err = tx.RecordingByRecordID(account, n)
			return err
		}
		rec, err = tx.Recording(account, id)
		return err
	})
	return rec, err
}

func (s *Server) getRecording(ctx context.Context, in *RecordingPath) (*recordingOutput, error) {
	rec, err := s.recording(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &recordingOutput{Body: s.viewRecording(rec)}, nil
}

type audioInput struct {
	RecordingPath
	Rate string `query:"rate" enum:"8000,16000" default:"8000" doc:"which of its forms, Hz"`
}

func (s *Server) recordingAudio(ctx context.Context, in *audioInput) (*huma.StreamResponse, error) {
	rec, err := s.recording(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if in.Rate == "8000" {
		return s.sound(ctx, rec)
	}
	wide, err := s.cfg.Recordings.OpenWide(ctx, rec)
	if err != nil {
		return nil, err
	}
	return stream(ctx, wide, rec.WideSHA256), nil
}

type peaksInput struct {
	RecordingPath
	Points int `query:"points" minimum:"1" maximum:"4000" default:"800" doc:"at most so many"`
}

type peaksOutput struct{ Body *recordings.Peaks }

func (s *Server) recordingPeaks(ctx context.Context, in *peaksInput) (*peaksOutput, error) {
	rec, err := s.recording(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	peaks, err := s.cfg.Recordings.Peaks(ctx, rec, in.Points)
	if err != nil {
		return nil, err
	}
	return &peaksOutput{Body: peaks}, nil
}

// sound streams what a recording shows.
func (s *Server) sound(ctx context.Context, rec *calls.Recording) (*huma.StreamResponse, error) {
	audio, err := s.cfg.Recordings.Open(ctx, rec)
	if err != nil {
		return nil, err
	}
	return stream(ctx, audio, rec.SHA256), nil
}

// stream serves a WAV file, ranges included, and closes it.
func stream(ctx context.Context, audio io.ReadSeekCloser, sha string) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(huma.Context) {
		defer func() { _ = audio.Close() }()
		q := requestOf(ctx)
		_ = http.NewResponseController(q.w).SetWriteDeadline(time.Now().Add(uploadTimeout))
		h := q.w.Header()
		h.Set("Content-Type", "audio/wav")
		h.Set("ETag", `"`+sha+`"`)
		h.Set("Cache-Control", "private, max-age=3600")
		http.ServeContent(q.w, q.r, "", time.Time{}, audio)
	}}
}
