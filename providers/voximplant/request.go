package voximplant

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of a request to the facade, in bytes.
const (
	maxForm   = 4 << 20
	maxMemory = 1 << 20 // of files; the rest of them lies on disk meanwhile
	maxQuery  = 64 << 10
)

// apiError is a no in the words of the API.
type apiError struct {
	code int
	msg  string
}

func (e *apiError) Error() string { return e.msg }

// invalid is told of a parameter that is wrong.
func invalid(name string) error {
	return &apiError{101, "Invalid arguments: the '" + name + "' parameter is invalid."}
}

// parameter values of one request, and the file that came along.
type params struct {
	values url.Values
	file   []byte
}

// readParams reads a request in each form that the API takes: a query, a form, a
// multipart form, and a file as the body beside a query.
func readParams(w http.ResponseWriter, r *http.Request, maxFile int64) (p params, err error) {
	p.values = url.Values{}
	if len(r.URL.RawQuery) > maxQuery {
		return p, &apiError{101, "Invalid arguments: the query is too long."}
	}
	if p.values, err = url.ParseQuery(r.URL.RawQuery); err != nil {
		return p, &apiError{101, "Invalid arguments: the query cannot be read."}
	}
	if r.Method == http.MethodGet {
		return p, nil
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.Header.Get("Content-Type") == "" {
		kind, err = "", nil
	}
	if err != nil {
		return p, &apiError{101, "Invalid arguments: the content type cannot be read."}
	}
	switch kind {
	case "application/x-www-form-urlencoded", "":
		err = p.form(w, r, kind)
	case "multipart/form-data":
		err = p.multipart(w, r, maxFile)
	case "text/csv", "text/plain", "application/octet-stream":
		p.file, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxFile))
	default:
		return p, &apiError{101, "Invalid arguments: send a query, a form or a multipart form."}
	}
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) {
		return p, &apiError{101, "Invalid arguments: the request is too long."}
	}
	if err != nil {
		return p, &apiError{101, "Invalid arguments: the body cannot be read."}
	}
	return p, nil
}

func (p *params) form(w http.ResponseWriter, r *http.Request, kind string) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if err != nil || kind == "" && len(body) > 0 && p.values.Get("cmd")+r.URL.RawQuery == "" {
		return err
	}
	form, err := url.ParseQuery(string(body))
	for name, values := range form {
		p.values[name] = values
	}
	return err
}

func (p *params) multipart(w http.ResponseWriter, r *http.Request, maxFile int64) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxFile+maxForm)
	if err := r.ParseMultipartForm(maxMemory); err != nil {
		return err
	}
	defer func() { _ = r.MultipartForm.RemoveAll() }()
	for name, values := range r.MultipartForm.Value {
		p.values[name] = values
	}
	if list := r.MultipartForm.File["file_content"]; len(list) > 0 {
		f, err := list[0].Open()
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		p.file, err = io.ReadAll(f)
		return err
	}
	return nil
}

// text is a parameter as it came.
func (p params) text(name string) string { return p.values.Get(name) }

// content is the file of a call list, however it came; nil: there is none.
func (p params) content() []byte {
	if p.file == nil && p.values.Has("file_content") {
		return []byte(p.text("file_content"))
	}
	return p.file
}

// number reads a whole number from least to most; ok is false where it is left out.
func (p params) number(name string, least, most int64) (n int64, ok bool, err error) {
	text := p.text(name)
	if text == "" {
		return 0, false, nil
	}
	n, err = strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most {
		return 0, false, invalid(name)
	}
	return n, true, nil
}

// need is number for one that must be there.
func (p params) need(name string, least, most int64) (int64, error) {
	n, ok, err := p.number(name, least, most)
	if err == nil && !ok {
		err = invalid(name)
	}
	return n, err
}

// flag reads true or false (also 1 and 0).
func (p params) flag(name string) (bool, error) {
	switch strings.ToLower(p.text(name)) {
	case "", "false", "0":
		return false, nil
	case "true", "1":
		return true, nil
	}
	return false, invalid(name)
}

// list reads values that are joined by semicolons; nil for none, and for all.
func (p params) list(name string) []string {
	text := p.text(name)
	if text == "" || text == "all" || text == "any" {
		return nil
	}
	return slices.DeleteFunc(strings.Split(text, ";"), func(s string) bool { return strings.TrimSpace(s) == "" })
}

// date reads a time of the API in a zone; zero where it is left out.
func (p params) date(name string, zone *time.Location) (time.Time, error) {
	text := p.text(name)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.ParseInLocation(dateLayout, text, zone)
	if err != nil {
		return t, invalid(name)
	}
	return t, nil
}
