package voximplant

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"zvonar/internal/calls"
	"zvonar/internal/numbering"
	"zvonar/providers"
)

// maxCustomData bounds script_custom_data that the facade takes: it is kept with the
// call, whose metadata have 16 KiB.
const maxCustomData = 15 << 10

// asked is what custom data ask for.
type asked struct {
	to, from, ref, callback, attempt, call string
	variables                              map[string]string // the other values, by name
}

// read reads custom data: a JSON object, a row of columns or a number alone. Nothing
// that is in it can fail: what is not found is empty.
func (s *customDataSettings) read(data string) asked {
	data = strings.TrimSpace(data)
	v, err := providers.ParseJSON([]byte(data))
	object, is := v.(map[string]any)
	if err != nil || !is {
		object = s.row(v, data)
	}
	a := asked{variables: map[string]string{}}
	for _, f := range []struct {
		into  *string
		paths []string
	}{{&a.to, s.To}, {&a.from, s.From}, {&a.ref, s.Ref}, {&a.callback, s.Callback}, {&a.attempt, s.Attempt}, {&a.call, s.Call}} {
		*f.into = first(object, f.paths)
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if text, ok := providers.Lookup(object, name); ok && !strings.Contains(name, ".") && text != "null" {
			a.variables[name] = text
		}
	}
	return a
}

// said is what makes an order of a rule the same, however its data are spelt.
func (a *asked) said(country string, before ...string) []string {
	to := a.to
	if n, err := numbering.Normalize(to, country); err == nil {
		to = n
	}
	out := append(before, to, a.from, a.ref, a.callback, a.attempt, a.call)
	for _, name := range slices.Sorted(maps.Keys(a.variables)) {
		if a.variables[name] != a.to {
			out = append(out, name, a.variables[name])
		}
	}
	return out
}

// row reads data that are no object: columns, or a JSON text or number.
func (s *customDataSettings) row(v any, data string) map[string]any {
	switch v := v.(type) {
	case string:
		data = v
	case json.Number:
		data = v.String()
	}
	row := map[string]any{}
	for i, cell := range strings.Split(data, s.Delimiter) {
		if i < len(s.Columns) {
			row[s.Columns[i]] = strings.TrimSpace(cell)
		}
	}
	return row
}

// first is the value at the first path that has one.
func first(object map[string]any, paths []string) string {
	for _, p := range paths {
		if text, ok := providers.Lookup(object, p); ok && text != "" && text != "null" {
			return calls.Clean(text, 2048)
		}
	}
	return ""
}
