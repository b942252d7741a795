package config

import (
	"math"
	"net"
)

// leastTrace is the smallest trace that is worth having, in bytes.
const leastTrace = 1 << 20

func checkTrace(cfg *Config, r *report) {
	r.oneOf("captures.format", cfg.Captures.Format, "line", "pcm")
	if n := cfg.Trace.MaxBytes; n != 0 && n < leastTrace {
		r.bad("trace.max_bytes", "%s is too little for anything; use at least 1MB, or 0 to keep no trace", n)
	}
	if n := cfg.Trace.HEP.Node; n < 0 || n > math.MaxUint32 {
		r.bad("trace.hep.node", "%d is no number of a capture node: 0 to 4294967295", n)
	}
	if to := cfg.Trace.HEP.To; to != "" {
		if _, port, err := net.SplitHostPort(to); err != nil || port == "" {
			r.bad("trace.hep.to", "%s is not like homer.example.com:9060", quote(to))
		}
	}
}
