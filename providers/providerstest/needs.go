package providerstest

import (
	"maps"
	"slices"
	"testing"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// KeepsToNeeds checks that a facade refuses each of its methods to exactly those whose
// roles do not have what it needs, and that the methods that give the sound of a talk are
// listens and no others. refused asks for a method with a key of one role and says
// whether that role was the reason of a no; whatever else is wrong with the request is.
func KeepsToNeeds(t *testing.T, needs map[string]providers.Need, listens []string, refused func(method string, role calls.Permission) bool) {
	t.Helper()
	if len(needs) == 0 {
		t.Fatal("the facade says nothing of its needs")
	}
	var sound []string
	for _, method := range slices.Sorted(maps.Keys(needs)) {
		need := needs[method]
		if need == providers.NeedListen {
			sound = append(sound, method)
		}
		for _, role := range []calls.Permission{calls.PermViewer, calls.PermCaller, calls.PermModerator, calls.PermOperator, calls.PermAdmin} {
			if got, want := refused(method, role), !need.MetBy([]calls.Permission{role}); got != want {
				t.Errorf("%s needs %s; asked by a %s: refused %v", method, need, role, got)
			}
		}
	}
	slices.Sort(listens)
	if !slices.Equal(sound, listens) {
		t.Errorf("the sound of talks is given by %q, want %q", sound, listens)
	}
}
