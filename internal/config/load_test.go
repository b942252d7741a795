package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
)

// load parses text where everything is right.
func load(t *testing.T, text string, env ...string) *Config {
	t.Helper()
	t.Chdir(t.TempDir())
	cfg, problems := Parse("zvonar.yaml", []byte(text), env)
	for _, p := range problems {
		t.Error(p)
	}
	if cfg == nil {
		t.FailNow()
	}
	return cfg
}

func TestNothingAtAllIsTheDefaults(t *testing.T) {
	for _, text := range []string{"", "# only a comment\n", "http:\ntrunks:\nlog: {level: }\n", "~\n"} {
		cfg := load(t, text)
		cfg.source = nil
		if want := Default(); !reflect.DeepEqual(cfg, want) {
			t.Errorf("%q gave\n%+v\nnot\n%+v", text, cfg, want)
		}
	}
}

func TestEveryKindOfValueIsRead(t *testing.T) {
	cfg := load(t, `
node: 007
drain_timeout: 0
retention: {captures: 90d, traces: 1d12h, events: 0, campaigns: 365d}
media: {ports: 30000-30100, advertise: 192.0.2.1}
trunks:
  - {name: m, uri: "sip:[::1]:5070;transport=TCP", accept_from: [192.0.2.7, "2001:db8::/32", "::ffff:10.0.0.1"], numbers: [78005553535], max_cps: 0.5, max_calls: 0}
inbound:
  - number: 78005553535
    flow: {record: 1460168, digits: [{}, {record: 1460169}, {managerPhone: 74242490764}], digit_timeout: 3s}
providers:
  - name: p
    url: "http://h/{{.To}}"
    trunk: m
    extension: 201
    body: |
      {"a": "{{.To}}"}
    headers: {X-Key: abc}
`)
	trunk := cfg.Trunks[0]
	got := fmt.Sprintln(cfg.Node, cfg.DrainTimeout, cfg.Retention, cfg.Media.Ports, cfg.Media.Advertise, trunk.AcceptFrom, trunk.Numbers, trunk.MaxCPS,
		trunk.MaxCalls, cfg.Inbound[0].Number, cfg.Inbound[0].Flow.Record, cfg.Inbound[0].Flow.Digits[2], time.Duration(cfg.Inbound[0].Flow.DigitTimeout))
	want := "007 0s {90d 36h0m0s 0s 30d 0s 0s 365d} 30000-30100 192.0.2.1 [192.0.2.7/32 2001:db8::/32 10.0.0.1/32] [78005553535] 0.5 0 78005553535 1460168 [{managerPhone 74242490764 []}] 3s\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if p := cfg.Providers[0]; p.Body.Reveal() != "{\"a\": \"{{.To}}\"}\n" || p.Headers["X-Key"].Reveal() != "abc" || p.Extension != "201" || p.Method != "POST" {
		t.Errorf("the provider is %+v", p)
	}
}

func TestVariablesReplaceWhatTheFileSays(t *testing.T) {
	cfg := load(t, "node: file\nlog: {level: warn}\ntrunks: [{name: m, uri: \"sip:h\", username: u, password: old}]\n",
		"PATH=/bin", "ZVONAR_TOKEN=of a command", "ZVONAR_API=http://x", "ZVONAR_CARRIER_TOKEN=x", "ZVONAR_FAILPOINTS=store.commit=kill",
		"ZVONAR_NODE=env", "ZVONAR_HTTP_LISTEN=127.0.0.1:1", "ZVONAR_DIALER_COUNTRIES=RU, KZ", "ZVONAR_DIALER_WINDOW_FROM=08:00", "ZVONAR_MEDIA_IP=::1",
		"ZVONAR_RECORDINGS_MIN_DURATION=8s", "ZVONAR_TRUNKS_0_PASSWORD=new", "ZVONAR_TRUNKS_0_REGISTER=false", "ZVONAR_TRUNKS_0_ACCEPT_FROM=10.0.0.0/8,192.0.2.1", "ZVONAR_SIP_LISTEN=udp://127.0.0.1:0", "ZVONAR_EGRESS_ALLOW=")
	got := fmt.Sprintln(cfg.Node, cfg.Log.Level, cfg.HTTP.Listen, cfg.Dialer.Countries, cfg.Dialer.Window.From, cfg.Dialer.Window.To, cfg.Media.IP, cfg.Recordings.MinDuration,
		cfg.Trunks[0].Password.Reveal(), cfg.Trunks[0].AcceptFrom, cfg.SIP.Listen, len(cfg.Egress.Allow))
	if want := "env warn 127.0.0.1:1 [RU KZ] 08:00 21:00 ::1 8s new [10.0.0.0/8 192.0.2.1/32] [udp://127.0.0.1:0] 0\n"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestFaultsOfVariablesNameTheVariable(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct{ env, want string }{
		{"ZVONAR_HTP_LISTEN=127.0.0.1:1", "environment: ZVONAR_HTP_LISTEN: there is no such setting (did you mean ZVONAR_HTTP_LISTEN?)"},
		{"ZVONAR_TRUNKS=x", "environment: ZVONAR_TRUNKS: there is no such setting"},
		{"ZVONAR_TRUNKS_0_NAME=x", "environment: ZVONAR_TRUNKS_0_NAME: there is no such setting"},
		{"ZVONAR_NODE_FILE=x", "environment: ZVONAR_NODE_FILE: there is no such setting"},
		{"ZVONAR_LOG_LEVEL=loud", `environment: ZVONAR_LOG_LEVEL: "loud" is not known`},
		{"ZVONAR_DRAIN_TIMEOUT=x", `environment: ZVONAR_DRAIN_TIMEOUT: "x" is not a duration`},
		{"ZVONAR_DIALER_COUNTRIES=RU,ZZ", `environment: ZVONAR_DIALER_COUNTRIES: "ZZ" is not a country`},
		{"ZVONAR_NODE=a\nb", "environment: ZVONAR_NODE: has control characters"},
	} {
		cfg, problems := Parse("z.yaml", nil, []string{c.env})
		if cfg != nil || len(problems) != 1 || !strings.HasPrefix(problems[0].Detail(), c.want) {
			t.Errorf("%s: got %v, want %s", c.env, problems, c.want)
		}
	}
}

func TestSecretsAreReadFromFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	token, password, key := write("token", "0123456789abcdef\n"), write("password", "from a file\r\n"), write("key", "Bearer k")
	text := fmt.Sprintf(`
tokens: [{name: a, token_file: %q, roles: [admin]}]
trunks: [{name: m, uri: "sip:h", username: u, password_file: /not/used}, {name: n, uri: "sip:i", username: u, password: old}]
providers: [{name: p, url: "http://h", trunk: m, extension: e, headers: {X-A: b}, headers_file: {Authorization: %q}}]
`, token, key)
	cfg := load(t, text, "ZVONAR_TRUNKS_0_PASSWORD=direct", "ZVONAR_TRUNKS_1_PASSWORD_FILE="+password)
	got := []string{cfg.Tokens[0].Token.Reveal(), cfg.Trunks[0].Password.Reveal(), cfg.Trunks[1].Password.Reveal(),
		cfg.Providers[0].Headers["Authorization"].Reveal(), cfg.Providers[0].Headers["X-A"].Reveal()}
	if want := []string{"0123456789abcdef", "direct", "from a file", "Bearer k", "b"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}

	_, problems := Parse("z.yaml", []byte(`trunks: [{name: m, uri: "sip:h", username: u}]`),
		[]string{"ZVONAR_TRUNKS_0_PASSWORD=a", "ZVONAR_TRUNKS_0_PASSWORD_FILE=" + password})
	if len(problems) != 1 || problems[0].Path != "ZVONAR_TRUNKS_0_PASSWORD_FILE" || !strings.Contains(problems[0].Message, "given twice") {
		t.Errorf("value and file in the environment: %v", problems)
	}
	_, problems = Parse("z.yaml", []byte("trunks:\n  - name: m\n    uri: sip:h\n    username: u\n    password_file: "+write("empty", "\n")+"\n"), nil)
	if len(problems) != 1 || problems[0].Line != 5 || problems[0].Column != 20 || !strings.Contains(problems[0].Message, "is empty") {
		t.Errorf("an empty file: %v", problems)
	}
}

func TestTLSWithTokensMayBeOpen(t *testing.T) {
	dir := t.TempDir()
	cert, key := selfSigned(t, dir)
	text := fmt.Sprintf("http: {listen: 0.0.0.0:8080, tls: {cert: %q, key: %q, client_ca: %q}}\ntokens: [{name: a, token: 0123456789abcdef, roles: [admin]}]\n", cert, key, cert)
	if cfg := load(t, text); !cfg.HTTP.TLS.On() {
		t.Error("TLS is off")
	}
	_, problems := Parse("z.yaml", fmt.Appendf(nil, "http: {tls: {cert: %q, key: %q, client_ca: %q}}\n", cert, cert, key), nil)
	if len(problems) != 2 || problems[0].Path != "http.tls.cert" || problems[1].Path != "http.tls.client_ca" {
		t.Errorf("certificate and authority that are none: %v", problems)
	}
}

func TestLoadNamesTheFileItCannotRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	big := filepath.Join(dir, "big.yaml")
	if err := os.WriteFile(big, bytes.Repeat([]byte("# x\n"), maxFile/4+1), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{filepath.Join(dir, "none.yaml"): "there is no file", dir: "is a directory", big: "larger than"} {
		cfg, problems := Load(path, nil)
		if cfg != nil || len(problems) != 1 || problems[0].File != path || !strings.Contains(problems[0].Message, want) {
			t.Errorf("%s: %v", path, problems)
		}
	}
}

func TestDataDirIsLeftAsItWas(t *testing.T) {
	dir := t.TempDir()
	if cfg, problems := Parse("z.yaml", fmt.Appendf(nil, "data_dir: %s/not/yet\n", dir), nil); cfg == nil {
		t.Fatal(problems)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v %v", entries, err)
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	cfg := load(t, `
tokens: [{name: a, token: topsecret0123456, roles: [admin]}]
trunks: [{name: m, uri: "sip:h", username: u, password: topsecret, numbers: ["78005553535"]}]
webhooks: [{url: "http://h/topsecret", secret: whsec_dG9wc2VjcmV0dG9wc2VjcmV0}]
providers: [{name: p, url: "http://h/topsecret", body: topsecret, trunk: m, extension: e, headers: {X-Key: topsecret}}]
inbound: [{number: "78005553535", flow: {record: 1, digits: [{managerPhone: "79161234567"}]}}]
`)
	var log bytes.Buffer
	r := cfg.Redacted()
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "config", r, "secret", cfg.Trunks[0].Password)
	inJSON, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	inYAML, err := yaml.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]string{"slog": log.String(), "json": string(inJSON), "yaml": string(inYAML), "%+v": fmt.Sprintf("%+v", *r), "%#v": fmt.Sprintf("%#v", r.Tokens),
		"%v of a secret": fmt.Sprintf("%v %s %q %#v %x", cfg.Tokens, cfg.Trunks[0].Password, cfg.Webhooks[0].Secret, cfg.Trunks[0].Password, cfg.Trunks[0].Password)}
	for how, text := range shown {
		for _, secret := range []string{"topsecret", "746f70736563726574", "dG9wc2VjcmV0", "78005553535", "79161234567"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s shows %s: %s", how, secret, text)
			}
		}
	}
	if cfg.Trunks[0].Password.Reveal() != "topsecret" || cfg.Trunks[0].Numbers[0] != "78005553535" || cfg.Providers[0].Headers["X-Key"] != "topsecret" {
		t.Error("the configuration itself was redacted")
	}
}

func TestFaultsOfOtherRoomsGetTheirPlace(t *testing.T) {
	cfg := load(t, "node: a\ntrunks:\n  - name: m\n    uri: sip:h\n")
	if got, want := cfg.Fault("trunks[0].uri", "is bad").String(), "zvonar.yaml:4:10: trunks[0].uri: is bad"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := Default().Fault("node", "is bad").Message, "is bad"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("node: a\n"), "ZVONAR_NODE=b")
	f.Add([]byte("a: &x [*x]\n<<: *x\n? b\n: !!str c\n"), "ZVONAR_TRUNKS_0_PASSWORD_FILE=/dev/null")
	for _, c := range faults {
		f.Add([]byte(c.yaml), "")
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte, env string) {
		if bytes.Contains(data, []byte("_file")) || strings.Contains(env, "_FILE") || strings.Contains(env, "DATA_DIR") || bytes.Contains(data, []byte("data_dir")) {
			return // no files of the fuzzer's own choice
		}
		cfg, problems := Parse("fuzz.yaml", data, []string{env, "ZVONAR_DATA_DIR=" + dir})
		if (cfg == nil) == (len(problems) == 0) {
			t.Fatalf("configuration %v with problems %v", cfg, problems)
		}
		for _, p := range problems {
			if p.Message == "" || p.File == "" || strings.ContainsAny(p.Excerpt, "\n\r\x1b") {
				t.Errorf("problem %+v", p)
			}
		}
	})
}

// TestAddressesInListsNeedNoQuotes: the library takes a port for the value of a key.
func TestAddressesInListsNeedNoQuotes(t *testing.T) {
	cfg := load(t, `
sip: {listen: [udp://127.0.0.1:5060, tcp://127.0.0.1:5061], advertise: "", dns: [127.0.0.1:53]}
trunks:
  - {name: main, uri: "sip:127.0.0.1:5070", register: false, username: "", password: "", accept_from: [127.0.0.1/32], media_from: [], numbers: ["78005553535"],
     max_calls: 200, max_cps: 20, codecs: [PCMA]}
`)
	if got := fmt.Sprint(cfg.SIP.Listen, cfg.SIP.DNS); got != "[udp://127.0.0.1:5060 tcp://127.0.0.1:5061] [127.0.0.1:53]" {
		t.Errorf("read as %s", got)
	}
	for _, text := range []string{"sip: {listen: [udp: 5060]}\n", "sip: {listen: [{udp://127.0.0.1:5060}]}\n"} {
		if _, problems := Parse("zvonar.yaml", []byte(text), nil); len(problems) == 0 {
			t.Errorf("%q is read as a list of addresses", text)
		}
	}
}
