package campaign

import (
	"bufio"
	"bytes"
	"io"
	"unicode/utf8"

	"zvonar/internal/calls"
)

// peeked is how much of a list is looked at to tell what it is.
const peeked = 64 << 10

// textOf gives the list as UTF-8. charset is "" (look at it), "utf-8" or
// "windows-1251". What begins as UTF-16 is refused in words.
func textOf(r *bufio.Reader, charset string) (io.Reader, *calls.Error) {
	head, _ := r.Peek(peeked) // a short list is known whole; an error comes again when it is read
	switch {
	case bytes.HasPrefix(head, []byte{0xEF, 0xBB, 0xBF}):
		_, _ = r.Discard(3)
		return r, nil
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}), bytes.HasPrefix(head, []byte{0xFE, 0xFF}):
		return nil, calls.Errorf(calls.CodeInvalidField, "the list is UTF-16: save it as CSV in UTF-8 or Windows-1251")
	}
	switch charset {
	case "utf-8":
		return r, nil
	case "windows-1251":
		return &cyrillic{r: r}, nil
	}
	if validStart(head) {
		return r, nil
	}
	return &cyrillic{r: r}, nil
}

// validStart reports whether head is UTF-8 that may go on behind its end.
func validStart(head []byte) bool {
	for len(head) > 0 {
		r, size := utf8.DecodeRune(head)
		if r == utf8.RuneError && size <= 1 {
			return len(head) < utf8.UTFMax && !utf8.FullRune(head)
		}
		head = head[size:]
	}
	return true
}

// cyrillic reads Windows-1251 as UTF-8.
type cyrillic struct {
	r    *bufio.Reader
	rest []byte // of a character that did not fit
}

// Read implements io.Reader.
func (c *cyrillic) Read(p []byte) (n int, err error) {
	n = copy(p, c.rest)
	c.rest = c.rest[n:]
	for n < len(p) {
		if n > 0 && c.r.Buffered() == 0 {
			return n, nil
		}
		b, err := c.r.ReadByte()
		if err != nil {
			return n, err
		}
		if b < 0x80 {
			p[n] = b
			n++
			continue
		}
		char := utf8.AppendRune(nil, windows1251[b-0x80])
		k := copy(p[n:], char)
		n, c.rest = n+k, char[k:]
		if len(c.rest) > 0 {
			break
		}
	}
	return n, nil
}

// windows1251 is the upper half of the code page (Unicode's CP1251.TXT); 0x98 is
// not in it.
var windows1251 = []rune("ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—\uFFFD™љ›њќћџ\u00A0ЎўЈ¤Ґ¦§Ё©Є«¬\u00AD®Ї°±Ііґµ¶·ё№є»јЅѕї" +
	"АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя")
