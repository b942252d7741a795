package config

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

const exampleFile = "../../deploy/zvonar.example.yaml"

func TestTheExampleFileIsAConfiguration(t *testing.T) {
	t.Chdir(t.TempDir()) // for data_dir
	cfg, problems := Parse(exampleFile, exampleData(t), nil)
	for _, p := range problems {
		t.Error(p)
	}
	if cfg == nil {
		t.FailNow()
	}
	if cfg.Inbound[0].Flow.Record != "1460168" || cfg.Providers[0].Headers["Authorization"].Reveal() != "Bearer change-me" {
		t.Errorf("read %+v", cfg)
	}
}

var exampleData = func() func(t *testing.T) []byte {
	data, err := os.ReadFile(exampleFile)
	return func(t *testing.T) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
}()

// TestTheExampleFileShowsTheDefaults compares what the file says, apart from its
// lists of examples, with the defaults.
func TestTheExampleFileShowsTheDefaults(t *testing.T) {
	t.Chdir(t.TempDir())
	cfg, problems := Parse(exampleFile, exampleData(t), nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := Default()
	want.Tokens, want.Trunks, want.Inbound, want.Webhooks, want.Providers = cfg.Tokens, cfg.Trunks, cfg.Inbound, cfg.Webhooks, cfg.Providers
	want.Facades = cfg.Facades
	want.Accounts, want.SMS.HTTP, want.SMS.Reports = cfg.Accounts, cfg.SMS.HTTP, cfg.SMS.Reports
	want.Recordings.Storage.S3 = cfg.Recordings.Storage.S3
	want.SIP.DNS, want.SIP.Users, want.SIP.ChallengeFrom = []string{}, cfg.SIP.Users, cfg.SIP.ChallengeFrom
	want.Dialer.Retry, want.Dialer.Presets, want.Dialer.Window.Days = cfg.Dialer.Retry, cfg.Dialer.Presets, []string{}
	want.Egress.Allow, want.Recordings.TTS.Command = []string{}, []string{}
	want.Recordings.TTS.Headers = map[string]Secret{}
	want.AMD.Profiles = cfg.AMD.Profiles
	want.source = cfg.source
	if !reflect.DeepEqual(cfg, want) {
		t.Errorf("the file says\n%+v\nthe defaults are\n%+v", cfg, want)
	}
	var trunk Trunk
	trunk.setDefaults()
	if got := cfg.Trunks[0]; got.MaxCalls != trunk.MaxCalls || got.MaxCPS != trunk.MaxCPS {
		t.Errorf("the trunk of the file has limits %d and %v, the defaults are %d and %v", got.MaxCalls, got.MaxCPS, trunk.MaxCalls, trunk.MaxCPS)
	}
	if s, def := cfg.Recordings.Storage.S3, Default().Recordings.Storage.S3; s.Prefix != def.Prefix || s.Region != def.Region || s.Timeout != def.Timeout {
		t.Errorf("the example of the storage: %+v", s)
	}
	if h, def := cfg.SMS.HTTP, Default().SMS; h.Timeout != def.HTTP.Timeout || h.Parallel != def.HTTP.Parallel || h.Method != def.HTTP.Method || cfg.SMS.Reports.By != def.Reports.By {
		t.Errorf("the sender of the file is %+v, the defaults are %+v", h, def)
	}
	var provider Provider
	provider.setDefaults()
	if got := cfg.Providers[0]; got.Timeout != provider.Timeout || got.ExpectTimeout != provider.ExpectTimeout || got.Method != provider.Method {
		t.Errorf("the provider of the file is %+v, the defaults are %+v", got, provider)
	}
}

func TestTheExampleFileShowsEveryKey(t *testing.T) {
	t.Parallel()
	shown := map[string]bool{}
	r := &report{file: exampleFile, places: map[string]place{}}
	d := &decoder{report: r, files: map[string]string{}}
	d.document(exampleData(t), &Config{})
	for path := range r.places {
		shown[regexp.MustCompile(`\[\d+\]`).ReplaceAllString(path, "")] = true
	}
	seen := 0
	for _, path := range keyPaths(reflect.TypeFor[Config](), "") {
		seen++
		key := path[strings.LastIndexByte(path, '.')+1:]
		switch mentioned := strings.Contains(string(exampleData(t)), key); {
		case strings.HasSuffix(key, fileSuffix) && !mentioned:
			t.Errorf("%s is not mentioned in %s", path, exampleFile)
		case !strings.HasSuffix(key, fileSuffix) && !shown[path]:
			t.Errorf("%s does not occur in %s", path, exampleFile)
		}
	}
	if seen < 60 {
		t.Errorf("only %d keys were found in Config", seen)
	}
}

// keyPaths lists every key of a struct with what is below it.
func keyPaths(typ reflect.Type, path string) []string {
	switch typ.Kind() {
	case reflect.Slice:
		return keyPaths(typ.Elem(), path)
	case reflect.Struct:
		if typ == flowType || typ == retryType || isSingle(typ) {
			return nil
		}
	default:
		return nil
	}
	var all []string
	for i := range typ.NumField() {
		f := typ.Field(i)
		if !f.IsExported() || keyOf(f) == "" {
			continue
		}
		at := join(path, keyOf(f))
		all = append(all, at)
		if isSecret(f.Type) {
			all = append(all, at+fileSuffix)
		}
		all = append(all, keyPaths(f.Type, at)...)
	}
	return all
}

func TestEveryKeyHasAVariableOfItsOwn(t *testing.T) {
	t.Parallel()
	names := map[string]string{}
	for _, path := range keyPaths(reflect.TypeFor[Config](), "") {
		name := variable(path)
		if other, taken := names[name]; taken {
			t.Errorf("%s and %s are both %s", path, other, name)
		}
		names[name] = path
	}
}
