package foreign

import (
	"encoding/json"
	"testing"
)

func TestTheLockedPackagesAreFetched(t *testing.T) {
	t.Parallel()
	var wanted struct{ Dependencies map[string]string }
	content, err := files.ReadFile("package.json")
	if err != nil || json.Unmarshal(content, &wanted) != nil {
		t.Fatal(err)
	}
	for _, line := range Run(t, "packages") {
		var p struct{ Name, Version string }
		if err := json.Unmarshal(line, &p); err != nil {
			t.Fatal(err)
		}
		if wanted.Dependencies[p.Name] != p.Version {
			t.Errorf("%s is there in version %s, wanted is %q", p.Name, p.Version, wanted.Dependencies[p.Name])
		}
		delete(wanted.Dependencies, p.Name)
	}
	if len(wanted.Dependencies) != 0 {
		t.Errorf("not there: %v", wanted.Dependencies)
	}
}
