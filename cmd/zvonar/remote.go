package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"zvonar/internal/api"
	"zvonar/internal/client"
	"zvonar/internal/timeline"
)

const defaultAPI = "http://127.0.0.1:8080"

// remote is the part of the command line that every command has which talks to
// a daemon.
type remote struct {
	API     string `name:"api" help:"Address of the daemon (or ZVONAR_API; default http://127.0.0.1:8080)." placeholder:"URL"`
	Token   string `help:"API token (or ZVONAR_TOKEN, which other users of the machine cannot see; else admin.token in --data-dir where the daemon is on this machine)." placeholder:"TOKEN"`
	DataDir string `name:"data-dir" help:"Where a daemon on this machine keeps its data (default ./data)." placeholder:"DIR"`
	JSON    bool   `name:"json" help:"Print JSON, one object a line."`
}

// client makes the client that the options and the environment ask for.
func (r *remote) client(a *app) (*client.Client, error) {
	c := &client.Client{Base: first(r.API, a.getenv("ZVONAR_API"), defaultAPI), Token: first(r.Token, a.getenv("ZVONAR_TOKEN"))}
	if c.Token != "" {
		return c, nil
	}
	if !client.Loopback(c.Base) {
		return nil, fmt.Errorf("a token is needed for %s: give --token, or set ZVONAR_TOKEN", c.Base)
	}
	file := filepath.Join(first(r.DataDir, "./data"), api.AdminTokenFile)
	token, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("a token is needed, and there is no %s: give --token, set ZVONAR_TOKEN, or name the daemon's data directory with --data-dir", file)
	case err != nil:
		return nil, fmt.Errorf("a token is needed, and %s cannot be read: %w", file, err)
	}
	c.Token = strings.TrimSpace(string(token))
	return c, nil
}

// getenv is the value of a variable, "" where it is not set.
func (a *app) getenv(name string) string {
	for _, entry := range a.env {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

// first is the first word that says something.
func first(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

// json prints v on one line.
func (a *app) json(v any) error { return json.NewEncoder(a.stdout).Encode(v) }

// jsonLines prints each element on a line.
func jsonLines[T any](a *app, list []T) error {
	for _, v := range list {
		if err := a.json(v); err != nil {
			return err
		}
	}
	return nil
}

// table prints rows in columns. Cells come from outside and are cleaned.
func (a *app) table(head []string, rows [][]string) error {
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{head}, rows...) {
		cells := make([]string, len(row))
		for i, cell := range row {
			if cells[i] = timeline.Clean(cell); cells[i] == "" {
				cells[i] = "-"
			}
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	return w.Flush()
}

// say prints one sentence with text from outside in it.
func (a *app) say(format string, args ...any) error {
	_, err := fmt.Fprintln(a.stdout, timeline.OneLine(fmt.Sprintf(format, args...)))
	return err
}

// save writes what the daemon sent to a new file, "-" being stdout, and closes it. It
// leaves no file that is not whole.
func (a *app) save(file string, from io.ReadCloser) error {
	defer func() { _ = from.Close() }() // only read
	if file == "-" {
		_, err := io.Copy(a.stdout, from)
		return err
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("there is a %s already", file)
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("%s is not whole: %w", file, err), os.Remove(file))
	}
	return nil
}

// value is what an optional field says.
func value[T ~string](p *T) string {
	if p == nil {
		return ""
	}
	return string(*p)
}
