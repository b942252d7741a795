package carrier

import (
	"os"
	"strings"
	"testing"
)

func TestEveryRowAnswersToItsExample(t *testing.T) {
	t.Parallel()
	for _, b := range Numbers() {
		name, steps, ok := script(b.Example)
		if !ok || len(steps) == 0 || name != b.Suffix {
			t.Errorf("%s: got row %q, %d steps, ok %v; want row %q", b.Example, name, len(steps), ok, b.Suffix)
		}
	}
}

func TestEveryRowIsPublished(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../../docs/test-carrier.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range Numbers() {
		row := "| `" + b.Suffix + "` | `" + b.Example + "` | " + b.Text + " |"
		if !strings.Contains(string(doc), row) {
			t.Errorf("docs/test-carrier.md lacks the row\n%s", row)
		}
	}
}

func TestNumbersThatNobodyHas(t *testing.T) {
	t.Parallel()
	for _, n := range []string{"", "79005559999", "79161234567", "7900555110", "790055511011", "7900555110x", "79005550399", "79005550700"} {
		if name, _, ok := script(n); ok {
			t.Errorf("%q is known as %q", n, name)
		}
	}
}

func TestSuffixParametersReachTheScript(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]step{
		"79005551107": {do: opPress, digits: "7"},
		"79005551303": {do: opInfo, digits: "3"},
		"79005551412": {do: opPress, digits: "2"},
		"79005550503": {do: opReject, code: 503},
		"79005550486": {after: ringTime, do: opReject, code: 486, q850: 17},
		"79005558020": {after: announcementLength, unit: talk, do: opReject, code: 480, q850: 20},
	} {
		_, steps, _ := script(number)
		if got := steps[len(steps)-1]; got != want {
			t.Errorf("%s ends with %+v, want %+v", number, got, want)
		}
	}
}

func FuzzScript(f *testing.F) {
	for _, b := range Numbers() {
		f.Add(b.Example)
	}
	f.Add("7900555\xff\xff\xff\xff")
	f.Fuzz(func(t *testing.T, number string) {
		if _, steps, ok := script(number); ok && (len(steps) == 0 || !dialable(number)) {
			t.Errorf("%q: %d steps", number, len(steps))
		}
	})
}
