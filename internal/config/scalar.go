package config

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"zvonar/internal/calls"
)

var durationType = reflect.TypeFor[time.Duration]()

// setText gives v the value that text stands for. The error is for people and
// never shows a secret.
func setText(v reflect.Value, text string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return setUnmarshaler(u, v, text)
	}
	if v.Type() == durationType {
		var d Duration
		err := d.UnmarshalText([]byte(text))
		v.SetInt(int64(d))
		return err
	}
	switch v.Kind() {
	case reflect.String:
		if v.Type() != secretType && !calls.Printable(text) {
			return errors.New("has control characters or bytes that are not UTF-8; remove them")
		}
		v.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil || len(text) == 1 {
			return fmt.Errorf("%s is neither true nor false", quote(text))
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int64:
		i, err := strconv.ParseInt(text, 10, v.Type().Bits())
		if err != nil {
			return fmt.Errorf("%s is not a whole number", quote(text))
		}
		v.SetInt(i)
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("%s is not a number", quote(text))
		}
		v.SetFloat(f)
	default:
		return errors.New("cannot be set from one value")
	}
	return nil
}

// setUnmarshaler words what a type of another package says in its own way.
func setUnmarshaler(u encoding.TextUnmarshaler, v reflect.Value, text string) error {
	err := u.UnmarshalText([]byte(text))
	if err != nil && strings.HasPrefix(v.Type().PkgPath(), "net/") {
		return fmt.Errorf("%s is not an IP address; write it like 192.0.2.10", quote(text))
	}
	return err
}

// fieldsOf maps the keys of a struct to its fields.
func fieldsOf(v reflect.Value) map[string]reflect.Value {
	fields := map[string]reflect.Value{}
	for i := range v.NumField() {
		if key := keyOf(v.Type().Field(i)); key != "" {
			fields[key] = v.Field(i)
		}
	}
	return fields
}

// keysOf lists the keys of a struct in their order, with the _file of secrets.
func keysOf(v reflect.Value) []string {
	var keys []string
	for i := range v.NumField() {
		f := v.Type().Field(i)
		key := keyOf(f)
		if key == "" {
			continue
		}
		keys = append(keys, key)
		if isSecret(f.Type) {
			keys = append(keys, key+fileSuffix)
		}
	}
	return keys
}

// keyOf is the YAML key of a field, "" where it has none.
func keyOf(f reflect.StructField) string {
	key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	if key == "-" {
		return ""
	}
	return key
}

// suggestion names the known key that a wrong one is closest to, if any is close.
func suggestion(wrong string, known []string) string {
	best, least := "", 3
	for _, k := range known {
		if n := distance(strings.ToLower(wrong), strings.ToLower(k)); n < least && n < len(k) {
			best, least = k, n
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", best)
}

// distance is how many letters must be changed, added or dropped to come from a
// to b (Levenshtein). Long words are not compared.
func distance(a, b string) int {
	const longest = 64
	if len(a) > longest || len(b) > longest {
		return longest
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
