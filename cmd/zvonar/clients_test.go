package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckConfigAsksTheFoldersOfProviders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "z.yaml")
	text := "data_dir: " + dir + "\ntrunks: [{name: m, uri: \"sip:h\"}]\nproviders:\n  - name: p\n    kind: nosuch\n    settings: {a: b}\n" +
		"  - {name: q, kind: http, trunk: m, extension: e, url: \"http://h/{{.Nope}}\"}\nfacades:\n  - kind: nosuch\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, said := quick(t, nil, "check-config", "--config", file)
	for _, want := range []string{"z.yaml:5:11: providers[0].kind: no such provider", "providers[1]", "z.yaml:9:11: facades[0].kind: there is no facade"} {
		if !strings.Contains(said, want) {
			t.Errorf("check-config does not say %q: %s", want, said)
		}
	}
}
