package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/client"
)

// tokensCmd is `zvonar tokens`.
type tokensCmd struct {
	Add    tokensAddCmd    `cmd:"" help:"Make a token; its secret is shown once."`
	Rotate tokensRotateCmd `cmd:"" help:"Make a successor; the old secret works a while longer."`
	Revoke tokensRevokeCmd `cmd:"" help:"Revoke a token at once."`
	List   tokensListCmd   `cmd:"" help:"List tokens, without their secrets."`
}

type tokensAddCmd struct {
	remote
	Name string   `arg:"" help:"What it is for." placeholder:"NAME"`
	Role []string `required:"" enum:"viewer,caller,moderator,operator,admin" help:"viewer, caller, moderator, operator or admin; may be given several times." placeholder:"ROLE"`
}

// Run makes a token.
func (c *tokensAddCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	t, err := remote.AddToken(ctx, c.Name, c.Role)
	return c.token(a, t, err)
}

type tokensRotateCmd struct {
	remote
	ID      string `arg:"" help:"The token's id." placeholder:"ID"`
	Overlap string `help:"How long the old secret still works (default 24h)." placeholder:"DURATION"`
}

// Run rotates a token.
func (c *tokensRotateCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	t, err := remote.RotateToken(ctx, c.ID, c.Overlap)
	return c.token(a, t, err)
}

// token prints a token that was just made, unless err: its secret alone on
// stdout, so that it can be piped into a file.
func (r *remote) token(a *app, t client.Token, err error) error {
	switch {
	case err != nil:
		return err
	case r.JSON:
		return a.json(t)
	}
	fmt.Fprintf(a.stderr, "token %s (%s); its secret is shown only now:\n", t.ID, t.Name)
	return a.say("%s", t.Secret)
}

type tokensRevokeCmd struct {
	remote
	ID string `arg:"" help:"The token's id." placeholder:"ID"`
}

// Run revokes a token.
func (c *tokensRevokeCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	if err := remote.RevokeToken(ctx, c.ID); err != nil || c.JSON {
		return err
	}
	return a.say("%s is revoked", c.ID)
}

type tokensListCmd struct {
	remote
	Limit int `help:"At most so many." default:"200" placeholder:"N"`
}

// Run lists tokens.
func (c *tokensListCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	list, err := remote.Tokens(ctx, c.Limit)
	if err != nil {
		return err
	}
	if c.JSON {
		return jsonLines(a, list)
	}
	rows := make([][]string, 0, len(list))
	for _, t := range list {
		rows = append(rows, []string{t.ID, t.Name, rolesOf(t.Roles), t.Prefix, stamp(t.CreatedAt), ends(t)})
	}
	return a.table([]string{"ID", "NAME", "ROLES", "BEGINS", "CREATED", "ENDS"}, rows)
}

func rolesOf(roles []calls.Permission) string {
	words := make([]string, len(roles))
	for i, r := range roles {
		words[i] = string(r)
	}
	return strings.Join(words, ",")
}

// ends is when a token stops to work, "" where it does not.
func ends(t client.Token) string {
	if !time.Time(t.RevokedAt).IsZero() {
		return "revoked " + stamp(t.RevokedAt)
	}
	return stamp(t.ExpiresAt)
}
