package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"zvonar/internal/config"
)

// TestEveryMetricIsDocumented compares what a whole daemon registers with
// docs/metrics.md, both ways.
func TestEveryMetricIsDocumented(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "zvonar.yaml")
	text := "data_dir: " + filepath.Join(dir, "data") + "\nhttp: {listen: 127.0.0.1:0}\nadmin: {listen: 127.0.0.1:0}\nsip: {listen: [\"udp://127.0.0.1:0\"]}\n" +
		"trunks: [{name: main, uri: \"sip:127.0.0.1:5070\", numbers: [\"78005553535\"]}]\n" +
		"providers: [{name: cloud, kind: http, url: \"http://127.0.0.1:1/\", method: POST, trunk: main, extension: \"201\"}]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, problems := config.Load(file, nil)
	if len(problems) > 0 {
		t.Fatal(config.Error(problems))
	}
	d, err := newDaemon(context.Background(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer d.store.Close(context.Background())

	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, name := range regexp.MustCompile("`(zvonar_[a-z_]+)`").FindAllStringSubmatch(string(doc), -1) {
		documented[name[1]] = false
	}
	descs := make(chan *prometheus.Desc)
	go func() { d.reg.Describe(descs); close(descs) }()
	ours := regexp.MustCompile(`fqName: "(zvonar_[a-z_]+)"`)
	for desc := range descs {
		m := ours.FindStringSubmatch(desc.String())
		if m == nil {
			continue // Go's and the process's own
		}
		if _, ok := documented[m[1]]; !ok {
			t.Errorf("%s is not in docs/metrics.md", m[1])
		}
		documented[m[1]] = true
	}
	var missing []string
	for name, seen := range documented {
		if !seen {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	for _, name := range missing {
		t.Errorf("docs/metrics.md names %s, which nobody registers", name)
	}
}
