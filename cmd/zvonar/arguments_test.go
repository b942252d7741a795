package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCallingHoursAreReadInTheirSpellings(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"10:00-18:00": `{"from":"10:00","to":"18:00"}`, "debt_collection": `{"preset":"debt_collection"}`, "after-work": `{"preset":"after-work"}`, `{"preset":"x"}`: `{"preset":"x"}`,
	} {
		if window, err := windowArg(&app{}, given); string(window) != want || err != nil {
			t.Errorf("%q: %s %v", given, window, err)
		}
	}
	if window, err := windowArg(&app{}, "{"); err == nil {
		t.Errorf("{ was read as %s", window)
	}
}

func TestWhatFollowsAMachineIsAModeOrJSON(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "amd.json")
	if err := os.WriteFile(file, []byte("{\"mode\": \"async\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for given, want := range map[string]string{"off": `"off"`, "message_end": `"message_end"`, `{"mode":"off"}`: `{"mode":"off"}`, file: `{"mode": "async"}`} {
		if amd, err := amdArg(&app{}, given); string(amd) != want || err != nil {
			t.Errorf("%q: %s %v", given, amd, err)
		}
	}
	if amd, err := amdArg(&app{}, "sometimes"); err == nil || !strings.Contains(err.Error(), "message_end") {
		t.Errorf("an unknown mode was read as %s %v", amd, err)
	}
}

func TestJSONIsReadFromTheLineAFileOrStdin(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "flow.json")
	if err := os.WriteFile(file, []byte("{\"record\": 1}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for given, want := range map[string]string{`{"a":1}`: `{"a":1}`, " [1]": `[1]`, file: `{"record": 1}`, "-": `{"b":2}`} {
		a := &app{stdin: strings.NewReader(" {\"b\":2}\n")}
		if raw, err := readJSONArg(a, given); string(raw) != want || err != nil {
			t.Errorf("%q: %s %v", given, raw, err)
		}
	}
	for given, want := range map[string]string{`{"a":`: "it is not JSON: unexpected end", "/no/such": "it is neither JSON nor a file: open /no/such", "-": "what came on stdin is not JSON"} {
		if raw, err := readJSONArg(&app{stdin: strings.NewReader("record: 1")}, given); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %s %v, want %s", given, raw, err, want)
		}
	}
}
