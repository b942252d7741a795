package hearing

import (
	"slices"
	"testing"
	"time"

	"zvonar/media/amd"
)

func TestAProfileIsChosenByFlowThenTrunkThenCountry(t *testing.T) {
	t.Parallel()
	p := NewProfiles([]Profile{
		{Name: "kz", Countries: []string{"KZ"}, Deadline: 2500 * time.Millisecond},
		{Name: "office", Trunks: []string{"office"}, Deadline: 3 * time.Second, AtDeadline: 0.9, ReviseAbove: 0.95},
		{Name: Cautious, Deadline: 2900 * time.Millisecond},
	})
	for _, tc := range []struct {
		name, trunk, to string
		deadline        time.Duration
	}{
		{"", "main", "79004443322", amd.Defaults().Deadline},
		{"", "main", "77012223344", 2500 * time.Millisecond},
		{"", "office", "77012223344", 3 * time.Second},
		{Fast, "office", "77012223344", 2 * time.Second},
		{Cautious, "main", "79004443322", 2900 * time.Millisecond},
		{"gone", "office", "79004443322", 3 * time.Second},
	} {
		if got := p.For(tc.name, tc.trunk, tc.to).Deadline; got != tc.deadline {
			t.Errorf("%+v: a deadline of %v", tc, got)
		}
	}
	if got := p.Names(); !slices.Equal(got, []string{Balanced, Cautious, Fast, "kz", "office"}) {
		t.Errorf("names %v", got)
	}
}

func TestAProfileChangesOnlyWhatItSays(t *testing.T) {
	t.Parallel()
	var none *Profiles
	learned := amd.Learned()
	if got := none.For("", "", "").Limits; got != learned {
		t.Errorf("no profile judges by %+v", got)
	}
	got := none.For(Cautious, "", "").Limits
	if got.AtDeadline <= learned.AtDeadline || got.MachineAbove < learned.MachineAbove || got.Earliest != learned.Earliest || got.OtherAbove != learned.OtherAbove {
		t.Errorf("cautious is %+v of %+v", got, learned)
	}
}
