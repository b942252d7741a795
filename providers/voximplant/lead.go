package voximplant

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"zvonar/internal/calls"
	"zvonar/internal/numbering"
)

// Unfit implements providers.Chooser: the rule for leads. A number that is longer, as it
// was given, than lead_rule.max_length, or an hour that does not suit the callee, leaves
// the call to a person.
func (c *client) Unfit(given, number, timezone string, at time.Time) string {
	rule := c.settings.Lead
	if rule.Off {
		return ""
	}
	if n := utf8.RuneCountInString(strings.TrimSpace(given)); n > rule.MaxLength {
		return fmt.Sprintf("the number was given with %d characters, and %s calls numbers of up to %d: check it and call by hand", n, c.name, rule.MaxLength)
	}
	zones := numbering.Zones(number)
	if timezone != "" {
		zones = []string{timezone}
	}
	if open, _ := numbering.OpenAt([]calls.Window{rule.Window}, numbering.Country(number), zones, at); !open {
		return fmt.Sprintf("it is not the hour to call there (%s to %s): call by hand, or later", rule.Window.From, rule.Window.To)
	}
	return ""
}

// NeedsPeople implements providers.Chooser.
func (c *client) NeedsPeople() bool { return !c.settings.Lead.Off }
