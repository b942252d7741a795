package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"zvonar/internal/api"
	"zvonar/internal/clock"
	"zvonar/internal/config"
	"zvonar/internal/store"
	"zvonar/internal/timeline"
)

// local is the part of the command line of commands that work on the store
// itself, beside the daemon or in its place.
type local struct {
	Config string `required:"" help:"Configuration of the daemon: says where its store is." placeholder:"FILE"`
	JSON   bool   `name:"json" help:"Print JSON."`
}

// places says where the store of a configuration and its files are.
type places struct {
	store store.Config
	clips string
	// lasting is clips, or "" where a bucket has them all and this node only some.
	lasting string
	token   string
}

func (l *local) places(a *app) (p places, err error) {
	cfg, problems := config.Load(l.Config, a.env)
	if len(problems) > 0 {
		return p, config.Error(problems)
	}
	return placesOf(cfg), nil
}

// placesOf is where a daemon with this configuration keeps its data.
func placesOf(cfg *config.Config) places {
	p := places{store: storeConfig(cfg), clips: filepath.Join(cfg.DataDir, "clips"), token: filepath.Join(cfg.DataDir, api.AdminTokenFile)}
	p.store.Clock = clock.System()
	if cfg.Recordings.Storage.S3.Endpoint == "" {
		p.lasting = p.clips
	}
	return p
}

type backupCmd struct {
	local
	File string `arg:"" help:"Archive to write; it must not exist." placeholder:"FILE"`
}

// Run writes a backup, beside a running daemon or without one.
func (c *backupCmd) Run(ctx context.Context, a *app) error {
	p, err := c.places(a)
	if err != nil {
		return err
	}
	i, err := store.Inspect(ctx, p.store, p.clips)
	if err != nil {
		return err
	}
	m, err := i.Backup(ctx, c.File, store.Backup{Version: version, Clips: p.clips, Token: p.token})
	if err := errors.Join(err, i.Close()); err != nil {
		return fmt.Errorf("no backup was made: %w", err)
	}
	if c.JSON {
		return a.json(m)
	}
	rows := int64(0)
	for _, t := range m.Tables {
		rows += t.Rows
	}
	return a.say("%s: %d rows of %d tables, %d clips, as of %s", c.File, rows, len(m.Tables), m.Clips, m.At.Format(time.RFC3339))
}

type restoreCmd struct {
	local
	File    string `arg:"" help:"Archive that zvonar backup wrote." placeholder:"FILE"`
	Replace bool   `help:"Put the store that is there aside; nothing of it is deleted."`
}

// Run restores a backup where no daemon runs.
func (c *restoreCmd) Run(ctx context.Context, a *app) error {
	p, err := c.places(a)
	if err != nil {
		return err
	}
	out, err := store.RestoreFrom(ctx, c.File, store.Restore{Store: p.store, Clips: p.clips, Token: p.token, Replace: c.Replace})
	if out == nil {
		return fmt.Errorf("nothing was restored: %w", err)
	}
	if err != nil {
		return fmt.Errorf("the store was restored and could not be checked: %w", err)
	}
	if c.JSON {
		err = a.json(out)
	} else {
		err = c.tell(a, out)
	}
	if err == nil && len(out.Check.Problems) > 0 {
		return exitError(exitFailed)
	}
	return err
}

func (c *restoreCmd) tell(a *app, out *store.Restored) error {
	err := a.say("the store of %s (node %s, zvonar %s) was restored from %s", out.Manifest.At.Format(time.RFC3339), out.Manifest.Node, out.Manifest.Version, c.File)
	for _, aside := range out.Aside {
		err = errors.Join(err, a.say("what was there before is in %s; delete it once it is not needed", aside))
	}
	if out.Waiting > 0 {
		err = errors.Join(err, a.say("%d call(s) were waiting and will be dialled once zvonar runs: if they may have been made since, cancel them before the calling window opens (zvonar calls list, zvonar calls hangup)", out.Waiting))
	}
	if out.Running > 0 {
		err = errors.Join(err, a.say("%d call(s) were on the line and will end as lost", out.Running))
	}
	err = errors.Join(err, a.say("the log of events ends at position %d: readers that keep a position of their own and stand further must go back to it", out.LastPos))
	return errors.Join(err, tellReport(a, out.Check))
}

type checkStoreCmd struct{ local }

// Run checks the store, beside a running daemon or without one.
func (c *checkStoreCmd) Run(ctx context.Context, a *app) error {
	p, err := c.places(a)
	if err != nil {
		return err
	}
	i, err := store.Inspect(ctx, p.store, p.lasting)
	if err != nil {
		return err
	}
	r, err := i.Check(ctx)
	if err := errors.Join(err, i.Close()); err != nil {
		return fmt.Errorf("the store could not be checked: %w", err)
	}
	if c.JSON {
		err = a.json(r)
	} else {
		err = tellReport(a, r)
	}
	if err == nil && len(r.Problems) > 0 {
		return exitError(exitFailed)
	}
	return err
}

// tellReport prints a sentence for every problem.
func tellReport(a *app, r store.Report) error {
	if len(r.Problems) == 0 {
		return a.say("%s is sound: %d checks, no problem", r.Database, r.Checks)
	}
	err := a.say("%s has %d problem(s):", r.Database, len(r.Problems))
	for _, p := range r.Problems {
		_, e := fmt.Fprintf(a.stdout, "  %s: %s\n", p.Check, timeline.OneLine(p.String()))
		err = errors.Join(err, e)
	}
	return err
}
