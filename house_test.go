// Package house holds no code, only the test of the house's floors: which room
// may use which (docs/house.md).
package house

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "zvonar/"

// ground is what every room may use.
var ground = []string{"internal/calls", "internal/clock", "internal/numbering", "internal/egress", "internal/failpoint", "internal/life"}

// floors lists, for each room, the rooms it may use besides itself and the
// ground. A room's folders belong to it.
var floors = map[string][]string{
	"internal/calls":     {},
	"internal/clock":     {},
	"internal/failpoint": {},
	"internal/life":      {},
	"internal/numbering": {"internal/calls"},
	"internal/egress":    {"internal/calls"},

	"media":              {},
	"sip":                {"media"},
	"ivr":                {},
	"recordings":         {"media/codec", "media/dtmf"},
	"internal/dialer":    {},
	"internal/outbox":    {},
	"internal/retention": {},
	"internal/cdr":       {},
	"internal/ledger":    {},
	"internal/hearing":   {"media", "recordings"},
	"internal/store":     {},
	"internal/timeline":  {},
	"internal/client":    {},
	"internal/engine":    {"ivr", "internal/dialer", "internal/outbox"},
	"providers":          {"internal/engine", "internal/outbox", "internal/dialer", "recordings"},
	"internal/api":       {"internal/engine", "ivr", "internal/dialer", "internal/outbox", "internal/retention", "internal/cdr", "recordings"},
	"internal/config":    {},
	"internal/carrier":   {"sip", "media"},
	"internal/demo":      {"internal/carrier", "internal/client", "internal/timeline", "internal/outbox", "media", "sip"},
	"test":               {},
	"cmd": {"sip", "media", "ivr", "recordings", "providers", "internal/dialer", "internal/outbox", "internal/retention", "internal/store",
		"internal/timeline", "internal/client", "internal/engine", "internal/api", "internal/config", "internal/carrier", "internal/demo",
		"internal/hearing", "internal/cdr", "internal/ledger"},
}

// outside names modules that only one room may import.
var outside = map[string]string{
	"github.com/emiago/sipgo": "sip",
	"modernc.org/sqlite":      "internal/store",
	"database/sql":            "internal/store",
	"github.com/jackc/pgx":    "internal/store",
	"github.com/pion/rtp":     "media",
}

func TestImportsGoDownOnly(t *testing.T) {
	t.Parallel()
	for file, imports := range sources(t) {
		room := roomOf(filepath.ToSlash(filepath.Dir(file)))
		allowed, known := floors[room]
		if !known {
			t.Errorf("%s: the room %q is not in the house; add it to floors with what it may use", file, room)
			continue
		}
		for _, imp := range imports {
			for prefix, owner := range outside {
				if within(imp, prefix) && room != owner {
					t.Errorf("%s imports %s, which is for %s alone", file, imp, owner)
				}
			}
			target, ours := strings.CutPrefix(imp, module)
			if !ours || roomOf(target) == room {
				continue
			}
			if room != "internal/calls" && room != "internal/clock" && slices.Contains(ground, roomOf(target)) {
				continue
			}
			if !slices.ContainsFunc(allowed, func(a string) bool { return within(target, a) }) {
				t.Errorf("%s (room %s) imports %s: imports go down only", file, room, target)
			}
		}
	}
}

func TestEveryRoomSaysWhatItIsFor(t *testing.T) {
	t.Parallel()
	for room := range floors {
		if room == "cmd" || room == "internal/clock" || room == "internal/failpoint" || room == "test" {
			continue // these say it at the head of their one package
		}
		if matches, _ := filepath.Glob(filepath.Join(room, "doc.go")); len(matches) == 0 {
			t.Errorf("room %s has no doc.go", room)
		}
	}
}

// within reports whether path is prefix or lies under it.
func within(path, prefix string) bool { return path == prefix || strings.HasPrefix(path, prefix+"/") }

// roomOf is the first element of a folder, or the first two under internal.
func roomOf(dir string) string {
	parts := strings.Split(dir, "/")
	if parts[0] == "internal" && len(parts) > 1 {
		return parts[0] + "/" + parts[1]
	}
	return parts[0]
}

// sources maps every non-test Go file of the module to what it imports.
func sources(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != "." || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		imports := []string{}
		for _, i := range f.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			imports = append(imports, name)
		}
		found[path] = imports
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) < 10 {
		t.Fatalf("only %d files were found: the test looks in the wrong place", len(found))
	}
	return found
}
