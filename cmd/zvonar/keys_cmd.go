package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"zvonar/internal/client"
)

// keysCmd is `zvonar providers keys`.
type keysCmd struct {
	Add    keysAddCmd    `cmd:"" help:"Issue a key of a facade; its secret is shown once."`
	Rotate keysRotateCmd `cmd:"" help:"Make a new secret; the old one works a while longer."`
	Set    keysSetCmd    `cmd:"" help:"Change a key: what is given; \"\" takes it away."`
	Revoke keysRevokeCmd `cmd:"" help:"Revoke a key at once; its events stop."`
	List   keysListCmd   `cmd:"" help:"List keys, without their secrets."`
}

type keysAddCmd struct {
	remote
	Kind      string   `arg:"" help:"Of the facade: sipuni, mango, …" placeholder:"KIND"`
	Name      string   `arg:"" help:"What it is for." placeholder:"NAME"`
	Public    string   `help:"What requests name it by (default: made)." placeholder:"TEXT"`
	Secret    string   `help:"For software whose secret cannot be changed (default: made); the process list shows it, so better issue one and change the software." placeholder:"TEXT"`
	Roles     []string `aliases:"role" enum:"viewer,caller,moderator,operator,admin" help:"With commas between (default: caller)." placeholder:"ROLE"`
	Account   string   `help:"Account whose calls it places (default: that of your token)." placeholder:"NAME"`
	AllowFrom []string `help:"Networks or addresses it may be used from (default: anywhere)." placeholder:"NETWORK"`
	EventsURL string   `name:"events-url" help:"Where events go in the dialect of the kind." placeholder:"URL"`
	Settings  string   `name:"events-settings" help:"JSON object: what the kind keeps of that address." placeholder:"JSON"`
}

// Run issues a key.
func (c *keysAddCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	r := client.KeyRequest{Kind: c.Kind, Name: c.Name, Public: c.Public, Secret: c.Secret, Roles: c.Roles, Account: c.Account, AllowFrom: c.AllowFrom, EventsURL: c.EventsURL}
	if c.Settings != "" {
		if r.EventsSettings = json.RawMessage(c.Settings); !json.Valid(r.EventsSettings) {
			return errors.New("--events-settings is no JSON")
		}
	}
	k, err := remote.AddKey(ctx, r)
	return c.key(a, k, err)
}

// key prints a key that was just made or rotated, unless err: its secret alone on
// stdout, what else its owner gets below it.
func (r *remote) key(a *app, k client.Key, err error) error {
	switch {
	case err != nil:
		return err
	case r.JSON:
		return a.json(k)
	}
	fmt.Fprintf(a.stderr, "key %s of %s is named %s in requests; its secret is shown only now:\n", k.ID, k.Kind, k.Public)
	if err := a.say("%s", k.Secret); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(k.Shown)) {
		fmt.Fprintf(a.stderr, "%s, shown only now:\n", shown(name))
		if err := a.say("%s", strings.TrimRight(k.Shown[name], "\n")); err != nil {
			return err
		}
	}
	return nil
}

type keysRotateCmd struct {
	remote
	ID      string `arg:"" help:"The key's id." placeholder:"ID"`
	Overlap string `help:"How long the old secret still works (default 24h)." placeholder:"DURATION"`
}

// Run rotates a key.
func (c *keysRotateCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	k, err := remote.RotateKey(ctx, c.ID, c.Overlap)
	return c.key(a, k, err)
}

type keysRevokeCmd struct {
	remote
	ID string `arg:"" help:"The key's id." placeholder:"ID"`
}

// Run revokes a key.
func (c *keysRevokeCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	if err := remote.RevokeKey(ctx, c.ID); err != nil || c.JSON {
		return err
	}
	return a.say("%s is revoked", c.ID)
}

type keysListCmd struct {
	remote
	Kind    string `help:"Of this kind." placeholder:"KIND"`
	Account string `help:"Of this account (default: that of your token)." placeholder:"NAME"`
	Limit   int    `help:"At most so many (default ${default})." default:"200" placeholder:"N"`
}

// Run lists keys.
func (c *keysListCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	list, err := remote.Keys(ctx, c.Kind, c.Account, c.Limit)
	if err != nil {
		return err
	}
	if c.JSON {
		return jsonLines(a, list)
	}
	rows := make([][]string, 0, len(list))
	for _, k := range list {
		ends := ""
		if !time.Time(k.RevokedAt).IsZero() {
			ends = "revoked " + stamp(k.RevokedAt)
		}
		rows = append(rows, []string{k.ID, k.Kind, k.Name, k.Public, rolesOf(k.Roles), k.Account, strings.Join(k.AllowFrom, ","), orEmpty(k.EventsURL), stamp(k.LastUsedAt), ends})
	}
	return a.table([]string{"ID", "KIND", "NAME", "PUBLIC", "ROLES", "ACCOUNT", "FROM", "EVENTS", "USED", "ENDS"}, rows)
}
