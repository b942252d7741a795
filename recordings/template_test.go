package recordings

import (
	"strings"
	"testing"

	"zvonar/internal/calls"
)

const reminder = "Здравствуйте, {name}! Ваш долг {sum} по договору {contract:digits}. Оплатите до {until:date:genitive}, не менее {least:sum:genitive}."

func compiled(t *testing.T, text string, declared ...calls.Variable) *template {
	t.Helper()
	c, err := compile(text, declared)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestATextIsFilledInWords(t *testing.T) {
	t.Parallel()
	c := compiled(t, reminder)
	got, err := c.fill(map[string]string{"name": "Анна-Мария О'Нил", "sum": "2101.02", "contract": "407", "until": "2026-12-03", "least": "341", "more": "x"})
	want := "Здравствуйте, Анна-Мария О'Нил! Ваш долг две тысячи сто один рубль две копейки по договору четыре ноль семь. " +
		"Оплатите до третьего декабря две тысячи двадцать шестого года, не менее трёхсот сорока одного рубля."
	if err != nil || got != want {
		t.Errorf("%q, %v", got, err)
	}
	english := compiled(t, "Dear {who:name}, you owe {sum:USD} since {since:date}.")
	got, err = english.fill(map[string]string{"who": "J. R. Smith", "sum": "12.01", "since": "01.03"})
	if err != nil || got != "Dear J. R. Smith, you owe twelve dollars and one cent since March first." {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := c.fill(c.samples()); err != nil {
		t.Errorf("the samples do not fill their own text: %v", err)
	}
}

func TestAVariableHoldsNoMoreThanWasApproved(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind        calls.Variable
		good, wrong []string
	}{
		{calls.Variable{Kind: calls.VariableName, MaxLength: 30},
			[]string{"Ян", "И. И. Иванов", "И.И. Иванов", "Ivanov I.", "Д’Артаньян", "Мамин-Сибиряк", "Кузнецов мл."},
			[]string{"", "Иван7", "example.ru", "www.example.ru", "https://x", "Иван, позвоните", "+79004443322", "а б в г д е", "Иvан", "x@y", strings.Repeat("я", 31), "И\nван", "{sum}", "<b>", "a.b.c.d.e", "Ιωάννης", "-Иван"}},
		{calls.Variable{Kind: calls.VariableName, Alphabet: cyrillic}, []string{"Пётр"}, []string{"Peter"}},
		{calls.Variable{Kind: calls.VariableWord, Alphabet: latin}, []string{"hello", "Baden-Baden"}, []string{"two words", "слово", "a1", "a.b"}},
		{calls.Variable{Kind: calls.VariableWord, Values: []string{"завтра утром", "сегодня"}}, []string{"сегодня", "завтра утром"}, []string{"вчера", "Сегодня"}},
		{calls.Variable{Kind: calls.VariableDigits, MaxLength: 4}, []string{"0", "4071"}, []string{"40711", "4a", "4 1", "-1"}},
		{calls.Variable{Kind: calls.VariableSum}, []string{"0", "15,5"}, []string{"-1", "1e6", "много", "12345678901"}},
		{calls.Variable{Kind: calls.VariableSum, MaxLength: 4}, []string{"9999"}, []string{"10000"}},
		{calls.Variable{Kind: calls.VariableDate}, []string{"2026-12-31", "1.5"}, []string{"31.02", "завтра"}},
	} {
		c.kind.Name = "x"
		tpl := compiled(t, "Добрый день, {x}!", c.kind)
		for _, v := range c.good {
			if _, err := tpl.fill(map[string]string{"x": v}); err != nil {
				t.Errorf("%s %q: %v", c.kind.Kind, v, err)
			}
		}
		for _, v := range c.wrong {
			s, err := tpl.fill(map[string]string{"x": v})
			if e := wantCode(t, err, calls.CodeInvalidField); e.Fields[0].Location != "body.variables.x" {
				t.Errorf("%s %q: %q, %+v", c.kind.Kind, v, s, e)
			}
		}
	}
}

func TestFaultyTemplatesAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text     string
		declared []calls.Variable
	}{
		"no kind":         {"Привет, {who}!", nil},
		"no name":         {"Привет, {}!", nil},
		"name of spaces":  {"Привет, {a b}!", nil},
		"one brace":       {"Привет, {name!", nil},
		"nested":          {"Привет, {{name}}!", nil},
		"unknown part":    {"Привет, {name:loud}!", nil},
		"empty part":      {"Привет, {name:}!", nil},
		"two kinds":       {"{x:sum} {x:date}", nil},
		"two currencies":  {"{x:sum:USD} {x:sum:EUR}", nil},
		"not in the text": {"Привет, {name}!", []calls.Variable{{Name: "sum"}}},
		"alphabet of sum": {"{sum}", []calls.Variable{{Name: "sum", Alphabet: cyrillic}}},
		"long length":     {"{sum}", []calls.Variable{{Name: "sum", MaxLength: 17}}},
		"bad sample":      {"{sum}", []calls.Variable{{Name: "sum", Sample: "много"}}},
		"bad kind":        {"{x}", []calls.Variable{{Name: "x", Kind: "url"}}},
		"values of name":  {"{name}", []calls.Variable{{Name: "name", Values: []string{"Иван"}}}},
		"markup in value": {"{word}", []calls.Variable{{Name: "word", Values: []string{"<b>"}}}},
		"too many":        {"{a:sum}{b:sum}{c:sum}{d:sum}{e:sum}{f:sum}{g:sum}{h:sum}{i:sum}{j:sum}{k:sum}", nil},
	} {
		_, err := compile(c.text, c.declared)
		if calls.CodeOf(err) != calls.CodeInvalidField {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzTemplate(f *testing.F) {
	f.Add(reminder, "Иван", "name")
	f.Add("{x:word:genitive}{", "}", "x")
	f.Fuzz(func(t *testing.T, text, value, name string) {
		c, err := compile(text, nil)
		if err != nil {
			return
		}
		values := c.samples()
		if _, err := c.fill(values); err != nil && !strings.Contains(err.Error(), "characters") {
			t.Fatalf("%q refuses its own samples: %v", text, err)
		}
		values[name] = value
		said, err := c.fill(values)
		if err == nil && len(c.variables) > 0 && strings.ContainsAny(said, "{}") {
			t.Errorf("%q with %q says %q", text, value, said)
		}
	})
}
