package sipuni

import (
	"crypto/md5" // the service's own rule
	"crypto/subtle"
	"encoding/hex"
	"slices"
	"strings"
)

// params are the parameters of a request, each once, hash not among them. They are
// text from end to end: a number that lost its leading zero is signed otherwise.
type params map[string]string

// sum is what the service makes of values in an order: MD5, in lower-case hex, of
// the values and then the secret, joined by plus signs that nothing escapes.
func sum(values []string, secret string) string {
	digest := md5.Sum([]byte(strings.Join(append(slices.Clone(values), secret), "+")))
	return hex.EncodeToString(digest[:])
}

// sign is the hash that we send: the values of all parameters, user among them, by
// the names in bytewise order.
func sign(p params, secret string) string {
	values, _ := byName(p, "")
	return sum(values, secret)
}

// variant is one way in which software is known to make the hash. The first that
// holds counts.
type variant struct {
	name string
	// methods that have it; nil: all.
	methods []string
	// loose: it weakens the check, so it must be allowed by configuration.
	loose bool
	// values puts the parameters in order; ok is false where the request is none of
	// those that this variant is for.
	values func(p params, method string) (values []string, ok bool)
	// secret is what becomes of the secret; nil: it stays as it is.
	secret func(string) string
}

// variantTree is the variant whose hash does not cover the tree.
const variantTree = "legacy tree"

// variants is the table of the reference, 4.3.
var variants = []variant{
	{name: "canonical", values: byName},
	{name: "user last", methods: []string{methodVoice, methodSpy}, values: userLast},
	{name: variantTree, methods: []string{methodTree}, values: legacyTree},
	{name: "case-insensitive names", methods: []string{methodStatistic}, values: byFoldedName},
	{name: "lower-cased", loose: true, values: lowerCased, secret: strings.ToLower},
}

// verify tells which variant the hash of a request is made by, with which of the
// secrets; ok is false where it is none.
func verify(method string, p params, hash string, secrets []string, loose bool) (name string, ok bool) {
	hash = strings.ToLower(hash)
	for _, v := range variants {
		if v.loose && !loose || v.methods != nil && !slices.Contains(v.methods, method) {
			continue
		}
		values, is := v.values(p, method)
		if !is {
			continue
		}
		for _, secret := range secrets {
			if secret == "" {
				continue
			}
			if v.secret != nil {
				secret = v.secret(secret)
			}
			if subtle.ConstantTimeCompare([]byte(sum(values, secret)), []byte(hash)) == 1 {
				return v.name, true
			}
		}
	}
	return "", false
}

func inOrder(p params, names []string) []string {
	values := make([]string, len(names))
	for i, name := range names {
		values[i] = p[name]
	}
	return values
}

func names(p params) []string {
	list := make([]string, 0, len(p))
	for name := range p {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

func byName(p params, _ string) ([]string, bool) { return inOrder(p, names(p)), true }

// userLast is what the Go and Python wrappers send where user is not the last name.
func userLast(p params, _ string) ([]string, bool) {
	list := slices.DeleteFunc(names(p), func(n string) bool { return n == paramUser })
	return inOrder(p, append(list, paramUser)), true
}

// legacyTree hashes phone, sipnumber and user alone; the tree is sent, not hashed, so
// that whoever reads one order could have another scheme run: one is known by what was
// signed (request.said), and legacy_tree switches the variant off. A request that says
// more of the call than that is none of these.
func legacyTree(p params, _ string) ([]string, bool) {
	if len(p) != 4 || p["tree"] == "" {
		return nil, false
	}
	return inOrder(p, []string{"phone", "sipnumber", paramUser}), true
}

// byFoldedName is for Rating, which is also written rating.
func byFoldedName(p params, _ string) ([]string, bool) {
	list := names(p)
	slices.SortStableFunc(list, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	return inOrder(p, list), true
}

// lowerCased is what the Python wrapper does to values and secret.
func lowerCased(p params, _ string) ([]string, bool) {
	values, _ := byName(p, "")
	for i := range values {
		values[i] = strings.ToLower(values[i])
	}
	return values, true
}
