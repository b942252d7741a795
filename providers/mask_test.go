package providers

import (
	"strings"
	"testing"
)

func TestMaskHidesWhatIsSecretInEveryDialect(t *testing.T) {
	t.Parallel()
	const hidden = "Zq9x7Lm2Vb4"
	for name, text := range map[string]string{
		"JSON":                     `{"apiKey":"` + hidden + `","phone":"79001234567"}`,
		"JSON, escaped":            `{"password": "a\"` + hidden + `"}`,
		"JSON, number":             `{"api_key":` + "77" + hidden + `}`,
		"JSON, list":               `{"token":["` + hidden + `"]}`,
		"JSON, object":             `{"credentials":{"x":"` + hidden + `"}}`,
		"JSON, inner":              `{"outer":{"client_secret" : "` + hidden + `"}}`,
		"JSON, cut":                `{"apiKey":"` + hidden,
		"JSON, cut in an escape":   `{"apiKey":"` + hidden + `\`,
		"JSON in a text":           `{"webhookParameters":"{\"apiKey\":\"` + hidden + `\"}"}`,
		"JSON in a form":           `a=1&json=%7B%22api_key%22%3A%22` + hidden + `%22%7D`,
		"form":                     "POST / HTTP/1.1\r\nHost: x\r\n\r\nvpbx_api_key=" + hidden + "&sign=" + hidden + "&json={}",
		"form, first":              "secret=" + hidden,
		"query":                    "GET /x?user=1&api_key=" + hidden + " HTTP/1.1",
		"query, in JSON":           `{"url":"https://x.example/?token=` + hidden + `"}`,
		"query, in escaped JSON":   `{"url":"https://x.example/?expires=1\u0026signature=` + hidden + `\u0026a=1"}`,
		"query, brackets":          "GET /?auth%5Btoken%5D=" + hidden,
		"XML":                      "<r><Password a='1'>" + hidden + "</Password></r>",
		"XML, attribute":           `<login user="x" password="` + hidden + `"/>`,
		"XML, named space":         "<ns:apiKey>" + hidden + "</ns:apiKey>",
		"header":                   "GET / HTTP/1.1\r\nAuthorization: Bearer " + hidden + "\r\n\r\n",
		"header of Beeline":        "GET / HTTP/1.1\r\nX-MPBX-API-AUTH-TOKEN: " + hidden + "\r\n\r\n",
		"header of Rostelecom":     "POST / HTTP/1.1\r\nx-client-sign: " + hidden + "\r\n\r\n{}",
		"cookie":                   "Set-Cookie: sid=" + hidden,
		"multipart":                "--b\r\nContent-Disposition: form-data; name=\"sign\"\r\n\r\n" + hidden + "\r\n--b--",
		"multipart with type":      "--b\r\nContent-Disposition: form-data; name=\"salt\"\r\nContent-Type: text/plain\r\n\r\n" + hidden + "\r\n--b--",
		"session of Voximplant":    `{"media_session_access_secure_url":"https://x.example/` + "`" + ` + hidden + ` + "`" + `"}`,
		"hash of Sipuni":           "user=1&hash=" + hidden + "&x=1",
		"private key":              "-----BEGIN PRIVATE KEY-----\n" + hidden + "\n-----END PRIVATE KEY-----",
		"private key, cut":         "-----BEGIN RSA PRIVATE KEY-----\n" + hidden,
		"password of an address":   "https://me:" + hidden + "@host/x",
		"assertion":                "grant_type=x&assertion=" + hidden,
		"second after a first one": `{"apiKey":"` + hidden + `","secret":"` + hidden + `"}`,
	} {
		if got := Mask(text); strings.Contains(got, hidden) || !strings.Contains(got, masked) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestMaskLeavesTheRest(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"phone":"79001234567","assigned":"x","signal":1,"hashes":"h","key":"request 7"}`,
		"POST /vpbx/commands/callback HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\njson=%7B%22command_id%22%3A%22cbk1%22%7D",
		"<Event><callId>1</callId></Event>", "https://host:8080/x@y", "",
	} {
		if got := Mask(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	if got := Mask(`{"url":"https://x.example/?expires=1\u0026signature=ab\u0441c\u0026a=1","b":"{\"u\":\"?token=x\"}"}`); got != `{"url":"https://x.example/?expires=1\u0026signature=***\u0026a=1","b":"{\"u\":\"?token=***\"}"}` {
		t.Errorf("%s", got)
	}
	if got := Mask(`{"apiKey":"x","phone":"1"}`); got != `{"apiKey":"***","phone":"1"}` {
		t.Errorf("what is left is %q", got)
	}
}

func TestMaskHidesGivenSecretsWhereverTheyStand(t *testing.T) {
	t.Parallel()
	const secret = `пароль "7" & co`
	text := "GET /intake/p/" + secret + "/x?a=%D0%BF%D0%B0%D1%80%D0%BE%D0%BB%D1%8C+%227%22+%26+co {\"a\":\"пароль \\\"7\\\" \\u0026 co\"}"
	if got := Mask(text, secret, "", "7"); strings.Contains(got, "co") || strings.Count(got, masked) != 3 {
		t.Errorf("%q", got)
	}
}

// FuzzMask: whatever stands around it, a secret in its place is hidden, and what is
// masked stays as it is.
func FuzzMask(f *testing.F) {
	f.Add("{", "}")
	f.Add("POST / HTTP/1.1\r\nA: b\r\n\r\n", "&x=1")
	f.Add(`{"a":"\"`, `"}`)
	f.Fuzz(func(t *testing.T, before, after string) {
		const hidden = "Zq9x7Lm2Vb4"
		if strings.Contains(before+after, hidden) {
			t.Skip()
		}
		for _, place := range []string{`"apiKey":"` + hidden + `"`, "\nAuthorization: " + hidden + "\n", "&secret=" + hidden + "&", "<token>" + hidden + "</token>"} {
			if got := Mask(before + place + after); strings.Contains(got, hidden) {
				t.Fatalf("%q shows it: %q", before+place+after, got)
			}
		}
		if got := Mask(before+hidden+after, hidden); strings.Contains(got, hidden) {
			t.Fatalf("a given secret shows in %q", got)
		}
		Mask(before + after)
	})
}
