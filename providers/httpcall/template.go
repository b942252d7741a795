package httpcall

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"strings"
	"text/template"

	"zvonar/internal/calls"
)

// field is a value of the call in a template. Written as {{.Ref}} it escapes
// itself for the place it stands in, so that nobody who chooses a ref can write
// fields of his own into the request.
type field struct {
	raw    string
	escape func(string) string
}

// String is what {{.Ref}} writes.
func (f field) String() string { return f.escape(f.raw) }

// fields is what a template sees.
type fields struct {
	To, From, Extension, CallID, Attempt, Ref field
}

func fieldsOf(r calls.PlaceRequest, escape func(string) string) fields {
	f := func(s string) field { return field{s, escape} }
	return fields{To: f(r.To), From: f(r.From), Extension: f(r.Extension), CallID: f(r.CallID), Attempt: f(r.Attempt), Ref: f(r.Ref)}
}

// functions of the templates: json writes a value as a JSON string with its
// quotes, query escapes it for a query or a form, whatever the place is.
var functions = template.FuncMap{
	"json":  func(f field) (string, error) { return quoted(f.raw) },
	"query": func(f field) string { return url.QueryEscape(f.raw) },
}

func quoted(s string) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(s)
	return strings.TrimSuffix(b.String(), "\n"), err
}

// inJSON escapes s for the inside of a JSON string.
func inJSON(s string) string {
	q, err := quoted(s)
	if err != nil || len(q) < 2 {
		return ""
	}
	return q[1 : len(q)-1]
}

// The example with which a configuration is tried out; its values need escaping.
var example = calls.PlaceRequest{
	CallID: "01EXAMPLE", Attempt: "01EXAMPLE", To: "79004443322", From: "78005553535", Extension: "100", Ref: `order "7" & /more`,
}

func parse(text string) (*template.Template, error) {
	t, err := template.New("template").Option("missingkey=error").Funcs(functions).Parse(text)
	if err != nil {
		return nil, err
	}
	if err := t.Execute(io.Discard, fieldsOf(example, inJSON)); err != nil {
		return nil, err
	}
	return t, nil
}

// urlTemplate writes the URL. Scheme, host and user are fixed: a field cannot
// send the request elsewhere.
type urlTemplate struct {
	t     *template.Template
	fixed url.URL
}

func parseURL(text string) (*urlTemplate, error) {
	t, err := parse(text)
	if err != nil {
		return nil, err
	}
	if !hostWritten(text) {
		return nil, errors.New("scheme and host must be written out, without template fields: https://pbx.example/…")
	}
	u := &urlTemplate{t: t}
	parsed, err := u.execute(example)
	if err != nil {
		return nil, err
	}
	u.fixed = *parsed
	return u, nil
}

// hostWritten reports whether text is an http or https address that comes to the
// end of its host before the first template field.
func hostWritten(text string) bool {
	before, _, fields := strings.Cut(text, "{{")
	u, err := url.Parse(before)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return false
	}
	return !fields || u.Path != "" || strings.Contains(before, "?")
}

func (u *urlTemplate) execute(r calls.PlaceRequest) (*url.URL, error) {
	var b strings.Builder
	if err := u.t.Execute(&b, fieldsOf(r, url.QueryEscape)); err != nil {
		return nil, err
	}
	parsed, err := url.Parse(b.String())
	if err != nil {
		return nil, errors.New("it is not a valid address") // the cause would repeat it, key and all
	}
	return parsed, nil
}

func (u *urlTemplate) write(r calls.PlaceRequest) (string, error) {
	parsed, err := u.execute(r)
	if err != nil {
		return "", err
	}
	if parsed.Scheme != u.fixed.Scheme || parsed.Host != u.fixed.Host {
		return "", errors.New("a field changed the host of the url")
	}
	return parsed.String(), nil
}

// bodyTemplate writes the body, with fields escaped for its content type.
type bodyTemplate struct {
	t      *template.Template // nil: no body
	json   bool
	escape func(string) string
}

func parseBody(text, contentType string) (*bodyTemplate, error) {
	b := &bodyTemplate{}
	if text == "" {
		return b, nil
	}
	var err error
	if b.t, err = parse(text); err != nil {
		return nil, err
	}
	kind, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	switch kind = strings.TrimSpace(kind); {
	case kind == "application/json" || strings.HasSuffix(kind, "+json"):
		b.json, b.escape = true, inJSON
	case kind == "application/x-www-form-urlencoded":
		b.escape = url.QueryEscape
	default:
		return nil, errors.New("the Content-Type header must be application/json or application/x-www-form-urlencoded")
	}
	_, err = b.write(example)
	return b, err
}

// write renders the body; a nil reader means none.
func (b *bodyTemplate) write(r calls.PlaceRequest) (io.Reader, error) {
	if b.t == nil {
		return nil, nil
	}
	var out bytes.Buffer
	if err := b.t.Execute(&out, fieldsOf(r, b.escape)); err != nil {
		return nil, err
	}
	if b.json && !json.Valid(out.Bytes()) {
		return nil, errors.New(`it does not give JSON: fields stand in quotes, "{{.To}}", or are written {{json .To}}`)
	}
	return bytes.NewReader(out.Bytes()), nil
}
