package main

import (
	"context"
	"fmt"
	"strings"

	"zvonar/internal/client"
)

// numbersCmd is `zvonar numbers`.
type numbersCmd struct {
	Add     numbersAddCmd     `cmd:"" help:"Add a number of your own, or say whom a trunk's is for."`
	Confirm numbersConfirmCmd `cmd:"" help:"Confirm a number of your own: by a call to it, or by your word."`
	List    numbersListCmd    `cmd:"" help:"List caller numbers with their answer rates."`
	Set     numbersSetCmd     `cmd:"" help:"Change whom a number is for: what is given; \"\" takes it away."`
	Remove  numbersRemoveCmd  `cmd:"" help:"Remove a number; a trunk's is everybody's again."`
}

type numbersAddCmd struct {
	remote
	Number    string   `arg:"" help:"The number." placeholder:"NUMBER"`
	Title     string   `help:"For people." placeholder:"TITLE"`
	Trunk     string   `help:"Trunk that shows it (default: any)." placeholder:"NAME"`
	Employee  string   `help:"The only employee who may use it, by id or extension." placeholder:"EMPLOYEE"`
	Campaigns []string `name:"campaign" help:"A campaign that may use it; may be given several times." placeholder:"ID"`
	Pool      string   `help:"Numbers of a pool take turns in calls from pool:NAME." placeholder:"NAME"`
}

// Run adds a number.
func (c *numbersAddCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	n, err := remote.AddNumber(ctx, client.NumberRequest{Number: c.Number, Title: c.Title, Trunk: c.Trunk, Employee: c.Employee, Campaigns: c.Campaigns, Pool: c.Pool})
	switch {
	case err != nil:
		return err
	case c.JSON:
		return a.json(n)
	}
	return a.say("%s is %s", n.Number, n.State)
}

type numbersConfirmCmd struct {
	remote
	Number string `arg:"" help:"The number." placeholder:"NUMBER"`
	Record string `help:"Call the number and play this recording, which asks for the code that is printed." placeholder:"ID" xor:"how"`
	Call   string `help:"The call in which the code was pressed." placeholder:"CALL" xor:"how"`
}

// Run confirms a number; without options by the word of whoever asks.
func (c *numbersConfirmCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	by := "operator"
	if c.Record != "" || c.Call != "" {
		by = "call"
	}
	n, err := remote.ConfirmNumber(ctx, c.Number, by, c.Record, c.Call)
	switch {
	case err != nil:
		return err
	case c.JSON:
		return a.json(n)
	case n.Code != nil:
		return a.say("press %s in the call to %s, then: zvonar numbers confirm %s --call %s", *n.Code, n.Number, n.Number, value(n.CallID))
	}
	return a.say("%s is confirmed by %s", n.Number, value(n.ConfirmedBy))
}

type numbersListCmd struct {
	remote
	Days int `help:"Of the answer rates (default ${default})." default:"7" placeholder:"N"`
}

// Run lists numbers.
func (c *numbersListCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	list, err := remote.Numbers(ctx, c.Days)
	if err != nil {
		return err
	}
	if c.JSON {
		return jsonLines(a, list)
	}
	rows := make([][]string, 0, len(list))
	for _, n := range list {
		rate := ""
		if n.Stats.Rate != nil {
			rate = fmt.Sprintf("%.0f %%", *n.Stats.Rate*100)
		}
		rows = append(rows, []string{n.Number, string(n.Kind), string(n.State), value(n.Trunk), value(n.Pool), value(n.Employee), strings.Join(n.Campaigns, " "),
			fmt.Sprint(n.Stats.Dialled), fmt.Sprint(n.Stats.Answered), rate, value(n.Title)})
	}
	return a.table([]string{"NUMBER", "KIND", "STATE", "TRUNK", "POOL", "EMPLOYEE", "CAMPAIGNS", "DIALLED", "ANSWERED", "RATE", "TITLE"}, rows)
}

type numbersRemoveCmd struct {
	remote
	Number string `arg:"" help:"The number." placeholder:"NUMBER"`
}

// Run removes a number.
func (c *numbersRemoveCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	if err := remote.RemoveNumber(ctx, c.Number); err != nil || c.JSON {
		return err
	}
	return a.say("%s is removed", c.Number)
}
