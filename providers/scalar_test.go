package providers

import "testing"

func TestATextIsReadWithTheToleranceOfItsDialect(t *testing.T) {
	strict, ones, words, lenient := Tolerance{}, Tolerance{True: "1", False: "0"}, Tolerance{True: "true", False: "false"}, Tolerance{Anything: true}
	const fault = "\x00"
	for in, want := range map[string][4]string{
		`"79161234567"`:        {"79161234567", "79161234567", "79161234567", "79161234567"},
		` 79161234567 `:        {"79161234567", "79161234567", "79161234567", "79161234567"},
		`12345678901234567890`: {"12345678901234567890", "12345678901234567890", "12345678901234567890", "12345678901234567890"},
		`1.50`:                 {"1.50", "1.50", "1.50", "1.50"},
		`"\u041f"`:             {"П", "П", "П", "П"},
		`null`:                 {"", "", "", ""},
		``:                     {"", "", "", ""},
		`true`:                 {fault, "1", "true", ""},
		`false`:                {fault, "0", "false", ""},
		`{"a":1}`:              {fault, fault, fault, ""},
		`["1"]`:                {fault, fault, fault, ""},
		`"1" 2`:                {fault, fault, fault, ""},
		`ON`:                   {fault, fault, fault, ""},
	} {
		for i, tolerance := range []Tolerance{strict, ones, words, lenient} {
			got, err := tolerance.Text([]byte(in))
			if err != nil {
				got = fault
			}
			if got != want[i] {
				t.Errorf("%q with %+v: %q, want %q", in, tolerance, got, want[i])
			}
		}
	}
}
