package dialer

import (
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/numbering"
)

// RetryAt is when a call is tried again after an attempt that ended at now with an
// outcome; ok is false where its policy, its attempts or its not_after forbid that. The
// outcome is noted in the attempt already.
func RetryAt(c *calls.Call, o calls.Outcome, now time.Time) (due time.Time, ok bool) {
	var tries calls.Tries
	for _, a := range c.Attempts {
		if a.Role != calls.RoleCustomer {
			continue
		}
		if a.Charged {
			tries.Charged++
		}
		if a.Outcome == o {
			tries.Same++
		}
	}
	rule, ok := c.Retry.Next(o, tries)
	if !ok {
		return due, false
	}
	due = now.Add(time.Duration(rule.After))
	if rule.At != "" {
		zones := []string{c.Timezone}
		if c.Timezone == "" {
			zones = numbering.Zones(c.To)
		}
		due = numbering.NextAt(rule.At, zones, due)
	}
	return due, c.NotAfter == nil || due.Before(*c.NotAfter)
}
