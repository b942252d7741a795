package config

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// folder is what a provider's folder may ask for.
type folder struct {
	User   string            `yaml:"user"`
	Secret string            `yaml:"secret"`
	Wait   time.Duration     `yaml:"wait"`
	Strict *bool             `yaml:"strict"`
	Codes  []int             `yaml:"codes"`
	Fields map[string]string `yaml:"fields"`
	Nested struct {
		Mode  string   `yaml:"mode"`
		Files []string `yaml:"files"`
	} `yaml:"nested"`
	Kept string `yaml:"kept"`
}

func settingsOf(t *testing.T, text string) Settings {
	t.Helper()
	return load(t, "facades:\n  - kind: x\n    settings:\n"+text).Facades[0].Settings
}

func TestSettingsAreReadByWhoeverKnowsThem(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("top\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := settingsOf(t, "      user: \"0123\"\n      secret_file: "+file+"\n      wait: 1m30s\n      strict: false\n      codes: [1, 2]\n      fields: {a: b}\n      nested: {mode: \"off\", files: [x]}\n")
	got := folder{Kept: "default"}
	if err := s.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.User != "0123" || got.Secret != "top" || got.Wait != 90*time.Second || got.Strict == nil || *got.Strict || len(got.Codes) != 2 ||
		got.Fields["a"] != "b" || got.Nested.Mode != "off" || got.Nested.Files[0] != "x" || got.Kept != "default" {
		t.Errorf("read %+v", got)
	}
	var none folder
	if err := (Settings{}).Decode(&none); err != nil {
		t.Error(err)
	}
}

func TestKeysOfMapsAreReadLikeValues(t *testing.T) {
	type state string
	type tables struct {
		Codes  map[int]string          `yaml:"codes"`
		States map[state]time.Duration `yaml:"states"`
		Hosts  map[netip.Addr]bool     `yaml:"hosts"`
	}
	var got tables
	if err := settingsOf(t, "      codes: {17: busy, 0: none}\n      states: {ringing: 5s}\n      hosts: {192.0.2.1: true}\n").Decode(&got); err != nil {
		t.Fatal(err)
	}
	want := tables{map[int]string{17: "busy", 0: "none"}, map[state]time.Duration{"ringing": 5 * time.Second}, map[netip.Addr]bool{netip.MustParseAddr("192.0.2.1"): true}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v, want %+v", got, want)
	}
	for text, want := range map[string]string{
		"codes: {17: busy, x: y}":         "zvonar.yaml:4:25: facades[0].settings.codes.x: as a key: \"x\" is not a whole number",
		"codes: {17: busy, 017: taken}":   "zvonar.yaml:4:25: facades[0].settings.codes.017: this key is given twice, in two spellings",
		"hosts: {here: true}":             "zvonar.yaml:4:15: facades[0].settings.hosts.here: as a key: ",
		"hosts: {192.0.2.1: [1, 2]}":      "zvonar.yaml:4:26: facades[0].settings.hosts.192.0.2.1: ",
		"states: {1: 1s, 1: 2s}":          "zvonar.yaml:4:23: facades[0].settings.states.1: this key is given twice",
		"codes: {99999999999999999999: }": "zvonar.yaml:4:15: facades[0].settings.codes.99999999999999999999: as a key: ",
	} {
		if err := settingsOf(t, "      "+text+"\n").Decode(&tables{}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestSettingsTellEveryFaultWithItsPlace(t *testing.T) {
	s := settingsOf(t, "      usr: topsecret\n      wait: soon\n      codes: [1, x]\n      nested: {mode: [1]}\n      secret: a\n      secret_file: /nowhere\n")
	err := s.Decode(&folder{})
	var faults *SettingsError
	if !errors.As(err, &faults) {
		t.Fatal(err)
	}
	for i, want := range []string{"zvonar.yaml:4:7: facades[0].settings.usr: there is no such key (did you mean user?)", "zvonar.yaml:5:13: facades[0].settings.wait: ",
		"zvonar.yaml:6:18: facades[0].settings.codes[1]: ", "zvonar.yaml:7:22: facades[0].settings.nested.mode: ", "zvonar.yaml:9:7: facades[0].settings.secret_file: "} {
		if i >= len(faults.Problems) || !strings.HasPrefix(faults.Problems[i].String(), want) {
			t.Errorf("no %q in\n%v", want, err)
		}
	}
	for _, p := range faults.Problems {
		if strings.Contains(p.Detail(), "topsecret") {
			t.Errorf("%s shows a value", p.Detail())
		}
	}
}

func TestFaultsThatAFolderFindsGetTheirPlace(t *testing.T) {
	s := settingsOf(t, "      user: u\n      nested:\n        files: [a, b]\n")
	for message, want := range map[string]string{
		"nested.files[1]: holds no certificate": "zvonar.yaml:6:20: facades[0].settings.nested.files[1]: holds no certificate",
		"user: must be digits":                  "zvonar.yaml:4:13: facades[0].settings.user: must be digits",
		"secret: is needed":                     "zvonar.yaml:4:7: facades[0].settings.secret: is needed",
		"Something else: x":                     "zvonar.yaml:4:7: facades[0].settings: Something else: x",
	} {
		if got := s.Faults("facades[0]", errors.New(message))[0].String(); got != want {
			t.Errorf("%s: got %s, want %s", message, got, want)
		}
	}
	if got := (Settings{}).Faults("providers[1]", errors.New("user: is needed"))[0].String(); got != "configuration: providers[1].settings.user: is needed" {
		t.Errorf("without settings: %s", got)
	}
}

func TestSettingsAreNeverPrinted(t *testing.T) {
	s := settingsOf(t, "      secret: topsecret\n")
	text, _ := s.MarshalText()
	if shown := fmt.Sprintf("%v %+v %#v %s", s, s, s, text); strings.Contains(shown, "topsecret") {
		t.Error(shown)
	}
}

func TestKeysOfAnotherKindOfProviderAreNamed(t *testing.T) {
	_, problems := Parse("z.yaml", []byte("providers: [{name: p, kind: mango, url: \"http://h\", timeout: 3s}]\n"), nil)
	if len(problems) != 2 || !strings.Contains(problems[0].Message, "stands under settings") {
		t.Error(problems)
	}
	_, problems = Parse("z.yaml", []byte("providers: [{name: p, kind: mango, intake: {allow_from: [192.0.2.1]}}, {name: q, kind: mango, intake: {secret: \"a/b\"}}]\n"), nil)
	if len(problems) != 2 {
		t.Error(problems)
	}
}

func FuzzSettings(f *testing.F) {
	f.Add([]byte("user: a\nwait: 1s\ncodes: [1]\n"))
	f.Add([]byte("nested: {files: [{}]}\nfields: {a: {b: c}}\nstrict: x\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.Contains(data, []byte("_file")) {
			return // no files of the fuzzer's own choice
		}
		text := "facades:\n  - kind: x\n    settings:\n      " + strings.ReplaceAll(string(data), "\n", "\n      ")
		cfg, _ := Parse("fuzz.yaml", []byte(text), []string{"ZVONAR_DATA_DIR=" + os.TempDir()})
		if cfg == nil || len(cfg.Facades) == 0 {
			return
		}
		s := cfg.Facades[0].Settings
		err := s.Decode(&folder{})
		if err == nil {
			err = errors.New("user: is wrong")
		}
		for _, p := range s.Faults("facades[0]", err) {
			if p.Message == "" || p.Excerpt != "" {
				t.Errorf("problem %+v", p)
			}
		}
	})
}
