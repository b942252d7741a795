package main

import (
	"context"
	"strconv"
	"strings"
	"time"

	"zvonar/internal/client"
)

// trunksCmd is `zvonar trunks`.
type trunksCmd struct{ remote }

// Run shows the trunks.
func (c *trunksCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	list, err := remote.Trunks(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return jsonLines(a, list)
	}
	rows := make([][]string, 0, len(list))
	for _, t := range list {
		rows = append(rows, []string{t.Name, t.State, t.URI, registered(t), strconv.Itoa(t.Calls) + " of " + limit(float64(t.MaxCalls)),
			limit(t.MaxCPS), strings.Join(t.Codecs, ","), strings.Join(t.Numbers, ",")})
	}
	if err := a.table([]string{"NAME", "STATE", "URI", "REGISTERED", "CALLS", "CPS", "CODECS", "NUMBERS"}, rows); err != nil {
		return err
	}
	for _, t := range list {
		if t.Reason != "" {
			if err := a.say("%s: %s", t.Name, t.Reason); err != nil {
				return err
			}
		}
		for _, k := range t.Targets {
			if len(t.Targets) > 1 || k.Error != "" {
				if err := a.say("%s: %s %s%s", t.Name, k.Address, k.State, because(k.Error)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// because is a reason behind a state.
func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}

// registered is until when we are registered with a trunk.
func registered(t client.Trunk) string {
	until := time.Time(t.RegisteredUntil)
	switch {
	case !t.Register:
		return "-"
	case until.IsZero():
		return "no"
	}
	return "until " + until.Local().Format(time.TimeOnly)
}

// limit is a limit for a table; 0 is none.
func limit(n float64) string {
	if n == 0 {
		return "any"
	}
	return strconv.FormatFloat(n, 'g', -1, 64)
}
