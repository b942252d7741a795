package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"zvonar/internal/failpoint"
)

const envPrefix = "ZVONAR_"

// clientVars are variables of other commands, and the one that arms failpoints;
// they are no configuration.
var clientVars = []string{"ZVONAR_TOKEN", "ZVONAR_API", "ZVONAR_CARRIER_TOKEN", failpoint.Variable}

// leaf is one value of the configuration that can be set by itself.
type leaf struct {
	value reflect.Value // zero for an element of a map
	owner reflect.Value // the map
	key   string
}

func (l leaf) isSecret() bool { return !l.value.IsValid() || l.value.Type() == secretType }

// get is the text of a secret leaf.
func (l leaf) get() string {
	if l.value.IsValid() {
		return l.value.String()
	}
	if v := l.owner.MapIndex(reflect.ValueOf(l.key)); v.IsValid() {
		return v.String()
	}
	return ""
}

// set gives a secret leaf its value.
func (l leaf) set(s Secret) {
	if l.value.IsValid() {
		l.value.SetString(string(s))
		return
	}
	if l.owner.IsNil() {
		l.owner.Set(reflect.MakeMap(l.owner.Type()))
	}
	l.owner.SetMapIndex(reflect.ValueOf(l.key), reflect.ValueOf(s))
}

// leavesOf maps the paths of cfg to what can be set there: single values, lists
// of single values, the elements that lists have. Flows are not taken apart.
func leavesOf(cfg *Config) map[string]leaf {
	leaves := map[string]leaf{}
	walk(reflect.ValueOf(cfg).Elem(), "", leaves)
	return leaves
}

func walk(v reflect.Value, path string, leaves map[string]leaf) {
	switch {
	case v.Type() == flowType, v.Type() == retryType, v.Type() == settingsType:
	case isSingle(v.Type()):
		leaves[path] = leaf{value: v}
	case v.Kind() == reflect.Struct:
		for key, field := range fieldsOf(v) {
			walk(field, join(path, key), leaves)
		}
	case v.Kind() == reflect.Slice && isSingle(v.Type().Elem()):
		leaves[path] = leaf{value: v}
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			walk(v.Index(i), fmt.Sprintf("%s[%d]", path, i), leaves)
		}
	}
}

// isSingle reports whether a type is written as one word.
func isSingle(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int64, reflect.Float64:
		return true
	}
	return reflect.PointerTo(t).Implements(reflect.TypeFor[interface{ UnmarshalText([]byte) error }]())
}

// variable is the name of the variable of a path: ZVONAR_TRUNKS_0_PASSWORD.
func variable(path string) string {
	return envPrefix + strings.ToUpper(strings.NewReplacer(".", "_", "[", "_", "]", "").Replace(path))
}

// environment lets ZVONAR_* variables replace what the file says.
func (d *decoder) environment(cfg *Config, env []string) {
	paths := map[string]string{}
	leaves := leavesOf(cfg)
	for path, l := range leaves {
		paths[variable(path)] = path
		if l.isSecret() {
			paths[variable(path+fileSuffix)] = path + fileSuffix
		}
	}
	for name, text := range variables(env) {
		path, known := paths[name]
		if !known {
			names := slices.Sorted(maps.Keys(paths))
			d.add(Problem{File: Environment, Path: name, Message: "there is no such setting" + suggestion(name, names) +
				"; unset it, or name a key of the file with _ between its parts (elements of a list by their number, if the file has them)"})
			continue
		}
		d.vars[path] = name
		if l, ok := leaves[path]; ok {
			d.override(l, path, text)
			continue
		}
		base := strings.TrimSuffix(path, fileSuffix)
		if _, both := d.vars[base]; !both {
			leaves[base].set("")
		}
		d.noteFile(base, text)
	}
}

// override sets one value from its variable. A secret replaces its file too,
// unless that comes from a variable itself.
func (d *decoder) override(l leaf, path, text string) {
	if _, both := d.vars[path+fileSuffix]; !both {
		delete(d.files, path)
	}
	if l.value.Kind() != reflect.Slice {
		if err := setText(l.value, text); err != nil {
			d.bad(path, "%s", err)
		}
		return
	}
	var words []string
	if text != "" {
		words = strings.Split(text, ",")
	}
	list := reflect.MakeSlice(l.value.Type(), len(words), len(words))
	for i, word := range words {
		d.vars[fmt.Sprintf("%s[%d]", path, i)] = d.vars[path]
		if err := setText(list.Index(i), strings.TrimSpace(word)); err != nil {
			d.bad(path, "%s", err)
		}
	}
	l.value.Set(list)
}

// variables yields the ZVONAR_* variables of env in the order of their names,
// without those of the commands.
func variables(env []string) func(func(name, text string) bool) {
	values := map[string]string{}
	for _, entry := range env {
		if name, text, ok := strings.Cut(entry, "="); ok && strings.HasPrefix(name, envPrefix) && !slices.Contains(clientVars, name) {
			values[name] = text
		}
	}
	return func(yield func(string, string) bool) {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			if !yield(name, values[name]) {
				return
			}
		}
	}
}
