package words

import "strings"

// gender of a Russian noun that is counted.
type gender int

const (
	masculine gender = iota
	feminine
)

// forms are a word in the six cases.
type forms [6]string

// noun is what is counted.
type noun struct {
	gender gender
	one    forms // singular
	many   forms // plural
}

// same is a word that does not change.
func same(s string) forms { return forms{s, s, s, s, s, s} }

// inFive declines пять to двадцать and тридцать: soft stem, and ь at the end.
func inFive(stem string) forms {
	return forms{stem + "ь", stem + "и", stem + "и", stem + "ь", stem + "ью", stem + "и"}
}

// inFifty declines пятьдесят to восемьдесят: both halves change.
func inFifty(stem, hard string) forms {
	return forms{hard + "десят", stem + "идесяти", stem + "идесяти", hard + "десят", hard + "юдесятью", stem + "идесяти"}
}

// inFiveHundred declines пятьсот to девятьсот likewise.
func inFiveHundred(stem, hard string) forms {
	return forms{hard + "сот", stem + "исот", stem + "истам", hard + "сот", hard + "юстами", stem + "истах"}
}

var (
	zero = forms{"ноль", "ноля", "нолю", "ноль", "нолём", "ноле"}

	// one and two change with the gender, too.
	oneOf = map[gender]forms{
		masculine: {"один", "одного", "одному", "один", "одним", "одном"},
		feminine:  {"одна", "одной", "одной", "одну", "одной", "одной"},
	}
	twoOf = map[gender]forms{
		masculine: {"два", "двух", "двум", "два", "двумя", "двух"},
		feminine:  {"две", "двух", "двум", "две", "двумя", "двух"},
	}
	eight = forms{"восемь", "восьми", "восьми", "восемь", "восемью", "восьми"}

	// units are 3 to 19, at their own index.
	units = [20]forms{
		3: {"три", "трёх", "трём", "три", "тремя", "трёх"},
		4: {"четыре", "четырёх", "четырём", "четыре", "четырьмя", "четырёх"},
		5: inFive("пят"), 6: inFive("шест"), 7: inFive("сем"), 8: eight, 9: inFive("девят"), 10: inFive("десят"),
		11: inFive("одиннадцат"), 12: inFive("двенадцат"), 13: inFive("тринадцат"), 14: inFive("четырнадцат"), 15: inFive("пятнадцат"),
		16: inFive("шестнадцат"), 17: inFive("семнадцат"), 18: inFive("восемнадцат"), 19: inFive("девятнадцат"),
	}
	tens = [10]forms{
		2: inFive("двадцат"), 3: inFive("тридцат"), 4: {"сорок", "сорока", "сорока", "сорок", "сорока", "сорока"},
		5: inFifty("пят", "пять"), 6: inFifty("шест", "шесть"), 7: inFifty("сем", "семь"),
		8: {"восемьдесят", "восьмидесяти", "восьмидесяти", "восемьдесят", "восемьюдесятью", "восьмидесяти"},
		9: {"девяносто", "девяноста", "девяноста", "девяносто", "девяноста", "девяноста"},
	}
	hundreds = [10]forms{
		1: {"сто", "ста", "ста", "сто", "ста", "ста"},
		2: {"двести", "двухсот", "двумстам", "двести", "двумястами", "двухстах"},
		3: {"триста", "трёхсот", "трёмстам", "триста", "тремястами", "трёхстах"},
		4: {"четыреста", "четырёхсот", "четырёмстам", "четыреста", "четырьмястами", "четырёхстах"},
		5: inFiveHundred("пят", "пять"), 6: inFiveHundred("шест", "шесть"), 7: inFiveHundred("сем", "семь"),
		8: {"восемьсот", "восьмисот", "восьмистам", "восемьсот", "восемьюстами", "восьмистах"},
		9: inFiveHundred("девят", "девять"),
	}

	// scales are the nouns that count thousands, largest first.
	scales = []struct {
		worth int64
		noun  noun
	}{
		{1_000_000, noun{masculine,
			forms{"миллион", "миллиона", "миллиону", "миллион", "миллионом", "миллионе"},
			forms{"миллионы", "миллионов", "миллионам", "миллионы", "миллионами", "миллионах"}}},
		{1_000, noun{feminine,
			forms{"тысяча", "тысячи", "тысяче", "тысячу", "тысячей", "тысяче"},
			forms{"тысячи", "тысяч", "тысячам", "тысячи", "тысячами", "тысячах"}}},
	}
)

// counted is n things in a case: the number in the noun's gender, and the noun as
// the number wants it. n is 0 to 999,999,999.
func counted(n int64, what noun, c Case) string {
	return strings.Join(append(numberRU(n, what.gender, c), what.after(n, c)), " ")
}

// numberRU is a number in words.
func numberRU(n int64, g gender, c Case) (said []string) {
	if n == 0 {
		return []string{zero[c]}
	}
	for _, s := range scales {
		if k := n / s.worth; k > 0 {
			said = append(append(said, below1000(k, s.noun.gender, c)...), s.noun.after(k, c))
			n %= s.worth
		}
	}
	return append(said, below1000(n, g, c)...)
}

func below1000(n int64, g gender, c Case) (said []string) {
	if n >= 100 {
		said = append(said, hundreds[n/100][c])
		n %= 100
	}
	if n >= 20 {
		said = append(said, tens[n/10][c])
		n %= 10
	}
	switch n {
	case 0:
	case 1:
		said = append(said, oneOf[g][c])
	case 2:
		said = append(said, twoOf[g][c])
	default:
		said = append(said, units[n][c])
	}
	return said
}

// after is the noun behind the number n in a case: behind 1 in the singular,
// behind 2 to 4 in the genitive singular where the number stands in the nominative
// or accusative, behind others in the genitive plural; in other cases in that
// case, but for round thousands, which are nouns themselves.
func (w noun) after(n int64, c Case) string {
	last, teens := n%10, n%100/10 == 1
	plain := c == Nominative || c == Accusative
	switch {
	case n == 0, n >= 1000 && n%1000 == 0:
		return w.many[Genitive]
	case last == 1 && !teens:
		return w.one[c]
	case !plain:
		return w.many[c]
	case last >= 2 && last <= 4 && !teens:
		return w.one[Genitive]
	}
	return w.many[Genitive]
}

// Days and years are ordinals: "второе марта", "две тысячи двадцать шестого года".
var (
	// neuterEnds are the endings of ordinals in the neuter; третье has its own.
	neuterEnds = forms{"ое", "ого", "ому", "ое", "ым", "ом"}
	third      = forms{"третье", "третьего", "третьему", "третье", "третьим", "третьем"}

	// ordinals are the stems of 1 to 19, tenths those of the tens.
	ordinals = [20]string{1: "перв", 2: "втор", 3: "трет", 4: "четвёрт", 5: "пят", 6: "шест", 7: "седьм", 8: "восьм", 9: "девят", 10: "десят",
		11: "одиннадцат", 12: "двенадцат", 13: "тринадцат", 14: "четырнадцат", 15: "пятнадцат", 16: "шестнадцат", 17: "семнадцат", 18: "восемнадцат", 19: "девятнадцат"}
	tenths = [10]string{2: "двадцат", 3: "тридцат", 4: "сороков", 5: "пятидесят", 6: "шестидесят", 7: "семидесят", 8: "восьмидесят", 9: "девяност"}

	monthsRU = [13]string{1: "января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября", "декабря"}
)

// ordinalRU is the last word, or the last two, of an ordinal below 100.
func ordinalRU(n int, c Case) string {
	switch {
	case n == 3:
		return third[c]
	case n < 20:
		return ordinals[n] + neuterEnds[c]
	case n%10 == 0:
		return tenths[n/10] + neuterEnds[c]
	}
	return tens[n/10][Nominative] + " " + ordinalRU(n%10, c)
}

// yearRU is a year of 1900 to 2099 as a date has it: in the genitive.
func yearRU(year int) string {
	century, rest := "тысяча девятьсот", year%100
	switch {
	case year == 1900:
		return "тысяча девятисотого года"
	case year == 2000:
		return "двухтысячного года"
	case year > 2000:
		century = "две тысячи"
	}
	return century + " " + ordinalRU(rest, Genitive) + " года"
}

var digitsRU = [10]string{"ноль", "один", "два", "три", "четыре", "пять", "шесть", "семь", "восемь", "девять"}
