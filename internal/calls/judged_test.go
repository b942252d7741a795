package calls

import (
	"encoding/json"
	"testing"
)

func TestOnlyWhatIsCertainlyNoPersonHasAnOutcomeOfItsOwn(t *testing.T) {
	t.Parallel()
	for v, want := range map[Verdict]Outcome{
		VerdictNone: OutcomeAnswered, VerdictHuman: OutcomeAnswered, VerdictUnknown: OutcomeAnswered, VerdictSilence: OutcomeAnswered,
		VerdictMachine: OutcomeMachine, VerdictFax: OutcomeFax, VerdictAnnouncement: OutcomeAnnouncement,
	} {
		if got := v.Answered(); got != want {
			t.Errorf("%q ends as %s, want %s", v, got, want)
		}
	}
}

func TestAMDIsReadAsAModeOrAsAnObject(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]AMDOptions{
		`"async"`:          {Mode: AMDAsync, OnMachine: OnMachinePlay},
		`"off"`:            {Mode: AMDOff, OnMachine: OnMachinePlay},
		`{"mode":"async"}`: {Mode: AMDAsync, OnMachine: OnMachinePlay},
		`{"mode":"message_end","on_machine":"message","message_record":7}`: {Mode: AMDMessageEnd, OnMachine: OnMachineMessage, MessageRecord: "7"},
	} {
		got, err := ParseAMD(json.RawMessage(in), "body.amd")
		if err != nil || got != want {
			t.Errorf("%s is read as %+v, %v; want %+v", in, got, err, want)
		}
	}
	for in, location := range map[string]string{
		`"maybe"`: "body.amd.mode", `7`: "body.amd", `{"mode":"async","x":1}`: "body.amd.x", `{"on_machine":"message"}`: "body.amd.message_record",
	} {
		if _, err := ParseAMD(json.RawMessage(in), "body.amd"); err == nil || err.Fields[0].Location != location {
			t.Errorf("%s: fault %v, want one at %s", in, err, location)
		}
	}
}
