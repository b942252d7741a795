package calls

import "strings"

// Mask hides the middle of a number for logs: 7999***4567. Anything shorter
// than eight digits is hidden whole but for its last two.
func Mask(number string) string {
	switch n := len(number); {
	case n == 0:
		return ""
	case n < 8:
		if n <= 2 {
			return strings.Repeat("*", n)
		}
		return strings.Repeat("*", n-2) + number[n-2:]
	default:
		return number[:4] + "***" + number[n-4:]
	}
}

// Printable reports whether s is free of control characters (< 0x20, 0x7f) and
// of invalid UTF-8: only such text may come near a SIP header.
func Printable(s string) bool {
	for _, r := range s {
		if r < 0x20 || r == 0x7f || r == '\uFFFD' || (r >= 0x80 && r < 0xa0) {
			return false
		}
	}
	return true
}

// Clean makes text from outside fit for a log line, an id or a reason: at most
// most bytes, no control characters, valid UTF-8.
func Clean(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	return strings.Map(func(r rune) rune {
		if !Printable(string(r)) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}
