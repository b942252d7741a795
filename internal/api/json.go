package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/danielgtaylor/huma/v2"
)

// maxNesting is how deep a body may be nested: flows have five maps of lists of
// actions, metadata is the asker's own.
const maxNesting = 64

// unmarshalStrict reads JSON and says where it is broken. Huma calls it twice:
// for a tree to validate (v is *any), and then for the typed body. The first
// reading refuses keys given twice, which the second would silently merge.
func unmarshalStrict(data []byte, v any) error {
	tree, ok := v.(*any)
	if !ok {
		return json.Unmarshal(data, v)
	}
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil {
		return whereBroken(data, 0, err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	parsed, err := readValue(d, 0)
	if err != nil {
		return whereBroken(data, d.InputOffset(), err)
	}
	*tree = plainNumbers(dropNulls(parsed))
	return nil
}

// readValue reads one value of d.
func readValue(d *json.Decoder, depth int) (any, error) {
	if depth > maxNesting {
		return nil, fmt.Errorf("nested more than %d deep", maxNesting)
	}
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		return readObject(d, depth)
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := readValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	}
	return token, nil
}

func readObject(d *json.Decoder, depth int) (any, error) {
	object := map[string]any{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, ok := token.(string)
		if !ok {
			return nil, errors.New("a key must be a string")
		}
		if _, twice := object[key]; twice {
			return nil, fmt.Errorf("the key %.64q is given twice", key)
		}
		if object[key], err = readValue(d, depth+1); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return object, err
}

// dropNulls takes members that are null out of the body: many clients write
// null for what they do not set.
func dropNulls(v any) any {
	if object, ok := v.(map[string]any); ok {
		for key, member := range object {
			if member == nil {
				delete(object, key)
			}
		}
	}
	return v
}

// plainNumbers turns json.Number into what a JSON reader without UseNumber
// gives: the schema validation knows no other.
func plainNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			return v.String() // beyond float64: the typed reading refuses it
		}
		return f
	case map[string]any:
		for key, member := range v {
			v[key] = plainNumbers(member)
		}
	case []any:
		for i, member := range v {
			v[i] = plainNumbers(member)
		}
	}
	return v
}

// whereBroken adds line and column to a reading error.
func whereBroken(data []byte, offset int64, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) && syntax.Offset > 0 {
		offset = syntax.Offset
	}
	line, column := 1, 1
	for _, b := range data[:min(max(offset-1, 0), int64(len(data)))] {
		column++
		if b == '\n' {
			line, column = line+1, 1
		}
	}
	return fmt.Errorf("line %d, column %d: %w", line, column, err)
}

// bodyHash is the hex sha256 of a JSON body in canonical form: keys sorted, no
// white space, numbers as they were written. Two spellings of one request have
// one hash.
func bodyHash(raw []byte) (string, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		return "", err
	}
	canonical, err := json.Marshal(dropNulls(tree))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:]), nil
}

// text is a string that may also be written as a whole number: record ids and
// telephone numbers come both ways.
type text string

// UnmarshalJSON reads a string or a whole number.
func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err == nil {
		*t = text(s)
		return nil
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return errors.New("expected a string or a whole number")
		}
	}
	*t = text(b)
	return nil
}

// Schema implements huma.SchemaProvider.
func (text) Schema(huma.Registry) *huma.Schema {
	most := 256
	return &huma.Schema{OneOf: []*huma.Schema{{Type: huma.TypeString, MaxLength: &most}, {Type: huma.TypeInteger}}}
}
