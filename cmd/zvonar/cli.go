package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

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
	Serve       serveCmd       `cmd:"" help:"Run the daemon (SIGTERM drains)."`
	Demo        demoCmd        `cmd:"" help:"Play a whole system on loopback with a built-in test carrier."`
	Carrier     carrierCmd     `cmd:"" help:"Run the test carrier: a telephone network with magic numbers."`
	CheckConfig checkConfigCmd `cmd:"" name:"check-config" help:"Name every fault of a configuration with line and column."`
	Call        callCmd        `cmd:"" help:"Call somebody."`
	Calls       callsCmd       `cmd:"" help:"List, show and end calls."`
	Recordings  recordingsCmd  `cmd:"" help:"Add, list, approve and reject clips."`
	Blacklist   blacklistCmd   `cmd:"" help:"Block numbers."`
	Trunks      trunksCmd      `cmd:"" help:"Show the trunks and how much of them is in use."`
	Webhooks    webhooksCmd    `cmd:"" help:"Say where events go; look at deliveries and send them again."`
	Tokens      tokensCmd      `cmd:"" help:"Make, rotate and revoke API tokens."`
	DTMF        dtmfCmd        `cmd:"" name:"dtmf" help:"Hear the DTMF digits in WAV files, one JSON line each."`
	Backup      backupCmd      `cmd:"" help:"Write the store and the clips into one file, beside a running daemon."`
	Restore     restoreCmd     `cmd:"" help:"Make the store out of a backup, also in the other kind of database."`
	CheckStore  checkStoreCmd  `cmd:"" name:"check-store" help:"Look whether the store is sound, beside a running daemon."`
	Erase       eraseCmd       `cmd:"" help:"Erase a number from everything that is kept."`
	Audit       auditCmd       `cmd:"" help:"Show who changed what."`
	Version     versionCmd     `cmd:"" help:"Show the version."`
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
	parser, err := kong.New(&c, kong.Name("zvonar"), kong.Description(description), kong.Writers(stdout, stderr),
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
	fmt.Fprintf(a.stderr, "zvonar: %s\n", timeline.OneLine(p.Error()))
	for _, f := range p.Errors {
		fmt.Fprintf(a.stderr, "  %s: %s", timeline.Clean(f.Location), timeline.OneLine(f.Message))
		if v, err := json.Marshal(f.Value); err == nil && f.Value != nil {
			fmt.Fprintf(a.stderr, " (was %s)", timeline.Clean(string(v)))
		}
		fmt.Fprintln(a.stderr)
	}
	if p.Status >= 500 && p.RequestID != "" {
		fmt.Fprintf(a.stderr, "  the daemon's log tells more under request_id %s\n", timeline.Clean(p.RequestID))
	}
}

// serveCmd is `zvonar serve`.
type serveCmd struct {
	Config string `required:"" help:"Configuration; deploy/zvonar.example.yaml shows every key." placeholder:"FILE"`
}

// Run serves until SIGTERM.
func (c *serveCmd) Run(ctx context.Context, a *app) error {
	return serve(ctx, c.Config, a.env, a.stderr)
}
