// Package words says numbers, sums, dates and digits in words, as a voice has to
// read them: in Russian with gender and case ("двадцать один рубль", "до второго
// марта"), in English plainly. It is pure; nothing here fails silently: what is no
// sum or no date is an error.
//
// Start reading at sum.go and date.go; russian.go and english.go are the tables.
package words

import "fmt"

// Language of what is said.
type Language string

// The languages.
const (
	Russian Language = "ru"
	English Language = "en"
)

// Case is the grammatical case in which something stands in a Russian sentence.
// English has none and passes it over.
type Case int

// The cases; Nominative is the zero value.
const (
	Nominative Case = iota
	Genitive
	Dative
	Accusative
	Instrumental
	Prepositional
)

// cases are the names of the cases, by their value.
var cases = [...]string{"nominative", "genitive", "dative", "accusative", "instrumental", "prepositional"}

// CaseOf reads the name of a case; empty is the nominative.
func CaseOf(name string) (Case, error) {
	for c, n := range cases {
		if n == name || name == "" {
			return Case(c), nil
		}
	}
	return 0, fmt.Errorf("%q is no grammatical case: nominative, genitive, dative, accusative, instrumental, prepositional", name)
}
