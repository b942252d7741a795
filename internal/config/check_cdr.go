package config

import (
	"slices"
	"time"

	"zvonar/internal/calls"
)

// maxCallbacks is the longest time for which callers are remembered.
const maxCallbacks = 366 * day

// checkCDR reports what is wrong with the files of call records, and with how long
// callers are remembered.
func checkCDR(cfg *Config, r *report) {
	if cfg.Dialer.Callbacks != 0 {
		r.between("dialer.callbacks", cfg.Dialer.Callbacks, time.Minute, time.Duration(maxCallbacks))
	}
	if cfg.CDR.Dir == "" {
		return
	}
	r.oneOf("cdr.format", cfg.CDR.Format, "jsonl", "csv", "asterisk")
	r.oneOf("cdr.rotation", cfg.CDR.Rotation, "hourly", "daily")
	if a := cfg.CDR.Account; a != "" && a != calls.MainAccount && !slices.Contains(cfg.Accounts, a) {
		r.bad("cdr.account", "%s is not one of accounts", quote(a))
	}
}
