package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/client"
)

// providersCmd is `zvonar providers`.
type providersCmd struct {
	List         providersListCmd    `cmd:"" help:"List providers and facades, and what was said with them last."`
	Log          providersLogCmd     `cmd:"" help:"Show what is said with providers, sinks and users of facades."`
	Samples      providersSamplesCmd `cmd:"" help:"Show requests to try a provider or a facade with."`
	Test         providersTestCmd    `cmd:"" help:"Send a request to a provider or a facade; what it asks for happens."`
	Sign         providersSignCmd    `cmd:"" help:"Show what signs a request, without sending it."`
	TLS          providersTLSCmd     `cmd:"" name:"tls" help:"Show how a provider is spoken to, or switch TLS on or off."`
	Certificates certificatesCmd     `cmd:"" help:"Trust certificates of a provider; get ours."`
	Keys         keysCmd             `cmd:"" help:"Issue, rotate and revoke keys of facades."`
}

type providersListCmd struct{ remote }

// Run lists providers and facades.
func (c *providersListCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	list, err := remote.Providers(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return jsonLines(a, list)
	}
	rows := make([][]string, 0, len(list))
	for _, p := range list {
		rows = append(rows, []string{p.Name, p.Kind, p.Role, orEmpty(p.Account), strings.Join(p.Can, ","), p.Address, p.Summary})
	}
	return a.table([]string{"NAME", "KIND", "ROLE", "ACCOUNT", "CAN", "ADDRESS", "LAST"}, rows)
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

type providersLogCmd struct {
	remote
	Follow    bool   `help:"Go on with what is said from now on." short:"f"`
	Kind      string `help:"Of this kind." placeholder:"KIND"`
	Provider  string `help:"Of this configured provider." placeholder:"NAME"`
	Method    string `help:"Of this method, as the provider calls it." placeholder:"METHOD"`
	Direction string `help:"in: they asked; out: we did." enum:",in,out" default:"" placeholder:"in|out"`
	Call      string `help:"Of this call." placeholder:"ID"`
	Limit     int    `help:"The last so many (default ${default})." default:"20" placeholder:"N"`
	Clear     bool   `help:"Remove what is selected, and show nothing."`
	Short     bool   `help:"One line each, without requests and answers."`
}

// followEvery is how often --follow asks for more.
const followEvery = time.Second

// Run shows the journal.
func (c *providersLogCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	f := client.ExchangeFilter{Kind: c.Kind, Provider: c.Provider, Method: c.Method, Direction: c.Direction, CallID: c.Call}
	if c.Clear {
		n, err := remote.ClearExchanges(ctx, f)
		if err != nil || c.JSON {
			return err
		}
		return a.say("%d removed", n)
	}
	list, err := remote.Exchanges(ctx, f, c.Limit)
	if err != nil {
		return err
	}
	slices.Reverse(list)
	after := int64(0)
	if len(list) > 0 {
		after = list[len(list)-1].ID
	}
	if err := c.show(a, list); err != nil || !c.Follow {
		return err
	}
	return c.follow(ctx, a, remote, f, after)
}

// follow shows what is said after an exchange, until ctx ends.
func (c *providersLogCmd) follow(ctx context.Context, a *app, remote *client.Client, f client.ExchangeFilter, after int64) error {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		list, err := c.since(ctx, remote, f, after)
		if err != nil {
			return err
		}
		if len(list) > 0 {
			after = list[len(list)-1].ID
		}
		if err := c.show(a, list); err != nil {
			return err
		}
	}
}

// since is what was said after an exchange; where there was none, all of it.
func (c *providersLogCmd) since(ctx context.Context, remote *client.Client, f client.ExchangeFilter, after int64) ([]client.Exchange, error) {
	if after > 0 {
		return remote.ExchangesAfter(ctx, f, after)
	}
	list, err := remote.Exchanges(ctx, f, 500)
	slices.Reverse(list)
	return list, err
}

func (c *providersLogCmd) show(a *app, list []client.Exchange) error {
	if c.JSON {
		return jsonLines(a, list)
	}
	for _, x := range list {
		if err := c.one(a, x); err != nil {
			return err
		}
	}
	return nil
}

// one shows an exchange: a line, and below it what was said, each line moved in.
func (c *providersLogCmd) one(a *app, x client.Exchange) error {
	arrow, what := "<-", x.Fault
	if x.Direction == "out" {
		arrow = "->"
	}
	if x.Status != 0 {
		what = strings.TrimSpace(strconv.Itoa(x.Status) + " " + what)
	}
	test := ""
	if x.Test {
		test = " (test)"
	}
	who := x.Kind
	if p := orEmpty(x.Provider); p != "" {
		who = p
	}
	err := a.say("%s %s %s %s%s  %s  %d ms  %s", stamp(x.At), arrow, who, shown(x.Method), test, shown(what), x.TookMS, orEmpty(x.CallID))
	if err != nil || c.Short {
		return err
	}
	for _, part := range []struct{ mark, text string }{{"> ", x.Request}, {"< ", x.Answer}} {
		for line := range strings.Lines(part.text) {
			if err := a.say("    %s%s", part.mark, shown(line)); err != nil {
				return err
			}
		}
	}
	return nil
}

// shown is text of others as a terminal may get it.
func shown(s string) string { return calls.Clean(strings.TrimRight(s, "\r\n"), 2000) }

type providersSamplesCmd struct {
	remote
	Name string `arg:"" help:"Provider, or compat:KIND for a facade." placeholder:"NAME"`
}

// Run shows samples.
func (c *providersSamplesCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	list, err := remote.Samples(ctx, c.Name)
	if err != nil {
		return err
	}
	if c.JSON {
		return jsonLines(a, list)
	}
	for _, s := range list {
		if err := a.say("%s (%s): %s", s.Method, s.Direction, s.Title); err != nil {
			return err
		}
		for line := range strings.Lines(s.Body) {
			if err := a.say("    %s", shown(line)); err != nil {
				return err
			}
		}
	}
	return nil
}

// trial are the arguments of commands that send or sign a request.
type trial struct {
	Name   string `arg:"" help:"Provider, or compat:KIND for a facade." placeholder:"NAME"`
	Method string `arg:"" help:"Method of a sample; to a facade the path below its prefix." placeholder:"METHOD"`
	Body   string `help:"Body, or @FILE that holds it; - is stdin (default: that of the sample)." placeholder:"TEXT"`
}

// maxTrial is the largest body that is sent, in bytes.
const maxTrial = 256 << 10

// request is the request that was asked for.
func (t *trial) request(ctx context.Context, a *app, remote *client.Client) (client.Trial, error) {
	out := client.Trial{Method: t.Method, Body: t.Body}
	file, isFile := strings.CutPrefix(t.Body, "@")
	switch {
	case t.Body == "-":
		b, err := io.ReadAll(io.LimitReader(a.stdin, maxTrial))
		out.Body = string(b)
		return out, err
	case isFile:
		b, err := os.ReadFile(file)
		out.Body = string(b)
		return out, err
	case t.Body != "":
		return out, nil
	}
	list, err := remote.Samples(ctx, t.Name)
	for _, s := range list {
		if s.Method == t.Method {
			out.Body = s.Body
		}
	}
	return out, err
}

type providersTestCmd struct {
	remote
	trial
	Header  map[string]string `help:"Header to send to a facade (NAME=VALUE)." placeholder:"NAME=VALUE"`
	Timeout time.Duration     `help:"How long to wait for the answer, at most 25s (default ${default})." default:"10s" placeholder:"DURATION"`
}

// Run sends a request.
func (c *providersTestCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	t, err := c.request(ctx, a, remote)
	if err != nil {
		return err
	}
	t.Header, t.TimeoutS = c.Header, c.Timeout.Seconds()
	answer, err := remote.TestProvider(ctx, c.Name, t)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.json(answer)
	}
	fmt.Fprintf(a.stderr, "%d after %d ms\n", answer.Status, answer.TookMS)
	return a.say("%s", answer.Body)
}

type providersSignCmd struct {
	remote
	trial
}

// Run shows what signs a request.
func (c *providersSignCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	t, err := c.request(ctx, a, remote)
	if err != nil {
		return err
	}
	list, err := remote.SignForProvider(ctx, c.Name, t)
	if err != nil {
		return err
	}
	if c.JSON {
		return jsonLines(a, list)
	}
	rows := make([][]string, 0, len(list))
	for _, s := range list {
		rows = append(rows, []string{s.Name, s.Value})
	}
	return a.table([]string{"NAME", "VALUE"}, rows)
}
