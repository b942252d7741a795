package numbering

import (
	"fmt"
	"sync"

	"github.com/nyaruka/phonenumbers"
)

// code is what the metadata says of the Russian numbers that begin with the same
// three digits: it goes by these alone (a test asks about others of each code).
type code struct {
	valid bool
	kind  Kind // KindUnknown where they are not valid
}

// codes asks the metadata once about each code: its patterns cost 20 µs a number,
// which lists of a million would pay twice a line.
var codes = sync.OnceValue(func() *[1000]code {
	var table [1000]code
	for i := range table {
		table[i].kind = KindUnknown
		number := fmt.Sprintf("7%03d1234567", i)
		if _, ok := russian(number); !ok {
			continue // Kazakhstan's
		}
		if n, ok := parse(number); ok && phonenumbers.IsValidNumber(n) {
			table[i] = code{true, kindOf(phonenumbers.GetNumberType(n))}
		}
	}
	return &table
})

// codeOf is what is known of the code of a national number that russian gave.
func codeOf(national uint64) code { return codes()[national/10_000_000] }
