package api

import "zvonar/internal/calls"

// RecordingResource is a recording as published (DESIGN 4.3).
type RecordingResource struct {
	RecordingID string               `json:"recording_id"`
	ID          string               `json:"id" doc:"the same as recording_id"`
	RecordID    *int64               `json:"record_id" doc:"exists once the recording is approved"`
	CallID      *string              `json:"call_id" doc:"the call in which it is, or was, dictated"`
	Progress    *float64             `json:"progress" doc:"0 to 1, while it is processing on the node that is asked"`
	Title       string               `json:"title"`
	State       calls.RecordingState `json:"state" enum:"draft,processing,pending,approved,rejected,archived,revoked"`
	Version     int                  `json:"version"`
	SHA256      string               `json:"sha256" doc:"of the audio that callers hear"`
	WideSHA256  *string              `json:"wide_sha256" doc:"of its 16 kHz form; null where the upload had 8 kHz only"`
	DurationMS  int64                `json:"duration_ms"`
	System      bool                 `json:"system" doc:"a prompt: moderated, but free of the least duration"`
	Checks      []calls.Check        `json:"checks" nullable:"false"`
	Text        *string              `json:"text" doc:"what the voice was made to say; null for a file"`
	Voice       *string              `json:"voice" doc:"male or female; null for a file"`
	Variables   []calls.Variable     `json:"variables" nullable:"false" doc:"places in the text that calls fill; the audio says their samples"`
	Reason      *string              `json:"reason" doc:"why it was rejected"`
	UploadedBy  *string              `json:"uploaded_by"`
	DecidedBy   *string              `json:"decided_by"`
	DecidedAt   calls.Stamp          `json:"decided_at"`
	CreatedAt   calls.Stamp          `json:"created_at"`

	UploadedAt   calls.Stamp        `json:"uploaded_at" doc:"of this version"`
	Live         *calls.LiveVersion `json:"live" doc:"what calls play; null: nothing"`
	Versions     int                `json:"versions" doc:"how many were uploaded"`
	ClaimedBy    *string            `json:"claimed_by" doc:"the moderator who has it before him"`
	ClaimedUntil calls.Stamp        `json:"claimed_until"`
	Approvals    []ApprovalView     `json:"approvals" nullable:"false" doc:"given so far, where two are needed"`
	UndoUntil    calls.Stamp        `json:"undo_until" doc:"until then whoever decided may take it back"`
}

// ApprovalView is one approval of a recording that needs two.
type ApprovalView struct {
	By string      `json:"by"`
	At calls.Stamp `json:"at"`
}

// VersionResource is one upload of a recording as published.
type VersionResource struct {
	Version    int                  `json:"version"`
	State      calls.RecordingState `json:"state" enum:"pending,approved,rejected,superseded,withdrawn,archived,revoked,draft,processing"`
	Live       bool                 `json:"live" doc:"calls play this one"`
	SHA256     string               `json:"sha256"`
	DurationMS int64                `json:"duration_ms"`
	Checks     []calls.Check        `json:"checks" nullable:"false"`
	Reason     *string              `json:"reason"`
	UploadedBy *string              `json:"uploaded_by"`
	UploadedAt calls.Stamp          `json:"uploaded_at"`
	DecidedBy  *string              `json:"decided_by"`
	DecidedAt  calls.Stamp          `json:"decided_at"`
}

func viewVersion(v *calls.ClipVersion, live *calls.LiveVersion) VersionResource {
	return VersionResource{Version: v.Version, State: v.State, Live: live != nil && live.Version == v.Version, SHA256: v.SHA256, DurationMS: v.DurationMS,
		Checks: append([]calls.Check{}, v.Checks...), Reason: orNull(v.Reason), UploadedBy: orNull(v.UploadedBy), UploadedAt: calls.Stamp(v.CreatedAt),
		DecidedBy: orNull(v.DecidedBy), DecidedAt: calls.StampOf(v.DecidedAt)}
}

// viewRecording also tells how far it is.
func (s *Server) viewRecording(r *calls.Recording) RecordingResource {
	v := viewRecording(r)
	if r.State == calls.RecordingProcessing && s.cfg.Jobs != nil {
		if p, known := s.cfg.Jobs.Progress(r.ID); known {
			v.Progress = &p
		}
	}
	return v
}

func viewRecording(r *calls.Recording) RecordingResource {
	approvals := make([]ApprovalView, 0, len(r.Approvals))
	for _, a := range r.Approvals {
		approvals = append(approvals, ApprovalView{By: a.By, At: calls.Stamp(a.At)})
	}
	return RecordingResource{
		RecordingID: r.ID, ID: r.ID, RecordID: r.RecordID, CallID: orNull(r.CallID), Title: r.Title, State: r.State, Version: r.Version,
		SHA256: r.SHA256, WideSHA256: orNull(r.WideSHA256), DurationMS: r.DurationMS, System: r.System, Checks: append([]calls.Check{}, r.Checks...),
		Text: orNull(r.Text), Voice: orNull(r.Voice), Variables: append([]calls.Variable{}, r.Variables...), Reason: orNull(r.Reason), UploadedBy: orNull(r.UploadedBy), DecidedBy: orNull(r.DecidedBy),
		DecidedAt: calls.StampOf(r.DecidedAt), CreatedAt: calls.Stamp(r.CreatedAt),
		UploadedAt: calls.Stamp(r.Upload().CreatedAt), Live: r.Live, Versions: max(r.Versions, r.Version), Approvals: approvals,
		ClaimedBy: orNull(r.ClaimedBy), ClaimedUntil: calls.StampOf(r.ClaimedUntil), UndoUntil: calls.StampOf(r.UndoUntil),
	}
}
