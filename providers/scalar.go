package providers

import (
	"bytes"
	"encoding/json"
	"errors"
)

// Tolerance is how a text of a dialect may be written: every dialect has clients that
// send a string, a number or null (""), and they differ in the rest.
type Tolerance struct {
	// True and False are what truth values are read as; "": they are no text.
	True, False string
	// Anything makes "" of what is no text; otherwise that is an error.
	Anything bool
}

var errNoText = errors.New("must be a string or a number")

// Text reads one JSON value: a string, a number as it is written, and what t allows.
func (t Tolerance) Text(b []byte) (string, error) {
	if len(bytes.TrimSpace(b)) == 0 {
		return "", nil
	}
	v, err := ParseJSON(b)
	if err == nil {
		switch x := v.(type) {
		case string:
			return x, nil
		case json.Number:
			return x.String(), nil
		case nil:
			return "", nil
		case bool:
			if x && t.True != "" {
				return t.True, nil
			}
			if !x && t.False != "" {
				return t.False, nil
			}
		}
	}
	if t.Anything {
		return "", nil
	}
	return "", errNoText
}
