package store

import (
	"fmt"
	"strconv"
	"strings"
)

// placeholders replaces ? and ?N outside of texts and comments by what place
// gives for the number of the place, and tells which argument stands there.
func placeholders(query string, place func(n int) string) (text string, order []int, err error) {
	var b strings.Builder
	b.Grow(len(query) + 16)
	next := 0
	for i := 0; i < len(query); i++ {
		c := query[i]
		switch {
		case c == '\'' || c == '"':
			end := strings.IndexByte(query[i+1:], c)
			if end < 0 {
				return "", nil, fmt.Errorf("a quote is open in %.60q", query)
			}
			b.WriteString(query[i : i+end+2])
			i += end + 1
		case c == '-' && strings.HasPrefix(query[i:], "--"):
			end := strings.IndexByte(query[i:], '\n')
			if end < 0 {
				end = len(query) - i
			}
			i += end - 1
		case c == '?':
			digits := 0
			for i+1+digits < len(query) && query[i+1+digits] >= '0' && query[i+1+digits] <= '9' {
				digits++
			}
			n := next + 1
			if digits > 0 {
				if n, err = strconv.Atoi(query[i+1 : i+1+digits]); err != nil || n < 1 || n > 999 {
					return "", nil, fmt.Errorf("place %q in %.60q", query[i:i+1+digits], query)
				}
			}
			next = max(next, n)
			order = append(order, n)
			b.WriteString(place(n))
			i += digits
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), order, nil
}
