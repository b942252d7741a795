package zvonobot

import (
	"fmt"
	"slices"
	"strings"

	"zvonar/internal/calls"
)

// The options of a flow that Zvonobot cannot do; settings.ignore may name them.
const (
	optAMD      = "amd"
	optRepeats  = "repeats"
	optLoop     = "loop"
	optInvalid  = "invalid_record"
	optSMS      = "sms_record"
	optConfirm  = "confirm"
	optBusy     = "busy_record"
	optCapture  = "capture"
	optScope    = "block_scope"
	optTimeouts = "timeouts"
)

func ignorable() []string {
	return []string{optAMD, optRepeats, optLoop, optInvalid, optSMS, optConfirm, optBusy, optCapture, optScope, optTimeouts}
}

// inexpressible is a flow that cannot be said in Zvonobot's words.
type inexpressible struct{ words string }

// Error makes it an error.
func (e *inexpressible) Error() string { return e.words }

func cannot(format string, args ...any) error { return &inexpressible{fmt.Sprintf(format, args...)} }

// checkOptions says which option of a flow cannot be kept; nil: all can, or may be
// passed over.
func checkOptions(f *calls.Flow, ignore []string, captures bool) error {
	switch {
	case f.Bridge != nil:
		return cannot("Zvonobot plays to one party; it joins no two")
	case f.Dictate != nil:
		return cannot("Zvonobot takes no dictation")
	case f.AnswerOnly || f.Record == "":
		return cannot("Zvonobot needs a recording to play")
	}
	def := calls.DefaultFlow()
	for _, o := range []struct {
		name string
		set  bool
	}{
		{optAMD, f.AMD.Mode != "" && f.AMD.Mode != def.AMD.Mode},
		{optRepeats, f.Repeats > 1}, {optLoop, f.Loop},
		{optInvalid, f.InvalidRecord != ""}, {optSMS, f.SMSRecord != ""},
		{optConfirm, f.Manager.Confirm != "" && f.Manager.Confirm != def.Manager.Confirm || f.Manager.RelayDigits},
		{optBusy, f.Manager.BusyRecord != "" || f.Manager.HoldRecord != ""},
		{optCapture, f.Capture && !captures},
		{optTimeouts, !f.BargeIn || f.DigitTimeout != def.DigitTimeout || f.MaxInvalid != def.MaxInvalid || f.Manager.RingTimeout != def.Manager.RingTimeout},
	} {
		if o.set && !slices.Contains(ignore, o.name) {
			return cannot("Zvonobot has nothing for the option %s of this flow; leave it out, or name it in settings.ignore", o.name)
		}
	}
	return nil
}

// clipNamer says by what Zvonobot knows a clip of ours.
type clipNamer func(calls.ClipID) (*recordRef, error)

// ivrsOf writes a map of digits as ivrs.
func ivrsOf(m calls.DigitMap, f *calls.Flow, ignore []string, clip clipNamer, depth int) ([]ivr, error) {
	if depth > calls.MaxDepth {
		return nil, cannot("the menus of this flow are nested deeper than %d", calls.MaxDepth)
	}
	var out []ivr
	for digit, list := range m {
		if len(list) == 0 {
			continue
		}
		it := ivr{Digit: digit}
		for _, a := range list {
			if err := it.add(a, f, ignore, clip, depth); err != nil {
				return nil, err
			}
		}
		out = append(out, it)
	}
	return out, nil
}

// add puts one action into an item, which has room for one of each kind.
func (it *ivr) add(a calls.Action, f *calls.Flow, ignore []string, clip clipNamer, depth int) (err error) {
	twice := cannot("digit %d has two actions of the kind %s, and Zvonobot one", it.Digit, a.Kind)
	switch a.Kind {
	case calls.ActionRecord:
		if it.Record != nil {
			return twice
		}
		if it.ManagerPhone != "" {
			return cannot("digit %d plays a recording where the manager was not reached, which Zvonobot cannot", it.Digit)
		}
		if it.Record, err = ivrRecord(clip, calls.ClipID(a.Value), it.Digit); err != nil {
			return err
		}
		it.IVRs, err = ivrsOf(a.Digits, f, ignore, clip, depth+1)
		return err
	case calls.ActionManager:
		if it.ManagerPhone != "" {
			return twice
		}
		if strings.Trim(a.Value, "0123456789") != "" {
			return cannot("digit %d connects %q, and Zvonobot knows telephone numbers only", it.Digit, calls.Mask(a.Value))
		}
		it.ManagerPhone = a.Value
	case calls.ActionSMS:
		if it.SMSText != "" {
			return twice
		}
		it.SMSText = a.Value
	case calls.ActionBlock:
		if a.Value != "1" && !slices.Contains(ignore, optScope) {
			return cannot("digit %d blocks for one %s; Zvonobot blocks the number altogether (allow it with block_scope in settings.ignore)", it.Digit, a.Value)
		}
		it.NeedBlock = 1
		if f.BlockRecord != "" {
			it.Record, err = ivrRecord(clip, f.BlockRecord, it.Digit)
		}
		return err
	default:
		return cannot("digit %d does %s, which Zvonobot does not know", it.Digit, a.Kind)
	}
	return nil
}

// ivrRecord names the clip of an item, which cannot be a text.
func ivrRecord(clip clipNamer, id calls.ClipID, digit int) (*recordRef, error) {
	ref, err := clip(id)
	if err != nil {
		return nil, err
	}
	if ref.ID == 0 {
		return nil, cannot("digit %d plays recording %s, which Zvonobot must have as a record of its own: name it in settings.records", digit, id)
	}
	return ref, nil
}
