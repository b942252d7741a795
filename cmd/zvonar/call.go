package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"zvonar/internal/client"
)

// callCmd is `zvonar call`.
type callCmd struct {
	remote
	To       string            `required:"" help:"Number to call." placeholder:"NUMBER"`
	Record   string            `xor:"said" help:"Approved clip, by record_id or recording_id." placeholder:"ID"`
	Text     string            `xor:"said" help:"Read this text aloud instead of a clip; a new text waits for a moderator, and the call with it." placeholder:"TEXT"`
	Flow     string            `xor:"said" help:"Whole flow instead of a clip and digits: JSON, or a file that holds it; - is stdin." placeholder:"FILE|JSON"`
	Voice    string            `help:"Voice of --text, male or female (default ${default})." enum:"male,female" default:"female" placeholder:"VOICE"`
	Var      map[string]string `mapsep:"none" help:"Value for a place in the text: --var name=Анна --var sum=1234.50." placeholder:"NAME=VALUE"`
	From     string            `help:"Caller number: one of a trunk's (default: the trunk's first)." placeholder:"NUMBER"`
	Employee string            `help:"In whose name, by id or extension: his number is shown, and his recording is played where no other is named." placeholder:"EMPLOYEE"`
	Digits   string            `help:"What each digit does: JSON like '[{},{\"record\":\"1460168\"}]', or a file that holds it; - is stdin." placeholder:"FILE|JSON"`
	Ref      string            `help:"Your own name of the call; the same again gives the same call." placeholder:"REF"`
	Trunk    string            `help:"Trunk to call over." placeholder:"NAME"`
	Provider string            `help:"Provider that places the call." placeholder:"NAME"`
	Timezone string            `help:"Where the callee is, like Asia/Yekaterinburg (default: as his number says)." placeholder:"ZONE"`
	Window   string            `help:"Calling hours in his own time, within the configured ones: 10:00-18:00, a preset like debt_collection, or JSON." placeholder:"HOURS"`
	Retry    string            `help:"When to try again: JSON like '{\"max_attempts\":3,\"outcomes\":{\"busy\":\"5m\",\"no_answer\":\"1h\"}}', or a file." placeholder:"FILE|JSON"`
	consentFlags
	Series      string `help:"The matter it belongs to: zvonar calls cancel --series ends all of it." placeholder:"SERIES"`
	NotBefore   string `name:"not-before" help:"Not before this time (RFC 3339)." placeholder:"TIME"`
	NotAfter    string `name:"not-after" help:"It expires if it could not be dialled until then (RFC 3339)." placeholder:"TIME"`
	Priority    int    `help:"Higher goes first, -100 to 100." placeholder:"N"`
	RingTimeout string `name:"ring-timeout" help:"How long it may ring, 5s to 3m." placeholder:"D"`
	MaxDuration string `name:"max-duration" help:"How long it may last, 5s to 4h." placeholder:"D"`
	AMD         string `name:"amd" help:"Answering machines: off, async, message_end; or JSON, or a file, in place of the flow's." placeholder:"MODE|FILE|JSON"`
	Capture     bool   `help:"Write the talk down."`
	Metadata    string `help:"Whatever you want back with its events: a JSON object, or a file; - is stdin." placeholder:"FILE|JSON"`
	WebhookURL  string `name:"webhook-url" help:"Send the events of this call there, signed with a secret made from the token." placeholder:"URL"`
	Follow      bool   `help:"Print what happens, live, until the call is over; exit with 0 if it was answered, else 3."`
}

// Validate asks for something to hear; what else goes together the daemon judges.
func (c *callCmd) Validate() error {
	if c.Record == "" && c.Text == "" && c.Flow == "" && c.Employee == "" {
		return errors.New("say what the callee hears: --record=ID, --text=TEXT or --flow=FILE; or --employee=EMPLOYEE, who has a recording of his own")
	}
	return nil
}

// Run asks for the call and, with --follow, stays with it to its end.
func (c *callCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	request, err := c.request(a)
	if err != nil {
		return err
	}
	call, replayed, err := remote.PlaceCall(ctx, request)
	if err != nil {
		return err
	}
	return placed(ctx, a, remote, call, replayed, c.Follow, c.JSON)
}

// request is what the daemon is asked.
func (c *callCmd) request(a *app) (client.CallRequest, error) {
	r := client.CallRequest{To: c.To, From: c.From, Ref: c.Ref, Trunk: c.Trunk, Provider: c.Provider, Employee: c.Employee,
		Series: c.Series, Consent: c.consent(), NotBefore: c.NotBefore, NotAfter: c.NotAfter, Priority: c.Priority, RingTimeout: c.RingTimeout,
		MaxDuration: c.MaxDuration, Capture: c.Capture, Variables: c.Var, Timezone: c.Timezone, WebhookURL: c.WebhookURL}
	if _, err := strconv.ParseInt(c.Record, 10, 64); err == nil {
		r.RecordID = c.Record
	} else {
		r.RecordingID = c.Record
	}
	if c.Text != "" {
		r.Text, r.Voice = c.Text, c.Voice
	}
	for _, option := range []struct {
		name, given string
		read        func(*app, string) (json.RawMessage, error)
		to          *json.RawMessage
	}{
		{"flow", c.Flow, readJSONArg, &r.Flow}, {"metadata", c.Metadata, readJSONArg, &r.Metadata}, {"retry", c.Retry, readJSONArg, &r.Retry},
		{"window", c.Window, windowArg, &r.Window}, {"amd", c.AMD, amdArg, &r.AMD},
	} {
		if option.given == "" {
			continue
		}
		raw, err := option.read(a, option.given)
		if err != nil {
			return r, fmt.Errorf("--%s: %w", option.name, err)
		}
		*option.to = raw
	}
	var err error
	r.Digits, err = c.digits(a.stdin)
	return r, err
}

// digits reads --digits; nothing where it was not given.
func (c *callCmd) digits(stdin io.Reader) (json.RawMessage, error) {
	text := strings.TrimSpace(c.Digits)
	switch {
	case text == "":
		return nil, nil
	case text == "-":
		b, err := io.ReadAll(io.LimitReader(stdin, maxArgument))
		if err != nil {
			return nil, fmt.Errorf("--digits: stdin cannot be read: %w", err)
		}
		text = string(b)
	case !strings.HasPrefix(text, "["):
		b, err := os.ReadFile(text)
		if err != nil {
			return nil, fmt.Errorf("--digits is neither JSON that begins with [ nor a file: %w", err)
		}
		text = string(b)
	}
	if !json.Valid([]byte(text)) {
		return nil, errors.New(`--digits is not JSON; write it like '[{},{"record":"1460168"},{"managerPhone":"74242490764"}]'`)
	}
	return json.RawMessage(text), nil
}
