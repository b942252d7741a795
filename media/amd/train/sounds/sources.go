package main

import (
	_ "embed"
	"encoding/csv"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// sourcesCSV has a line for each kind of sound of a package: package, kind (the step
// that takes it), files (a regular expression for paths below usr/share), voice and
// lang (with $1 for what the expression's groups matched), take (how many tracks, or
// sounds of a voice, at most), input (options of ffmpeg for files that do not tell
// their format), licence (of these files, as the package's copyright file says).
//
//go:embed sources.csv
var sourcesCSV string

// source is a line of the table.
type source struct {
	pkg, kind   string
	files       *regexp.Regexp
	voice, lang string
	take        int
	input       []string
	licence     string
}

// input is a file of a package.
type input struct {
	path, name  string // where it is; what it is below usr/share
	voice, lang string
}

// sources reads the table.
func sources() ([]*source, error) {
	r := csv.NewReader(strings.NewReader(sourcesCSV))
	r.Comment = '#'
	rows, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("sources.csv: %w", err)
	}
	var out []*source
	for _, row := range rows[1:] {
		files, err := regexp.Compile("^(?:" + row[2] + ")$")
		if err != nil {
			return nil, fmt.Errorf("sources.csv, %s: %w", row[0], err)
		}
		take, err := strconv.Atoi(row[5])
		if err != nil {
			return nil, fmt.Errorf("sources.csv, %s: take: %w", row[0], err)
		}
		out = append(out, &source{
			pkg: row[0], kind: row[1], files: files, voice: row[3], lang: row[4], take: take,
			input: strings.Fields(row[6]), licence: row[7],
		})
	}
	return out, nil
}

// leave takes packages out of the table.
func leave(table []*source, without string) ([]*source, error) {
	for _, name := range strings.FieldsFunc(without, func(r rune) bool { return r == ',' }) {
		of := func(s *source) bool { return s.pkg == name }
		if !slices.ContainsFunc(table, of) {
			return nil, fmt.Errorf("no sound is of the package %s", name)
		}
		table = slices.DeleteFunc(table, of)
	}
	return table, nil
}

// home is the folder that a package is unpacked in: one of its own, but the voices of
// festival with all they need in one.
func home(pkg string) string {
	if strings.HasPrefix(pkg, "fest") {
		return "festival"
	}
	return pkg
}

// packages says what the table needs, each once, and the folder to unpack it in.
func packages(table []*source) []string {
	var out []string
	for _, s := range table {
		out = append(out, s.pkg+" "+home(s.pkg))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// inputs lists the files of a source in the order of their names.
func (s *source) inputs(unpacked string) ([]*input, error) {
	root := filepath.Join(unpacked, home(s.pkg), "usr/share")
	var out []*input
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		m := s.files.FindStringSubmatchIndex(name)
		if m == nil {
			return nil
		}
		expand := func(template string) string {
			return string(s.files.ExpandString(nil, template, name, m))
		}
		out = append(out, &input{path: path, name: name, voice: expand(s.voice), lang: expand(s.lang)})
		return nil
	})
	if os.IsNotExist(err) {
		return nil, fmt.Errorf("%s is not unpacked in %s", s.pkg, unpacked)
	}
	if err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s has no file like %s: another version of the package?", s.pkg, s.files)
	}
	return out, nil
}
