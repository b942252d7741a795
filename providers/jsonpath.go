package providers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// maxPath bounds the steps of a path.
const maxPath = 16

// CheckPath reports a path that Lookup could not walk.
func CheckPath(path string) error {
	steps := strings.Split(path, ".")
	if len(steps) > maxPath {
		return fmt.Errorf("a path has at most %d steps", maxPath)
	}
	for _, s := range steps {
		if s == "" {
			return errors.New(`a path is names and indexes with dots between them: "result.calls.0.id"`)
		}
	}
	return nil
}

// ParseJSON reads one JSON value and nothing behind it, numbers kept as written.
func ParseJSON(b []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON value")
	}
	return v, nil
}

// Lookup walks v along a dotted path ("result.calls.0.id") and gives the value
// there as text: strings as they are, numbers and booleans as written, null as
// "null". ok is false where there is nothing, or an object or array.
func Lookup(v any, path string) (text string, ok bool) {
	for _, step := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			if v, ok = x[step]; !ok {
				return "", false
			}
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(x) {
				return "", false
			}
			v = x[i]
		default:
			return "", false
		}
	}
	switch x := v.(type) {
	case string:
		return x, true
	case json.Number:
		return x.String(), true
	case bool:
		return strconv.FormatBool(x), true
	case nil:
		return "null", true
	}
	return "", false
}
