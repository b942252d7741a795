package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"zvonar/media/dtmf"
	"zvonar/recordings"
)

// dtmfCmd is `zvonar dtmf`.
type dtmfCmd struct {
	Files []string `arg:"" name:"file" help:"WAV files." type:"path"`
}

// Run writes one line of JSON a file; a file that cannot be read is told on
// stderr and ends the command with 1 after the others.
func (c *dtmfCmd) Run(ctx context.Context, a *app) error {
	out := json.NewEncoder(a.stdout)
	unread := 0
	for _, file := range c.Files {
		digits, err := digitsOf(ctx, file)
		if err != nil {
			unread++
			fmt.Fprintf(a.stderr, "%s: %v\n", file, err)
			continue
		}
		if err := out.Encode(struct {
			File   string `json:"file"`
			Digits string `json:"digits"`
		}{file, digits}); err != nil {
			return err
		}
	}
	if unread > 0 {
		return fmt.Errorf("%d of %d files could not be read", unread, len(c.Files))
	}
	return nil
}

// digitsOf is the digits that are heard in the audio of a file.
func digitsOf(ctx context.Context, file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		var cause *os.PathError
		if errors.As(err, &cause) {
			err = cause.Err // the line begins with the path
		}
		return "", err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	pcm, err := recordings.Decode(ctx, f, info.Size())
	if err != nil {
		return "", err
	}
	var digits []byte
	tell := func(p dtmf.Press) {
		if !p.Ended {
			digits = append(digits, p.Digit)
		}
	}
	d := dtmf.NewInband()
	d.Write(pcm, tell)
	d.Flush(tell)
	return string(digits), nil
}
