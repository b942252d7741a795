package providers

import "testing"

func TestLookup(t *testing.T) {
	t.Parallel()
	v, err := ParseJSON([]byte(`{"a":{"b":[{"c":"x"},7,1.50,true,null,{}]},"":"empty","0":"zero"}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path, want string
		ok         bool
	}{
		{"a.b.0.c", "x", true},
		{"a.b.1", "7", true},
		{"a.b.2", "1.50", true},
		{"a.b.3", "true", true},
		{"a.b.4", "null", true},
		{"0", "zero", true},
		{"a.b.5", "", false}, // an object is no text
		{"a.b", "", false},
		{"a.b.6", "", false},
		{"a.b.-1", "", false},
		{"a.b.x", "", false},
		{"a.c", "", false},
		{"a.b.1.x", "", false},
		{"nothing", "", false},
	} {
		if got, ok := Lookup(v, c.path); got != c.want || ok != c.ok {
			t.Errorf("Lookup(%q) = %q, %v", c.path, got, ok)
		}
	}
}

func TestCheckPath(t *testing.T) {
	t.Parallel()
	for path, ok := range map[string]bool{"a": true, "a.0.b": true, "": false, "a.": false, ".a": false, "a..b": false, "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a": false} {
		if err := CheckPath(path); (err == nil) != ok {
			t.Errorf("CheckPath(%q) = %v", path, err)
		}
	}
}

func FuzzLookup(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":null}]}`), "a.1.b")
	f.Fuzz(func(t *testing.T, b []byte, path string) {
		if v, err := ParseJSON(b); err == nil {
			Lookup(v, path)
		}
	})
}
