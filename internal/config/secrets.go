package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// fileSuffix, behind the key of a secret, makes the key of the file that holds it.
const fileSuffix = "_file"

// maxSecret is the largest file of a secret, in bytes.
const maxSecret = 64 << 10

// isSecret reports whether a field holds a secret, or secrets by name.
func isSecret(t reflect.Type) bool {
	return t == secretType || t.Kind() == reflect.Map && t.Elem() == secretType
}

// fileKey notes the file of a secret; false where the field is none. base is
// the path of the secret, at that of its file.
func (d *decoder) fileKey(p pair, field reflect.Value, base, at string) bool {
	switch {
	case !isSecret(field.Type()):
		return false
	case field.Kind() == reflect.Map:
		names := map[string]string{}
		d.dictionary(p.value, reflect.ValueOf(&names).Elem(), at)
		for _, name := range slices.Sorted(maps.Keys(names)) {
			d.places[join(base, name)] = d.where(join(at, name))
			d.noteFile(join(base, name), names[name])
		}
	case p.value.Type() != ast.NullType:
		var name string
		d.value(p.value, reflect.ValueOf(&name).Elem(), at)
		d.noteFile(base, name)
	}
	return true
}

func (d *decoder) noteFile(path, name string) {
	if name != "" {
		d.files[path] = name
	}
}

// readSecrets fills the secrets that lie in files.
func (d *decoder) readSecrets(cfg *Config) {
	leaves, defaults := leavesOf(cfg), leavesOf(Default())
	for _, path := range slices.Sorted(maps.Keys(d.files)) {
		name := d.files[path]
		at := d.fileWhere(path)
		leaf, ok := leaves[path]
		if !ok {
			leaf, ok = headerLeaf(cfg, path)
		}
		if !ok {
			continue // its element was faulty and is reported
		}
		if given := leaf.get(); given != "" && (!defaults[path].value.IsValid() || given != defaults[path].get()) {
			d.bad(at, "the secret is given twice, here and as a value; remove one")
			continue
		}
		secret, err := secretOf(name)
		if err != nil {
			d.bad(at, "%s", err)
			continue
		}
		leaf.set(Secret(secret))
	}
}

// secretOf reads the secret that a file holds, without the end of its last line.
// The error is for people.
func secretOf(name string) (string, error) {
	data, err := readFile(name, maxSecret)
	if err != nil {
		return "", err
	}
	secret := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if secret == "" {
		return "", fmt.Errorf("the file %s is empty; write the secret into it", name)
	}
	return secret, nil
}

// headerLeaf finds the header of a provider or of the sender of texts that path
// names.
func headerLeaf(cfg *Config, path string) (leaf, bool) {
	if name, ok := strings.CutPrefix(path, "sms.http.headers."); ok {
		return leaf{owner: reflect.ValueOf(&cfg.SMS.HTTP.Headers).Elem(), key: name}, true
	}
	for i := range cfg.Providers {
		if name, ok := strings.CutPrefix(path, fmt.Sprintf("providers[%d].headers.", i)); ok {
			return leaf{owner: reflect.ValueOf(&cfg.Providers[i].Headers).Elem(), key: name}, true
		}
	}
	return leaf{}, false
}

// fileWhere is the path under which a fault of a secret's file is reported.
func (d *decoder) fileWhere(path string) string {
	if _, ok := d.vars[path+fileSuffix]; ok {
		return path + fileSuffix
	}
	if _, ok := d.places[path+fileSuffix]; ok {
		return path + fileSuffix
	}
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		if at := path[:i] + fileSuffix + path[i:]; d.places[at] != (place{}) {
			return at
		}
	}
	return path
}
