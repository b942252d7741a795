package mango

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// afterRestart is a call of two that a former process placed an hour ago.
func afterRestart(answered bool) calls.PlaceRequest {
	r := bridgeRequest("att1", "74955404444", "employee:201")
	r.Resumed = &calls.Resumed{AskedAt: noon.Add(-time.Hour), Rang: answered, Answered: answered}
	return r
}

func TestACallGoesOnByItsEntryAfterARestart(t *testing.T) {
	t.Parallel()
	for name, x := range map[string]struct {
		answered bool
		want     []calls.ReportState
	}{
		"rung": {false, []calls.ReportState{calls.ReportRinging, calls.ReportAnswered, calls.ReportEnded}},
		"talk": {true, []calls.ReportState{calls.ReportEnded}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			f := w.follow(t, afterRestart(x.answered))
			all := scenario("", resumedEntry, "74955404444") // without the command, as notices of later legs may be
			for _, n := range all[len(all)-3:] {
				if x.answered && n.State != legDisconnected {
					continue // it was told before
				}
				w.notify(pathCall, n)
			}
			w.notify(pathSummary, summaryOf(resumedEntry, "74955404444", 40*time.Second, 1120))
			states, end := f.states(t)
			if !slices.Equal(slices.DeleteFunc(states, func(s calls.ReportState) bool { return s == calls.ReportManager || s == calls.ReportJoined }), x.want) {
				t.Errorf("%v", states)
			}
			if end.TalkMS != 40000 || end.ProviderCallID != resumedEntry || end.Outcome != "" {
				t.Errorf("%+v", end)
			}
			if got := w.requests(); len(got) != 0 {
				t.Errorf("the provider was asked %+v", got)
			}
		})
	}
}

func TestACallThatEndedWhileNobodyListenedIsLookedUpSinceItBegan(t *testing.T) {
	t.Parallel()
	began := stamp(noon.Add(-time.Hour))
	w := newWorld(t, nil)
	w.bodies["stats/request"] = `{"key":"k1"}`
	w.mu.Lock()
	w.pages["stats/result"] = []fault{{status: 200, body: fmt.Sprintf("[];%d;%d;0;201;74955404444;1121;other\n[];%d;%d;%d;201;74955404444;1120;%s\n", began, began+5, began+30, began+60, began+40, resumedEntry)}}
	w.mu.Unlock()
	f := w.follow(t, afterRestart(true))
	if end := f.next(t); end.State != calls.ReportEnded || end.TalkMS != 20000 {
		t.Errorf("%+v", end)
	}
}
