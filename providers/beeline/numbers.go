package beeline

import "strings"

// numberOf is the digits of an address in any of Beeline's spellings ("tel:+7…",
// "tel:+7…;ext=201", "sip:…@…", ten digits), with the country's 7 where it was
// left out; "" where there are none.
func numberOf(address string) string {
	s, _, _ := strings.Cut(address, ";")
	for _, scheme := range []string{"tel:", "sip:", "sips:"} {
		s = strings.TrimPrefix(s, scheme)
	}
	s, _, _ = strings.Cut(s, "@")
	var b strings.Builder
	for i, r := range s {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case r == '+' && i == 0, strings.ContainsRune(" -().", r):
		default:
			return ""
		}
	}
	n := b.String()
	switch {
	case len(n) > 15:
		return ""
	case len(n) == 11 && n[0] == '8' && !strings.HasPrefix(s, "+"):
		return "7" + n[1:]
	case len(n) == 10 && strings.ContainsRune("3489", rune(n[0])) && !strings.HasPrefix(s, "+"):
		return "7" + n
	}
	return n
}

// ten is how Beeline's requests name a number: the ten digits behind the 7 of
// Russia. Others are given as they are, ok is false.
func ten(number string) (digits string, ok bool) {
	n := numberOf(number)
	if len(n) == 11 && n[0] == '7' {
		return n[1:], true
	}
	return n, false
}

// sameNumber compares the last ten digits, as everybody in Beeline's world does;
// shorter ones (extensions) must be equal.
func sameNumber(a, b string) bool {
	a, b = numberOf(a), numberOf(b)
	if len(a) >= 10 && len(b) >= 10 {
		return a[len(a)-10:] == b[len(b)-10:]
	}
	return a != "" && a == b
}

// isGroup reports whether a user is no person: a hunt group or a voice menu.
func isGroup(user string) bool {
	return strings.Contains(user, "_hg_") || strings.Contains(user, "_vxml")
}
