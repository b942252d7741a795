package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/client"
	"zvonar/internal/config"
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
	Name      string   `arg:"" help:"What it is for." placeholder:"NAME"`
	Roles     []string `required:"" aliases:"role" enum:"viewer,caller,moderator,operator,admin" help:"viewer, caller, moderator, operator, admin; with commas between, or given several times." placeholder:"ROLE"`
	Account   string   `help:"Account whose data it sees (default: that of your token). Another one needs an admin token of main." placeholder:"NAME"`
	Expires   string   `help:"When it ends: a time like 2026-12-31T23:59:59Z, or from now like 720h or 90d." placeholder:"TIME"`
	AllowFrom []string `help:"Networks or addresses it may be used from (default: anywhere)." placeholder:"NETWORK"`
}

// expiry reads --expires; nil is never.
func (c *tokensAddCmd) expiry(now time.Time) (*time.Time, error) {
	if c.Expires == "" {
		return nil, nil
	}
	var d config.Duration
	at, err := time.Parse(time.RFC3339, c.Expires)
	if err != nil {
		if err := d.UnmarshalText([]byte(c.Expires)); err != nil {
			return nil, fmt.Errorf("--expires %s is neither a time like 2026-12-31T23:59:59Z nor a duration like 90d", c.Expires)
		}
		at = now.Add(d.Duration())
	}
	return &at, nil
}

// Run makes a token.
func (c *tokensAddCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	end, err := c.expiry(time.Now())
	if err != nil {
		return err
	}
	t, err := remote.AddToken(ctx, client.TokenRequest{Name: c.Name, Roles: c.Roles, Account: c.Account, ExpiresAt: end, AllowFrom: c.AllowFrom})
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
	Account string `help:"Of this account (default: that of your token)." placeholder:"NAME"`
	Limit   int    `help:"At most so many (default ${default})." default:"200" placeholder:"N"`
}

// Run lists tokens.
func (c *tokensListCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	list, err := remote.Tokens(ctx, c.Account, c.Limit)
	if err != nil {
		return err
	}
	if c.JSON {
		return jsonLines(a, list)
	}
	rows := make([][]string, 0, len(list))
	for _, t := range list {
		rows = append(rows, []string{t.ID, t.Name, rolesOf(t.Roles), t.Prefix, t.Account, strings.Join(t.AllowFrom, ","), stamp(t.CreatedAt), stamp(t.LastUsedAt), ends(t)})
	}
	return a.table([]string{"ID", "NAME", "ROLES", "BEGINS", "ACCOUNT", "FROM", "CREATED", "USED", "ENDS"}, rows)
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
