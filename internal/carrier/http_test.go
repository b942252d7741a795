package carrier

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

type response struct {
	code int
	body string
}

func (b *bench) get(t *testing.T, path, token string) response {
	return b.send(t, http.MethodGet, path, token, "")
}

func (b *bench) send(t *testing.T, method, path, token, body string) response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+b.carrier.HTTPAddr().String()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response{res.StatusCode, string(text)}
}

func TestHTTPRefusesWhatItShould(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, tt := range map[string]struct {
		method, path, token, body string
		code                      int
	}{
		"wrong token":        {"POST", "/api/callback", "no", `{"extension":"201","phone":"79005551000"}`, 401},
		"list without token": {"GET", "/calls", "", "", 401},
		"broken JSON":        {"POST", "/api/callback", "s3cret", `{"extension"`, 400},
		"header injection":   {"POST", "/api/callback", "s3cret", `{"extension":"201\r\nX: y","phone":"79005551000"}`, 400},
		"no phone":           {"POST", "/api/callback", "s3cret", `{"extension":"201"}`, 400},
		"unknown order":      {"POST", "/api/callback", "s3cret", `{"extension":"201","phone":"1","order":"both"}`, 400},
		"too large":          {"POST", "/api/callback", "s3cret", `{"extension":"` + strings.Repeat("1", maxBody) + `"}`, 413},
		"like a busy one":    {"POST", "/api/call", "s3cret", `{"from":"1","to":"2","like":"0486"}`, 400},
		"no such audio":      {"GET", "/calls/tc_x/audio", "s3cret", "", 404},
		"numbers":            {"GET", "/numbers", "s3cret", "", 200},
	} {
		t.Run(name, func(t *testing.T) {
			if res := b.send(t, tt.method, tt.path, tt.token, tt.body); res.code != tt.code || !json.Valid([]byte(res.body)) {
				t.Errorf("%d %s, want %d", res.code, res.body, tt.code)
			}
		})
	}
	if n := len(b.carrier.Calls()); n != 0 {
		t.Errorf("%d calls were made", n)
	}
}
