package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// optioned is a command, and lines of it that together say everything an operation of
// the API reads.
type optioned struct {
	command   string
	operation string            // "POST /v1/calls"
	lines     []string          // what stands behind the command, split at blanks
	without   map[string]string // fields that no option says → why
	others    map[string]string // options that say no field → why
}

const consentOptions = " --consent contract --consent-at 2026-11-21T09:00:00Z --consent-category debt"

const campaignOptions = `--name n --record 1 --flow {"record":1} --digits [{}] --amd off --manager 201@office --order client_first --anonymous --cps 0 --max-calls 0 ` +
	`--interval 0s --window 10:00-18:00 --retry {"max_attempts":2} --trunk t --from 78005553535 --priority 0 --weight 2 --ring-timeout 20s --max-duration 5m ` +
	`--start-at 2026-11-21T09:00:00Z --stop-at 2026-11-21T09:00:00Z --metadata {"a":1}` + consentOptions

var commandsWithOptions = []optioned{
	{command: "call", operation: "POST /v1/calls",
		lines: []string{
			`--to 79161234567 --record 1000001 --employee 201 --from 78005553535 --digits [{}] --ref r --series s --trunk t --provider p --not-before 2026-11-21T09:00:00Z ` +
				`--not-after 2026-11-21T09:00:00Z --priority 5 --window 10:00-18:00 --timezone Asia/Omsk --retry {"max_attempts":2} --ring-timeout 20s --max-duration 5m ` +
				`--amd async --capture --metadata {"a":1} --webhook-url https://bot.example.net/hook` + consentOptions,
			"--to 79161234567 --record rec_1 --window advertising",
			"--to 79161234567 --text Hello --voice male --var a=b",
			`--to 79161234567 --flow {"record":1} --window {"days":["mon"],"holidays":"closed","weekend":{"from":"10:00","to":"12:00"}}`,
		},
		others: map[string]string{"follow": "it is what the command does once the call is accepted"}},
	{command: "bridge", operation: "POST /v1/bridges",
		lines: []string{`201@office 79161234567 --order client_first --anonymous --record 1000001 --from 78005553535 --trunk t --provider p --ref r --ring-timeout 20s ` +
			`--max-duration 5m --metadata {"a":1} --webhook-url https://bot.example.net/hook`},
		others: map[string]string{"follow": "it is what the command does once the talk is accepted"}},
	{command: "calls transfer", operation: "POST /v1/calls/{id}/transfer", lines: []string{"01JCALL 201"}},
	{command: "calls play", operation: "POST /v1/calls/{id}/play", lines: []string{"01JCALL 1000001"}},
	{command: "calls dtmf", operation: "POST /v1/calls/{id}/dtmf", lines: []string{"01JCALL 12 --leg manager"}},
	{command: "calls hold", operation: "POST /v1/calls/{id}/hold", lines: []string{"01JCALL --leg manager"}},
	{command: "calls unhold", operation: "POST /v1/calls/{id}/hold", lines: []string{"01JCALL --leg manager"}},
	{command: "calls record", operation: "POST /v1/calls/{id}/record", lines: []string{"01JCALL --stop"}},
	{command: "employees add", operation: "POST /v1/employees", lines: []string{"Anna --extension 201 --trunk t --phone 79161234567 --ring all --from 78005553535 --record 1 " +
		"--method api --crm-user u --provider p --subscriber s --sip-user u --sip-password secret"}},
	{command: "groups add", operation: "POST /v1/groups", lines: []string{"g 201 --strategy round_robin --ring 5s"}},
	{command: "numbers add", operation: "POST /v1/numbers", lines: []string{"78005553535 --title t --trunk t --employee 201 --campaign m --pool p"}},
	{command: "webhooks add", operation: "POST /v1/webhooks", lines: []string{`https://bot.example.net/hook --types call.completed --secret whsec_YQ== --kind salebot --settings {"a":1}`}},
	{command: "tokens add", operation: "POST /v1/tokens", lines: []string{"bot --roles caller --account shop --expires 90d --allow-from 192.0.2.0/24"}},
	{command: "providers keys add", operation: "POST /v1/keys", lines: []string{`mango shop --public p --secret secret --roles caller --account shop --allow-from 192.0.2.0/24 ` +
		`--events-url https://bot.example.net --events-settings {"a":1}`}},
	{command: "blacklist add", operation: "PUT /v1/blacklist/{number}", lines: []string{"79161234567 --reason asked --scope number:78005553535 --until 2027-01-31T00:00:00Z"},
		without: map[string]string{"source": "it names the software that blocks; from here that is the API"}},
	{command: "campaign create", operation: "POST /v1/campaigns", lines: []string{campaignOptions},
		others: map[string]string{"contacts": "it is sent to POST /v1/campaigns/{id}/contacts"}},
	{command: "campaign set", operation: "PATCH /v1/campaigns/{id}", lines: []string{"camp_1 " + campaignOptions}},
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
			sent := map[string]bool{}
			for _, line := range c.lines {
				noteFields(sent, "", sentBy(t, c.command+" "+line))
			}
			for _, field := range known {
				if sent[field] == (c.without[field] != "") {
					t.Errorf("%s of %s has neither an option nor a reason to have none, or both", field, c.operation)
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

// checkOptions looks for options that no line of c uses.
func (c *optioned) checkOptions(t *testing.T) {
	t.Helper()
	used := strings.Fields(strings.Join(c.lines, " "))
	options := optionsOf(t, c.command)
	for _, name := range options {
		if slices.Contains(used, "--"+name) == (c.others[name] != "") {
			t.Errorf("--%s of %s is in no line and has no reason, or both", name, c.command)
		}
	}
	for name := range c.others {
		if !slices.Contains(options, name) {
			t.Errorf("%s has no option --%s", c.command, name)
		}
	}
}

// sentBy is the body that a command line sends.
func sentBy(t *testing.T, line string) (body map[string]any) {
	t.Helper()
	base, got := fakeDaemon(t, answers{})
	var said bytes.Buffer
	run(t.Context(), strings.Fields(line), strings.NewReader(""), &said, &said, []string{"ZVONAR_API=" + base, "ZVONAR_TOKEN=secret"})
	if len(got.bodies) == 0 || json.Unmarshal([]byte(got.bodies[0]), &body) != nil {
		t.Errorf("%s sent %q and said %s", line, got.bodies, said.String())
	}
	return body
}

// noteFields notes the members of a body, those of objects in it as bridge.order.
func noteFields(sent map[string]bool, before string, body map[string]any) {
	for name, value := range body {
		sent[before+name] = true
		if inner, ok := value.(map[string]any); ok {
			noteFields(sent, before+name+".", inner)
		}
	}
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
