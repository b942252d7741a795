package main

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"zvonar/internal/calls"
	"zvonar/internal/client"
	"zvonar/internal/timeline"
)

// An export is a tar file: for every recording NAME.json, the recording as the
// API gives it, behind NAME.wav, its audio. The order of the members is that of
// the import: by record_id, so that numbers stay the same.

// maxClipFile bounds a member of an archive.
const maxClipFile = 64 << 20

type recordingsExportCmd struct {
	remote
	File  string `arg:"" help:"Archive to write; - is stdout." placeholder:"FILE"`
	State string `help:"Only those in this state." placeholder:"STATE"`
}

// Run writes an export. The file appears whole or not at all.
func (c *recordingsExportCmd) Run(ctx context.Context, a *app) (err error) {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	if c.File == "-" {
		_, err := export(ctx, remote, c.State, a.stdout)
		return err
	}
	if _, err := os.Lstat(c.File); err == nil {
		return fmt.Errorf("%s exists already: name another file", c.File)
	}
	f, err := os.CreateTemp(filepath.Dir(c.File), ".export-*")
	if err != nil {
		return fmt.Errorf("the archive cannot be written: %w", err)
	}
	n, err := export(ctx, remote, c.State, f)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), c.File)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	return a.say("%s: %d recordings", c.File, n)
}

// export writes what calls play of every recording, else what it shows.
func export(ctx context.Context, remote *client.Client, state string, to io.Writer) (n int, err error) {
	filter := url.Values{}
	if state != "" {
		filter.Set("state", state)
	}
	var all []client.Recording
	err = remote.EachRecording(ctx, filter, func(r client.Recording) error {
		if r.SHA256 != "" {
			all = append(all, r)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	slices.SortStableFunc(all, func(x, y client.Recording) int {
		return cmp.Or(cmp.Compare(orZero(x.RecordID), orZero(y.RecordID)), cmp.Compare(x.RecordingID, y.RecordingID))
	})
	archive := tar.NewWriter(to)
	for _, r := range all {
		if r.Live != nil && r.Live.Version != r.Version {
			r.State, r.Version, r.SHA256, r.DurationMS, r.Reason = calls.RecordingIsApproved, r.Live.Version, r.Live.SHA256, r.Live.DurationMS, nil
			r.Text, r.Voice, r.Variables = nil, nil, nil
			if t := r.Live.Template; t != nil {
				r.Text, r.Voice, r.Variables = &t.Text, &t.Voice, t.Variables
			}
		}
		if err := exportOne(ctx, remote, archive, r); err != nil {
			return n, fmt.Errorf("%s: %w", r.RecordingID, err)
		}
		n++
	}
	return n, archive.Close()
}

func orZero(n *int64) int64 {
	if n == nil {
		return 0
	}
	return *n
}

func exportOne(ctx context.Context, remote *client.Client, archive *tar.Writer, r client.Recording) error {
	sound, err := remote.RecordingAudio(ctx, r.RecordingID, r.Version)
	if err != nil {
		return err
	}
	wav, err := io.ReadAll(io.LimitReader(sound, maxClipFile))
	if e := sound.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	for _, member := range []struct {
		name string
		b    []byte
	}{{r.RecordingID + ".json", line}, {r.RecordingID + ".wav", wav}} {
		if err := archive.WriteHeader(&tar.Header{Name: member.name, Mode: 0o640, Size: int64(len(member.b))}); err != nil {
			return err
		}
		if _, err := archive.Write(member.b); err != nil {
			return err
		}
	}
	return nil
}

type recordingsImportCmd struct {
	remote
	From string `arg:"" help:"Archive of an export (- is stdin), or a folder: its sound files wait for a moderator." placeholder:"FILE|FOLDER"`
}

// Run takes in an archive or a folder, and tells of every clip as it goes.
func (c *recordingsImportCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	im := &importer{app: a, remote: remote, out: &c.remote}
	if c.From == "-" {
		return im.end(im.archive(ctx, a.stdin))
	}
	st, err := os.Stat(c.From)
	if err != nil {
		return fmt.Errorf("there is nothing to import: %w", err)
	}
	if st.IsDir() {
		return im.end(im.folder(ctx, c.From))
	}
	f, err := os.Open(c.From)
	if err != nil {
		return fmt.Errorf("the archive cannot be read: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	return im.end(im.archive(ctx, f))
}

// importer counts what became of the clips.
type importer struct {
	*app
	remote                *client.Client
	out                   *remote
	of                    int // how many there are; 0: not known
	taken, known, refused int
}

// one tells what became of one clip. An error that is not about the clip ends it all.
func (im *importer) one(name string, rec client.Recording, err error) error {
	var problem *client.Problem
	place := fmt.Sprintf("[%d]", im.taken+im.known+im.refused+1)
	if im.of > 0 {
		place = fmt.Sprintf("[%d/%d]", im.taken+im.known+im.refused+1, im.of)
	}
	im.wipe()
	switch {
	case err == nil && rec.State == calls.RecordingIsRejected:
		im.refused++
		if im.out.JSON {
			return im.json(rec)
		}
		fmt.Fprintf(im.stderr, "%s %s: %s\n", place, name, why(rec))
		return nil
	case err == nil:
		im.taken++
		if im.out.JSON {
			return im.json(rec)
		}
		return im.say("%s %s: %s is %s", place, name, rec.RecordingID, rec.State)
	case !errors.As(err, &problem), problem.Status == 401, problem.Status == 403, problem.Status >= 500:
		return err
	case problem.Code() == calls.CodeWrongState:
		im.known++
	default:
		im.refused++
	}
	fmt.Fprintf(im.stderr, "%s %s: %s\n", place, name, timeline.OneLine(problem.Error()))
	return nil
}

// bar draws how far a file is, on a terminal only.
func (im *importer) bar(name string, r client.Recording) {
	if !isTerminal(im.stderr) || r.Progress == nil {
		return
	}
	done := int(*r.Progress * barWidth)
	fmt.Fprintf(im.stderr, "\r\x1b[K[%d/%d] %s%s %s", im.taken+im.known+im.refused+1, im.of, strings.Repeat("█", done), strings.Repeat("·", barWidth-done), timeline.OneLine(name))
}

// wipe takes the bar away.
func (im *importer) wipe() {
	if isTerminal(im.stderr) {
		fmt.Fprint(im.stderr, "\r\x1b[K")
	}
}

// isTerminal reports whether people look at w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}

// end tells the sum; clips that were refused make it a failure.
func (im *importer) end(err error) error {
	if err != nil {
		return err
	}
	if !im.out.JSON {
		if err := im.say("%d taken in, %d were here already, %d refused", im.taken, im.known, im.refused); err != nil {
			return err
		}
	}
	if im.refused > 0 {
		return exitError(exitFailed)
	}
	return nil
}

func (im *importer) archive(ctx context.Context, from io.Reader) error {
	archive := tar.NewReader(from)
	var line []byte
	var of string
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("this is not an archive of an export: %w", err)
		}
		if h.Size > maxClipFile {
			return fmt.Errorf("the archive has a member of %d bytes, which no export has: %q", h.Size, h.Name)
		}
		b, err := io.ReadAll(archive)
		if err != nil {
			return fmt.Errorf("the archive is cut short: %w", err)
		}
		name, kind, _ := strings.Cut(h.Name, ".")
		switch {
		case kind == "json":
			line, of = b, name
		case kind == "wav" && name == of:
			rec, err := im.remote.ImportRecording(ctx, line, bytes.NewReader(b))
			if err := im.one(name, rec, err); err != nil {
				return err
			}
		default:
			return fmt.Errorf("this is not an archive of an export: it has a member %q", h.Name)
		}
	}
}

// soundFiles are the endings of files that a folder is searched for.
var soundFiles = []string{".wav", ".mp3", ".flac", ".ogg", ".opus"}

func (im *importer) folder(ctx context.Context, dir string) error {
	var files []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() && slices.Contains(soundFiles, strings.ToLower(filepath.Ext(path))) {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("the folder cannot be read: %w", err)
	}
	im.of = len(files)
	for _, path := range files {
		rec, err := im.file(ctx, path)
		if err := im.one(path, rec, err); err != nil {
			return err
		}
	}
	return nil
}

func (im *importer) file(ctx context.Context, path string) (client.Recording, error) {
	f, err := os.Open(path)
	if err != nil {
		return client.Recording{}, fmt.Errorf("the clip cannot be read: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	rec, err := im.remote.StartRecording(ctx, filepath.Base(path), strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), f)
	if err != nil {
		return rec, err
	}
	return im.remote.AwaitRecording(ctx, rec, func(r client.Recording) { im.bar(path, r) })
}

// why is the reason of a recording that was refused.
func why(rec client.Recording) string {
	if rec.Reason == nil {
		return ""
	}
	return timeline.OneLine(*rec.Reason)
}
