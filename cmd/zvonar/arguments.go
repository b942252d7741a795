package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// maxArgument is the largest JSON of one option, in bytes.
const maxArgument = 1 << 20

// readJSONArg reads JSON that stands on the command line, in a file, or on stdin.
func readJSONArg(a *app, arg string) (json.RawMessage, error) {
	arg = strings.TrimSpace(arg)
	text, where := []byte(arg), ""
	switch {
	case strings.HasPrefix(arg, "{"), strings.HasPrefix(arg, "["):
	case arg == "-":
		b, err := io.ReadAll(io.LimitReader(a.stdin, maxArgument))
		if err != nil {
			return nil, fmt.Errorf("stdin cannot be read: %w", err)
		}
		text, where = b, "what came on stdin "
	default:
		b, err := os.ReadFile(arg)
		if err != nil {
			return nil, fmt.Errorf("it is neither JSON nor a file: %w", err)
		}
		text, where = b, arg+" "
	}
	var raw json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, fmt.Errorf("%sis not JSON: %w", first(where, "it "), err)
	}
	return raw, nil
}

// windowArg reads calling hours: 10:00-18:00, the name of a preset, or JSON.
func windowArg(a *app, arg string) (json.RawMessage, error) {
	from, to, isSpan := strings.Cut(arg, "-")
	switch {
	case strings.HasPrefix(arg, "{"):
		return readJSONArg(a, arg)
	case isSpan && strings.Contains(from, ":"):
		return json.Marshal(map[string]string{"from": from, "to": to})
	}
	return json.Marshal(map[string]string{"preset": arg})
}

// amdArg reads what is to follow where a machine answers: a mode, or JSON, which may
// lie in a file.
func amdArg(a *app, arg string) (json.RawMessage, error) {
	switch arg {
	case "off", "async", "message_end":
		return json.Marshal(arg)
	}
	raw, err := readJSONArg(a, arg)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("write off, async or message_end; or JSON, or name a file that holds it")
	}
	return raw, err
}
