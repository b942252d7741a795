package main

import (
	"context"
	"net/url"
	"strconv"

	"zvonar/internal/client"
)

// recordingID is the argument of commands about one clip.
type recordingID struct {
	remote
	ID string `arg:"" help:"recording_id or record_id." placeholder:"ID"`
}

// moderate asks for one thing and prints what became of the clip.
func (c *recordingID) moderate(ctx context.Context, a *app, what string, d client.Decision) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	rec, err := remote.Moderate(ctx, c.ID, what, d)
	return c.recording(a, rec, err)
}

type recordingsQueueCmd struct {
	remote
	Next  bool `help:"Claim the oldest one that waits for you."`
	Limit int  `help:"At most so many (default ${default})." default:"50" placeholder:"N"`
}

// Run lists what waits, or claims the next.
func (c *recordingsQueueCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	if c.Next {
		rec, err := remote.ClaimNext(ctx)
		return c.recording(a, rec, err)
	}
	list, err := remote.Recordings(ctx, url.Values{"state": {"pending"}, "order": {"oldest"}}, c.Limit)
	if err != nil {
		return err
	}
	if c.JSON {
		return jsonLines(a, list)
	}
	rows := make([][]string, 0, len(list))
	for _, r := range list {
		warnings := 0
		for _, check := range r.Checks {
			if check.Level != "ok" {
				warnings++
			}
		}
		rows = append(rows, []string{r.RecordingID, strconv.Itoa(r.Version), span(r.DurationMS), strconv.Itoa(warnings),
			stamp(r.UploadedAt), text(r.UploadedBy), text(r.ClaimedBy), r.Title})
	}
	return a.table([]string{"RECORDING_ID", "VERSION", "LENGTH", "WARNINGS", "UPLOADED", "BY", "CLAIMED_BY", "TITLE"}, rows)
}

// text is an optional text for a table.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

type recordingsClaimCmd struct{ recordingID }

// Run claims a clip.
func (c *recordingsClaimCmd) Run(ctx context.Context, a *app) error {
	return c.moderate(ctx, a, "claim", client.Decision{})
}

type recordingsReleaseCmd struct{ recordingID }

// Run gives a clip back.
func (c *recordingsReleaseCmd) Run(ctx context.Context, a *app) error {
	return c.moderate(ctx, a, "release", client.Decision{})
}

type recordingsApproveCmd struct {
	recordingID
	Version int `name:"heard" help:"Only if this version waits: the one that you have heard." placeholder:"N"`
}

// Run approves a clip.
func (c *recordingsApproveCmd) Run(ctx context.Context, a *app) error {
	return c.moderate(ctx, a, "approve", client.Decision{Version: c.Version})
}

type recordingsRejectCmd struct {
	recordingID
	Reason  string `required:"" help:"What the uploader must change." placeholder:"REASON"`
	Version int    `name:"heard" help:"Only if this version waits: the one that you have heard." placeholder:"N"`
}

// Run rejects a clip.
func (c *recordingsRejectCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	rec, err := remote.Moderate(ctx, c.ID, "reject", client.Decision{Reason: c.Reason, Version: c.Version})
	if err == nil && !c.JSON && rec.Live != nil {
		return a.say("%s: the new version is rejected, version %d goes on", rec.RecordingID, rec.Live.Version)
	}
	return c.recording(a, rec, err)
}

type recordingsArchiveCmd struct{ recordingID }

// Run archives a clip.
func (c *recordingsArchiveCmd) Run(ctx context.Context, a *app) error {
	return c.moderate(ctx, a, "archive", client.Decision{})
}

type recordingsRestoreCmd struct{ recordingID }

// Run takes a clip out of the archive.
func (c *recordingsRestoreCmd) Run(ctx context.Context, a *app) error {
	return c.moderate(ctx, a, "restore", client.Decision{})
}

type recordingsRevokeCmd struct {
	recordingID
	Reason string `required:"" help:"Why nobody may hear it any more." placeholder:"REASON"`
	Cancel bool   `name:"cancel-calls" help:"Cancel queued calls at once; else they are held while this can be undone."`
}

// Run revokes a clip.
func (c *recordingsRevokeCmd) Run(ctx context.Context, a *app) error {
	d := client.Decision{Reason: c.Reason}
	if c.Cancel {
		d.Calls = "cancel"
	}
	return c.moderate(ctx, a, "revoke", d)
}

type recordingsUndoCmd struct{ recordingID }

// Run takes a decision back.
func (c *recordingsUndoCmd) Run(ctx context.Context, a *app) error {
	return c.moderate(ctx, a, "undo", client.Decision{})
}

type recordingsVersionsCmd struct{ recordingID }

// Run lists the uploads of a clip.
func (c *recordingsVersionsCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	list, err := remote.RecordingVersions(ctx, c.ID)
	if err != nil {
		return err
	}
	if c.JSON {
		return jsonLines(a, list)
	}
	rows := make([][]string, 0, len(list))
	for _, v := range list {
		live := ""
		if v.Live {
			live = "yes"
		}
		rows = append(rows, []string{strconv.Itoa(v.Version), string(v.State), live, span(v.DurationMS), stamp(v.UploadedAt), text(v.UploadedBy), text(v.DecidedBy), text(v.Reason)})
	}
	return a.table([]string{"VERSION", "STATE", "PLAYED", "LENGTH", "UPLOADED", "BY", "DECIDED_BY", "REASON"}, rows)
}

type recordingsHistoryCmd struct {
	recordingID
	Limit int `help:"At most so many (default ${default})." default:"50" placeholder:"N"`
}

// Run tells who did what.
func (c *recordingsHistoryCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	list, err := remote.RecordingHistory(ctx, c.ID, c.Limit)
	if err != nil {
		return err
	}
	if c.JSON {
		return jsonLines(a, list)
	}
	rows := make([][]string, 0, len(list))
	for _, e := range list {
		rows = append(rows, []string{stamp(e.At), e.Actor, e.Action, text(e.Detail)})
	}
	return a.table([]string{"AT", "WHO", "WHAT", "DETAIL"}, rows)
}

type recordingsAudioCmd struct {
	recordingID
	File    string `arg:"" help:"File to write; - is stdout." placeholder:"FILE"`
	Version int    `name:"upload" help:"This version; else the one that was uploaded last." placeholder:"N"`
}

// Run writes the sound of a clip to a file.
func (c *recordingsAudioCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	sound, err := remote.RecordingAudio(ctx, c.ID, c.Version)
	if err != nil {
		return err
	}
	return a.save(c.File, sound)
}
