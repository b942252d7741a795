package main

import (
	"context"
	"strconv"
	"strings"
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
		rows = append(rows, []string{t.Name, t.URI, strconv.Itoa(t.Calls) + " of " + limit(float64(t.MaxCalls)),
			limit(t.MaxCPS), strings.Join(t.Codecs, ","), strings.Join(t.Numbers, ",")})
	}
	return a.table([]string{"NAME", "URI", "CALLS", "CPS", "CODECS", "NUMBERS"}, rows)
}

// limit is a limit for a table; 0 is none.
func limit(n float64) string {
	if n == 0 {
		return "any"
	}
	return strconv.FormatFloat(n, 'g', -1, 64)
}
