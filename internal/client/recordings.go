package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"time"

	"zvonar/internal/calls"
)

// AddRecording uploads a clip from r; file is its name.
func (c *Client) AddRecording(ctx context.Context, file, title string, system bool, r io.Reader) (Recording, error) {
	return c.upload(ctx, "/v1/recordings", file, map[string]string{"title": title, "system": strconv.FormatBool(system)}, r)
}

// StartRecording uploads a clip likewise and does not wait for its checks: the
// recording is processing.
func (c *Client) StartRecording(ctx context.Context, file, title string, r io.Reader) (Recording, error) {
	return c.upload(ctx, "/v1/recordings", file, map[string]string{"title": title, "async": "true"}, r)
}

// awaitEvery is how often AwaitRecording looks, awaitCancel how long a cancelation
// may take.
const (
	awaitEvery  = 300 * time.Millisecond
	awaitCancel = 5 * time.Second
)

// AwaitRecording waits until a recording is no longer on its way in, and shows it at
// every look. Where ctx ends it is canceled.
func (c *Client) AwaitRecording(ctx context.Context, rec Recording, see func(Recording)) (Recording, error) {
	for rec.State == calls.RecordingProcessing || rec.State == calls.RecordingDraft {
		see(rec)
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), awaitCancel)
			defer cancel()
			_, err := c.CancelRecording(last, rec.RecordingID)
			return rec, errors.Join(ctx.Err(), err)
		case <-time.After(awaitEvery):
		}
		next, err := c.Recording(ctx, rec.RecordingID)
		if err != nil && ctx.Err() == nil {
			return rec, err
		}
		if err == nil {
			rec = next
		}
	}
	return rec, nil
}

// CancelRecording ends a recording that is on its way in.
func (c *Client) CancelRecording(ctx context.Context, id string) (Recording, error) {
	return ask[Recording](ctx, c, http.MethodDelete, "/v1/recordings/"+url.PathEscape(id), nil)
}

// Dictate has a number called whose owner speaks a recording; it is a draft until he
// keeps it.
func (c *Client) Dictate(ctx context.Context, number, title string) (Recording, error) {
	return ask[Recording](ctx, c, http.MethodPost, "/v1/recordings", map[string]string{"dictate_to": number, "title": title})
}

// AddText has a text read aloud by a male or female voice; title may be empty.
func (c *Client) AddText(ctx context.Context, text, voice, title string, system bool, variables json.RawMessage) (rec Recording, err error) {
	ctx, cancel := context.WithTimeout(ctx, uploadTimeout)
	defer cancel()
	body := map[string]any{"text": text, "voice": voice, "title": title, "system": system}
	if len(variables) > 0 {
		body["variables"] = variables
	}
	_, err = c.patient(ctx, http.MethodPost, "/v1/recordings", body, &rec)
	return rec, err
}

// AddVersion uploads a new version of a recording.
func (c *Client) AddVersion(ctx context.Context, id, file string, r io.Reader) (Recording, error) {
	return c.upload(ctx, "/v1/recordings/"+url.PathEscape(id)+"/versions", file, nil, r)
}

// ImportRecording sends a line of an export with its audio. An admin may.
func (c *Client) ImportRecording(ctx context.Context, line []byte, r io.Reader) (Recording, error) {
	return c.upload(ctx, "/v1/recordings/import", "clip.wav", map[string]string{"recording": string(line)}, r)
}

// EachRecording calls see for every recording, newest first.
func (c *Client) EachRecording(ctx context.Context, filter url.Values, see func(Recording) error) error {
	filter = maps.Clone(filter)
	filter.Set("limit", "500")
	for {
		var page struct {
			Items []Recording
			Next  *string
		}
		if err := c.Do(ctx, http.MethodGet, "/v1/recordings?"+filter.Encode(), nil, &page); err != nil {
			return err
		}
		for _, r := range page.Items {
			if err := see(r); err != nil {
				return err
			}
		}
		if page.Next == nil {
			return nil
		}
		filter.Set("cursor", *page.Next)
	}
}

// upload sends a form with fields and a file, which makes a recording.
func (c *Client) upload(ctx context.Context, path, file string, fields map[string]string, r io.Reader) (rec Recording, err error) {
	err = c.uploadTo(ctx, path, file, fields, r, &rec)
	return rec, err
}

// uploadTo sends a form with fields and a file, and reads the answer into out.
func (c *Client) uploadTo(ctx context.Context, path, file string, fields map[string]string, r io.Reader, out any) error {
	ctx, cancel := context.WithTimeout(ctx, uploadTimeout)
	defer cancel()
	body, w := io.Pipe()
	form := multipart.NewWriter(w)
	go func() { w.CloseWithError(writeForm(form, filepath.Base(file), fields, r)) }()
	defer func() { _ = body.Close() }() // lets the writer end where the answer came early
	res, err := c.send(ctx, http.MethodPost, path, http.Header{"Content-Type": {form.FormDataContentType()}}, body)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	return decode(res, out)
}

func writeForm(form *multipart.Writer, file string, fields map[string]string, r io.Reader) error {
	for name, value := range fields {
		if err := form.WriteField(name, value); err != nil {
			return err
		}
	}
	part, err := form.CreateFormFile("file", file)
	if err != nil {
		return err
	}
	if _, err := io.Copy(part, r); err != nil {
		return err
	}
	return form.Close()
}

// Recordings lists up to limit recordings; filter has the parameters of GET
// /v1/recordings.
func (c *Client) Recordings(ctx context.Context, filter url.Values, limit int) ([]Recording, error) {
	return list[Recording](ctx, c, "/v1/recordings", filter, limit)
}

// Recording shows a recording by its recording_id or record_id.
func (c *Client) Recording(ctx context.Context, id string) (Recording, error) {
	return ask[Recording](ctx, c, http.MethodGet, "/v1/recordings/"+url.PathEscape(id), nil)
}

// Decision is the body of what a moderator asks for, as far as it has one.
type Decision struct {
	Reason  string `json:"reason,omitempty"`
	Version int    `json:"version,omitempty"`
	Calls   string `json:"calls,omitempty"` // of revoke: hold, cancel
}

// Moderate does one thing to a recording: approve, reject, archive, restore,
// revoke, undo, claim, release.
func (c *Client) Moderate(ctx context.Context, id, what string, d Decision) (Recording, error) {
	var in any
	if d != (Decision{}) {
		in = d
	}
	return ask[Recording](ctx, c, http.MethodPost, "/v1/recordings/"+url.PathEscape(id)+"/"+what, in)
}

// ClaimNext claims the oldest recording that waits.
func (c *Client) ClaimNext(ctx context.Context) (Recording, error) {
	return ask[Recording](ctx, c, http.MethodPost, "/v1/recordings/claim", nil)
}

// RecordingVersions lists the uploads of a recording, newest first.
func (c *Client) RecordingVersions(ctx context.Context, id string) ([]Version, error) {
	return list[Version](ctx, c, "/v1/recordings/"+url.PathEscape(id)+"/versions", url.Values{}, 500)
}

// RecordingHistory lists who did what to a recording, newest first.
func (c *Client) RecordingHistory(ctx context.Context, id string, limit int) ([]Audit, error) {
	return list[Audit](ctx, c, "/v1/recordings/"+url.PathEscape(id)+"/history", url.Values{}, limit)
}

// RecordingAudio streams the sound of a recording as WAV; version 0 is the one it
// shows. The caller closes it.
func (c *Client) RecordingAudio(ctx context.Context, id string, version int) (io.ReadCloser, error) {
	path := "/v1/recordings/" + url.PathEscape(id)
	if version > 0 {
		path += "/versions/" + strconv.Itoa(version)
	}
	res, err := c.send(ctx, http.MethodGet, path+"/audio", nil, nil)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

// Version is one upload of a recording as published.
type Version struct {
	Version    int                  `json:"version"`
	State      calls.RecordingState `json:"state"`
	Live       bool                 `json:"live"`
	SHA256     string               `json:"sha256"`
	DurationMS int64                `json:"duration_ms"`
	Checks     []calls.Check        `json:"checks"`
	Reason     *string              `json:"reason"`
	UploadedBy *string              `json:"uploaded_by"`
	UploadedAt calls.Stamp          `json:"uploaded_at"`
	DecidedBy  *string              `json:"decided_by"`
	DecidedAt  calls.Stamp          `json:"decided_at"`
}

// Approval is one approval of a recording that needs two.
type Approval struct {
	By string      `json:"by"`
	At calls.Stamp `json:"at"`
}
