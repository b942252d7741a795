package main

import (
	"context"
	"os"
	"strings"

	"zvonar/internal/client"
)

type providersTLSCmd struct {
	remote
	Name string `arg:"" help:"Configured provider." placeholder:"NAME"`
	Mode string `arg:"" optional:"" enum:",on,off,configured" default:"" help:"on, off, or configured: as the settings say; show where left out." placeholder:"MODE"`
}

// Run shows or switches TLS.
func (c *providersTLSCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	var state client.ProviderTLS
	if c.Mode == "" {
		state, err = remote.ProviderTLS(ctx, c.Name)
	} else {
		state, err = remote.SetProviderTLS(ctx, c.Name, c.Mode)
	}
	if err != nil {
		return err
	}
	if c.JSON {
		return a.json(state)
	}
	return a.say("TLS towards %s: %s", c.Name, state.Mode)
}

type certificatesCmd struct {
	List   certificatesListCmd   `cmd:"" help:"List the certificates that are trusted besides those of the settings."`
	Add    certificatesAddCmd    `cmd:"" help:"Trust a certificate."`
	Remove certificatesRemoveCmd `cmd:"" help:"Trust a certificate no more."`
	Own    certificatesOwnCmd    `cmd:"" help:"Print our certificate, for the provider to trust."`
}

type certificatesListCmd struct {
	remote
	Name string `arg:"" help:"Configured provider." placeholder:"NAME"`
}

// Run lists certificates.
func (c *certificatesListCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	state, err := remote.ProviderTLS(ctx, c.Name)
	if err != nil {
		return err
	}
	if c.JSON {
		return jsonLines(a, state.Trust)
	}
	rows := make([][]string, 0, len(state.Trust))
	for _, t := range state.Trust {
		rows = append(rows, []string{t.Fingerprint, t.Subject, stamp(t.NotAfter), t.AddedBy, stamp(t.AddedAt)})
	}
	return a.table([]string{"FINGERPRINT", "SUBJECT", "GOOD UNTIL", "BY", "ADDED"}, rows)
}

type certificatesAddCmd struct {
	remote
	Name string `arg:"" help:"Configured provider." placeholder:"NAME"`
	File string `arg:"" help:"File with the certificate in PEM." placeholder:"FILE"`
}

// Run adds a certificate.
func (c *certificatesAddCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(c.File)
	if err != nil {
		return err
	}
	t, err := remote.Trust(ctx, c.Name, string(data))
	switch {
	case err != nil:
		return err
	case c.JSON:
		return a.json(t)
	}
	return a.say("%s is trusted (%s)", t.Fingerprint, shown(t.Subject))
}

type certificatesRemoveCmd struct {
	remote
	Name        string `arg:"" help:"Configured provider." placeholder:"NAME"`
	Fingerprint string `arg:"" help:"As listed." placeholder:"FINGERPRINT"`
}

// Run removes a certificate.
func (c *certificatesRemoveCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	if err := remote.Distrust(ctx, c.Name, c.Fingerprint); err != nil || c.JSON {
		return err
	}
	return a.say("%s is trusted no more", c.Fingerprint)
}

type certificatesOwnCmd struct {
	remote
	Name string `arg:"" help:"Provider, or compat:KIND for a facade." placeholder:"NAME"`
}

// Run prints our certificate.
func (c *certificatesOwnCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	pem, err := remote.OwnCertificate(ctx, c.Name)
	if err != nil {
		return err
	}
	return a.say("%s", strings.TrimRight(pem, "\n"))
}
