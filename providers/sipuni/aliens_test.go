package sipuni

import (
	"fmt"
	"strings"
	"testing"

	"zvonar/internal/calls"
)

func TestCallsThatNobodyAskedForAreToldToTheEngine(t *testing.T) {
	t.Parallel()
	b := newBranch(t, nil, nil)
	b.Memory.Employees = []*calls.Employee{{ID: "emp_1", Account: "main", Extension: "201"}, {ID: "emp_2", Account: "main", Extension: "100002"}}
	b.event(t, golden(t, "1-incoming.txt"))
	// A colleague dials a client himself; the events come twice and the end before the answer.
	for _, name := range []string{"1-outgoing.txt", "1-outgoing.txt", "2-answered.txt", "3-outgoing.txt"} {
		b.event(t, golden(t, name))
	}
	inner := about(eventStart, "7.7", "", "078332202", "dst_type", "2")
	b.event(t, inner)
	var got []string
	for _, f := range b.Engine.Foreigns() {
		got = append(got, fmt.Sprintf("%s %s %s>%s %s %s", f.Call.Direction, f.Report.State, f.Call.From, f.Call.To, f.Call.Line, f.Call.Employee))
		if f.Call.Provider != "pbx" || f.Call.Account != "main" {
			t.Errorf("%+v", f.Call)
		}
	}
	want := []string{"in ringing 79220001122>74991234567 74991234567 emp_2",
		"out ringing 74991234567>79161234567 74991234567 emp_1", "out manager >79161234567  emp_1",
		"out answered >79161234567  emp_1", "out record >79161234567  emp_1", "out ended >79161234567  emp_1"} // the first report makes the call
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("told\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
