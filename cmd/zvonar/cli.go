package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"zvonar/internal/calls"
	"zvonar/internal/client"
	"zvonar/internal/timeline"
)

// Exit codes of every command.
const (
	exitOK        = 0
	exitFailed    = 1 // it did not work; stderr says why
	exitUsage     = 2 // the command line is wrong
	exitOtherwise = 3 // it worked and the answer is no: the call was not answered, the number is not blocked
	exitStopped   = 130
)

// commands is the command line.
type commands struct {
	ShowVersion kong.VersionFlag `name:"version" hidden:"" help:"Show the version."`

	Serve       serveCmd       `cmd:"" group:"The daemon:" help:"Run the daemon (SIGTERM drains)."`
	CheckConfig checkConfigCmd `cmd:"" group:"The daemon:" name:"check-config" help:"Name every fault of a configuration with line and column."`
	Version     versionCmd     `cmd:"" group:"The daemon:" help:"Show the version."`

	Call          callCmd          `cmd:"" group:"Calls and clips, through the API:" help:"Call somebody."`
	Bridge        bridgeCmd        `cmd:"" group:"Calls and clips, through the API:" help:"Connect two parties."`
	Calls         callsCmd         `cmd:"" group:"Calls and clips, through the API:" help:"List, show, follow, steer and end calls."`
	Campaign      campaignCmd      `cmd:"" group:"Calls and clips, through the API:" help:"Call many people by a list."`
	Recordings    recordingsCmd    `cmd:"" group:"Calls and clips, through the API:" help:"Add, list, approve and reject clips."`
	Fingerprints  fingerprintsCmd  `cmd:"" group:"Calls and clips, through the API:" help:"Make announcements of operators known by their sound."`
	Blacklist     blacklistCmd     `cmd:"" group:"Calls and clips, through the API:" help:"Block numbers."`
	Employees     employeesCmd     `cmd:"" group:"Calls and clips, through the API:" help:"Add, list and remove the people who are called and who call."`
	Groups        groupsCmd        `cmd:"" group:"Calls and clips, through the API:" help:"Add, list and remove groups of employees."`
	Numbers       numbersCmd       `cmd:"" group:"Calls and clips, through the API:" help:"Caller numbers: whose they are, and how often they are answered."`
	Attention     attentionCmd     `cmd:"" group:"Calls and clips, through the API:" help:"Calls that need a person; missed calls."`
	Stats         statsCmd         `cmd:"" group:"Calls and clips, through the API:" help:"Count calls that are over, and add up their times."`
	CDR           cdrCmd           `cmd:"" group:"Calls and clips, through the API:" name:"cdr" help:"Call records."`
	SMS           smsCmd           `cmd:"" group:"Calls and clips, through the API:" name:"sms" help:"List texts."`
	Trace         traceCmd         `cmd:"" group:"Calls and clips, through the API:" help:"Show what was said on the wire in a call, as a ladder; or watch a number."`
	Subscriptions subscriptionsCmd `cmd:"" group:"Calls and clips, through the API:" help:"Show and renew the orders for telephones' events at providers."`
	Trunks        trunksCmd        `cmd:"" group:"Calls and clips, through the API:" help:"Show the trunks and how much of them is in use."`

	Providers providersCmd `cmd:"" group:"Events, access, privacy, through the API:" help:"Providers and facades: what is said with them, requests to try, keys, certificates."`
	Events    eventsCmd    `cmd:"" group:"Events, access, privacy, through the API:" help:"Print the log of events, or what happens, live."`
	Webhooks  webhooksCmd  `cmd:"" group:"Events, access, privacy, through the API:" help:"Say where events go; look at deliveries and send them again."`
	Tokens    tokensCmd    `cmd:"" group:"Events, access, privacy, through the API:" help:"Make, rotate and revoke API tokens."`
	Audit     auditCmd     `cmd:"" group:"Events, access, privacy, through the API:" help:"Show who changed what."`
	Erase     eraseCmd     `cmd:"" group:"Events, access, privacy, through the API:" help:"Erase a number from everything that is kept."`

	Backup     backupCmd     `cmd:"" group:"The store, by its configuration:" help:"Write the store and the clips into one file, beside a running daemon."`
	Restore    restoreCmd    `cmd:"" group:"The store, by its configuration:" help:"Make the store out of a backup, also in the other kind of database."`
	CheckStore checkStoreCmd `cmd:"" group:"The store, by its configuration:" name:"check-store" help:"Look whether the store is sound, beside a running daemon."`

	Demo        demoCmd        `cmd:"" group:"To try and to test:" help:"Play a whole system on loopback with a built-in test carrier."`
	Carrier     carrierCmd     `cmd:"" group:"To try and to test:" help:"Run the test carrier: a telephone network with magic numbers."`
	Confined    confinedCmd    `cmd:"" hidden:"" name:"confined" help:"Run a program under limits; started by the daemon."`
	DecodeAudio decodeAudioCmd `cmd:"" hidden:"" name:"decode-audio" help:"Decode a sound file; started by the daemon."`

	AMD  amdCmd  `cmd:"" group:"To try and to test:" name:"amd" help:"Judge whether a person or a machine answered; train the judge."`
	DTMF dtmfCmd `cmd:"" group:"To try and to test:" name:"dtmf" help:"Hear the DTMF digits in WAV files, one JSON line each."`
}

const description = "zvonar, a self-hosted SIP softswitch adapter.\n\n" +
	"Exit codes: 0 done; 1 failed; 2 wrong command line; 3 done, and the answer is no (the call was not answered, the number is not blocked)."

// app is what commands use of the world outside.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	env            []string
}

// exitError ends a command with a code and no further words.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// halt carries the exit code of --help out of kong.
type halt int

// run is the program: it parses args, runs the command and gives its exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env []string) (code int) {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, env: env}
	defer func() {
		switch h := recover().(type) {
		case nil:
		case halt:
			code = int(h)
		default:
			panic(h)
		}
	}()
	var c commands
	parser, err := kong.New(&c, kong.Name("zvonar"), kong.Description(description), kong.Writers(stdout, stderr), kong.Vars{"version": "zvonar " + version},
		kong.Exit(func(code int) { panic(halt(code)) }), kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 120}))
	if err != nil {
		return a.fail(err)
	}
	chosen, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(stderr, "zvonar: %s (zvonar --help tells more)\n", err)
		return exitUsage
	}
	if chosen.Command() != "serve" { // the daemon drains by itself
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
		defer stop()
	}
	chosen.BindTo(ctx, (*context.Context)(nil))
	if err := chosen.Run(a); err != nil {
		return a.fail(err)
	}
	return exitOK
}

// fail tells of an error and gives the exit code.
func (a *app) fail(err error) int {
	var exit exitError
	var problem *client.Problem
	switch {
	case errors.As(err, &exit):
		return int(exit)
	case errors.Is(err, context.Canceled):
		return exitStopped
	case errors.As(err, &problem):
		a.problem(problem)
	default:
		fmt.Fprintf(a.stderr, "zvonar: %s\n", err)
	}
	return exitFailed
}

// problem tells of a refusal: a sentence, and each wrong field on a line.
func (a *app) problem(p *client.Problem) {
	said := p.Error()
	if len(p.Errors) == 1 && strings.TrimPrefix(said, p.Errors[0].Location+": ") == p.Errors[0].Message {
		fmt.Fprintf(a.stderr, "zvonar: %s\n", faultLine(p.Errors[0]))
	} else {
		fmt.Fprintf(a.stderr, "zvonar: %s\n", timeline.OneLine(said))
		for _, f := range p.Errors {
			fmt.Fprintf(a.stderr, "  %s\n", faultLine(f))
		}
	}
	if p.Code() == calls.CodeInternal && p.RequestID != "" {
		fmt.Fprintf(a.stderr, "  the daemon's log tells more under request_id %s\n", timeline.Clean(p.RequestID))
	}
}

// faultLine is one wrong field for people: where, why, what it was.
func faultLine(f calls.FieldError) string {
	line := timeline.Clean(f.Location) + ": " + timeline.OneLine(f.Message)
	if v, err := json.Marshal(f.Value); err == nil && f.Value != nil {
		line += " (was " + timeline.Clean(string(v)) + ")"
	}
	return line
}

// serveCmd is `zvonar serve`.
type serveCmd struct {
	Config string `required:"" help:"Configuration; deploy/zvonar.example.yaml shows every key." placeholder:"FILE"`
}

// Run serves until SIGTERM.
func (c *serveCmd) Run(ctx context.Context, a *app) error {
	return serve(ctx, c.Config, a.env, a.stderr)
}
