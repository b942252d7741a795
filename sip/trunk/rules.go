package trunk

import (
	"slices"
	"strings"

	"zvonar/internal/calls"
)

// Rule rewrites a number as a trunk wants or gives it. The first rule of a list
// that fits is applied; a number that none fits stays as it is.
type Rule struct {
	Prefix string // what the number begins with; "": any
	Length int    // how many characters it has; 0: any number of them
	Strip  int    // how many are taken away from the left
	Add    string // what is put before the rest
}

// maxRules bounds a list.
const maxRules = 64

// Rewrite applies rules to a number.
func Rewrite(rules []Rule, number string) string {
	for _, r := range rules {
		if strings.HasPrefix(number, r.Prefix) && (r.Length == 0 || len(number) == r.Length) && r.Strip <= len(number) {
			return r.Add + number[r.Strip:]
		}
	}
	return number
}

// Numbers are the tables of a trunk: how numbers are written to it, and what its
// own are to us.
type Numbers struct {
	ToOut, FromOut []Rule // the callee and the caller of our calls
	ToIn, FromIn   []Rule // of its calls
}

// Identity is in which header a trunk is told who calls, besides From.
type Identity string

// The ways to say it.
const (
	IdentityNone Identity = "none" // From alone; P-Asserted-Identity where the caller hides
	IdentityPAI  Identity = "pai"  // P-Asserted-Identity (RFC 3325)
	IdentityRPID Identity = "rpid" // Remote-Party-ID
	IdentityBoth Identity = "both"
)

// Identities lists them.
func Identities() []Identity {
	return []Identity{IdentityNone, IdentityPAI, IdentityRPID, IdentityBoth}
}

// CallerID is how a trunk is told who calls, and what of its own word is believed.
type CallerID struct {
	Identity Identity // "": none
	// FromUsername puts the username into From, as some registrars demand; the
	// number is told by Identity then.
	FromUsername bool
	Domain       string // host of From and Identity; "": the trunk's where there is a username, else ours
	Trust        bool   // P-Asserted-Identity and Remote-Party-ID of its calls count before From
	CalledTo     bool   // the number that was called is in To, not in the Request-URI
}

// checkRules checks the tables, caller id and outcomes of a trunk.
func (c *Config) checkRules() error {
	for name, list := range map[string][]Rule{"to_out": c.Formats.ToOut, "from_out": c.Formats.FromOut, "to_in": c.Formats.ToIn, "from_in": c.Formats.FromIn} {
		if len(list) > maxRules {
			return calls.Errorf(calls.CodeInvalidField, "trunk %s: numbers.%s has more than %d rules", c.Name, name, maxRules)
		}
		for i, r := range list {
			if r.Strip < 0 || r.Length < 0 || r.Length > 0 && r.Strip > r.Length || !dialled(r.Prefix) || !dialled(r.Add) {
				return calls.Errorf(calls.CodeInvalidField, "trunk %s: numbers.%s[%d] must strip and add characters of a number: digits, + * #", c.Name, name, i)
			}
		}
	}
	if c.CallerID.Identity == "" {
		c.CallerID.Identity = IdentityNone
	}
	if !slices.Contains(Identities(), c.CallerID.Identity) {
		return calls.Errorf(calls.CodeInvalidField, "trunk %s: caller_id.identity %q is not known; use none, pai, rpid or both", c.Name, c.CallerID.Identity)
	}
	if d := c.CallerID.Domain; d != "" && !hostname(d) {
		return calls.Errorf(calls.CodeInvalidField, "trunk %s: caller_id.domain %q is no host name", c.Name, d)
	}
	if c.CallerID.FromUsername && c.Username == "" {
		return calls.Errorf(calls.CodeInvalidField, "trunk %s: caller_id.from: username needs a username", c.Name)
	}
	for code, r := range c.Outcomes {
		if code < 400 || code > 699 || !slices.Contains(calls.Refusals(), r.Outcome) {
			return calls.Errorf(calls.CodeInvalidField, "trunk %s: outcomes: %d cannot mean %q", c.Name, code, r.Outcome)
		}
	}
	return nil
}

func dialled(s string) bool { return len(s) <= 32 && strings.Trim(s, "0123456789+*#") == "" }
