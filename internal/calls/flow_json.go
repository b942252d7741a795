package calls

import "encoding/json"

// MarshalJSON writes the array of DESIGN 4.3: {} for a digit that does nothing,
// the action itself where there is one, {"actions":[…]} where there are several.
// A nil map is [].
func (m DigitMap) MarshalJSON() ([]byte, error) {
	elements := make([]any, len(m))
	for i, list := range m {
		switch len(list) {
		case 0:
			elements[i] = struct{}{}
		case 1:
			elements[i] = list[0]
		default:
			elements[i] = map[string][]Action{"actions": list}
		}
	}
	return json.Marshal(elements)
}

// UnmarshalJSON reads what MarshalJSON wrote. It checks the shape only, so that
// what was once accepted stays readable; bodies from outside go through
// ParseDigits or ParseFlow.
func (m *DigitMap) UnmarshalJSON(raw []byte) error {
	p := &flowParser{trusted: true}
	parsed := p.digits(raw, "digits", 1)
	if err := p.err(); err != nil {
		return err
	}
	*m = parsed
	return nil
}

// MarshalJSON writes {"record":"1460168"}, with the map that is valid after it,
// if it has one of its own, as "digits".
func (a Action) MarshalJSON() ([]byte, error) {
	o := map[string]any{string(a.Kind): a.Value}
	if a.Digits != nil {
		o["digits"] = a.Digits
	}
	return json.Marshal(o)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (a *Action) UnmarshalJSON(raw []byte) error {
	p := &flowParser{trusted: true}
	members, ok := p.object(CodeBadAction, raw, "action")
	if !ok {
		return p.err()
	}
	parsed, _ := p.action(members, raw, "action", 1)
	if err := p.err(); err != nil {
		return err
	}
	*a = parsed
	return nil
}
