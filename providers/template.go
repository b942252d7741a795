package providers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"text/template"

	"zvonar/internal/calls"
)

// Values are what the templates of a request may name: {{.To}} is Values["To"].
type Values map[string]string

// RequestConfig describes the requests to a service. URL and Body are
// templates; scheme and host of the URL must be literal.
type RequestConfig struct {
	URL     string
	Method  string            // "" is POST
	Headers map[string]string // sent as they are; Content-Type decides how Body is escaped
	Body    string            // "" sends none
	// Example has every name that may be used, with values that need escaping:
	// the templates are tried out with it.
	Example Values
}

// RequestTemplate writes the requests of one service. Safe for concurrent use.
type RequestTemplate struct {
	cfg  RequestConfig
	url  *urlTemplate
	body *bodyTemplate
}

// NewRequestTemplate checks the configuration; an error names the key that is wrong.
func NewRequestTemplate(cfg RequestConfig) (*RequestTemplate, error) {
	if cfg.Method == "" {
		cfg.Method = http.MethodPost
	}
	cfg.Headers = maps.Clone(cfg.Headers)
	switch cfg.Method {
	case http.MethodGet:
		if cfg.Body != "" {
			return nil, errors.New("method: a GET has no body, put the fields into url")
		}
	case http.MethodPost, http.MethodPut:
	default:
		return nil, errors.New("method: GET, POST or PUT")
	}
	for name, value := range cfg.Headers {
		if !token(name) || !calls.Printable(value) {
			return nil, fmt.Errorf("headers: %q is not a header name, or its value has control characters", name)
		}
	}
	u, err := parseURL(cfg.URL, cfg.Example)
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	b, err := parseBody(cfg.Body, cfg.contentType(), cfg.Example)
	if err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	return &RequestTemplate{cfg: cfg, url: u, body: b}, nil
}

// token reports whether s is a field name (RFC 9110 5.6.2).
func token(s string) bool {
	const marks = "!#$%&'*+-.^_`|~"
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(marks, r)
	})
}

func (c RequestConfig) contentType() string {
	for name, value := range c.Headers {
		if strings.EqualFold(name, "Content-Type") {
			return value
		}
	}
	return "application/json"
}

// Request writes one request. Its errors do not tell the URL, which may hold a key.
func (t *RequestTemplate) Request(v Values) (*http.Request, error) {
	u, err := t.url.write(v)
	if err != nil {
		return nil, err
	}
	body, err := t.body.write(v)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(t.cfg.Method, u, body)
	if err != nil {
		return nil, errors.New("the url is not valid") // the cause would tell it
	}
	if t.cfg.Body != "" {
		req.Header.Set("Content-Type", t.cfg.contentType())
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "zvonar")
	for name, value := range t.cfg.Headers {
		if strings.EqualFold(name, "Host") {
			req.Host = value
			continue
		}
		req.Header.Set(name, value)
	}
	return req, nil
}

// field is a value in a template. Written as {{.Ref}} it escapes itself for the
// place it stands in, so that nobody who chooses a ref can write fields of his
// own into the request.
type field struct {
	raw    string
	escape func(string) string
}

// String is what {{.Ref}} writes.
func (f field) String() string { return f.escape(f.raw) }

func fieldsOf(v Values, escape func(string) string) map[string]field {
	fields := make(map[string]field, len(v))
	for name, value := range v {
		fields[name] = field{value, escape}
	}
	return fields
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

func parse(text string, example Values) (*template.Template, error) {
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

func parseURL(text string, example Values) (*urlTemplate, error) {
	t, err := parse(text, example)
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

func (u *urlTemplate) execute(v Values) (*url.URL, error) {
	var b strings.Builder
	if err := u.t.Execute(&b, fieldsOf(v, url.QueryEscape)); err != nil {
		return nil, err
	}
	parsed, err := url.Parse(b.String())
	if err != nil {
		return nil, errors.New("it is not a valid address") // the cause would repeat it, key and all
	}
	return parsed, nil
}

func (u *urlTemplate) write(v Values) (string, error) {
	parsed, err := u.execute(v)
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

func parseBody(text, contentType string, example Values) (*bodyTemplate, error) {
	b := &bodyTemplate{}
	if text == "" {
		return b, nil
	}
	var err error
	if b.t, err = parse(text, example); err != nil {
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
func (b *bodyTemplate) write(v Values) (io.Reader, error) {
	if b.t == nil {
		return nil, nil
	}
	var out bytes.Buffer
	if err := b.t.Execute(&out, fieldsOf(v, b.escape)); err != nil {
		return nil, err
	}
	if b.json && !json.Valid(out.Bytes()) {
		return nil, errors.New(`it does not give JSON: fields stand in quotes, "{{.To}}", or are written {{json .To}}`)
	}
	return bytes.NewReader(out.Bytes()), nil
}
