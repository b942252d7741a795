package foreign

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

//go:embed *.js *.json
var files embed.FS

// Bounds of what is waited for.
const (
	installTime = 3 * time.Minute
	runTime     = 90 * time.Second
)

// Run runs NAME.js of this folder with the variables (NAME=value) in its environment
// and gives the lines of JSON that it printed. The test fails where the script does,
// with what it said; it is skipped where there is nothing to run it with.
func Run(t testing.TB, name string, variables ...string) []json.RawMessage {
	t.Helper()
	modules, err := installed()
	if err != nil {
		t.Skip("foreign clients are not to be had here: " + err.Error())
	}
	script, err := files.ReadFile(name + ".js")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name+".js")
	if err := os.WriteFile(path, script, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), runTime)
	defer cancel()
	node := exec.CommandContext(ctx, "node", path)
	node.Env = append(os.Environ(), append(variables, "NODE_PATH="+modules, "NODE_NO_WARNINGS=1")...)
	var out, faults bytes.Buffer
	node.Stdout, node.Stderr = &out, &faults
	if err := node.Run(); err != nil {
		t.Fatalf("%s.js: %v\n%s\n%s", name, err, out.Bytes(), faults.Bytes())
	}
	var lines []json.RawMessage
	for line := range strings.Lines(out.String()) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if !json.Valid([]byte(line)) {
			t.Fatalf("%s.js printed what is no JSON: %q\n%s", name, line, faults.Bytes())
		}
		lines = append(lines, json.RawMessage(line))
	}
	return lines
}

// installed is the folder of the fetched packages; they are fetched once.
var installed = sync.OnceValues(func() (string, error) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", fmt.Errorf("%s is not installed (scripts/need test installs it)", program)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	lock, err := files.ReadFile("package-lock.json")
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(lock)
	final := filepath.Join(cache, "zvonar-foreign", hex.EncodeToString(sum[:8]))
	modules := filepath.Join(final, "node_modules")
	if _, err := os.Stat(modules); err == nil {
		return modules, nil
	}
	if err := os.MkdirAll(filepath.Dir(final), 0o755); err != nil {
		return "", err
	}
	// Fetched beside and then renamed: whoever sees the folder sees all of it, and of
	// two processes that fetch at once one takes what the other brought.
	fresh, err := os.MkdirTemp(filepath.Dir(final), "fetch-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(fresh)
	if err := fetch(fresh); err != nil {
		return "", err
	}
	if err := os.Rename(fresh, final); err != nil {
		if _, there := os.Stat(modules); there != nil {
			return "", err
		}
	}
	return modules, nil
})

// fetch installs the packages of the lock into folder. Nothing that they bring is run.
func fetch(folder string) error {
	for _, name := range []string{"package.json", "package-lock.json"} {
		content, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), installTime)
	defer cancel()
	npm := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	npm.Dir = folder
	if said, err := npm.CombinedOutput(); err != nil {
		if len(said) > 500 {
			said = said[:500]
		}
		return fmt.Errorf("npm ci: %w: %s", err, strings.TrimSpace(string(said)))
	}
	return nil
}
