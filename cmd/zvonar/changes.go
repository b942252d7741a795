package main

import (
	"context"
	"fmt"
	"net/url"
)

// changes gathers what a command line says is to be changed: what is not given stays,
// what is given empty goes.
type changes map[string]any

// word notes an option that was given.
func (m changes) word(name string, given *string) changes {
	if given != nil {
		m[name] = *given
	}
	return m
}

// list notes an option that takes several; given empty it takes all away.
func (m changes) list(name string, given *[]string) changes {
	if given != nil {
		m[name] = append([]string{}, *given...)
	}
	return m
}

// json notes an option that was given as JSON, or as a file that holds it.
func (m changes) json(a *app, name, given string) error {
	if given == "" {
		return nil
	}
	raw, err := readJSONArg(a, given)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	m[name] = raw
	return nil
}

// amend sends changes of one resource and says done, or prints the resource.
func (r *remote) amend(ctx context.Context, a *app, path string, kept []string, m changes, done string) error {
	remote, err := r.client(a)
	if err != nil {
		return err
	}
	var now map[string]any
	if err := remote.Amend(ctx, path, kept, m, &now); err != nil {
		return err
	}
	if r.JSON {
		return a.json(now)
	}
	return a.say("%s", done)
}

type employeesSetCmd struct {
	remote
	ID          string  `arg:"" help:"As list shows it." placeholder:"ID"`
	Name        *string `help:"His name." placeholder:"NAME"`
	Extension   *string `help:"1 to 6 digits; he is a target by it." placeholder:"DIGITS"`
	Trunk       *string `help:"Trunk at which the extension rings." placeholder:"NAME"`
	Phone       *string `help:"His telephone." placeholder:"NUMBER"`
	Ring        *string `help:"first or all of his telephones." placeholder:"ORDER"`
	From        *string `help:"Caller number of calls in his name." placeholder:"NUMBER"`
	Record      *string `help:"Recording of calls in his name that name none." placeholder:"ID"`
	Method      *string `help:"Who calls in his name: off, app or api." placeholder:"METHOD"`
	CRMUser     *string `name:"crm-user" help:"His name in the CRM." placeholder:"USER"`
	Provider    *string `help:"Provider whose subscriber he is." placeholder:"NAME"`
	Subscriber  *string `help:"His name at that provider." placeholder:"NAME"`
	SIPUser     *string `name:"sip-user" help:"User name of his softphone." placeholder:"USER"`
	SIPPassword *string `name:"sip-password" help:"Its password, at least 12 characters." placeholder:"PASSWORD"`
}

// Run changes an employee.
func (c *employeesSetCmd) Run(ctx context.Context, a *app) error {
	kept := []string{"name", "extension", "trunk", "phone", "ring", "from", "record_id", "call_method", "crm_user", "provider", "subscriber", "sip_user"}
	m := changes{}.word("name", c.Name).word("extension", c.Extension).word("trunk", c.Trunk).word("phone", c.Phone).word("ring", c.Ring).word("from", c.From).
		word("record_id", c.Record).word("call_method", c.Method).word("crm_user", c.CRMUser).word("provider", c.Provider).word("subscriber", c.Subscriber).
		word("sip_user", c.SIPUser).word("sip_password", c.SIPPassword)
	return c.amend(ctx, a, "/v1/employees/"+url.PathEscape(c.ID), kept, m, c.ID+" is changed")
}

type groupsSetCmd struct {
	remote
	Name     string    `arg:"" help:"As list shows it." placeholder:"NAME"`
	Members  *[]string `help:"Employees by id or extension, in their order, with commas between." placeholder:"EMPLOYEE"`
	Strategy *string   `help:"sequential, round_robin or simultaneous." placeholder:"STRATEGY"`
	Ring     *string   `help:"How long each member rings, like 15s." placeholder:"TIME"`
}

// Run changes a group.
func (c *groupsSetCmd) Run(ctx context.Context, a *app) error {
	m := changes{}.list("members", c.Members).word("strategy", c.Strategy).word("ring_timeout", c.Ring)
	return c.amend(ctx, a, "/v1/groups/"+url.PathEscape(c.Name), []string{"members", "strategy", "ring_timeout"}, m, "group:"+c.Name+" is changed")
}

type numbersSetCmd struct {
	remote
	Number    string    `arg:"" help:"The number." placeholder:"NUMBER"`
	Title     *string   `help:"For people." placeholder:"TITLE"`
	Trunk     *string   `help:"Trunk that shows it." placeholder:"NAME"`
	Employee  *string   `help:"The only employee who may use it, by id or extension." placeholder:"EMPLOYEE"`
	Campaigns *[]string `name:"campaign" help:"A campaign that may use it; may be given several times." placeholder:"ID"`
	Pool      *string   `help:"Numbers of a pool take turns in calls from pool:NAME." placeholder:"NAME"`
}

// Run changes a number.
func (c *numbersSetCmd) Run(ctx context.Context, a *app) error {
	m := changes{}.word("title", c.Title).word("trunk", c.Trunk).word("employee", c.Employee).list("campaigns", c.Campaigns).word("pool", c.Pool)
	return c.amend(ctx, a, "/v1/numbers/"+url.PathEscape(c.Number), []string{"title", "trunk", "employee", "campaigns", "pool"}, m, c.Number+" is changed")
}

type webhooksSetCmd struct {
	remote
	ID       string    `arg:"" help:"The webhook's id." placeholder:"ID"`
	URL      *string   `name:"url" help:"Where events are posted to." placeholder:"URL"`
	Types    *[]string `help:"Only events of these types, with commas between; empty: all." placeholder:"TYPE"`
	Settings string    `help:"What the kind keeps of the destination: a JSON object, or a file." placeholder:"FILE|JSON"`
	Off      bool      `help:"Send nothing; what waits stays." xor:"state"`
	On       bool      `help:"Send again, from the present end of the log on." xor:"state"`
}

// Run changes a webhook.
func (c *webhooksSetCmd) Run(ctx context.Context, a *app) error {
	m := changes{}.word("url", c.URL).list("types", c.Types)
	if c.Off || c.On {
		m["disabled"] = c.Off
	}
	if err := m.json(a, "settings", c.Settings); err != nil {
		return err
	}
	return c.amend(ctx, a, "/v1/webhooks/"+url.PathEscape(c.ID), []string{"url", "types", "disabled"}, m, c.ID+" is changed")
}

type keysSetCmd struct {
	remote
	ID        string    `arg:"" help:"The key's id." placeholder:"ID"`
	Name      *string   `help:"What it is for." placeholder:"NAME"`
	Roles     *[]string `aliases:"role" help:"With commas between: viewer, caller, moderator, operator, admin." placeholder:"ROLE"`
	AllowFrom *[]string `help:"Networks or addresses it may be used from; empty: anywhere." placeholder:"NETWORK"`
	EventsURL *string   `name:"events-url" help:"Where events go in the dialect of the kind." placeholder:"URL"`
	Settings  string    `name:"events-settings" help:"What the kind keeps of that address: a JSON object, or a file." placeholder:"FILE|JSON"`
}

// Run changes a key.
func (c *keysSetCmd) Run(ctx context.Context, a *app) error {
	m := changes{}.word("name", c.Name).list("roles", c.Roles).list("allow_from", c.AllowFrom).word("events_url", c.EventsURL)
	if err := m.json(a, "events_settings", c.Settings); err != nil {
		return err
	}
	return c.amend(ctx, a, "/v1/keys/"+url.PathEscape(c.ID), []string{"name", "roles", "allow_from", "events_url", "events_settings"}, m, c.ID+" is changed")
}
