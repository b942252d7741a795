package calls

import "fmt"

// ClipIDs lists every clip that the flow can play, nested ones included, each
// once, in a fixed order.
func (f *Flow) ClipIDs() []ClipID {
	var ids []ClipID
	seen := map[ClipID]bool{}
	f.clips(func(_ string, id ClipID) {
		if !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	})
	return ids
}

// PlaceOf says where the flow names a clip first: "record", "digits[3]",
// "manager.busy_record"; "" where it does not.
func (f *Flow) PlaceOf(id ClipID) (place string) {
	f.clips(func(at string, other ClipID) {
		if place == "" && other == id {
			place = at
		}
	})
	return place
}

// clips visits every clip that the flow names, with its place.
func (f *Flow) clips(visit func(place string, id ClipID)) {
	option := func(place string, id ClipID) {
		if id != "" {
			visit(place, id)
		}
	}
	option("record", f.Record)
	f.Digits.walk("digits", func(place string, a *Action) {
		if a.Kind == ActionRecord {
			option(place, ClipID(a.Value))
		}
	})
	option("invalid_record", f.InvalidRecord)
	option("sms_record", f.SMSRecord)
	option("block_record", f.BlockRecord)
	option("manager.busy_record", f.Manager.BusyRecord)
	option("manager.confirm_record", f.Manager.ConfirmRecord)
	option("manager.hold_record", f.Manager.HoldRecord)
	option("amd.message_record", f.AMD.MessageRecord)
}

// walk visits every action of m with its place, the nested ones after their
// parent. An element with one action is the place of that action, as
// ParseDigits names it.
func (m DigitMap) walk(at string, visit func(place string, a *Action)) {
	for digit, list := range m {
		for i := range list {
			place := fmt.Sprintf("%s[%d]", at, digit)
			if len(list) > 1 {
				place = fmt.Sprintf("%s.actions[%d]", place, i)
			}
			visit(place, &list[i])
			list[i].Digits.walk(place+".digits", visit)
		}
	}
}
