package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"zvonar/internal/carrier"
	"zvonar/internal/config"
)

// carrierCmd is `zvonar carrier`: the test carrier by itself (docs/test-carrier.md).
type carrierCmd struct {
	Config     string            `help:"YAML file with the same keys; options win." type:"existingfile" placeholder:"FILE"`
	Listen     string            `help:"SIP address (default udp://127.0.0.1:5070)." placeholder:"udp://ADDR:PORT"`
	HTTP       string            `name:"http" help:"Address of the HTTP API (default 127.0.0.1:5071)." placeholder:"ADDR:PORT"`
	Peer       string            `help:"SIP URI of zvonar, for calls that the carrier places (default sip:127.0.0.1:5060)." placeholder:"URI"`
	MediaIP    string            `name:"media-ip" help:"Address for RTP (default: that of --listen)." placeholder:"ADDR"`
	Ports      string            `help:"RTP ports (default 30000-31998)." placeholder:"FROM-TO"`
	AcceptFrom []string          `help:"Sources whose INVITEs are answered (default: loopback)." placeholder:"CIDR"`
	Token      string            `help:"Token that the HTTP API demands." env:"ZVONAR_CARRIER_TOKEN" placeholder:"TOKEN"`
	CallerID   string            `name:"caller-id" help:"From of the cloud PBX's calls (default: the client's phone)." placeholder:"NUMBER"`
	Alias      map[string]string `help:"One more number that behaves like a magic one." placeholder:"NUMBER=SUFFIX"`
	Out        string            `help:"Directory for a WAV file of each call." placeholder:"DIR"`
	Pace       float64           `help:"Factor of the network's delays: 0.1 rings ten times shorter (default 1)." placeholder:"F"`
}

// Run serves until ctx ends (SIGINT or SIGTERM).
func (c *carrierCmd) Run(ctx context.Context, a *app) error {
	cfg, err := c.carrier()
	if err != nil {
		return err
	}
	cfg.Log = newLogger(config.Log{Level: "info", Format: "text"}, a.stderr)
	return runCarrier(ctx, cfg, a.stdout)
}

// carrier joins options, file and defaults.
func (c *carrierCmd) carrier() (carrier.Config, error) {
	var file carrier.File
	if c.Config != "" {
		text, err := os.ReadFile(c.Config)
		if err != nil {
			return carrier.Config{}, fmt.Errorf("configuration of the test carrier: %w", err)
		}
		if file, err = carrier.ParseFile(text); err != nil {
			return carrier.Config{}, err
		}
	}
	options := carrier.File{Listen: c.Listen, HTTP: c.HTTP, Peer: c.Peer, MediaIP: c.MediaIP, Ports: c.Ports, AcceptFrom: c.AcceptFrom,
		Token: c.Token, CallerID: c.CallerID, Aliases: c.Alias, Out: c.Out, Pace: c.Pace}
	usual := carrier.File{Listen: "udp://127.0.0.1:5070", HTTP: "127.0.0.1:5071"}
	return options.Over(file).Over(usual).Config()
}

// runCarrier runs a carrier until ctx ends.
func runCarrier(ctx context.Context, cfg carrier.Config, stdout io.Writer) error {
	c, err := carrier.New(cfg)
	if err != nil {
		return err
	}
	if err := c.Start(ctx); err != nil {
		return err
	}
	fmt.Fprintf(stdout, "test carrier: SIP udp://%s, HTTP http://%s\n", c.Addr(), c.HTTPAddr())
	fmt.Fprintf(stdout, "numbers %sxxxx, listed at http://%s/numbers; stop with Ctrl-C\n", carrier.Prefix, c.HTTPAddr())
	<-ctx.Done()
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	return c.Stop(closing)
}
