package hearing

import (
	"slices"
	"time"

	"zvonar/internal/numbering"
	"zvonar/media/amd"
)

// The profiles that are built in. Balanced is what was learned with the model.
const (
	Balanced = "balanced"
	Cautious = "cautious" // fewer people are taken for machines, more machines for people
	Fast     = "fast"     // verdicts half a second earlier, and more often wrong
)

// Profile is by which limits answers are judged. What is zero is as in Balanced;
// probabilities are from 0 to 1.
type Profile struct {
	Name      string
	Trunks    []string // whose calls it is for, where their flow names no other
	Countries []string // of callees, where neither the flow nor the trunk has one

	Deadline, NoSpeech, ReviseFor, EndSilence, MaxGreeting time.Duration

	HumanBelow, MachineAbove, AtDeadline, ReviseAbove float64
}

// Profiles are those that are configured, and the built-in ones. nil has only
// those. Safe for concurrent use.
type Profiles struct {
	list []Profile
}

// NewProfiles makes Profiles; one that is named as a built-in one replaces it.
func NewProfiles(list []Profile) *Profiles { return &Profiles{list: slices.Clone(list)} }

// builtIn are the profiles that always are.
func builtIn() []Profile {
	return []Profile{
		{Name: Balanced},
		{Name: Cautious, HumanBelow: 0.08, MachineAbove: 0.99, AtDeadline: 0.9, ReviseAbove: 0.98},
		{Name: Fast, Deadline: 2 * time.Second, HumanBelow: 0.1, MachineAbove: 0.9},
	}
}

// Names are those of all profiles, the built-in ones first.
func (p *Profiles) Names() []string {
	var names []string
	for _, b := range builtIn() {
		names = append(names, b.Name)
	}
	if p != nil {
		for _, one := range p.list {
			if !slices.Contains(names, one.Name) {
				names = append(names, one.Name)
			}
		}
	}
	return names
}

// For are the parameters for a call: by the profile that its flow names, else of
// its trunk, else of the callee's country, else Balanced.
func (p *Profiles) For(name, trunk, to string) amd.Params {
	if one, ok := p.named(name); ok {
		return one.params()
	}
	if p != nil {
		country, _ := numbering.Class(to)
		for _, fits := range []func(Profile) bool{
			func(one Profile) bool { return slices.Contains(one.Trunks, trunk) },
			func(one Profile) bool { return country != "" && slices.Contains(one.Countries, country) },
		} {
			if i := slices.IndexFunc(p.list, fits); i >= 0 {
				return p.list[i].params()
			}
		}
	}
	one, _ := p.named(Balanced)
	return one.params()
}

func (p *Profiles) named(name string) (Profile, bool) {
	all := builtIn()
	if p != nil {
		all = append(slices.Clone(p.list), all...)
	}
	if i := slices.IndexFunc(all, func(one Profile) bool { return one.Name == name }); i >= 0 {
		return all[i], true
	}
	return Profile{}, false
}

// params are those that are learned, with what the profile says in their place.
func (p Profile) params() amd.Params {
	out := amd.Defaults()
	out.Limits = amd.Learned()
	for _, d := range []struct {
		to *time.Duration
		v  time.Duration
	}{{&out.Deadline, p.Deadline}, {&out.NoSpeech, p.NoSpeech}, {&out.ReviseFor, p.ReviseFor}, {&out.EndSilence, p.EndSilence}, {&out.MaxGreeting, p.MaxGreeting}} {
		if d.v != 0 {
			*d.to = d.v
		}
	}
	l := &out.Limits
	for _, f := range []struct {
		to *float32
		v  float64
	}{{&l.HumanBelow, p.HumanBelow}, {&l.MachineAbove, p.MachineAbove}, {&l.AtDeadline, p.AtDeadline}, {&l.ReviseAbove, p.ReviseAbove}} {
		if f.v != 0 {
			*f.to = float32(f.v)
		}
	}
	if p.ReviseAbove != 0 {
		l.ReviseAtLast = max(l.ReviseAtLast, float32(p.ReviseAbove)-0.1)
	}
	return out
}
