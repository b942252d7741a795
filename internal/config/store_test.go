package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

const storeURL = "postgres://zvonar:topsecret@db.example.com:5432/zvonar"

func TestTheStoreIsASecretThatMayComeFromEverywhere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "store")
	if err := os.WriteFile(file, []byte(storeURL+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	data := "data_dir: " + dir + "\n"
	for name, tc := range map[string]struct {
		yaml string
		env  []string
	}{
		"the file":                     {data + "store: " + storeURL + "\n", nil},
		"a file of its own":            {data + "store_file: " + file + "\n", nil},
		"the environment":              {data, []string{"ZVONAR_STORE=" + storeURL}},
		"a file the environment names": {data, []string{"ZVONAR_STORE_FILE=" + file}},
	} {
		cfg, problems := Parse("z.yaml", []byte(tc.yaml), tc.env)
		if len(problems) > 0 {
			t.Errorf("%s: %v", name, problems)
			continue
		}
		if cfg.StoreURL() != storeURL {
			t.Errorf("%s: the URL is %q", name, cfg.StoreURL())
		}
		shown, err := yaml.Marshal(cfg.Redacted())
		if text := string(shown) + fmt.Sprintf("%v %+v", cfg.Store, cfg.Redacted().Store); err != nil || strings.Contains(text, "topsecret") {
			t.Errorf("%s: the password is shown: %v\n%s", name, err, text)
		}
	}
	cfg := Default()
	if cfg.StoreURL() != "" || cfg.Redacted().Store.Reveal() != "sqlite" {
		t.Errorf("the default is %q, shown as %q", cfg.StoreURL(), cfg.Redacted().Store.Reveal())
	}
}
