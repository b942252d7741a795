package words

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// MaxSum is the largest whole part of a sum.
const MaxSum = 999_999_999

// currency is how one unit and its hundredth are counted.
type currency struct {
	ru, part     noun
	en, ens      string // singular, plural
	cent, centEN string
}

var currencies = map[string]currency{
	"RUB": {
		ru:   noun{masculine, forms{"рубль", "рубля", "рублю", "рубль", "рублём", "рубле"}, forms{"рубли", "рублей", "рублям", "рубли", "рублями", "рублях"}},
		part: noun{feminine, forms{"копейка", "копейки", "копейке", "копейку", "копейкой", "копейке"}, forms{"копейки", "копеек", "копейкам", "копейки", "копейками", "копейках"}},
		en:   "ruble", ens: "rubles", cent: "kopeck", centEN: "kopecks",
	},
	"USD": {
		ru:   noun{masculine, forms{"доллар", "доллара", "доллару", "доллар", "долларом", "долларе"}, forms{"доллары", "долларов", "долларам", "доллары", "долларами", "долларах"}},
		part: cents, en: "dollar", ens: "dollars", cent: "cent", centEN: "cents",
	},
	"EUR": {
		ru:   noun{masculine, same("евро"), same("евро")},
		part: cents, en: "euro", ens: "euros", cent: "cent", centEN: "cents",
	},
	"KZT": {
		ru:   noun{masculine, same("тенге"), same("тенге")},
		part: noun{masculine, forms{"тиын", "тиына", "тиыну", "тиын", "тиыном", "тиыне"}, forms{"тиыны", "тиынов", "тиынам", "тиыны", "тиынами", "тиынах"}},
		en:   "tenge", ens: "tenge", cent: "tiyn", centEN: "tiyns",
	},
}

var cents = noun{masculine, forms{"цент", "цента", "центу", "цент", "центом", "центе"}, forms{"центы", "центов", "центам", "центы", "центами", "центах"}}

// Currency reports whether sums of a currency (ISO 4217) can be said.
func Currency(code string) bool {
	_, known := currencies[code]
	return known
}

// sumForm is a sum as people and programs write it: 1234, 1234.5, 1 234,50.
var sumForm = regexp.MustCompile(`^(\d{1,9}|\d{1,3}(?:[ \x{00A0}\x{202F}]\d{3}){1,2})(?:[.,](\d{1,2}))?$`)

// Sum says a sum of money, "1234.50", in a currency. Hundredths are said where
// they are not 0.
func Sum(value, code string, c Case, in Language) (string, error) {
	m := sumForm.FindStringSubmatch(value)
	money, known := currencies[code]
	switch {
	case m == nil:
		return "", fmt.Errorf("%q is no sum: write it like 1234.50, up to %d", value, MaxSum)
	case !known:
		return "", fmt.Errorf("the currency %q is not known: RUB, USD, EUR, KZT", code)
	}
	whole, err := strconv.ParseInt(strings.NewReplacer(" ", "", "\u00a0", "", "\u202f", "").Replace(m[1]), 10, 64)
	if err != nil {
		return "", err
	}
	part := int64(0)
	if m[2] != "" {
		if part, err = strconv.ParseInt((m[2] + "0")[:2], 10, 64); err != nil {
			return "", err
		}
	}
	if in == English {
		return money.english(whole, part), nil
	}
	said := counted(whole, money.ru, c)
	if part > 0 {
		said += " " + counted(part, money.part, c)
	}
	return said, nil
}

func (m currency) english(whole, part int64) string {
	said := numberEN(whole) + " " + plural(whole, m.en, m.ens)
	if part > 0 {
		said += " and " + numberEN(part) + " " + plural(part, m.cent, m.centEN)
	}
	return said
}

func plural(n int64, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
