package providers

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"zvonar/internal/calls"
)

// TextReports reads the delivery reports that a service calls back with: JSON,
// a form or a query. ID, Status and Error are paths in JSON and names of fields
// elsewhere; Error may be "".
type TextReports struct {
	ID, Status, Error string
	Delivered, Failed []string // statuses that are final; others tell of a text on its way
}

// TextReport is one report as the service sent it.
type TextReport struct {
	ID        string // of the text; whose id it is, the configuration says
	Final     bool   // false: the text is on its way
	Delivered bool
	Error     string // the service's words, fit for logs
}

// NewTextReports checks the configuration; an error names the key that is wrong.
func NewTextReports(r TextReports) (*TextReports, error) {
	for _, p := range []struct{ key, path string }{{"id", r.ID}, {"status", r.Status}, {"error", r.Error}} {
		if p.path == "" && p.key == "error" {
			continue
		}
		if err := CheckPath(p.path); err != nil {
			return nil, fmt.Errorf("%s.path: %w", p.key, err)
		}
	}
	r.Delivered, r.Failed = slices.Clone(r.Delivered), slices.Clone(r.Failed)
	return &r, nil
}

// Read understands one report: body and its content type, and the query of the
// address for services that put everything there.
func (r *TextReports) Read(contentType string, body []byte, query url.Values) (TextReport, error) {
	get := query.Get
	kind, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	switch kind = strings.TrimSpace(kind); {
	case len(body) == 0:
	case kind == "application/x-www-form-urlencoded":
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return TextReport{}, errors.New("the form cannot be read")
		}
		get = form.Get
	default:
		v, err := ParseJSON(body)
		if err != nil {
			return TextReport{}, errors.New("the body is neither JSON nor a form that says so in its Content-Type")
		}
		get = func(path string) string {
			text, _ := Lookup(v, path)
			return text
		}
	}
	status := get(r.Status)
	rep := TextReport{ID: clean(get(r.ID)), Delivered: slices.Contains(r.Delivered, status)}
	rep.Final = rep.Delivered || slices.Contains(r.Failed, status)
	if rep.ID == "" {
		return TextReport{}, fmt.Errorf("the report has no %s", r.ID)
	}
	if r.Error != "" {
		rep.Error = clean(get(r.Error))
	}
	if rep.Final && !rep.Delivered && rep.Error == "" {
		rep.Error = calls.Clean(status, maxText)
	}
	return rep, nil
}
