package zvonobot

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// fields are the members of a request by name: of its JSON object, its form, its query.
type fields map[string]json.RawMessage

// readFields reads a request, whichever way its client sends it. Where it cannot be
// read, status says how to answer.
func readFields(w http.ResponseWriter, r *http.Request, most int64) (in fields, status int, err error) {
	in = fields{}
	if err := in.form(r.URL.Query()); err != nil {
		return nil, http.StatusBadRequest, err
	}
	if r.Method == http.MethodGet {
		return in, 0, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if err != nil {
		if tooLong := new(http.MaxBytesError); errors.As(err, &tooLong) {
			return nil, http.StatusRequestEntityTooLarge, fmt.Errorf("the body is larger than %d bytes", most)
		}
		return nil, http.StatusBadRequest, errors.New("the body cannot be read")
	}
	media, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch media {
	case "application/x-www-form-urlencoded":
		if len(bytes.TrimSpace(body)) > 0 && bytes.TrimSpace(body)[0] == '{' { // what a client that forgets its header sends
			err = in.json(body)
			break
		}
		values, bad := url.ParseQuery(string(body))
		if err = bad; err == nil {
			err = in.form(values)
		}
	case "multipart/form-data":
		err = in.multipart(body, params["boundary"])
	case "application/json", "text/plain", "text/json", "":
		err = in.json(body)
	default:
		return nil, http.StatusUnsupportedMediaType, errors.New("send application/json")
	}
	if err != nil {
		return nil, http.StatusBadRequest, err
	}
	return in, 0, nil
}

func (in fields) json(body []byte) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(body, &m); err != nil || m == nil {
		return errors.New("the body must be a JSON object")
	}
	for name, v := range m {
		in[name] = v
	}
	return nil
}

func (in fields) multipart(body []byte, boundary string) error {
	r := &http.Request{Header: http.Header{"Content-Type": {mime.FormatMediaType("multipart/form-data", map[string]string{"boundary": boundary})}},
		Method: http.MethodPost, Body: io.NopCloser(bytes.NewReader(body))}
	if boundary == "" || r.ParseMultipartForm(int64(len(body))+1) != nil {
		return errors.New("the body cannot be read as a form")
	}
	defer func() { _ = r.MultipartForm.RemoveAll() }()
	for name, parts := range r.MultipartForm.File {
		if err := in.file(name, parts); err != nil {
			return err
		}
	}
	return in.form(r.MultipartForm.Value)
}

// maxNest is how deep names of a form may go: ivrs[0][ivrs][0][record][id].
const maxNest = 16

// form reads names as PHP writes them: a, a[], a[0], a[b][c].
func (in fields) form(values url.Values) error {
	root := map[string]any{}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		keys, err := formName(name)
		if err != nil {
			return err
		}
		for _, v := range values[name] {
			if !putForm(root, keys, v) {
				return fmt.Errorf("the field %.40q contradicts another", name)
			}
		}
	}
	for name, v := range root {
		raw, err := json.Marshal(listsOf(v))
		if err != nil {
			return err
		}
		in[name] = raw
	}
	return nil
}

// formName splits a[b][] into a, b and "".
func formName(name string) ([]string, error) {
	head, rest, nested := strings.Cut(name, "[")
	keys := []string{head}
	if !nested {
		return keys, nil
	}
	rest, ok := strings.CutSuffix(rest, "]")
	if !ok || head == "" {
		return nil, fmt.Errorf("the name of a field, %.40q, cannot be read", name)
	}
	if keys = append(keys, strings.Split(rest, "][")...); len(keys) > maxNest {
		return nil, fmt.Errorf("the name of a field, %.40q, is nested too deep", name)
	}
	return keys, nil
}

// putForm puts a value into a tree; false: something else stands there.
func putForm(at map[string]any, keys []string, v string) bool {
	for i, k := range keys {
		if k == "" {
			k = strconv.Itoa(len(at))
		}
		if i == len(keys)-1 {
			_, taken := at[k].(map[string]any)
			at[k] = v
			return !taken
		}
		next, ok := at[k].(map[string]any)
		if !ok {
			if at[k] != nil {
				return false
			}
			next = map[string]any{}
			at[k] = next
		}
		at = next
	}
	return true
}

// listsOf makes lists of what is numbered from 0.
func listsOf(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	list := make([]any, len(m))
	numbered := len(m) > 0
	for k, el := range m {
		el = listsOf(el)
		m[k] = el
		if i, err := strconv.Atoi(k); err == nil && i >= 0 && i < len(list) && strconv.Itoa(i) == k {
			list[i] = el
		} else {
			numbered = false
		}
	}
	if numbered {
		return list
	}
	return m
}

// read decodes members into what into names; an error is a *field.
func (in fields) read(into map[string]any) error {
	for name, v := range into {
		raw, ok := in[name]
		if !ok || string(raw) == "null" {
			continue
		}
		if err := json.Unmarshal(raw, v); err != nil {
			return faulty(name, "%s", plainly(err))
		}
	}
	return nil
}

// plainly says what is wrong with a value without Go's words.
func plainly(err error) string {
	var shape *json.UnmarshalTypeError
	if errors.As(err, &shape) {
		return fmt.Sprintf("%s is not of the expected form", orText(shape.Field, "the value"))
	}
	if strings.HasPrefix(err.Error(), "must be") {
		return err.Error()
	}
	return "cannot be read"
}

// writeJSON answers in ASCII, as Zvonobot does.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	b, err := json.Marshal(v)
	if err != nil {
		return // what we answer with is ours; the client sees an empty body
	}
	_, _ = w.Write(ascii(b))
}

// ascii writes every other character of JSON as \uXXXX.
func ascii(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for _, r := range string(b) {
		switch {
		case r < 0x80:
			out = append(out, byte(r))
		case r < 0x10000:
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		}
	}
	return out
}
