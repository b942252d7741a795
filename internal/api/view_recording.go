package api

import "zvonar/internal/calls"

// RecordingResource is a recording as published (DESIGN 4.3).
type RecordingResource struct {
	RecordingID string               `json:"recording_id"`
	ID          string               `json:"id" doc:"the same as recording_id"`
	RecordID    *int64               `json:"record_id" doc:"exists once the recording is approved"`
	Title       string               `json:"title"`
	State       calls.RecordingState `json:"state" enum:"draft,processing,pending,approved,rejected,archived,revoked"`
	Version     int                  `json:"version"`
	SHA256      string               `json:"sha256" doc:"of the audio that callers hear"`
	WideSHA256  *string              `json:"wide_sha256" doc:"of its 16 kHz form; null where the upload had 8 kHz only"`
	DurationMS  int64                `json:"duration_ms"`
	System      bool                 `json:"system" doc:"a prompt: moderated, but free of the least duration"`
	Checks      []calls.Check        `json:"checks" nullable:"false"`
	Reason      *string              `json:"reason" doc:"why it was rejected"`
	UploadedBy  *string              `json:"uploaded_by"`
	DecidedBy   *string              `json:"decided_by"`
	DecidedAt   calls.Stamp          `json:"decided_at"`
	CreatedAt   calls.Stamp          `json:"created_at"`
}

func viewRecording(r *calls.Recording) RecordingResource {
	return RecordingResource{
		RecordingID: r.ID, ID: r.ID, RecordID: r.RecordID, Title: r.Title, State: r.State, Version: r.Version,
		SHA256: r.SHA256, WideSHA256: orNull(r.WideSHA256), DurationMS: r.DurationMS, System: r.System, Checks: append([]calls.Check{}, r.Checks...),
		Reason: orNull(r.Reason), UploadedBy: orNull(r.UploadedBy), DecidedBy: orNull(r.DecidedBy),
		DecidedAt: calls.StampOf(r.DecidedAt), CreatedAt: calls.Stamp(r.CreatedAt),
	}
}
