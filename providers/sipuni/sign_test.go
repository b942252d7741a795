package sipuni

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// vector is a row of testdata/signatures.json: the vectors of the reference, part 6.
type vector struct {
	ID, Method, Secret, Variant, MD5 string
	Params                           params
}

func vectors(t testing.TB) (good, wrong []vector) {
	t.Helper()
	raw, err := os.ReadFile("testdata/signatures.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Secret         string
		Vectors, Wrong []vector
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	for _, list := range [][]vector{file.Vectors, file.Wrong} {
		for i := range list {
			if list[i].Secret == "" {
				list[i].Secret = file.Secret
			}
		}
	}
	return file.Vectors, file.Wrong
}

func TestEveryGoldenVectorIsSignedAndVerified(t *testing.T) {
	t.Parallel()
	good, _ := vectors(t)
	if len(good) != 29 {
		t.Fatalf("%d vectors", len(good))
	}
	for _, v := range good {
		want := v.Variant
		if want == "" {
			want = "canonical"
			if got := sign(v.Params, v.Secret); got != v.MD5 {
				t.Errorf("%s: signed %s, want %s", v.ID, got, v.MD5)
			}
		} else if sign(v.Params, v.Secret) == v.MD5 {
			t.Errorf("%s: what we send is a variant", v.ID)
		}
		if name, ok := verify(v.Method, v.Params, v.MD5, []string{v.Secret}, true); !ok || name != want {
			t.Errorf("%s: %q, %v; want %s", v.ID, name, ok, want)
		}
		if _, ok := methodOf(v.Method); !ok {
			t.Errorf("%s: %s is not in the table of methods", v.ID, v.Method)
		}
	}
}

func TestNoWrongHashIsAccepted(t *testing.T) {
	t.Parallel()
	good, wrong := vectors(t)
	for _, v := range wrong {
		if name, ok := verify(v.Method, v.Params, v.MD5, []string{v.Secret}, true); ok {
			t.Errorf("%s: taken as %s", v.ID, name)
		}
	}
	for _, v := range good {
		if _, ok := verify(v.Method, v.Params, v.MD5, []string{"another", ""}, true); ok {
			t.Errorf("%s: taken with a secret that did not make it", v.ID)
		}
		for name := range v.Params {
			other := params{}
			for n, value := range v.Params {
				other[n] = value
			}
			other[name] += "1"
			if _, ok := verify(v.Method, other, v.MD5, []string{v.Secret}, true); ok {
				t.Errorf("%s: taken with another %s", v.ID, name)
			}
		}
	}
}

func TestVariantsHoldOnlyWhereTheyMay(t *testing.T) {
	t.Parallel()
	tree := params{"phone": "79161234567", "sipnumber": "201", "tree": "000658610", "user": "078332"}
	legacy := sum([]string{"79161234567", "201", "078332"}, "secret")
	statistic := params{"Rating": "5", "from": "01.02.2024", "to": "02.02.2024", "user": "078332"}
	folded := sum([]string{"01.02.2024", "5", "02.02.2024", "078332"}, "secret")
	more := params{"phone": "79161234567", "reverse": "1", "sipnumber": "201", "tree": "000658610", "user": "078332"}
	number := params{"antiaon": "0", "phone": "79161234567", "reverse": "0", "sipnumber": "201", "user": "078332"}
	for _, c := range []struct {
		name, method string
		p            params
		hash         string
		secret       string
		loose        bool
		want         string
	}{
		{"the old form of call_tree", methodTree, tree, legacy, "secret", false, "legacy tree"},
		{"the same elsewhere", methodNumber, tree, legacy, "secret", true, ""},
		{"what the old form did not have", methodTree, more, legacy, "secret", true, ""},
		{"Rating sorted as rating", methodStatistic, statistic, folded, "secret", false, "case-insensitive names"},
		{"the same elsewhere", methodSchemes, statistic, folded, "secret", true, ""},
		{"lower-cased though not allowed", methodNumber, number, "70aecd6936aed151466ae58e4036896c", "Secret.Key", false, ""},
		{"a hash in capitals", methodNumber, number, strings.ToUpper("afcc563b415ada258e6b4a6ae6612c6c"), "secret", false, "canonical"},
		{"the second of two secrets", methodNumber, number, "afcc563b415ada258e6b4a6ae6612c6c", "new", false, ""},
	} {
		secrets := []string{c.secret}
		if name, ok := verify(c.method, c.p, c.hash, secrets, c.loose); name != c.want || ok != (c.want != "") {
			t.Errorf("%s: %q, %v; want %q", c.name, name, ok, c.want)
		}
	}
	if _, ok := verify(methodNumber, number, "afcc563b415ada258e6b4a6ae6612c6c", []string{"new", "secret"}, false); !ok {
		t.Error("the old secret of a rotation does not hold")
	}
}

func TestPlusThatCouldMoveABorderIsFound(t *testing.T) {
	t.Parallel()
	// Both join to the same text, so both have the hash of the first.
	one := params{"antiaon": "0", "phone": "79161234567", "reverse": "0+201", "sipnumber": "1", "user": "078332"}
	two := params{"antiaon": "0", "phone": "79161234567+0", "reverse": "201", "sipnumber": "1", "user": "078332"}
	if sign(one, "secret") != sign(two, "secret") {
		t.Fatal("the example is none")
	}
	if shifted(one) != "reverse" || shifted(two) != "phone" {
		t.Error("a plus sign in an id was not found")
	}
	if shifted(params{"message": "1+1", "phone": "7"}) != "" {
		t.Error("the text of a message may have a plus sign")
	}
}

func FuzzVerify(f *testing.F) {
	f.Add("callback/call_tree", "79161234567", "201", "000658610", "38c05f38052c62677863889a4c4d041b")
	f.Fuzz(func(t *testing.T, method, phone, sip, tree, hash string) {
		p := params{"phone": phone, "reverse": "0", "sipnumber": sip, "tree": tree, "user": "078332"}
		if _, ok := verify(method, p, sign(p, "secret"), []string{"secret"}, false); !ok {
			t.Fatal("what we sign does not hold")
		}
		if name, ok := verify(method, p, hash, []string{"unknown to the caller 8c3e"}, true); ok {
			t.Fatalf("%q was taken as %s", hash, name)
		}
	})
}
