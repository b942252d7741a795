package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// optioned is a command, and how its options say what an operation of the API reads.
type optioned struct {
	command   string
	operation string            // "POST /v1/calls"
	base      string            // what every line of the command has, split at blanks
	fields    map[string]string // field → what is added to base so that it is said; "": base does
	without   map[string]string // fields that no option says → why
	others    map[string]string // options that say no field → why
}

var commandsWithOptions = []optioned{
	{command: "call", operation: "POST /v1/calls", base: "--to 79161234567 --employee 201",
		fields: map[string]string{
			"to": "", "employee": "", "from": "--from 78005553535", "record_id": "--record 1000001", "recording_id": "--record rec_1",
			"text": "--text Hello", "voice": "--text Hello --voice male", "variables": "--text Hello --var a=b", "flow": `--flow {"record":1}`,
			"digits": "--record 1 --digits [{}]", "ref": "--ref r", "series": "--series s", "trunk": "--trunk t", "provider": "--provider p",
			"not_before": "--not-before 2026-11-21T09:00:00Z", "not_after": "--not-after 2026-11-21T09:00:00Z", "priority": "--priority 5",
			"window.from": "--window 10:00-18:00", "window.to": "--window 10:00-18:00", "window.preset": "--window advertising",
			"window.days": `--window {"days":["mon"]}`, "window.holidays": `--window {"holidays":"closed"}`,
			"window.weekend.from": `--window {"weekend":{"from":"10:00"}}`, "window.weekend.to": `--window {"weekend":{"to":"10:00"}}`,
			"timezone": "--timezone Asia/Omsk", "retry": `--retry {"max_attempts":2}`, "ring_timeout": "--ring-timeout 20s", "max_duration": "--max-duration 5m",
			"consent.basis": "--consent contract", "consent.at": "--consent-at 2026-11-21T09:00:00Z", "consent.category": "--consent-category debt",
			"amd": "--amd async", "capture": "--capture", "metadata": `--metadata {"a":1}`, "webhook_url": "--webhook-url https://bot.example.net/hook",
		},
		others: map[string]string{"follow": "it is what the command does once the call is accepted"}},
	{command: "bridge", operation: "POST /v1/bridges", base: "201@office 79161234567",
		fields: map[string]string{
			"first": "", "second": "", "order": "--order client_first", "anonymous": "--anonymous", "record_id": "--record 1000001", "from": "--from 78005553535",
			"trunk": "--trunk t", "provider": "--provider p", "ref": "--ref r", "ring_timeout": "--ring-timeout 20s", "max_duration": "--max-duration 5m",
			"metadata": `--metadata {"a":1}`, "webhook_url": "--webhook-url https://bot.example.net/hook",
		},
		others: map[string]string{"follow": "it is what the command does once the talk is accepted"}},
	{command: "calls transfer", operation: "POST /v1/calls/{id}/transfer", base: "01JCALL 201", fields: map[string]string{"target": ""}},
	{command: "calls play", operation: "POST /v1/calls/{id}/play", base: "01JCALL 1000001", fields: map[string]string{"record_id": ""}},
	{command: "calls dtmf", operation: "POST /v1/calls/{id}/dtmf", base: "01JCALL 12", fields: map[string]string{"digits": "", "leg": "--leg manager"}},
	{command: "calls hold", operation: "POST /v1/calls/{id}/hold", base: "01JCALL", fields: map[string]string{"on": "", "leg": "--leg manager"}},
	{command: "calls unhold", operation: "POST /v1/calls/{id}/hold", base: "01JCALL", fields: map[string]string{"on": "", "leg": "--leg manager"}},
	{command: "calls record", operation: "POST /v1/calls/{id}/record", base: "01JCALL", fields: map[string]string{"on": "--stop"}},
	{command: "campaign create", operation: "POST /v1/campaigns", fields: campaignFields,
		others: map[string]string{"contacts": "it is sent to POST /v1/campaigns/{id}/contacts"}},
	{command: "campaign set", operation: "PATCH /v1/campaigns/{id}", base: "camp_1", fields: campaignFields},
}

var campaignFields = map[string]string{
	"name": "--name n", "record_id": "--record 1", "flow": `--flow {"record":1}`, "digits": "--digits [{}]", "amd": "--amd off",
	"bridge.manager": "--manager 201@office", "bridge.order": "--order client_first", "bridge.anonymous": "--anonymous",
	"pace.cps": "--cps 0", "pace.max_calls": "--max-calls 0", "pace.interval": "--interval 0s", "window": "--window 10:00-18:00", "retry": `--retry {"max_attempts":2}`,
	"trunk": "--trunk t", "from": "--from 78005553535", "priority": "--priority 0", "weight": "--weight 2",
	"consent.basis": "--consent contract", "consent.at": "--consent-at 2026-11-21T09:00:00Z", "consent.category": "--consent-category debt",
	"ring_timeout": "--ring-timeout 20s", "max_duration": "--max-duration 5m",
	"start_at": "--start-at 2026-11-21T09:00:00Z", "stop_at": "--stop-at 2026-11-21T09:00:00Z", "metadata": `--metadata {"a":1}`,
}

// A field that the API begins to read has an option, or a reason not to have one;
// and an option says a field, or has a reason to be there.
func TestEveryFieldOfARequestHasAnOption(t *testing.T) {
	t.Parallel()
	d := published(t)
	for _, c := range commandsWithOptions {
		t.Run(c.command, func(t *testing.T) {
			t.Parallel()
			method, path, _ := strings.Cut(c.operation, " ")
			known := d.fields(t, method, path)
			for _, field := range known {
				_, optioned := c.fields[field]
				if reason := c.without[field]; optioned == (reason != "") {
					t.Errorf("%s of %s has neither an option nor a reason to have none, or both", field, c.operation)
				}
			}
			for field, args := range c.fields {
				if !slices.Contains(known, field) {
					t.Errorf("%s does not read %s", c.operation, field)
				}
				if sent := sentBy(t, c, args); !hasField(sent, field) {
					t.Errorf("%s %s: %s is not in %v", c.command, args, field, sent)
				}
			}
			for field := range c.without {
				if !slices.Contains(known, field) {
					t.Errorf("%s does not read %s", c.operation, field)
				}
			}
			c.checkOptions(t)
		})
	}
}

// checkOptions looks for options that no field of c uses.
func (c *optioned) checkOptions(t *testing.T) {
	t.Helper()
	used := map[string]bool{}
	for _, args := range c.fields {
		for _, arg := range strings.Fields(c.base + " " + args) {
			if name, ok := strings.CutPrefix(arg, "--"); ok {
				used[name] = true
			}
		}
	}
	options := optionsOf(t, c.command)
	for _, name := range options {
		if used[name] == (c.others[name] != "") {
			t.Errorf("--%s of %s says no field of %s and has no reason, or both", name, c.command, c.operation)
		}
	}
	for name := range c.others {
		if !slices.Contains(options, name) {
			t.Errorf("%s has no option --%s", c.command, name)
		}
	}
}

// sentBy is the body that a command sends.
func sentBy(t *testing.T, c optioned, args string) (body map[string]any) {
	t.Helper()
	base, got := fakeDaemon(t, answers{})
	var said bytes.Buffer
	run(t.Context(), strings.Fields(c.command+" "+c.base+" "+args), strings.NewReader(""), &said, &said, []string{"ZVONAR_API=" + base, "ZVONAR_TOKEN=secret"})
	if len(got.bodies) == 0 || json.Unmarshal([]byte(got.bodies[0]), &body) != nil {
		t.Errorf("%s %s sent %q and said %s", c.command, args, got.bodies, said.String())
	}
	return body
}

func hasField(body map[string]any, field string) bool {
	name, rest, deeper := strings.Cut(field, ".")
	value, ok := body[name]
	if !deeper {
		return ok
	}
	inner, _ := value.(map[string]any)
	return hasField(inner, rest)
}

// optionsOf are the options of a command without those that every command has which
// talks to a daemon.
func optionsOf(t *testing.T, command string) (names []string) {
	t.Helper()
	parser, err := kong.New(&commands{}, kong.Vars{"version": ""})
	if err != nil {
		t.Fatal(err)
	}
	node := parser.Model.Node
	for _, word := range strings.Fields(command) {
		at := slices.IndexFunc(node.Children, func(n *kong.Node) bool { return n.Name == word })
		if at < 0 {
			t.Fatalf("there is no command %s", command)
		}
		node = node.Children[at]
	}
	for _, flag := range node.Flags {
		if !slices.Contains([]string{"help", "api", "token", "data-dir", "json"}, flag.Name) {
			names = append(names, flag.Name)
		}
	}
	return names
}
