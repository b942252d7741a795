package carrier

import (
	"strings"
	"testing"
)

func TestFileBecomesConfig(t *testing.T) {
	t.Parallel()
	file, err := ParseFile([]byte("listen: udp://127.0.0.1:5090\nports: 31000-31998\npace: 0.5\naccept_from: [192.0.2.0/24]\naliases: {\"79161234567\": \"0486\", \"1\": \"1000\"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	options := File{Listen: "udp://127.0.0.1:5091", MediaIP: "127.0.0.2", Aliases: map[string]string{"1": "1101"}}
	cfg, err := options.Over(file).Config()
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Listen != "udp://127.0.0.1:5091" || cfg.PortMin != 31000 || cfg.PortMax != 31998 || cfg.Pace != 0.5 ||
		cfg.MediaIP.String() != "127.0.0.2" || len(cfg.AcceptFrom) != 1 ||
		cfg.Aliases["79161234567"] != "0486" || cfg.Aliases["1"] != "1101" {
		t.Errorf("%+v", cfg)
	}
	if file.Aliases["1"] != "1000" {
		t.Error("the options changed the file")
	}
}

func TestFileFaultsAreNamed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"lisen: x":                  "lisen",
		"pace: fast":                "pace",
		"ports: 5":                  "30000-31998",
		"ports: 31000-30000":        "30000-31998",
		"media_ip: here":            "media_ip",
		"accept_from: [everybody]":  "accept_from",
		"aliases: {\"1\": \"0486\"": "",
	} {
		file, err := ParseFile([]byte(text))
		if err == nil {
			_, err = file.Config()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v does not name %q", text, err, want)
		}
	}
}

func FuzzParseFile(f *testing.F) {
	f.Add("listen: udp://127.0.0.1:5090\nports: 31000-31998\n")
	f.Add("aliases: {\"1\": \"0486\"}")
	f.Fuzz(func(t *testing.T, text string) {
		if file, err := ParseFile([]byte(text)); err == nil {
			_, _ = file.Config()
		}
	})
}
