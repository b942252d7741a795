package capture

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// shelfLen is how much of a call's id names the directory of its file: "call_" and
// the first six characters of a ULID, which change every 17 minutes. So no directory
// grows without end, and a file is made where few others were.
const shelfLen = 11

// pathIn is where the file of a call lies, in its shelf in dir.
func pathIn(dir, call string) (string, error) {
	if call == "" || len(call) > 64 || strings.Trim(call, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-") != "" {
		return "", fmt.Errorf("%q is no id of a call", call)
	}
	return filepath.Join(dir, call[:min(shelfLen, len(call))], call+suffix), nil
}

// create opens a file in its shelf, and makes both where they are missing.
func create(path string, flag int) (*os.File, error) {
	for tries := 0; ; tries++ {
		f, err := os.OpenFile(path, os.O_CREATE|flag, 0o600)
		if !errors.Is(err, fs.ErrNotExist) || tries == 3 { // a sweep may remove the shelf while it is empty
			return f, err
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, err
		}
	}
}

// shelve makes dir and puts files that lie in it beside the shelves, as earlier
// versions left them, into theirs.
func shelve(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	loose, err := filepath.Glob(filepath.Join(dir, "*"+suffix+"*"))
	for _, from := range loose {
		call, rest, _ := strings.Cut(filepath.Base(from), ".")
		path, fault := pathIn(dir, call)
		if fault != nil {
			continue // none of ours
		}
		if fault = os.MkdirAll(filepath.Dir(path), 0o700); fault == nil {
			fault = os.Rename(from, strings.TrimSuffix(path, suffix)+"."+rest)
		}
		err = errors.Join(err, fault)
	}
	return err
}

// sweep deletes the files of calls in dir that were written last before a time,
// except busy ones, and shelves that become empty; it returns how many files went.
func sweep(dir string, before time.Time, busy func(call string) bool) (n int, err error) {
	shelves, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, shelf := range shelves {
		if !shelf.IsDir() {
			continue
		}
		gone, fault := sweepShelf(filepath.Join(dir, shelf.Name()), before, busy)
		n, err = n+gone, errors.Join(err, fault)
	}
	return n, err
}

func sweepShelf(dir string, before time.Time, busy func(call string) bool) (n int, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		call, complete := strings.CutSuffix(e.Name(), suffix)
		info, fault := e.Info()
		if !complete || fault != nil || !info.ModTime().Before(before) || busy(call) {
			continue
		}
		if fault := os.Remove(filepath.Join(dir, e.Name())); fault == nil {
			n++
		} else if !errors.Is(fault, fs.ErrNotExist) {
			err = errors.Join(err, fault)
		}
	}
	if n == len(entries) {
		_ = os.Remove(dir) // whoever came meanwhile keeps it
	}
	return n, err
}
