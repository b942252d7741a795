package providers

import (
	"testing"

	"zvonar/internal/calls"
)

func TestEveryNeedIsMetByTheRoleThatOurOwnAPIAsksFor(t *testing.T) {
	meets := map[calls.Permission][]Need{
		calls.PermViewer:    {NeedRead},
		calls.PermCaller:    {NeedRead, NeedCall},
		calls.PermModerator: {NeedRead},
		calls.PermOperator:  {NeedRead, NeedCall, NeedListen, NeedManage},
		calls.PermAdmin:     {NeedRead, NeedCall, NeedListen, NeedManage, "forgotten", ""},
	}
	for role, met := range meets {
		want := map[Need]bool{}
		for _, n := range met {
			want[n] = true
		}
		for _, n := range []Need{NeedRead, NeedCall, NeedListen, NeedManage, "forgotten", ""} {
			if got := n.MetBy([]calls.Permission{role}); got != want[n] {
				t.Errorf("a %s may do what needs %q: %v", role, n, got)
			}
		}
	}
	if NeedRead.MetBy(nil) {
		t.Error("a key without roles may read")
	}
}
