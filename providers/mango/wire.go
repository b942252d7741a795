package mango

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"zvonar/providers"
)

// maxBody is how much of a request or a notice is read, in bytes.
const maxBody = 256 << 10

// The fields of every request.
const (
	fieldKey  = "vpbx_api_key"
	fieldSign = "sign"
	fieldJSON = "json"
)

// form is what a request or a notice carries. JSON is as it was sent: it is what was signed.
type form struct{ Key, Sign, JSON string }

// newForm signs a body.
func newForm(key, salt string, body any) (form, error) {
	b, err := marshal(body)
	if err != nil {
		return form{}, err
	}
	return form{Key: key, Sign: sign(key, string(b), salt), JSON: string(b)}, nil
}

// encode is the form as a body of application/x-www-form-urlencoded.
func (f form) encode() []byte {
	return []byte(url.Values{fieldKey: {f.Key}, fieldSign: {f.Sign}, fieldJSON: {f.JSON}}.Encode())
}

// What can be wrong with a form.
var (
	errNotForm = errors.New("the body is neither a form nor multipart")
	errTooLong = errors.New("the body is too long")
)

// readForm reads a form of either content type; what is missing stays empty.
func readForm(contentType string, body io.Reader) (form, error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return form{}, errNotForm
	}
	body = io.LimitReader(body, maxBody+1)
	switch kind {
	case "application/x-www-form-urlencoded":
		b, err := io.ReadAll(body)
		if err != nil {
			return form{}, err
		}
		if len(b) > maxBody {
			return form{}, errTooLong
		}
		values, err := url.ParseQuery(string(b))
		if err != nil {
			return form{}, errNotForm
		}
		return form{Key: values.Get(fieldKey), Sign: values.Get(fieldSign), JSON: values.Get(fieldJSON)}, nil
	case "multipart/form-data":
		return readParts(multipart.NewReader(body, params["boundary"]))
	}
	return form{}, errNotForm
}

// maxParts is how many parts a multipart body may have.
const maxParts = 16

func readParts(r *multipart.Reader) (f form, err error) {
	fields := map[string]*string{fieldKey: &f.Key, fieldSign: &f.Sign, fieldJSON: &f.JSON}
	for n := 0; ; n++ {
		part, err := r.NextRawPart()
		switch {
		case errors.Is(err, io.EOF):
			return f, nil
		case err != nil:
			return form{}, errNotForm
		case n == maxParts:
			return form{}, errTooLong
		}
		b, err := io.ReadAll(io.LimitReader(part, maxBody+1))
		if err != nil {
			return form{}, errNotForm
		}
		if len(b) > maxBody {
			return form{}, errTooLong
		}
		if into := fields[part.FormName()]; into != nil {
			*into = string(b)
		}
	}
}

// parse reads the json of a form into v. PHP writes an empty object as [].
func (f form) parse(v any) error {
	if strings.TrimSpace(f.JSON) == "[]" {
		return nil
	}
	return json.Unmarshal([]byte(f.JSON), v)
}

// marshal writes compact JSON and leaves <, > and & as they are.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

// text is a JSON string or number; what is neither is empty.
type text string

// UnmarshalJSON reads a string or a number; what is neither is "".
func (t *text) UnmarshalJSON(b []byte) error {
	s, _ := providers.Tolerance{Anything: true}.Text(b)
	*t = text(s)
	return nil
}

// number is a JSON number, or a string that holds one; anything else is 0.
type number int64

// UnmarshalJSON reads a number, a string or null.
func (n *number) UnmarshalJSON(b []byte) error {
	var t text
	_ = t.UnmarshalJSON(b)
	v, err := strconv.ParseInt(strings.TrimSpace(string(t)), 10, 64)
	if err != nil {
		if f, ferr := strconv.ParseFloat(string(t), 64); ferr == nil && f > -1e15 && f < 1e15 {
			v = int64(f)
		}
	}
	*n = number(v)
	return nil
}

// stamp is a time in seconds of UNIX; 0 is none.
func stamp(t time.Time) number {
	if t.IsZero() {
		return 0
	}
	return number(t.Unix())
}

// time is the instant that a stamp names; zero where there is none.
func (n number) time() time.Time {
	if n <= 0 || n > 1<<40 {
		return time.Time{}
	}
	return time.Unix(int64(n), 0).UTC()
}

// methodOf is a path without what may stand around it: doubled and trailing slashes.
func methodOf(path string) string {
	parts := strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
	return strings.Join(parts, "/")
}

// writeJSON answers with a value.
func writeJSON(w http.ResponseWriter, status int, v any) []byte {
	b, err := marshal(v)
	if err != nil {
		b, status = []byte(`{"result":5000}`), http.StatusInternalServerError
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b)
	return b
}
