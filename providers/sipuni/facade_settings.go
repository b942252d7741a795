package sipuni

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// defaultZone is where the service is at home.
const defaultZone = "Europe/Moscow"

// facadeSettings are the keys of the facade.
type facadeSettings struct {
	// Compatible accepts what two old libraries do: values and secret in lower case,
	// and antion for antiaon. The first weakens the signature.
	Compatible bool `yaml:"compatible"`
	// LegacyTree accepts a call_tree whose signature does not cover the tree, as an old
	// library makes it.
	LegacyTree bool `yaml:"legacy_tree"`
	// RepeatWindow is how long the same order gives the answer of the first and rings
	// nobody again.
	RepeatWindow time.Duration `yaml:"repeat_window"`
	// Timezone is that of tables and of their bounds.
	Timezone string `yaml:"timezone"`
	// Trunk is where internal numbers ring that no employee has; "": nowhere.
	Trunk string `yaml:"trunk"`
	// Voice reads messages whose voice is none that we know: male or female; "": they
	// are refused.
	Voice string `yaml:"voice"`
	// Trees are the schemes that call_tree may run, by their ids.
	Trees map[string]tree `yaml:"trees"`
}

// tree is a scheme: a flow that the client hears, or somebody he is joined with.
type tree struct {
	Name    string      `yaml:"name"`
	Type    string      `yaml:"type"`    // incoming or outgoing; "": outgoing
	Account string      `yaml:"account"` // whose it is; "": everybody's
	Flow    *calls.Flow `yaml:"flow"`
	Target  string      `yaml:"target"` // as a flow's managers are named: group:sales, 201@office
}

// schemeTypes are the types of schemes in the words of the service.
var schemeTypes = map[string]string{"incoming": "0", "": "1", "outgoing": "1"}

// readFacade reads and checks the settings of the facade; an error names the key.
func readFacade(s providers.Settings) (set facadeSettings, zone *time.Location, err error) {
	set = facadeSettings{LegacyTree: true, RepeatWindow: providers.RepeatWindow, Timezone: defaultZone}
	if err := s.Decode(&set); err != nil {
		return set, nil, err
	}
	zone, err = time.LoadLocation(set.Timezone)
	switch {
	case err != nil || set.Timezone == "" || set.Timezone == "Local":
		return set, nil, errors.New("timezone: a name such as Europe/Moscow")
	case providers.CheckRepeatWindow(set.RepeatWindow) != nil:
		return set, nil, providers.CheckRepeatWindow(set.RepeatWindow)
	case !slices.Contains([]string{"", "male", "female"}, set.Voice):
		return set, nil, errors.New("voice: male or female")
	}
	for id, t := range set.Trees {
		if id == "" || strings.Contains(id, "+") || !calls.Printable(id) {
			return set, nil, errors.New("trees: the id of a scheme has no plus sign and no control characters")
		}
		if (t.Flow == nil) == (t.Target == "") {
			return set, nil, fmt.Errorf("trees.%s: either a flow or a target", id)
		}
		if _, known := schemeTypes[t.Type]; !known {
			return set, nil, fmt.Errorf("trees.%s.type: incoming or outgoing", id)
		}
	}
	return set, zone, nil
}
