package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"zvonar/providers"
)

// docs/providers.md prints what each method of each facade needs of a key, as the
// facades say it.
func TestTheNeedsOfEveryFacadeAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/providers.md")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, s := range systems() {
		if s.Facade == nil {
			continue
		}
		by := map[providers.Need][]string{}
		for _, method := range slices.Sorted(maps.Keys(s.Needs)) {
			by[s.Needs[method]] = append(by[s.Needs[method]], "`"+method+"`")
		}
		for _, need := range slices.Sorted(maps.Keys(by)) {
			want = append(want, fmt.Sprintf("| %s | %s: %s | %s |", s.Kind, need, need.Role(), strings.Join(by[need], ", ")))
		}
		if len(s.Needs) == 0 {
			t.Errorf("the facade of %s says nothing of its needs", s.Kind)
		}
	}
	for _, row := range want {
		if !strings.Contains(string(text), row+"\n") {
			t.Errorf("docs/providers.md lacks\n%s", row)
		}
	}
	if have := strings.Count(string(text), ": viewer |") + strings.Count(string(text), ": caller |") + strings.Count(string(text), ": operator |"); have != len(want) {
		t.Errorf("docs/providers.md has %d rows of needs, the facades %d", have, len(want))
	}
}
