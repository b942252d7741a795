package engine

import (
	"fmt"

	"zvonar/internal/calls"
)

// actionPlace names action i of the n of a digit as calls.ParseDigits does.
func actionPlace(location string, digit, i, n int) string {
	at := fmt.Sprintf("%s[%d]", location, digit)
	if n > 1 {
		at = fmt.Sprintf("%s.actions[%d]", at, i)
	}
	return at
}

// clipPlace names the first place of a request that asks for the clip.
func clipPlace(r CallRequest, id calls.ClipID) string {
	if r.Flow == nil {
		if r.Clip == id {
			return "body.record_id"
		}
		return clipIn(r.Digits, "body.digits", id)
	}
	f := r.Flow
	for _, field := range []struct {
		name string
		clip calls.ClipID
	}{
		{"record", f.Record}, {"invalid_record", f.InvalidRecord}, {"sms_record", f.SMSRecord}, {"block_record", f.BlockRecord},
		{"manager.busy_record", f.Manager.BusyRecord}, {"manager.confirm_record", f.Manager.ConfirmRecord}, {"amd.message_record", f.AMD.MessageRecord},
	} {
		if field.clip == id {
			return "body.flow." + field.name
		}
	}
	return clipIn(f.Digits, "body.flow.digits", id)
}

// clipIn looks for the clip in a map and in those nested in it; "" where it is not.
func clipIn(m calls.DigitMap, location string, id calls.ClipID) string {
	for digit, actions := range m {
		for i, a := range actions {
			at := actionPlace(location, digit, i, len(actions))
			if a.Kind == calls.ActionRecord && calls.ClipID(a.Value) == id {
				return at
			}
			if nested := clipIn(a.Digits, at+".digits", id); nested != "" {
				return nested
			}
		}
	}
	return ""
}
