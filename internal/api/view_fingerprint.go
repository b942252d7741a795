package api

import "zvonar/internal/calls"

// FingerprintResource is a known announcement, as published.
type FingerprintResource struct {
	ID         string        `json:"id"`
	Title      string        `json:"title"`
	Meaning    calls.Meaning `json:"meaning"`
	DurationMS int64         `json:"duration_ms" doc:"of the file it was learnt from"`
	AddedBy    string        `json:"added_by"`
	CreatedAt  calls.Stamp   `json:"created_at"`
}

func viewFingerprint(f *calls.Fingerprint) FingerprintResource {
	return FingerprintResource{ID: f.ID, Title: f.Title, Meaning: f.Meaning, DurationMS: f.DurationMS, AddedBy: f.AddedBy, CreatedAt: calls.Stamp(f.CreatedAt)}
}

// FindingResource is something that was heard in a file.
type FindingResource struct {
	Heard      calls.HeardKind `json:"heard" doc:"beep, ringback, busy, congestion, dial, record_warning, sit, fax_cng, fax_ced or known"`
	Detail     *string         `json:"detail" doc:"country of a tone, class of a SIT, title of an announcement"`
	Meaning    *string         `json:"meaning"`
	Verdict    *string         `json:"verdict"`
	Hz         float64         `json:"hz"`
	Confidence float64         `json:"confidence"`
	FromMS     int64           `json:"from_ms"`
	ToMS       int64           `json:"to_ms"`
	TellMS     int64           `json:"tell_ms" doc:"when a call would have known"`
}

func viewFinding(h calls.HeardAt) FindingResource {
	return FindingResource{Heard: h.Kind, Detail: orNull(h.Detail), Meaning: orNull(string(h.Meaning)), Verdict: orNull(string(h.Verdict())), Hz: h.Hz,
		Confidence: h.Confidence, FromMS: h.FromMS, ToMS: h.ToMS, TellMS: h.TellMS}
}
