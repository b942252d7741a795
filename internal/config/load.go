package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// maxFile is the largest configuration that is read, in bytes.
const maxFile = 256 << 10

// Load reads the file at path ("" is none: the defaults) and the ZVONAR_*
// variables among env ("KEY=value", as os.Environ gives them) over it. Either
// the configuration is right and there are no problems, or it is nil and they
// are all told. Nothing is written anywhere.
func Load(path string, env []string) (*Config, []Problem) {
	if path == "" {
		return Parse("defaults", nil, env)
	}
	data, err := readFile(path, maxFile)
	if err != nil {
		return nil, []Problem{{File: path, Message: err.Error()}}
	}
	return Parse(path, data, env)
}

// Parse is Load for a file that was read already; name is what problems call it.
func Parse(name string, data []byte, env []string) (*Config, []Problem) {
	r := &report{file: name, places: map[string]place{}, vars: map[string]string{}}
	if len(data) > 0 {
		r.lines = strings.Split(string(data), "\n")
	}
	cfg := Default()
	d := &decoder{report: r, files: map[string]string{}}
	readable := d.document(data, cfg)
	d.environment(cfg, env)
	d.readSecrets(cfg)
	if readable {
		r.readingOver()
		check(cfg, r)
	}
	if len(r.problems) > 0 {
		return nil, r.sorted()
	}
	cfg.source = r
	return cfg, nil
}

// readFile reads a file of at most limit bytes. The error is for people.
func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	defer func() { _ = f.Close() }()
	if info, err := f.Stat(); err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s is a directory; name a file", path)
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	switch {
	case err != nil:
		return nil, fileError(path, err)
	case int64(len(data)) > limit:
		return nil, fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return data, nil
}

// fileError words what is wrong with a file.
func fileError(path string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no file %s; a relative name is looked for in the working directory", path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s may not be read by this user; change its owner or mode", path)
	}
	return fmt.Errorf("%s cannot be read: %v", path, err)
}
