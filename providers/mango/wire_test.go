package mango

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"strings"
	"testing"
	"time"
)

func bytesReader(b []byte) io.Reader { return bytes.NewReader(b) }

// multipartForm is a form as the JavaScript client sends it.
func multipartForm(t testing.TB, f form) (contentType string, body []byte) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, x := range [][2]string{{fieldKey, f.Key}, {fieldSign, f.Sign}, {fieldJSON, f.JSON}} {
		if err := w.WriteField(x[0], x[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), b.Bytes()
}

func TestFormsOfEitherKindAreRead(t *testing.T) {
	t.Parallel()
	f := form{Key: "k", Sign: "s", JSON: `{"text":"Привет & + = ;","a":"\u041f"}`}
	kind, body := multipartForm(t, f)
	for name, got := range map[string]struct {
		kind string
		body []byte
	}{
		"urlencoded": {"application/x-www-form-urlencoded", f.encode()},
		"multipart":  {kind, body},
	} {
		if back, err := readForm(got.kind, bytesReader(got.body)); err != nil || back != f {
			t.Errorf("%s: %+v %v", name, back, err)
		}
	}
	many := "--x\r\n" + strings.Repeat("Content-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x\r\n", maxParts+1)
	for name, x := range map[string]struct {
		kind, body string
		want       error
	}{
		"json":            {"application/json", `{}`, errNotForm},
		"xml":             {"text/xml", `<!DOCTYPE l [<!ENTITY a "aa">]><l>&a;</l>`, errNotForm},
		"no type":         {"", "json={}", errNotForm},
		"a broken escape": {"application/x-www-form-urlencoded", "json=%zz", errNotForm},
		"over-long":       {"application/x-www-form-urlencoded", "json=" + strings.Repeat("a", maxBody), errTooLong},
		"over-long part":  {"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"json\"\r\n\r\n" + strings.Repeat("a", maxBody) + "\r\n--x--\r\n", errNotForm},
		"without end":     {"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"json\"\r\n\r\n{}", errNotForm},
		"many parts":      {"multipart/form-data; boundary=x", many, errTooLong},
	} {
		if _, err := readForm(x.kind, strings.NewReader(x.body)); !errors.Is(err, x.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNumbersAndStringsAreTheSame(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"seq":2,"timestamp":1558422128,"disconnect_reason":1120,"entry_id":77,"to":{"number":79001234567}}`,
		`{"seq":"2","timestamp":"1558422128","disconnect_reason":"1120","entry_id":"77","to":{"number":"79001234567"}}`,
		`{"seq":"2 ","timestamp":1558422128.0,"disconnect_reason":1.12e3,"entry_id":"77","to":{"number":"79001234567","extra":[1]}}`,
	} {
		var n callNotice
		if err := json.Unmarshal([]byte(body), &n); err != nil {
			t.Fatal(err)
		}
		if n.Seq != 2 || !n.Timestamp.time().Equal(time.Unix(1558422128, 0)) || n.Reason != 1120 || n.Entry != "77" || n.To.Number != "79001234567" {
			t.Errorf("%s: %+v", body, n)
		}
	}
	var n callNotice
	if err := json.Unmarshal([]byte(`{"seq":{"a":1},"timestamp":"soon","entry_id":null,"call_id":[1]}`), &n); err != nil || n.Seq != 0 || n.Timestamp != 0 || n.Entry != "" || n.Call != "" {
		t.Errorf("%+v %v", n, err)
	}
}

func TestNumbersAreComparedInAnySpelling(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		a, b string
		same bool
	}{
		{"79001234567", "+7 (900) 123-45-67", true},
		{"79001234567", "89001234567", true},
		{"79001234567", "9001234567", true},
		{"79001234567", "79001234568", false},
		{"375291234567", "375291234567", true},
		{"375291234567", "79291234567", false},
		{"49001234567", "79001234567", false},
		{"201", "201", true},
		{"sip:79001234567@vpbx1.mangosip.ru", "79001234567", false},
		{"", "", false},
	} {
		if got := sameNumber(x.a, x.b); got != x.same {
			t.Errorf("%q and %q: %v", x.a, x.b, got)
		}
	}
}

func TestPathsMayBeWrittenLoosely(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/vpbx//commands/callback":  "vpbx/commands/callback",
		"/commands/calls_connect//": "commands/calls_connect",
		"/":                         "",
	} {
		if got := methodOf(path); got != want {
			t.Errorf("%q: %q", path, got)
		}
	}
	for path, want := range map[string]string{
		"/events/call": pathCall, "/a/b/events/call/": pathCall, "//events//record/added": pathRecordAdded,
		"/api/v1/result/call/hold/on": "result/call/hold/on", "/ping": pathPing, "/x/ping/": pathPing, "/other": "other",
	} {
		if got := noticePath(path); got != want {
			t.Errorf("%q: %q", path, got)
		}
	}
}

func TestCodesFallBackToTheirClass(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]int{2219: 2210, 1090: 1000, 1163: 1160, 1192: 1190, 3337: 3330, 4507: 4500, 5999: 5000, 2140: 2000, 1121: 1121} {
		if meaningOf(code) != codes[want] {
			t.Errorf("%d is not %d", code, want)
		}
	}
	for _, code := range []int{0, -5, 7000, 99999} {
		if m := meaningOf(code); m != unknownCode || !m.doubt {
			t.Errorf("%d: %+v", code, m)
		}
	}
}

func FuzzForms(f *testing.F) {
	f.Add("application/x-www-form-urlencoded", []byte("vpbx_api_key=a&sign=b&json=%7B%7D"))
	kind, body := multipartForm(f, form{"a", "b", `{"seq":"1"}`})
	f.Add(kind, body)
	f.Fuzz(func(t *testing.T, kind string, body []byte) {
		got, err := readForm(kind, bytesReader(body))
		if err != nil {
			return
		}
		back, err := readForm("application/x-www-form-urlencoded", bytesReader(got.encode()))
		if len(got.encode()) <= maxBody && (err != nil || back != got) {
			t.Errorf("%+v became %+v (%v)", got, back, err)
		}
	})
}
