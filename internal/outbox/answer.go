package outbox

import (
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// keptText is how many bytes of an answer are kept for people to look at.
const keptText = 1024

// Clean makes text from outside fit to be kept and shown: at most 1 KiB of
// UTF-8 without control characters but line ends and tabs.
func Clean(b []byte) string {
	b = b[:min(len(b), keptText)]
	for cut := 0; cut < utf8.UTFMax-1 && len(b) > 0; cut++ { // no half character at the end
		if r, size := utf8.DecodeLastRune(b); r != utf8.RuneError || size != 1 {
			break
		}
		b = b[:len(b)-1]
	}
	s := strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		if unicode.IsControl(r) || r == utf8.RuneError || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, string(b))
	return strings.TrimSpace(s)
}

// Fault says whose fault a failure is: it decides how soon a destination as a
// whole counts as failing.
type Fault int

// The faults.
const (
	Unwanted    Fault = iota // the receiver does not want this message; it may want others
	Unwell                   // the receiver answers, but cannot serve
	Unreachable              // there is no answer
)

// judgements says what each HTTP status means; the first match counts.
var judgements = []struct {
	from, to int
	then     Then
	fault    Fault
}{
	{200, 299, Delivered, Unwanted},
	{410, 410, Disable, Unwanted},
	{401, 401, Retry, Unwell},
	{403, 403, Retry, Unwell},
	{404, 404, Retry, Unwell},
	{408, 408, Retry, Unwell},
	{429, 429, Retry, Unwell},
	{400, 499, Retry, Unwanted},
	{0, 999, Retry, Unwell}, // redirects, which are not followed, and the receiver's own faults
}

// judged is the answer that a status alone makes.
func judged(status int) Answer {
	for _, j := range judgements {
		if j.from <= status && status <= j.to {
			return Answer{Then: j.then, Fault: j.fault, Status: status}
		}
	}
	return Answer{Fault: Unwell, Status: status}
}

// The bounds of what a receiver may ask for with Retry-After.
const (
	minAfter = time.Second
	maxAfter = time.Hour
)

// retryAfter reads a Retry-After header, seconds or a date; 0 where there is
// none that can be read.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if value == "" || len(value) > 64 {
		return 0
	}
	if n, err := strconv.ParseUint(value, 10, 32); err == nil {
		return min(max(time.Duration(n)*time.Second, minAfter), maxAfter)
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), minAfter), maxAfter)
	}
	return 0
}
