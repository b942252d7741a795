package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"zvonar/internal/calls"
	"zvonar/internal/client"
)

// fingerprintsCmd is `zvonar fingerprints`.
type fingerprintsCmd struct {
	Add    fingerprintsAddCmd    `cmd:"" help:"Make an announcement known by a recording of it."`
	List   fingerprintsListCmd   `cmd:"" help:"List the known announcements."`
	Remove fingerprintsRemoveCmd `cmd:"" help:"Forget an announcement."`
	Test   fingerprintsTestCmd   `cmd:"" help:"Tell what a call would hear in a file: tones, beeps, known announcements."`
}

type fingerprintsAddCmd struct {
	remote
	File    string `arg:"" help:"WAV file of the announcement alone; - is stdin." placeholder:"FILE"`
	Meaning string `required:"" enum:"unreachable,busy,no_answer,invalid_number,rejected,congestion,voicemail,assistant,announcement,ringing" help:"What it says: ${enum}." placeholder:"MEANING"`
	Title   string `help:"What people call it (default: the name of the file)." placeholder:"TITLE"`
}

// Run makes an announcement known.
func (c *fingerprintsAddCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	return withFile(a, c.File, func(name string, r io.Reader) error {
		f, err := remote.AddFingerprint(ctx, name, first(c.Title, strings.TrimSuffix(name, filepath.Ext(name))), calls.Meaning(c.Meaning), r)
		switch {
		case err != nil:
			return err
		case c.JSON:
			return a.json(f)
		}
		return a.say("%s is known as %s (%s, “%s”)", f.ID, f.Meaning, span(f.DurationMS), f.Title)
	})
}

// withFile opens a file, or stdin for "-".
func withFile(a *app, path string, do func(name string, r io.Reader) error) error {
	if path == "-" {
		return do("stdin.wav", a.stdin)
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("the file cannot be read: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	return do(filepath.Base(path), f)
}

type fingerprintsListCmd struct{ remote }

// Run lists the known announcements.
func (c *fingerprintsListCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	list, err := remote.Fingerprints(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return jsonLines(a, list)
	}
	rows := make([][]string, 0, len(list))
	for _, f := range list {
		rows = append(rows, []string{f.ID, string(f.Meaning), span(f.DurationMS), stamp(f.CreatedAt), f.Title})
	}
	return a.table([]string{"ID", "MEANING", "LENGTH", "ADDED", "TITLE"}, rows)
}

type fingerprintsRemoveCmd struct {
	remote
	ID string `arg:"" help:"As list shows it." placeholder:"ID"`
}

// Run forgets an announcement.
func (c *fingerprintsRemoveCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	if err := remote.RemoveFingerprint(ctx, c.ID); err != nil || c.JSON {
		return err
	}
	return a.say("%s is forgotten", c.ID)
}

type fingerprintsTestCmd struct {
	remote
	File string `arg:"" help:"WAV file; - is stdin." placeholder:"FILE"`
}

// Run tells what is heard in a file.
func (c *fingerprintsTestCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	return withFile(a, c.File, func(name string, r io.Reader) error {
		list, err := remote.TestFingerprints(ctx, name, r)
		switch {
		case err != nil:
			return err
		case c.JSON:
			return jsonLines(a, list)
		case len(list) == 0:
			return a.say("nothing is heard that is known")
		}
		return a.table([]string{"HEARD", "DETAIL", "MEANING", "FROM", "TO", "HZ", "KNOWN AT", "CONFIDENCE"}, findings(list))
	})
}

func findings(list []client.Finding) [][]string {
	rows := make([][]string, 0, len(list))
	text := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	ms := func(n int64) string { return fmt.Sprintf("%.2f s", float64(n)/1000) }
	for _, f := range list {
		hz := ""
		if f.Hz > 0 {
			hz = strconv.Itoa(int(f.Hz + 0.5))
		}
		rows = append(rows, []string{string(f.Heard), text(f.Detail), text(f.Meaning), ms(f.FromMS), ms(f.ToMS), hz, ms(f.TellMS), fmt.Sprintf("%.2f", f.Confidence)})
	}
	return rows
}
