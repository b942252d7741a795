package main

import "zvonar/internal/client"

// consentFlags are the part of a command line that tells why somebody may be called.
type consentFlags struct {
	Consent         string `help:"Why the callee may be called: contract, written, site, …; kept with the call." placeholder:"BASIS"`
	ConsentAt       string `name:"consent-at" help:"When he agreed (RFC 3339)." placeholder:"TIME"`
	ConsentCategory string `name:"consent-category" help:"To what: information, advertising, debt, …" placeholder:"CATEGORY"`
}

// consent is what the API is told; nil where nothing was said.
func (f *consentFlags) consent() *client.Consent {
	if *f == (consentFlags{}) {
		return nil
	}
	return &client.Consent{Basis: f.Consent, At: f.ConsentAt, Category: f.ConsentCategory}
}
