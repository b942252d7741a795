package providers

import (
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// masked stands where a secret was.
const masked = "***"

// leastSecret is the shortest literal secret that is looked for, in bytes: a
// shorter one would be found everywhere.
const leastSecret = 4

// secretName is how headers, fields, members and elements are called whose values
// nobody is shown: API keys, tokens, passwords, salts, signatures, addresses that are
// as good as a key (of a session at Voximplant).
const secretName = `(?:[\w.\-\[\]%]{0,60}(?:api[_-]?key|secret|token|passw(?:or)?d|passphrase|pwd|salt|private[_-]?key|authorization|cookie|credential|assertion|jwt)[\w.\-\[\]%]{0,60}` +
	`|(?:[\w\-]{1,60}[_-])?sign(?:ature)?|hash|media_session_access_(?:secure_)?url)`

// secretPlaces find values by the names before them, in every spelling of the
// dialects. The first group stays, the second is hidden, the third stays.
var secretPlaces = []*regexp.Regexp{
	regexp.MustCompile(`(?s)(-----BEGIN [A-Z ]*PRIVATE KEY-----)(.*?)(-----END|\z)`),
	// A part of a multipart form.
	regexp.MustCompile(`(?is)(name="?` + secretName + `"?[^\r\n]*\r?\n(?:[^\r\n]+\r?\n){0,10}\r?\n)([^\r\n]*)()`),
	// JSON, and JSON within a JSON text. A text that was cut has no end.
	regexp.MustCompile(`(?is)("` + secretName + `"\s*:\s*)("(?:[^"\\]|\\.)*\\?(?:"|\z)|\[[^\]]*\]?|\{[^}]*\}?|[^\s,}\]"]+)()`),
	regexp.MustCompile(`(?is)(\\+"` + secretName + `\\+"\s*:\s*)(\\+"[^"]*"?|[^\s,}\]"\\]+)()`),
	// JSON within a form.
	regexp.MustCompile(`(?is)(%22` + secretName + `%22(?:%20|\+)*%3A(?:%20|\+)*%22)((?:[^%&\s]|%(?:[013-9A-F][0-9A-F]|2[013-9A-F]))*)()`),
	// A field of a form or a query.
	// In JSON an ampersand may be \u0026.
	regexp.MustCompile(`(?i)((?:\A|[?&;\s]|\\u0026)` + secretName + `=)((?:[^&\s;"'<>\\]|\\[^u"']|\\u(?:[1-9a-f]|0[1-9a-f]|00(?:[013-9a-f]|2[0-57-9a-f])))*)()`),
	// XML: elements and attributes.
	regexp.MustCompile(`(?is)(<(?:[\w\-]+:)?` + secretName + `(?:\s[^>]*)?>)([^<]*)()`),
	regexp.MustCompile(`(?is)(\s` + secretName + `\s*=\s*)("[^"]*"?|'[^']*'?)()`),
	// A header.
	regexp.MustCompile(`(?im)(^` + secretName + `[ \t]*:[ \t]*)([^\r\n]*)()`),
	// The password of an address.
	regexp.MustCompile(`(?i)(://[^/\s:@"]{0,200}:)([^@/\s"]+)(@)`),
}

// Mask hides what is secret in text: the values of headers, form fields, JSON and
// XML members with the name of a secret, and the given secrets wherever they stand.
// Text may be a URL, a header or a whole message with first line, headers and body,
// and may be cut. It errs on the side of hiding.
func Mask(text string, secrets ...string) string {
	text = maskLiteral(text, secrets)
	for _, place := range secretPlaces {
		text = place.ReplaceAllStringFunc(text, func(found string) string {
			part := place.FindStringSubmatch(found)
			if part == nil || part[2] == "" || part[2] == masked {
				return found
			}
			return part[1] + maskedAs(part[2]) + part[3]
		})
	}
	return text
}

// maskedAs keeps the quotation marks of a value, so that what is left reads as
// what it was.
func maskedAs(value string) string {
	switch {
	case strings.HasPrefix(value, `"`):
		return `"` + masked + `"`
	case strings.HasPrefix(value, `'`):
		return `'` + masked + `'`
	case strings.HasPrefix(value, `\`):
		quote := value[:strings.IndexByte(value, '"')+1]
		return quote + masked + quote
	}
	return masked
}

// maskLiteral hides secrets that are known, in the forms in which they travel.
func maskLiteral(text string, secrets []string) string {
	var forms []string
	for _, s := range secrets {
		if len(s) < leastSecret {
			continue
		}
		quoted, _ := json.Marshal(s) // a string always can
		forms = append(forms, s, url.QueryEscape(s), url.PathEscape(s), string(quoted[1:len(quoted)-1]))
	}
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) }) // what holds another goes first
	for _, f := range slices.Compact(forms) {
		text = strings.ReplaceAll(text, f, masked)
	}
	return text
}

// cutText bounds text to limit bytes, at the edge of a character, and says so.
func cutText(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	const note = "… (cut)"
	cut := max(limit-len(note), 0)
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + note
}
