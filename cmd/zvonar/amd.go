package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"zvonar/media/amd"
	"zvonar/media/amd/train"
	"zvonar/media/progress"
	"zvonar/recordings"
)

// amdCmd is `zvonar amd`: the judge of answers, without a call.
type amdCmd struct {
	Files   amdFilesCmd   `cmd:"" default:"withargs" help:"Judge WAV files, one JSON line each."`
	Train   amdTrainCmd   `cmd:"" help:"Train on labelled sounds: print how well it does on voices it did not learn from, write the table."`
	Rescore amdRescoreCmd `cmd:"" help:"Judge the kept sound of calls again, through the API."`
	Label   amdLabelCmd   `cmd:"" help:"Say who answered a call, through the API."`
	Report  amdReportCmd  `cmd:"" help:"Compare verdicts with labels by trunk, through the API."`
	Export  amdExportCmd  `cmd:"" help:"Write labelled answers for training, through the API."`
}

// amdFilesCmd is `zvonar amd FILE…`.
type amdFilesCmd struct {
	Files []string `arg:"" name:"file" help:"Sound files as a callee would be heard, from the answer on." type:"path"`
}

// amdLine is what is said of a file; times in ms from its start.
type amdLine struct {
	File       string      `json:"file"`
	Verdict    amd.Verdict `json:"verdict"`
	Cause      string      `json:"cause"`
	OnsetMS    *int        `json:"onset_ms"`
	DecidedMS  *int        `json:"decided_ms"`
	BeepMS     *int        `json:"beep_ms"`
	Confidence float64     `json:"confidence"`
	Revised    *amdRevised `json:"revised"`
}

type amdRevised struct {
	Verdict amd.Verdict `json:"verdict"`
	AtMS    int         `json:"at_ms"`
}

// Run judges each file as `zvonar dtmf` hears its digits: what cannot be read is
// told and ends the command with 1 after the others.
func (c *amdFilesCmd) Run(ctx context.Context, a *app) error {
	out := json.NewEncoder(a.stdout)
	unread := 0
	for _, file := range c.Files {
		pcm, err := soundOf(ctx, file)
		if err != nil {
			unread++
			fmt.Fprintf(a.stderr, "%s: %v\n", file, err)
			continue
		}
		r := train.Run(pcm, amd.Defaults(), detectors()...)
		line := amdLine{
			File: file, Verdict: r.Verdict, Cause: r.Cause, OnsetMS: known(r.Onset), DecidedMS: known(r.Decided),
			BeepMS: known(r.Beep), Confidence: float64(int(r.Sure*1000+0.5)) / 1000,
		}
		if r.Revised != "" {
			line.Revised = &amdRevised{r.Revised, r.ReviseAt}
		}
		if err := out.Encode(line); err != nil {
			return err
		}
	}
	if unread > 0 {
		return fmt.Errorf("%d of %d files could not be read", unread, len(c.Files))
	}
	return nil
}

func known(ms int) *int {
	if ms < 0 {
		return nil
	}
	return &ms
}

// detectors are those of one call.
func detectors() []amd.Detector { return []amd.Detector{progress.New(progress.Options{})} }

// soundOf is the sound of a file, 8 kHz mono.
func soundOf(ctx context.Context, file string) ([]int16, error) {
	f, err := os.Open(file)
	if err != nil {
		var cause *os.PathError
		if errors.As(err, &cause) {
			err = cause.Err // the line begins with the path
		}
		return nil, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return recordings.Decode(ctx, f, info.Size())
}

// amdTrainCmd is `zvonar amd train`.
type amdTrainCmd struct {
	Manifest string   `arg:"" help:"CSV file: file, label (human, machine, else what is heard), voice, and more; docs/amd.md." type:"path"`
	More     []string `help:"Another manifest: what speech is, and what is none, is learned from its sounds too; they are not judged, and its voices must be others." placeholder:"FILE" type:"path" sep:"none"`
	Beside   float64  `default:"0.3" help:"How much a sound of --more counts, of one that is judged; music counts as much."`
	Table    string   `help:"Write the Go table here." placeholder:"FILE" type:"path"`
	Check    bool     `help:"Judge the sounds with the table that is built in instead of training."`
	Variants int      `default:"4" help:"Further sounds to make of each."`
	Trees    int      `default:"250" help:"Trees to grow."`
	Folds    int      `default:"5" help:"Parts that the voices are divided into: each is judged by what was learned from the others."`
	Division int      `default:"0" help:"How the voices are divided: each number does it another way, to see how much of the report is chance."`
}

// manifestOf reads a manifest and its sounds.
func manifestOf(ctx context.Context, file string) ([]*train.Sound, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return train.ReadManifest(bytes.NewReader(b), filepath.Dir(file), func(path string) ([]int16, error) { return soundOf(ctx, path) })
}

// Run trains and reports.
func (c *amdTrainCmd) Run(ctx context.Context, a *app) error {
	sounds, err := manifestOf(ctx, c.Manifest)
	if err != nil {
		return err
	}
	if c.Check {
		return train.WriteReport(a.stdout, train.RunAll(sounds, amd.Defaults(), detectors))
	}
	if c.Folds < 2 || c.Trees < 1 || c.Variants < 0 || c.Division < 0 || c.Beside <= 0 {
		return errors.New("--folds must be at least 2, --trees at least 1, --variants and --division at least 0, --beside above 0")
	}
	o := train.Options{Variants: c.Variants, Trees: c.Trees, Folds: c.Folds, Division: c.Division, Beside: c.Beside}
	extra := train.Generated()
	for _, file := range c.More {
		more, err := manifestOf(ctx, file)
		if err == nil {
			err = train.Beside(sounds, more)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		extra = append(extra, more...)
	}
	if err := train.WriteReport(a.stdout, train.CrossValidate(sounds, extra, o, amd.Defaults(), detectors)); err != nil {
		return err
	}
	if c.Table == "" {
		return nil
	}
	m := train.Learn(append(sounds, extra...), o)
	var table bytes.Buffer
	if err := train.WriteTable(&table, &m); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "\nModel %s: %d kB of table.\n", m.ID, table.Len()/1000)
	return os.WriteFile(c.Table, table.Bytes(), 0o644)
}
