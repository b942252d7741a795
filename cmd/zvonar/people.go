package main

import (
	"context"
	"strings"

	"zvonar/internal/client"
)

// employeesCmd is `zvonar employees`.
type employeesCmd struct {
	Add    employeesAddCmd    `cmd:"" help:"Add an employee."`
	List   employeesListCmd   `cmd:"" help:"List the employees."`
	Set    employeesSetCmd    `cmd:"" help:"Change an employee: what is given; \"\" takes it away."`
	Remove employeesRemoveCmd `cmd:"" help:"Remove an employee."`
}

type employeesAddCmd struct {
	remote
	Name        string `arg:"" help:"His name." placeholder:"NAME"`
	Extension   string `help:"1 to 6 digits; he is a target by it." placeholder:"DIGITS"`
	Trunk       string `help:"Trunk at which the extension rings." placeholder:"NAME"`
	Phone       string `help:"His telephone." placeholder:"NUMBER"`
	Ring        string `help:"first or all of his telephones (default ${default})." enum:"first,all" default:"first" placeholder:"ORDER"`
	From        string `help:"Caller number of calls in his name." placeholder:"NUMBER"`
	Record      string `help:"Recording of calls in his name that name none." placeholder:"ID"`
	Method      string `help:"Who calls in his name: nobody (off), himself (app), the API (api) (default ${default})." enum:"off,app,api" default:"off" placeholder:"METHOD"`
	CRMUser     string `name:"crm-user" help:"His name in the CRM." placeholder:"USER"`
	Provider    string `help:"Provider whose subscriber he is." placeholder:"NAME"`
	Subscriber  string `help:"His name at that provider." placeholder:"NAME"`
	SIPUser     string `name:"sip-user" help:"User name of his softphone." placeholder:"USER"`
	SIPPassword string `name:"sip-password" help:"Its password, at least 12 characters." placeholder:"PASSWORD"`
}

// Run adds an employee.
func (c *employeesAddCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	e, err := remote.AddEmployee(ctx, client.EmployeeRequest{Name: c.Name, Extension: c.Extension, Trunk: c.Trunk, Phone: c.Phone, Ring: c.Ring, From: c.From,
		RecordID: c.Record, CallMethod: c.Method, CRMUser: c.CRMUser, Provider: c.Provider, Subscriber: c.Subscriber, SIPUser: c.SIPUser, SIPPassword: c.SIPPassword})
	switch {
	case err != nil:
		return err
	case c.JSON:
		return a.json(e)
	}
	return a.say("%s is %s", e.Name, e.ID)
}

type employeesListCmd struct{ remote }

// Run lists employees.
func (c *employeesListCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	list, err := remote.Employees(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return jsonLines(a, list)
	}
	rows := make([][]string, 0, len(list))
	for _, e := range list {
		rows = append(rows, []string{e.ID, e.Name, value(e.Extension), value(e.Trunk), value(e.Phone), string(e.Ring), string(e.CallMethod), value(e.From), value(e.SIPUser)})
	}
	return a.table([]string{"ID", "NAME", "EXT", "TRUNK", "PHONE", "RING", "METHOD", "FROM", "SOFTPHONE"}, rows)
}

type employeesRemoveCmd struct {
	remote
	ID string `arg:"" help:"As list shows it." placeholder:"ID"`
}

// Run removes an employee.
func (c *employeesRemoveCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	if err := remote.RemoveEmployee(ctx, c.ID); err != nil || c.JSON {
		return err
	}
	return a.say("%s is removed", c.ID)
}

// groupsCmd is `zvonar groups`.
type groupsCmd struct {
	Add    groupsAddCmd    `cmd:"" help:"Add a group; it is a target as group:NAME."`
	List   groupsListCmd   `cmd:"" help:"List the groups."`
	Set    groupsSetCmd    `cmd:"" help:"Change a group: what is given."`
	Remove groupsRemoveCmd `cmd:"" help:"Remove a group."`
}

type groupsAddCmd struct {
	remote
	Name     string   `arg:"" help:"Letters, digits, - and _." placeholder:"NAME"`
	Members  []string `arg:"" help:"Employees by id or extension, in their order." placeholder:"EMPLOYEE"`
	Strategy string   `help:"sequential, round_robin or simultaneous (default ${default})." enum:"sequential,round_robin,simultaneous" default:"sequential" placeholder:"STRATEGY"`
	Ring     string   `help:"How long each member rings, like 15s (default: as the flow says)." placeholder:"TIME"`
}

// Run adds a group.
func (c *groupsAddCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	g, err := remote.AddGroup(ctx, client.GroupRequest{Name: c.Name, Members: c.Members, Strategy: c.Strategy, RingTimeout: c.Ring})
	switch {
	case err != nil:
		return err
	case c.JSON:
		return a.json(g)
	}
	return a.say("group:%s rings %d employees", g.Name, len(g.Members))
}

type groupsListCmd struct{ remote }

// Run lists groups.
func (c *groupsListCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	list, err := remote.Groups(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return jsonLines(a, list)
	}
	rows := make([][]string, 0, len(list))
	for _, g := range list {
		rows = append(rows, []string{g.Name, string(g.Strategy), value(g.RingTimeout), strings.Join(g.Members, " ")})
	}
	return a.table([]string{"NAME", "STRATEGY", "RING", "MEMBERS"}, rows)
}

type groupsRemoveCmd struct {
	remote
	Name string `arg:"" help:"As list shows it." placeholder:"NAME"`
}

// Run removes a group.
func (c *groupsRemoveCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	if err := remote.RemoveGroup(ctx, c.Name); err != nil || c.JSON {
		return err
	}
	return a.say("group:%s is removed", c.Name)
}
