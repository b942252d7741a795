package main

import (
	"context"
	"fmt"

	"zvonar/internal/client"
)

// bridgeCmd is `zvonar bridge`.
type bridgeCmd struct {
	remote
	First       string `arg:"" help:"Who is rung first: a number, an extension at a trunk (201@office), an employee (201, employee:ID) or a group (group:NAME)." placeholder:"FIRST"`
	Second      string `arg:"" help:"Who is rung once the first one is on the line." placeholder:"SECOND"`
	Order       string `help:"Who the first one is, manager_first or client_first (default ${default}): blacklist, window and caps are the client's." enum:"manager_first,client_first" default:"manager_first" placeholder:"ORDER"`
	Anonymous   bool   `help:"Neither sees a number."`
	Record      string `help:"Clip that the first one hears while the second is rung (default: ringback)." placeholder:"ID"`
	From        string `help:"Caller number that the client sees." placeholder:"NUMBER"`
	Trunk       string `help:"Trunk to call over." placeholder:"NAME"`
	Provider    string `help:"Provider that joins them." placeholder:"NAME"`
	Ref         string `help:"Your own name of the call; the same again gives the same call." placeholder:"REF"`
	RingTimeout string `name:"ring-timeout" help:"How long it may ring at the client, 5s to 3m." placeholder:"D"`
	MaxDuration string `name:"max-duration" help:"How long it may last, 5s to 4h." placeholder:"D"`
	Metadata    string `help:"Whatever you want back with its events: a JSON object, or a file; - is stdin." placeholder:"FILE|JSON"`
	WebhookURL  string `name:"webhook-url" help:"Send the events of this call there, signed with a secret made from the token." placeholder:"URL"`
	Follow      bool   `help:"Print what happens, live, until the call is over; exit with 0 if it was answered, else 3."`
}

// Run asks for the talk and, with --follow, stays with it to its end.
func (c *bridgeCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	request := client.BridgeRequest{First: c.First, Second: c.Second, Order: c.Order, Anonymous: c.Anonymous, RecordID: c.Record, From: c.From, Trunk: c.Trunk,
		Provider: c.Provider, Ref: c.Ref, RingTimeout: c.RingTimeout, MaxDuration: c.MaxDuration, WebhookURL: c.WebhookURL}
	if c.Metadata != "" {
		if request.Metadata, err = readJSONArg(a, c.Metadata); err != nil {
			return fmt.Errorf("--metadata: %w", err)
		}
	}
	call, replayed, err := remote.Bridge(ctx, request)
	if err != nil {
		return err
	}
	return placed(ctx, a, remote, call, replayed, c.Follow, c.JSON)
}
