package recordings

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"zvonar/internal/calls"
	"zvonar/recordings/words"
)

// Bounds of templates.
const (
	maxVariables = 10
	maxValues    = 50 // that a word is chosen from
	maxValue     = 100
)

// kindRule is what goes for all variables of a kind.
type kindRule struct {
	length  int // default and most of MaxLength, characters
	most    int
	letters bool // Alphabet means something
	samples map[words.Language]string
}

var kindRules = map[calls.VariableKind]kindRule{
	calls.VariableName:   {length: 60, most: 100, letters: true, samples: map[words.Language]string{words.Russian: "Иван Петров", words.English: "John Smith"}},
	calls.VariableSum:    {length: 16, most: 16, samples: map[words.Language]string{words.Russian: "1234.50", words.English: "1234.50"}},
	calls.VariableDate:   {length: 10, most: 10, samples: map[words.Language]string{words.Russian: "2026-12-31", words.English: "2026-12-31"}},
	calls.VariableDigits: {length: 12, most: 20, samples: map[words.Language]string{words.Russian: "1234", words.English: "1234"}},
	calls.VariableWord:   {length: 40, most: maxValue, letters: true, samples: map[words.Language]string{words.Russian: "слово", words.English: "word"}},
}

// place is a piece of a template: words, and a variable behind them ("" at the end).
type place struct {
	before   string
	name     string
	kind     calls.VariableKind // as the place says it; empty: it does not
	in       words.Case
	currency string
}

// template is a text with variables that was checked.
type template struct {
	places    []place
	variables []calls.Variable // in the order of the text
	language  words.Language
}

var (
	braced  = regexp.MustCompile(`\{([^{}]*)\}`)
	varName = regexp.MustCompile(`^\p{L}[\p{L}\p{N}_]{0,31}$`)
)

// compile reads a text with variables: {name}, {debt:sum}, {until:date:genitive},
// {debt:sum:USD}. Behind the name stand kind, case and currency, as far as they are
// needed; a name that is a kind needs none. declared says more of some of them. A
// text without braces is a template without variables.
func compile(text string, declared []calls.Variable) (*template, error) {
	t := &template{}
	at := 0
	for _, m := range braced.FindAllStringSubmatchIndex(text, -1) {
		p, err := placeOf(text[m[2]:m[3]])
		if err != nil {
			return nil, err
		}
		p.before, at = text[at:m[0]], m[1]
		t.places = append(t.places, p)
	}
	t.places = append(t.places, place{before: text[at:]})
	fixed := ""
	for _, p := range t.places {
		fixed += p.before
	}
	if strings.ContainsAny(fixed, "{}") {
		return nil, textFault("a brace in the text has no partner: a variable is written {name}, {sum} or {until:date:genitive}")
	}
	t.language = words.Language(language(fixed))
	return t, t.declare(declared)
}

func textFault(format string, args ...any) *calls.Error {
	return calls.Errorf(calls.CodeInvalidField, format, args...).At("body.text", nil)
}

// placeOf reads what stands between braces.
func placeOf(inside string) (p place, err error) {
	parts := strings.Split(inside, ":")
	p.name = parts[0]
	if !varName.MatchString(p.name) {
		return p, textFault("%q is no name of a variable: a letter, then letters, digits and _, at most 32", p.name)
	}
	if _, is := kindRules[calls.VariableKind(p.name)]; is {
		p.kind = calls.VariableKind(p.name)
	}
	for _, part := range parts[1:] {
		if _, is := kindRules[calls.VariableKind(part)]; is {
			p.kind = calls.VariableKind(part)
			continue
		}
		if words.Currency(part) {
			p.currency = part
			continue
		}
		if p.in, err = words.CaseOf(part); err != nil || part == "" {
			return p, textFault("{%s}: %q is neither a kind (name, sum, date, digits, word) nor a grammatical case (genitive, …) nor a currency (RUB, USD, EUR, KZT)", inside, part)
		}
	}
	return p, nil
}

// declare brings together what the text says of its variables and what was said
// beside it.
func (t *template) declare(declared []calls.Variable) error {
	for _, v := range declared {
		if !slices.ContainsFunc(t.places, func(p place) bool { return p.name == v.Name && v.Name != "" }) {
			return calls.Errorf(calls.CodeInvalidField, "there is no {%s} in the text", v.Name).At("body.variables", v.Name)
		}
	}
	for _, p := range t.places {
		if p.name == "" {
			continue
		}
		i := slices.IndexFunc(t.variables, func(v calls.Variable) bool { return v.Name == p.name })
		if i < 0 {
			v := calls.Variable{Name: p.name}
			if d := slices.IndexFunc(declared, func(v calls.Variable) bool { return v.Name == p.name }); d >= 0 {
				v = declared[d]
			}
			i, t.variables = len(t.variables), append(t.variables, v)
		}
		v := &t.variables[i]
		if p.kind != "" && v.Kind != "" && p.kind != v.Kind && string(p.kind) != p.name || p.currency != "" && v.Currency != "" && p.currency != v.Currency {
			return textFault("{%s} is said to be two things", p.name)
		}
		if v.Kind == "" {
			v.Kind = p.kind
		}
		if v.Currency == "" {
			v.Currency = p.currency
		}
	}
	if len(t.variables) > maxVariables {
		return textFault("a text has at most %d variables", maxVariables)
	}
	for i := range t.variables {
		if err := t.complete(&t.variables[i]); err != nil {
			return err
		}
	}
	return nil
}

// complete checks a variable and fills in what was left out of it.
func (t *template) complete(v *calls.Variable) error {
	at := func(format string, args ...any) error {
		return calls.Errorf(calls.CodeInvalidField, format, args...).At("body.variables."+v.Name, nil)
	}
	rule, known := kindRules[v.Kind]
	switch {
	case v.Kind == "":
		return at("say what {%s} is: {%s:name}, or sum, date, digits, word", v.Name, v.Name)
	case !known:
		return at("there is no kind %q of variables: name, sum, date, digits, word", v.Kind)
	case v.MaxLength < 0 || v.MaxLength > rule.most:
		return at("max_length of a %s is 1 to %d", v.Kind, rule.most)
	case v.Alphabet != "" && (!rule.letters || v.Alphabet != cyrillic && v.Alphabet != latin):
		return at("an alphabet is cyrillic or latin, of a name or a word")
	case v.Currency != "" && (v.Kind != calls.VariableSum || !words.Currency(v.Currency)):
		return at("a currency is RUB, USD, EUR or KZT, of a sum")
	case len(v.Values) > 0 && v.Kind != calls.VariableWord || len(v.Values) > maxValues:
		return at("values are what a word is chosen from, at most %d", maxValues)
	}
	for _, s := range v.Values {
		if s == "" || utf8.RuneCountInString(s) > maxValue || !calls.Printable(s) || strings.ContainsAny(s, "<>{}") {
			return at("each of the values has 1 to %d characters and no markup", maxValue)
		}
	}
	if v.MaxLength == 0 {
		v.MaxLength = rule.length
	}
	if v.Kind == calls.VariableSum && v.Currency == "" {
		v.Currency = "RUB"
	}
	if v.Sample == "" {
		v.Sample = sampleOf(v, rule.samples[t.language])
	}
	_, err := t.say(v, v.Sample, words.Nominative)
	return err
}

// sampleOf is a value that the variable takes, where none was given.
func sampleOf(v *calls.Variable, sample string) string {
	if len(v.Values) > 0 {
		return v.Values[0]
	}
	switch {
	case v.Alphabet == latin:
		sample = kindRules[v.Kind].samples[words.English]
	case v.Alphabet == cyrillic:
		sample = kindRules[v.Kind].samples[words.Russian]
	}
	r := []rune(sample)
	switch {
	case len(r) <= v.MaxLength:
		return sample
	case v.Kind == calls.VariableDate:
		return "31.12"
	case v.Kind == calls.VariableSum:
		sample, _, _ = strings.Cut(sample, ".")
		r = []rune(sample)
	}
	return strings.TrimSpace(string(r[:min(len(r), v.MaxLength)]))
}

// samples are the values that the moderator hears.
func (t *template) samples() map[string]string {
	values := map[string]string{}
	for _, v := range t.variables {
		values[v.Name] = v.Sample
	}
	return values
}

// fill is the text with values in the places of its variables, as a voice has to
// read it. Values that it has no place for are passed over. Errors are
// *calls.Error: invalid-field at body.variables.NAME.
func (t *template) fill(values map[string]string) (string, error) {
	var said strings.Builder
	for _, p := range t.places {
		said.WriteString(p.before)
		if p.name == "" {
			continue
		}
		i := slices.IndexFunc(t.variables, func(v calls.Variable) bool { return v.Name == p.name })
		value, given := values[p.name]
		if !given {
			return "", calls.Errorf(calls.CodeInvalidField, "the text needs a value for {%s}", p.name).At("body.variables."+p.name, nil)
		}
		s, err := t.say(&t.variables[i], value, p.in)
		if err != nil {
			return "", err
		}
		said.WriteString(s)
	}
	if n := utf8.RuneCountInString(said.String()); n > maxText {
		return "", calls.Errorf(calls.CodeInvalidField, "the text would have %d characters with these values, at most %d are read", n, maxText).At("body.variables", nil)
	}
	return said.String(), nil
}

// say is one value in words, if the variable may hold it.
func (t *template) say(v *calls.Variable, value string, in words.Case) (said string, err error) {
	value = strings.TrimSpace(value)
	switch n := utf8.RuneCountInString(value); {
	case len(v.Values) > 0:
		if !slices.Contains(v.Values, value) {
			err = calls.Errorf(calls.CodeInvalidField, "it is none of the values that were approved for {%s}", v.Name)
		}
		said = value
	case n == 0 || n > v.MaxLength:
		err = calls.Errorf(calls.CodeInvalidField, "{%s} has 1 to %d characters", v.Name, v.MaxLength)
	case v.Kind == calls.VariableSum:
		said, err = words.Sum(value, v.Currency, in, t.language)
	case v.Kind == calls.VariableDate:
		said, err = words.Date(value, in, t.language)
	case v.Kind == calls.VariableDigits:
		said, err = words.Digits(value, t.language)
	case v.Kind == calls.VariableName:
		said, err = value, checkName(value, v.Alphabet)
	default:
		said, err = value, checkWord(value, v.Alphabet)
	}
	if err != nil {
		return "", calls.Errorf(calls.CodeInvalidField, "%s", wordsOf(err)).At("body.variables."+v.Name, nil)
	}
	return said, nil
}

// wordsOf is the sentence of an error.
func wordsOf(err error) string {
	if e, ok := err.(*calls.Error); ok {
		return e.Detail
	}
	return err.Error()
}

// The alphabets of names and words.
const (
	cyrillic = "cyrillic"
	latin    = "latin"
)

// A name is up to five words of letters with hyphens and apostrophes in them;
// a point is behind an initial or at the end of a word.
var nameForm = regexp.MustCompile(`^(?:\p{L}[\p{L}\p{Mn}'’-]*\.?(?: |$)|\p{L}\.){1,6}$`)

func checkName(s, alphabet string) error {
	if !nameForm.MatchString(s) || strings.Count(s, " ") > 4 || strings.Count(s, ".") > 3 {
		return calls.Errorf(calls.CodeInvalidField, "a name is letters, with hyphens, apostrophes and initials, in at most five words")
	}
	return checkAlphabet(s, alphabet)
}

var wordForm = regexp.MustCompile(`^\p{L}[\p{L}\p{Mn}'’-]*$`)

func checkWord(s, alphabet string) error {
	if !wordForm.MatchString(s) {
		return calls.Errorf(calls.CodeInvalidField, "it must be one word of letters")
	}
	return checkAlphabet(s, alphabet)
}

// checkAlphabet wants letters of one alphabet only: what looks like one word and
// is another would be read as nobody expects.
func checkAlphabet(s, alphabet string) error {
	for _, r := range s {
		is := ""
		switch {
		case !unicode.IsLetter(r):
			continue
		case unicode.Is(unicode.Cyrillic, r):
			is = cyrillic
		case unicode.Is(unicode.Latin, r):
			is = latin
		}
		if alphabet == "" {
			alphabet = is
		}
		if is == "" || is != alphabet {
			return calls.Errorf(calls.CodeInvalidField, "its letters must be of one alphabet, Cyrillic or Latin, and of the one that was approved")
		}
	}
	return nil
}
