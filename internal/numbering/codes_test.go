package numbering

import (
	"fmt"
	"testing"

	"github.com/nyaruka/phonenumbers"
)

func TestTheMetadataGoesByTheCodeOfARussianNumber(t *testing.T) {
	t.Parallel()
	valid := 0
	for i := range 1000 {
		for k := range 10 {
			number := fmt.Sprintf("7%03d%07d", i, k*1_000_000+(k*346_789+i*7_919)%1_000_000)
			national, ok := russian(number)
			if !ok {
				continue
			}
			want := code{kind: KindUnknown}
			if n, ok := parse(number); ok && phonenumbers.IsValidNumber(n) {
				want = code{true, kindOf(phonenumbers.GetNumberType(n))}
				if region := phonenumbers.GetRegionCodeForNumber(n); region != "RU" {
					t.Errorf("%s is of %s", number, region)
				}
				valid++
			}
			if got := codeOf(national); got != want {
				t.Errorf("%s: %v, want %v", number, got, want)
			}
		}
	}
	if valid < 2000 {
		t.Errorf("only %d numbers were valid", valid)
	}
}

func BenchmarkRussianNumber(b *testing.B) {
	for b.Loop() {
		n, err := Normalize("+7 (900) 444-33-22", "RU")
		if err != nil || Allowed(n, []string{"RU"}) != nil || len(Zones(n)) != 1 {
			b.Fatal(n, err)
		}
	}
}
