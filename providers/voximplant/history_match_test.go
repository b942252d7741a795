package voximplant

import "testing"

func TestClientIsFoundInTheHistoryHoweverHisNumberIsWritten(t *testing.T) {
	t.Parallel()
	for theirs, want := range map[string]bool{"79005551203": true, "+79005551203": true, "89005551203": true, "9005551203": true,
		"79005551204": false, "": false, "5551203": false, "449005551203": false} {
		list := []sessionCall{{RemoteNumber: "74951234567"}, {RemoteNumber: theirs}}
		if got := clientCall(list, "79005551203") != nil; got != want {
			t.Errorf("%q: %t", theirs, got)
		}
	}
	if clientCall([]sessionCall{{RemoteNumber: "8123456789"}}, "8123456789") == nil || clientCall([]sessionCall{{RemoteNumber: "81234"}}, "71234") != nil {
		t.Error("numbers of other countries are not as they are written")
	}
}
