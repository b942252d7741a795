package config

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Problem is one fault of the configuration.
type Problem struct {
	File    string // name of the file, or Environment
	Line    int    // from 1; 0 where the fault has no line
	Column  int    // from 1, in characters
	Path    string // "trunks[0].uri", or the name of a variable
	Message string // what is wrong and what to do about it
	Excerpt string // the line of the file, "" where there is none or it may hold a secret
}

// Environment is the File of faults in ZVONAR_* variables.
const Environment = "environment"

// String is the fault on one line: "zvonar.yaml:3:7: trunks[0].uri: …".
func (p Problem) String() string {
	place := p.File
	if p.Line > 0 {
		place = fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
	}
	if p.Path == "" {
		return place + ": " + p.Message
	}
	return place + ": " + p.Path + ": " + p.Message
}

// Detail is String and below it, where there is an excerpt, the line with a
// caret under the place.
func (p Problem) Detail() string {
	if p.Excerpt == "" {
		return p.String()
	}
	caret := strings.Repeat(" ", max(p.Column-1, 0)) + "^"
	return fmt.Sprintf("%s\n%6d | %s\n       | %s", p, p.Line, p.Excerpt, caret)
}

// Error gathers problems into one error; nil if there are none.
func Error(problems []Problem) error {
	if len(problems) == 0 {
		return nil
	}
	lines := make([]string, len(problems))
	for i, p := range problems {
		lines[i] = p.String()
	}
	return fmt.Errorf("the configuration has %d fault(s):\n%s", len(problems), strings.Join(lines, "\n"))
}

// place is where something stands in the file.
type place struct{ line, column int }

// report gathers the problems of one loading.
type report struct {
	file     string
	lines    []string
	places   map[string]place  // by path
	vars     map[string]string // by path: the variable that set it
	problems []Problem
	// unread are the paths whose values could not be read: what follows from
	// that is not told again.
	unread map[string]bool
}

// maxProblems bounds what is told of a hopeless file.
const maxProblems = 100

func (r *report) add(p Problem) {
	if len(r.problems) < maxProblems {
		r.problems = append(r.problems, p)
	}
}

// at notes a fault at a place of the file.
func (r *report) at(where place, path, format string, args ...any) {
	p := Problem{File: r.file, Line: where.line, Column: where.column, Path: path, Message: fmt.Sprintf(format, args...)}
	p.Excerpt = r.excerpt(where)
	r.add(p)
}

// readingOver says that the faults so far are of values that could not be read.
func (r *report) readingOver() {
	r.unread = map[string]bool{}
	for _, p := range r.problems {
		path := p.Path
		for of, name := range r.vars {
			if name == p.Path {
				path = of
			}
		}
		r.unread[strings.TrimSuffix(path, fileSuffix)] = true
	}
}

// known reports whether the fault follows from one that was told.
func (r *report) known(path string) bool {
	for p := path; p != ""; p = p[:max(strings.LastIndexAny(p, ".["), 0)] {
		if r.unread[p] {
			return true
		}
	}
	return false
}

// bad notes that the value at path is wrong, wherever it came from.
func (r *report) bad(path, format string, args ...any) {
	if r.known(path) {
		return
	}
	if name, ok := r.vars[path]; ok {
		r.add(Problem{File: Environment, Path: name, Message: fmt.Sprintf(format, args...)})
		return
	}
	r.at(r.where(path), path, format, args...)
}

// where is the place of path, or of the nearest thing around it.
func (r *report) where(path string) place {
	for p := path; p != ""; {
		if where, ok := r.places[p]; ok {
			return where
		}
		p = p[:max(strings.LastIndexAny(p, ".["), 0)]
	}
	if len(r.lines) == 0 {
		return place{}
	}
	return place{1, 1}
}

// secretKeys finds lines that may hold a secret.
var secretKeys = regexp.MustCompile(`(?i)token|password|secret|whsec_|headers|authorization|\b(url|body)\b|@`)

// maxExcerpt is the longest line that is shown, in bytes.
const maxExcerpt = 160

func (r *report) excerpt(where place) string {
	if where.line < 1 || where.line > len(r.lines) {
		return ""
	}
	line := strings.TrimRight(r.lines[where.line-1], "\r")
	hidden := strings.ContainsFunc(line, func(c rune) bool { return c < ' ' || c == 0x7f || c == utf8.RuneError })
	if hidden || len(line) > maxExcerpt || secretKeys.MatchString(line) {
		return ""
	}
	return line
}

// Fault words a fault that another room found in the value at path
// ("providers[0].body"), with its place in the file that c was read from.
func (c *Config) Fault(path, message string) Problem {
	r := &report{}
	if c.source != nil {
		*r = *c.source
		r.problems, r.unread = nil, nil
	}
	r.bad(path, "%s", message)
	return r.problems[0]
}

// sorted is the problems by their place; those of the environment come last.
func (r *report) sorted() []Problem {
	slices.SortStableFunc(r.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return r.problems
}

func rank(p Problem) int {
	if p.File == Environment {
		return 1
	}
	return 0
}
