package numbering

import (
	"strings"

	"github.com/nyaruka/phonenumbers"

	"zvonar/internal/calls"
)

const (
	maxRaw    = 40 // bytes of a spelling that we look at
	minDigits = 7  // shorter is a short code or a local number
	maxDigits = 15 // ITU-T E.164 6.1
)

// Normalize turns a number as users write it into digits only, country code
// first: "+7 (900) 444-33-22" becomes "79004443322".
//
// A leading + is dropped and nothing else of such a number changes. Without +, a
// number of eleven digits that begins with 8 has its 8 replaced by 7 where
// defaultCountry is "RU" and the result is in the numbering plan. Spaces,
// hyphens, dots and parentheses are dropped. Everything else, and every number
// that no numbering plan contains, is an Error with code invalid-number.
//
// That a number is valid does not mean that we dial it: see [Allowed].
func Normalize(raw, defaultCountry string) (number string, err error) {
	return current().Normalize(raw, defaultCountry)
}

// Normalize is [Normalize] by this plan.
func (p *Plan) Normalize(raw, defaultCountry string) (string, error) {
	digits, plus, err := strip(raw)
	if err != nil {
		return "", err
	}
	if !plus && len(digits) == 11 && digits[0] == '8' && strings.EqualFold(defaultCountry, "RU") {
		if n := "7" + digits[1:]; p.valid(n) {
			return n, nil
		}
	}
	switch {
	case len(digits) < minDigits:
		return "", calls.Errorf(calls.CodeInvalidNumber,
			"the number is too short: give it in full, with the country code (79004443322); short and emergency numbers are never called")
	case len(digits) > maxDigits:
		return "", calls.Errorf(calls.CodeInvalidNumber, "the number has %d digits, a telephone number has at most %d", len(digits), maxDigits)
	case !p.valid(digits):
		return "", calls.Errorf(calls.CodeInvalidNumber,
			"the number is in no numbering plan: give the country code and all digits (79004443322)")
	}
	return digits, nil
}

// strip drops a leading + and punctuation and refuses whatever is neither that
// nor an ASCII digit.
func strip(raw string) (digits string, plus bool, err *calls.Error) {
	if len(raw) > maxRaw {
		return "", false, calls.Errorf(calls.CodeInvalidNumber, "the number is written with %d characters, at most %d are read", len(raw), maxRaw)
	}
	b := make([]byte, 0, len(raw))
	for i := range len(raw) {
		switch c := raw[i]; {
		case c >= '0' && c <= '9':
			b = append(b, c)
		case c == ' ', c == '-', c == '(', c == ')', c == '.':
		case c == '+' && len(b) == 0 && !plus:
			plus = true
		default:
			return "", false, calls.Errorf(calls.CodeInvalidNumber,
				"a number is written with digits, an optional leading + and spaces, hyphens, dots or parentheses; character %d is something else", i+1)
		}
	}
	if len(b) == 0 {
		return "", false, calls.Errorf(calls.CodeInvalidNumber, "the number is empty")
	}
	return string(b), plus, nil
}

// valid reports whether digits are a number of some plan, exactly as written.
func (p *Plan) valid(digits string) bool {
	if national, ok := russian(digits); ok {
		_, allocated := p.find(national)
		return allocated && codeOf(national).valid
	}
	n, ok := parse(digits)
	return ok && phonenumbers.IsValidNumber(n)
}

// parse reads digits as country code and national number. The library forgives
// much, a trunk 0 after the country code for one; what it changed was not a
// number, so the parsed form must give the same digits back.
func parse(digits string) (*phonenumbers.PhoneNumber, bool) {
	if len(digits) < minDigits || len(digits) > maxDigits {
		return nil, false
	}
	n, err := phonenumbers.Parse("+"+digits, "")
	if err != nil || phonenumbers.Format(n, phonenumbers.E164) != "+"+digits {
		return nil, false
	}
	return n, true
}

// russian gives the national number of a +7 number outside Kazakhstan's share.
func russian(digits string) (national uint64, ok bool) {
	if len(digits) != 11 || digits[0] != '7' || digits[1] == '6' || digits[1] == '7' {
		return 0, false
	}
	return nationalOf(digits)
}

// nationalOf reads what follows the first digit of a number of eleven digits.
func nationalOf(digits string) (national uint64, ok bool) {
	for i := 1; i < len(digits); i++ {
		c := digits[i]
		if c < '0' || c > '9' {
			return 0, false
		}
		national = national*10 + uint64(c-'0')
	}
	return national, true
}
