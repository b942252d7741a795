package config

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Settings are the keys of a provider or a facade that only its own folder knows.
// They are read when the folder asks, as strictly as everything else, and never
// printed: which of them are secret nobody here knows.
type Settings struct {
	node ast.Node // nil: none were given
	path string
	file string
	text string // as they were written, to tell whether they changed
}

// Given reports whether there are any.
func (s Settings) Given() bool { return s.node != nil }

// String hides them.
func (s Settings) String() string { return s.hidden() }

// GoString hides them from %#v.
func (s Settings) GoString() string { return s.hidden() }

// MarshalText hides them from encodings and logs.
func (s Settings) MarshalText() ([]byte, error) { return []byte(s.hidden()), nil }

func (s Settings) hidden() string {
	if s.node == nil {
		return ""
	}
	return masked
}

// Decode reads them into a pointer to a struct with yaml tags, whose fields keep
// their values where a key is not given. Fields may be texts, numbers, truth values,
// time.Duration, structs, pointers, lists and maps of these, and what implements
// encoding.TextUnmarshaler; keys of maps are of any of these that one word stands for. A key KEY_file names the file that holds the text KEY. What cannot be
// read, and keys that the struct does not have, are told by a *SettingsError.
func (s Settings) Decode(into any) error {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return errors.New("config: settings are read into a pointer to a struct")
	}
	if s.node == nil {
		return nil
	}
	r := &report{file: s.file, places: map[string]place{}, vars: map[string]string{}}
	d := &decoder{report: r, files: map[string]string{}, foreign: true}
	d.value(s.node, v.Elem(), s.path)
	if len(r.problems) > 0 {
		return &SettingsError{Problems: r.sorted()}
	}
	return nil
}

// SettingsError is what is wrong with settings.
type SettingsError struct{ Problems []Problem }

// Error tells every fault on a line of its own.
func (e *SettingsError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// keyed finds the key that an error of a folder begins with: "tls.trust[0]: …".
var keyed = regexp.MustCompile(`^([a-z][a-z0-9_]*(?:\[\d+\]|\.[A-Za-z0-9_\-]+)*): `)

// Faults words what a folder found in its settings, with places in the file. path is
// that of the element they belong to: "providers[0]".
func (s Settings) Faults(path string, err error) []Problem {
	var known *SettingsError
	if errors.As(err, &known) {
		return known.Problems
	}
	path = join(path, "settings")
	r := &report{file: s.file, places: map[string]place{}, vars: map[string]string{}}
	message := err.Error()
	if m := keyed.FindStringSubmatch(message); m != nil {
		path, message = join(path, m[1]), message[len(m[0]):]
	}
	if s.node != nil {
		r.places[s.path] = start(s.node)
		(&decoder{report: r}).note(s.node, s.path)
	}
	r.bad(path, "%s", message)
	if s.node == nil { // there is no line to point at
		r.problems[0].File = "configuration"
	}
	return r.problems
}

// note keeps where everything below a node stands.
func (d *decoder) note(n ast.Node, path string) {
	switch n := n.(type) {
	case *ast.MappingNode:
		for _, mv := range n.Values {
			p := pair{key: mv.Key.GetToken().Value, where: start(mv.Key), value: mv.Value}
			d.places[join(path, p.key)] = valuePlace(p)
			d.note(mv.Value, join(path, p.key))
		}
	case *ast.SequenceNode:
		for i, el := range n.Values {
			if el != nil {
				d.places[fmt.Sprintf("%s[%d]", path, i)] = start(el)
				d.note(el, fmt.Sprintf("%s[%d]", path, i))
			}
		}
	}
}

// settings keeps a node for the folder that will read it.
func (d *decoder) settings(n ast.Node, v reflect.Value, path string) {
	if _, ok := n.(*ast.MappingNode); !ok {
		d.at(start(n), path, "must be keys with values, like {key: value}")
		return
	}
	v.Set(reflect.ValueOf(Settings{node: n, path: path, file: d.file, text: n.String()}))
}

// textFile reads the file that holds a text of settings; false where the field is
// no text.
func (d *decoder) textFile(p pair, field reflect.Value, list []pair, base, at string) bool {
	if !d.foreign || field.Kind() != reflect.String {
		return false
	}
	var name string
	d.value(p.value, reflect.ValueOf(&name).Elem(), at)
	for _, other := range list {
		if other.key+fileSuffix == p.key {
			d.at(p.where, at, "%s is given twice, here and as a value; remove one", base)
			return true
		}
	}
	if name == "" {
		return true
	}
	switch text, err := secretOf(name); {
	case err != nil:
		d.at(p.where, at, "%s", err)
	default:
		field.SetString(text)
	}
	return true
}

// Comparable is a copy that is deeply equal to another where the two say the same:
// where settings stand in the file makes no difference.
func (c *Config) Comparable() *Config {
	d := *c
	d.Providers, d.Facades = slices.Clone(c.Providers), slices.Clone(c.Facades)
	for i := range d.Providers {
		d.Providers[i].Settings = Settings{text: d.Providers[i].Settings.text}
	}
	for i := range d.Facades {
		d.Facades[i].Settings = Settings{text: d.Facades[i].Settings.text}
	}
	return &d
}
