package config

import (
	"slices"
	"strconv"
	"strings"

	"zvonar/internal/calls"
)

// numberRules checks how a trunk writes numbers, who calls, and what refusals mean.
func (r *report) numberRules(at string, t Trunk) {
	r.oneOf(join(at, "caller_id.from"), t.CallerID.From, "number", "username")
	r.oneOf(join(at, "caller_id.identity"), t.CallerID.Identity, "none", "pai", "rpid", "both")
	r.oneOf(join(at, "caller_id.called"), t.CallerID.Called, "uri", "to")
	if t.CallerID.From == "username" && t.Username == "" {
		r.bad(join(at, "caller_id.from"), "there is no username to put into From; set username, or write number")
	}
	if d := t.CallerID.Domain; d != "" && !sipHost(d) {
		r.bad(join(at, "caller_id.domain"), "%s is not a host", quote(d))
	}
	for name, list := range map[string][]NumberRule{"to_out": t.Rewrite.ToOut, "from_out": t.Rewrite.FromOut, "to_in": t.Rewrite.ToIn, "from_in": t.Rewrite.FromIn} {
		for i, rule := range list {
			path := element(join(at, "rewrite."+name), i)
			switch {
			case strings.Trim(rule.Prefix+rule.Add, "0123456789+*#") != "" || len(rule.Prefix) > 32 || len(rule.Add) > 32:
				r.bad(path, "prefix and add are parts of numbers: digits, + * #")
			case rule.Strip < 0 || rule.Length < 0 || rule.Length > 0 && rule.Strip > rule.Length:
				r.bad(path, "strip is how many characters are taken away, at most length")
			}
		}
	}
	for i, o := range t.Outcomes {
		path := element(join(at, "outcomes"), i)
		if o.Code < 400 || o.Code > 699 {
			r.bad(join(path, "code"), "%d is no refusal; write a SIP code from 400 to 699", o.Code)
		}
		if !slices.Contains(calls.Refusals(), o.Outcome) {
			r.bad(join(path, "outcome"), "a refusal cannot mean %s; use one of %v", quote(string(o.Outcome)), calls.Refusals())
		}
	}
	unique(r, join(at, "outcomes"), t.Outcomes, "code", func(o Outcome) string { return strconv.Itoa(o.Code) })
}
