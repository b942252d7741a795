package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"zvonar/internal/calls"
	"zvonar/internal/client"
)

// recordingsCmd is `zvonar recordings`.
type recordingsCmd struct {
	Add  recordingsAddCmd  `cmd:"" help:"Upload a clip; it waits for a moderator."`
	TTS  recordingsTTSCmd  `cmd:"" name:"tts" help:"Have a text read aloud; the clip waits for a moderator."`
	List recordingsListCmd `cmd:"" help:"List clips, newest first."`

	Dictate recordingsDictateCmd `cmd:"" help:"Call a number whose owner speaks a clip; he presses 1 to keep it."`
	Cancel  recordingsCancelCmd  `cmd:"" help:"Cancel a clip that is on its way in."`

	Show  recordingsShowCmd  `cmd:"" help:"Show a clip and what was measured of it."`
	Audio recordingsAudioCmd `cmd:"" help:"Write the sound of a clip to a WAV file."`

	Queue   recordingsQueueCmd   `cmd:"" help:"List what waits for a moderator, oldest first, or claim the next one."`
	Claim   recordingsClaimCmd   `cmd:"" help:"Claim a pending clip: nobody else decides on it meanwhile."`
	Release recordingsReleaseCmd `cmd:"" help:"Give a claimed clip back to the queue."`
	Approve recordingsApproveCmd `cmd:"" help:"Approve a clip: it gets its record_id and may be played."`
	Reject  recordingsRejectCmd  `cmd:"" help:"Reject a clip."`
	Archive recordingsArchiveCmd `cmd:"" help:"Archive a clip: calls that were accepted play it, no new ones."`
	Restore recordingsRestoreCmd `cmd:"" help:"Take a clip out of the archive."`
	Revoke  recordingsRevokeCmd  `cmd:"" help:"Revoke a clip: nobody hears it any more."`
	Undo    recordingsUndoCmd    `cmd:"" help:"Take your last decision on a clip back, within a minute."`

	Export recordingsExportCmd `cmd:"" help:"Write clips with what was decided on them to an archive."`
	Import recordingsImportCmd `cmd:"" help:"Take in an archive of an export, or a folder of sound files."`

	Versions recordingsVersionsCmd `cmd:"" help:"List every upload of a clip."`
	History  recordingsHistoryCmd  `cmd:"" help:"Tell who did what to a clip."`
}

type recordingsAddCmd struct {
	remote
	File   string `arg:"" help:"WAV, MP3, FLAC or Ogg Opus file of at least 7 s; - is stdin." placeholder:"FILE"`
	Title  string `help:"What people call it (default: the name of the file)." placeholder:"TITLE"`
	System bool   `help:"A prompt (busy, hold, confirm): moderated, but free of the least duration."`
	Of     string `name:"version-of" help:"A new version of this recording; until it is approved calls play what they played before." placeholder:"ID"`
}

// Run uploads a clip.
func (c *recordingsAddCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	var from io.Reader = a.stdin
	name := "stdin.wav"
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return fmt.Errorf("the clip cannot be read: %w", err)
		}
		defer func() { _ = f.Close() }() // only read
		from, name = f, filepath.Base(c.File)
	}
	if c.Of != "" {
		rec, err := remote.AddVersion(ctx, c.Of, name, from)
		return c.recording(a, rec, err)
	}
	rec, err := remote.AddRecording(ctx, name, first(c.Title, strings.TrimSuffix(name, filepath.Ext(name))), c.System, from)
	return c.recording(a, rec, err)
}

type recordingsTTSCmd struct {
	remote
	Text   string `arg:"" help:"What the voice says, at least 7 s of it; - is stdin." placeholder:"TEXT"`
	Voice  string `help:"male or female (default ${default})." enum:"male,female" default:"female" placeholder:"VOICE"`
	Title  string `help:"What people call it (default: the beginning of the text)." placeholder:"TITLE"`
	System bool   `help:"A prompt (busy, hold, confirm): moderated, but free of the least duration."`

	Variables string `help:"What the places of the text, like {name} and {debt:sum}, may hold: '[{\"name\":\"name\",\"max_length\":30,\"sample\":\"Анна\"}]'." placeholder:"JSON"`
}

// Run has a text read aloud.
func (c *recordingsTTSCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	if c.Text == "-" {
		b, err := io.ReadAll(io.LimitReader(a.stdin, 64<<10))
		if err != nil {
			return fmt.Errorf("the text cannot be read: %w", err)
		}
		c.Text = string(b)
	}
	if c.Variables != "" && !json.Valid([]byte(c.Variables)) {
		return errors.New("--variables is not JSON")
	}
	rec, err := remote.AddText(ctx, c.Text, c.Voice, c.Title, c.System, json.RawMessage(c.Variables))
	return c.recording(a, rec, err)
}

type recordingsListCmd struct {
	remote
	State string `help:"pending, approved, rejected, archived or revoked." placeholder:"STATE"`
	Limit int    `help:"At most so many (default ${default})." default:"50" placeholder:"N"`
}

// Run lists clips.
func (c *recordingsListCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	filter := url.Values{}
	if c.State != "" {
		filter.Set("state", c.State)
	}
	list, err := remote.Recordings(ctx, filter, c.Limit)
	if err != nil {
		return err
	}
	if c.JSON {
		return jsonLines(a, list)
	}
	rows := make([][]string, 0, len(list))
	for _, r := range list {
		rows = append(rows, []string{r.RecordingID, number(r.RecordID), string(r.State), span(r.DurationMS), stamp(r.CreatedAt), r.Title})
	}
	return a.table([]string{"RECORDING_ID", "RECORD_ID", "STATE", "LENGTH", "UPLOADED", "TITLE"}, rows)
}

type recordingsShowCmd struct {
	remote
	ID string `arg:"" help:"recording_id or record_id." placeholder:"ID"`
}

// Run shows a clip.
func (c *recordingsShowCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	rec, err := remote.Recording(ctx, c.ID)
	if err := c.recording(a, rec, err); err != nil || c.JSON {
		return err
	}
	rows := make([][]string, 0, len(rec.Checks))
	for _, check := range rec.Checks {
		rows = append(rows, []string{check.Name, strconv.FormatFloat(check.Value, 'f', -1, 64), strconv.FormatFloat(check.Limit, 'f', -1, 64), check.Level})
	}
	return a.table([]string{"CHECK", "VALUE", "LIMIT", "LEVEL"}, rows)
}

// recording prints one clip, unless err.
func (r *remote) recording(a *app, rec client.Recording, err error) error {
	switch {
	case err != nil:
		return err
	case r.JSON:
		return a.json(rec)
	case rec.State == calls.RecordingDraft && rec.CallID != nil:
		return a.say("%s is a draft: its author is called (%s)", rec.RecordingID, *rec.CallID)
	case rec.RecordID != nil && rec.Live != nil && rec.Live.Version != rec.Version:
		return a.say("%s, record_id %d: version %d is %s, version %d is played until it is approved (%s, “%s”)",
			rec.RecordingID, *rec.RecordID, rec.Version, rec.State, rec.Live.Version, span(rec.DurationMS), rec.Title)
	case rec.RecordID != nil && rec.Reason != nil:
		return a.say("%s is %s, record_id %d: %s", rec.RecordingID, rec.State, *rec.RecordID, *rec.Reason)
	case rec.RecordID != nil:
		return a.say("%s is %s as record_id %d (%s, “%s”)", rec.RecordingID, rec.State, *rec.RecordID, span(rec.DurationMS), rec.Title)
	case rec.Reason != nil:
		return a.say("%s is %s: %s", rec.RecordingID, rec.State, *rec.Reason)
	}
	if len(rec.Approvals) > 0 {
		return a.say("%s has the approval of %s and needs another one (%s, “%s”)", rec.RecordingID, rec.Approvals[0].By, span(rec.DurationMS), rec.Title)
	}
	if rec.ClaimedBy != nil {
		return a.say("%s is %s, claimed by %s until %s (%s, “%s”)", rec.RecordingID, rec.State, *rec.ClaimedBy, stamp(rec.ClaimedUntil), span(rec.DurationMS), rec.Title)
	}
	return a.say("%s is %s (%s, “%s”)", rec.RecordingID, rec.State, span(rec.DurationMS), rec.Title)
}

// number is an optional number for a table.
func number(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}
