package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"zvonar/internal/calls"
)

// maxFlowDepth bounds the nesting of a flow; five maps of lists need 25.
const maxFlowDepth = 64

// flow reads a flow through the parser that also reads it from the API; its
// faults are put where they stand in the file.
func (d *decoder) flow(n ast.Node, v reflect.Value, path string) {
	before := len(d.problems)
	var b bytes.Buffer
	d.json(&b, n, path, 0)
	if len(d.problems) > before {
		return
	}
	flow, err := calls.ParseFlow(b.Bytes(), path)
	if !d.misread(err) {
		v.Set(reflect.ValueOf(flow))
	}
}

// raw reads an object as JSON, for a room that knows what it may hold.
func (d *decoder) raw(n ast.Node, v reflect.Value, path string) {
	if _, ok := n.(*ast.MappingNode); !ok {
		d.at(start(n), path, "must be keys with values, like {key: value}")
		return
	}
	before := len(d.problems)
	var b bytes.Buffer
	if d.json(&b, n, path, 0); len(d.problems) == before {
		v.SetBytes(b.Bytes())
	}
}

// retry reads a retry policy through the parser that also reads it from the API.
func (d *decoder) retry(n ast.Node, v reflect.Value, path string) {
	before := len(d.problems)
	var b bytes.Buffer
	d.json(&b, n, path, 0)
	if len(d.problems) > before {
		return
	}
	policy, err := calls.ParseRetry(b.Bytes(), path)
	if !d.misread(err) && policy != nil {
		v.Set(reflect.ValueOf(*policy))
	}
}

// misread reports the faults of a parser of the domain where they stand in the file.
func (d *decoder) misread(err *calls.Error) bool {
	if err == nil {
		return false
	}
	for _, f := range err.Fields {
		d.at(d.where(f.Location), f.Location, "%s", f.Message)
	}
	return true
}

// json writes a node as JSON and remembers where each part stands.
func (d *decoder) json(b *bytes.Buffer, n ast.Node, path string, depth int) {
	if _, known := d.places[path]; !known {
		d.places[path] = start(n)
	}
	if depth > maxFlowDepth {
		d.at(start(n), path, "is nested too deep")
		return
	}
	switch n := n.(type) {
	case *ast.NullNode:
		b.WriteString("null")
	case *ast.MappingNode:
		d.jsonObject(b, n, path, depth)
	case *ast.SequenceNode:
		b.WriteByte('[')
		for i, el := range n.Values {
			if i > 0 {
				b.WriteByte(',')
			}
			d.json(b, el, fmt.Sprintf("%s[%d]", path, i), depth+1)
		}
		b.WriteByte(']')
	case *ast.StringNode, *ast.LiteralNode:
		text, _ := textOf(n)
		b.Write(quoteJSON(text))
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		// Digits of telephone numbers stay as they were written.
		if text := n.GetToken().Value; json.Valid([]byte(text)) {
			b.WriteString(text)
		} else {
			b.Write(quoteJSON(text))
		}
	default:
		d.at(start(n), path, "anchors, aliases and tags are not understood here; write the value out")
		b.WriteString("null")
	}
}

func (d *decoder) jsonObject(b *bytes.Buffer, n *ast.MappingNode, path string, depth int) {
	list, _ := d.pairs(n, path)
	b.WriteByte('{')
	for i, p := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		at := join(path, p.key)
		d.places[at] = p.where
		b.Write(quoteJSON(p.key))
		b.WriteByte(':')
		d.json(b, p.value, at, depth+1)
	}
	b.WriteByte('}')
}

// quoteJSON writes a string; one of Go always can be written.
func quoteJSON(s string) []byte {
	b, err := json.Marshal(strings.ToValidUTF8(s, "\uFFFD"))
	if err != nil {
		return []byte(`""`)
	}
	return b
}
