package config

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"zvonar/internal/calls"
)

// decoder fills a Config from the tree of a YAML file. It goes over everything
// and reports what it cannot use, instead of stopping at the first fault.
type decoder struct {
	*report
	files map[string]string // by path of a secret: the file that holds it
	// foreign: the struct is of another room, whose texts may all lie in files.
	foreign bool
}

// defaulter is implemented by elements of lists that do not start empty.
type defaulter interface{ setDefaults() }

var (
	secretType = reflect.TypeFor[Secret]()
	flowType   = reflect.TypeFor[calls.Flow]()
	retryType  = reflect.TypeFor[calls.RetryPolicy]()

	settingsType = reflect.TypeFor[Settings]()
	rawType      = reflect.TypeFor[json.RawMessage]()
)

// document reads the whole file into cfg; false means that it is no YAML.
func (d *decoder) document(data []byte, cfg *Config) (readable bool) {
	file, err := parse(data)
	if err != nil {
		var syntax *yaml.SyntaxError
		if errors.As(err, &syntax) && syntax.Token != nil {
			where := placeOf(syntax.Token)
			d.add(Problem{File: d.file, Line: where.line, Column: where.column, Message: "this is not YAML: " + syntax.Message})
			return false
		}
		d.add(Problem{File: d.file, Message: "this is not YAML: " + err.Error()})
		return false
	}
	read := false
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil || doc.Body.Type() == ast.NullType:
		case doc.Body.Type() == ast.DirectiveType:
			d.at(placeOf(doc.Body.GetToken()), "", "YAML directives are not understood here; remove the line")
		case read:
			d.at(start(doc.Body), "", "a second document begins here; the configuration is one document, remove the line ---")
		default:
			read = true
			d.value(doc.Body, reflect.ValueOf(cfg).Elem(), "")
		}
	}
	return true
}

// parse keeps a panic of the YAML library, on input that nobody writes, from
// ending the program.
func parse(data []byte) (file *ast.File, err error) {
	defer func() {
		if recover() != nil {
			file, err = nil, errors.New("it cannot be taken apart at all")
		}
	}()
	if i := slices.IndexFunc(data, func(b byte) bool { return b < ' ' && b != '\n' && b != '\r' && b != '\t' }); i >= 0 {
		return nil, fmt.Errorf("it has a control character at byte %d", i+1)
	}
	if line := tooDeep(data); line > 0 {
		return nil, fmt.Errorf("line %d is nested too deep", line)
	}
	return parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
}

// maxNesting is how many brackets may be open, and how far a line may be
// indented; a flow with five maps of lists needs a quarter of it.
const maxNesting = 200

// tooDeep is the first line that is nested so deep that the YAML library, whose
// need of memory grows with the square of it, must not see it; 0 if none is.
// Brackets in texts are counted too: who writes them closes them.
func tooDeep(data []byte) int {
	open := 0
	for i, line := range bytes.Split(data, []byte("\n")) {
		text := bytes.TrimLeft(line, " \t-?:")
		if len(line)-len(text) > maxNesting {
			return i + 1
		}
		if bytes.HasPrefix(text, []byte("#")) {
			continue
		}
		for _, c := range text {
			switch c {
			case '[', '{':
				open++
			case ']', '}':
				open = max(open-1, 0)
			}
			if open > maxNesting {
				return i + 1
			}
		}
	}
	return 0
}

func placeOf(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{1, 1}
	}
	return place{max(t.Position.Line, 1), max(t.Position.Column, 1)}
}

// start is where the text of a node begins. The token of a block mapping is its
// first colon, so its first key is asked.
func start(n ast.Node) place {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		return placeOf(m.Values[0].Key.GetToken())
	}
	return placeOf(n.GetToken())
}

// value reads a node into v. Null is what was not given: v keeps its default.
func (d *decoder) value(n ast.Node, v reflect.Value, path string) {
	if _, known := d.places[path]; !known || path == "" {
		d.places[path] = start(n)
	}
	switch n.Type() {
	case ast.NullType:
		return
	case ast.AnchorType, ast.AliasType, ast.TagType, ast.MergeKeyType:
		d.at(start(n), path, "anchors, aliases and tags are not understood here; write the value out")
		return
	}
	switch v.Type() {
	case flowType:
		d.flow(n, v, path)
		return
	case retryType:
		d.retry(n, v, path)
		return
	case settingsType:
		d.settings(n, v, path)
		return
	case rawType:
		d.raw(n, v, path)
		return
	}
	if _, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		d.scalar(n, v, path)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem(), path)
	case reflect.Struct:
		d.object(n, v, path)
	case reflect.Slice:
		d.list(n, v, path)
	case reflect.Map:
		d.dictionary(n, v, path)
	default:
		d.scalar(n, v, path)
	}
}

// pair is one key of a mapping.
type pair struct {
	key   string
	where place
	value ast.Node
}

// pairs lists the keys of a mapping; keys given twice are reported and dropped.
func (d *decoder) pairs(n ast.Node, path string) ([]pair, bool) {
	m, ok := n.(*ast.MappingNode)
	if !ok {
		d.at(start(n), path, "must be keys with values, like {key: value}")
		return nil, false
	}
	var list []pair
	for _, mv := range m.Values {
		where := start(mv.Key)
		if _, plain := mv.Key.(ast.ScalarNode); !plain || mv.Key.IsMergeKey() {
			d.at(where, path, "only plain keys are understood here; write the keys out")
			continue
		}
		p := pair{key: mv.Key.GetToken().Value, where: where, value: mv.Value}
		if i := slices.IndexFunc(list, func(o pair) bool { return o.key == p.key }); i >= 0 {
			d.at(where, join(path, p.key), "this key is given twice, first in line %d; remove one", list[i].where.line)
			continue
		}
		list = append(list, p)
	}
	return list, true
}

// object reads a mapping into a struct; every key must be one of its fields, or
// the _file of a secret one.
func (d *decoder) object(n ast.Node, v reflect.Value, path string) {
	list, ok := d.pairs(n, path)
	if !ok {
		return
	}
	fields := fieldsOf(v)
	for _, p := range list {
		at := join(path, p.key)
		d.places[at] = valuePlace(p)
		field, known := fields[p.key]
		if known {
			d.value(p.value, field, at)
			continue
		}
		base, isFile := strings.CutSuffix(p.key, fileSuffix)
		if field, known = fields[base]; isFile && known && (d.fileKey(p, field, join(path, base), at) || d.textFile(p, field, list, base, at)) {
			continue
		}
		delete(d.places, at)
		d.at(p.where, at, "there is no such key%s; known here: %s", suggestion(p.key, keysOf(v)), strings.Join(keysOf(v), ", "))
	}
}

// valuePlace is where the value of a key is: on its line, or, where a block
// follows, the key.
func valuePlace(p pair) place {
	if at := start(p.value); at.line == p.where.line && p.value.Type() != ast.NullType {
		return at
	}
	return p.where
}

// list reads a sequence into a slice.
func (d *decoder) list(n ast.Node, v reflect.Value, path string) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.at(start(n), path, "must be a list; write [a, b] or lines that begin with -")
		return
	}
	out := reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values))
	for i, el := range seq.Values {
		at := fmt.Sprintf("%s[%d]", path, i)
		if def, ok := out.Index(i).Addr().Interface().(defaulter); ok {
			def.setDefaults()
		}
		if el == nil || el.Type() == ast.NullType {
			d.at(placeOf(seq.Start), at, "this element is empty; remove it or write its value")
			continue
		}
		d.value(el, out.Index(i), at)
	}
	v.Set(out)
}

// dictionary reads a mapping with keys of the user's own, which may be texts, numbers
// and whatever else one word stands for.
func (d *decoder) dictionary(n ast.Node, v reflect.Value, path string) {
	list, ok := d.pairs(n, path)
	if !ok {
		return
	}
	out := reflect.MakeMapWithSize(v.Type(), len(list))
	for _, p := range list {
		at := join(path, p.key)
		d.places[at] = valuePlace(p)
		key, el := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		if err := setText(key, p.key); err != nil {
			d.at(p.where, at, "as a key: %s", err)
			continue
		}
		if out.MapIndex(key).IsValid() { // 7 and 07
			d.at(p.where, at, "this key is given twice, in two spellings; remove one")
			continue
		}
		d.value(p.value, el, at)
		out.SetMapIndex(key, el)
	}
	v.Set(out)
}

// scalar reads one word.
func (d *decoder) scalar(n ast.Node, v reflect.Value, path string) {
	text, ok := textOf(n)
	if !ok {
		d.at(start(n), path, "must be one value, not a list or keys; put a value that has a colon in quotes")
		return
	}
	if err := setText(v, text); err != nil {
		d.at(start(n), path, "%s", err)
	}
}

// textOf is a scalar as it was written, so that a number with leading zeros or
// a word that YAML would call a truth value stays what the writer meant.
func textOf(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	case *ast.MappingNode:
		return joined(n)
	}
	return "", false
}

// joined is a word with a colon that the YAML library takes for a key and its value:
// [udp://127.0.0.1:5060] is a list of one word, for no blank follows the colon (YAML
// 1.2.2, 7.3.3).
func joined(n *ast.MappingNode) (string, bool) {
	if n.IsFlowStyle || len(n.Values) != 1 {
		return "", false
	}
	key, value := n.Values[0].Key.GetToken(), n.Values[0].Value.GetToken()
	rest, ok := textOf(n.Values[0].Value)
	if !ok || key.Position == nil || value.Position == nil || value.Position.Line != key.Position.Line ||
		value.Position.Column != key.Position.Column+len([]rune(key.Value))+1 {
		return "", false
	}
	return key.Value + ":" + rest, true
}

// join is the path of a key.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
