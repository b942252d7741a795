package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"zvonar/internal/calls"
	"zvonar/internal/client"
)

// amdSelection selects labelled answers.
type amdSelection struct {
	Trunk string `help:"Only of this trunk." placeholder:"NAME"`
	Since string `help:"Only answered from this time on (RFC 3339)." placeholder:"TIME"`
	Until string `help:"Only answered before this time (RFC 3339)." placeholder:"TIME"`
}

func (s amdSelection) query() url.Values {
	q := url.Values{}
	for key, v := range map[string]string{"trunk": s.Trunk, "since": s.Since, "until": s.Until} {
		if v != "" {
			q.Set(key, v)
		}
	}
	return q
}

// amdLabelCmd is `zvonar amd label`.
type amdLabelCmd struct {
	remote
	Call  string `arg:"" help:"Id of the call." placeholder:"CALL"`
	Label string `arg:"" enum:"human,machine,announcement,fax,silence,music,noise" help:"Who answered: ${enum}." placeholder:"LABEL"`
}

// Run says who answered.
func (c *amdLabelCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	e, err := remote.Label(ctx, c.Call, calls.Label(c.Label))
	switch {
	case err != nil:
		return err
	case c.JSON:
		return a.json(e)
	}
	return a.say("%s: %s (the verdict was %s)", e.CallID, c.Label, first(value(e.Verdict), "none"))
}

// amdRescoreCmd is `zvonar amd rescore`.
type amdRescoreCmd struct {
	remote
	Calls []string `arg:"" name:"call" help:"Ids of calls." placeholder:"CALL"`
}

// Run judges answers again.
func (c *amdRescoreCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	for _, call := range c.Calls {
		r, err := remote.Rescore(ctx, call)
		switch {
		case err != nil:
			return err
		case c.JSON:
			err = a.json(r)
		default:
			err = a.say("%s: %s (%s, %.2f), was %s", r.CallID, r.Verdict, r.Cause, r.Confidence, first(string(r.Was), "none"))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// amdReportCmd is `zvonar amd report`.
type amdReportCmd struct {
	remote
	amdSelection
}

// Run compares verdicts with labels.
func (c *amdReportCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	list, err := remote.CompareLabels(ctx, c.query())
	switch {
	case err != nil:
		return err
	case c.JSON:
		return jsonLines(a, list)
	case len(list) == 0:
		return a.say("no answer has a label; zvonar amd label gives one")
	}
	head, rows := compared(list)
	return a.table(head, rows)
}

// verdictColumns are the verdicts in the order of the report; the last is none.
var verdictColumns = []calls.Verdict{calls.VerdictHuman, calls.VerdictMachine, calls.VerdictAnnouncement, calls.VerdictFax, calls.VerdictSilence, calls.VerdictUnknown, calls.VerdictNone}

// compared makes a row for each trunk, label and kind of verdict: at the call, and
// judged again, where some were.
func compared(list []client.Comparison) (head []string, rows [][]string) {
	head = []string{"TRUNK", "LABEL", "JUDGED"}
	for _, v := range verdictColumns {
		head = append(head, first(string(v), "none"))
	}
	for len(list) > 0 {
		n := slices.IndexFunc(list, func(c client.Comparison) bool { return c.Trunk != list[0].Trunk || c.Label != list[0].Label })
		if n < 0 {
			n = len(list)
		}
		live, again, some := map[calls.Verdict]int64{}, map[calls.Verdict]int64{}, false
		for _, c := range list[:n] {
			live[c.Verdict] += c.Calls
			again[c.Rescored] += c.Calls
			some = some || c.Rescored != calls.VerdictNone
		}
		rows = append(rows, comparedRow(list[0], "in the call", live))
		if some {
			rows = append(rows, comparedRow(list[0], "again", again))
		}
		list = list[n:]
	}
	return head, rows
}

func comparedRow(of client.Comparison, judged string, counts map[calls.Verdict]int64) []string {
	row := []string{of.Trunk, string(of.Label), judged}
	for _, v := range verdictColumns {
		row = append(row, strconv.FormatInt(counts[v], 10))
	}
	return row
}

// amdExportCmd is `zvonar amd export`.
type amdExportCmd struct {
	remote
	amdSelection
	Dir string `arg:"" help:"Made if missing; gets manifest.csv and a sound file for each answer." placeholder:"DIR" type:"path"`
}

// Run writes what `zvonar amd train DIR/manifest.csv` reads.
func (c *amdExportCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return err
	}
	rows := [][]string{{"file", "label", "voice", "real", "trunk", "verdict"}}
	mute, network := 0, 0
	for cursor, more := "", true; more; more = cursor != "" {
		var page []client.Evidence
		if page, cursor, err = remote.Labels(ctx, c.query(), cursor); err != nil {
			return err
		}
		for _, e := range page {
			if value(e.Label) == string(calls.LabelAnnouncement) { // speech, and nobody who answers: training has no place for it
				network++
				continue
			}
			sound, err := remote.AnswerSound(ctx, e.CallID)
			var problem *client.Problem
			if errors.As(err, &problem) && problem.Code() == calls.CodeNotFound {
				mute++
				continue
			}
			name := filepath.Base(e.CallID) + ".wav"
			if err == nil {
				err = os.WriteFile(filepath.Join(c.Dir, name), sound, 0o600)
			}
			if err != nil {
				return err
			}
			rows = append(rows, []string{name, value(e.Label), e.CallID, "real", e.Trunk, value(e.Verdict)})
		}
	}
	if err := writeManifest(filepath.Join(c.Dir, "manifest.csv"), rows); err != nil {
		return err
	}
	if c.JSON {
		return a.json(map[string]int{"exported": len(rows) - 1, "without_sound": mute, "announcements": network})
	}
	return a.say("%d answers are in %s; %d have no sound that is kept, %d are announcements, which training does not learn", len(rows)-1, c.Dir, mute, network)
}

func writeManifest(path string, rows [][]string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write the manifest: %w", err)
	}
	return errors.Join(csv.NewWriter(f).WriteAll(rows), f.Close())
}
