package beeline

import (
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

func TestTalkOfWhichNothingMoreIsToldEndsWithItsLastEvent(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	clk := clock.NewFake(noon)
	d := newDesk(clk, quietLog(), nil, &Settings{MaxCall: 4 * time.Hour}, "pbx")
	en := &entry{talk: talk{key: "x", legs: []*leg{{user: "u", id: "1", out: true, remote: "9220001122", answered: true, answer: noon}}},
		mail: newMail(), seen: noon.Add(time.Minute)}
	d.talks["x"] = en
	clk.Advance(5 * time.Hour)
	d.sweep()
	notes := en.mail.take()
	if len(notes) == 0 || !en.over {
		t.Fatalf("%+v", en)
	}
	if end := notes[len(notes)-1].report; end.State != calls.ReportEnded || end.TalkMS != time.Minute.Milliseconds() {
		t.Errorf("hours of silence are told as a talk: %+v", end)
	}
}
