package numbering

import (
	"bytes"
	"compress/gzip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nyaruka/phonenumbers"
)

func TestZonesOfRussianNumbersComeFromTheRegister(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		number string
		want   []string
	}{
		{"74951234567", []string{"Europe/Moscow"}},
		{"74012123456", []string{"Europe/Kaliningrad"}},
		{"74232123456", []string{"Asia/Vladivostok"}},
		{"74152123456", []string{"Asia/Kamchatka"}},
		{"74242490764", []string{"Asia/Sakhalin"}},
		{"73832123456", []string{"Asia/Novosibirsk"}},
		{"77011234567", []string{"Asia/Almaty"}},
		{"442079460000", []string{"Europe/London"}},
	} {
		if got := Zones(c.number); !slices.Equal(got, c.want) {
			t.Errorf("Zones(%s) = %v, want %v", c.number, got, c.want)
		}
	}
}

func TestZonesOfTheFarEasternMobilesAreNotMoscow(t *testing.T) {
	t.Parallel()
	found := 0
	p := builtin()
	for _, s := range p.ranges {
		pl := p.places[s.place]
		if pl.kind != KindMobile || !slices.Equal(pl.zones, []string{"Asia/Vladivostok"}) {
			continue
		}
		found++
		n := "7" + uitoa(s.from)
		if got := Zones(n); !slices.Equal(got, pl.zones) {
			t.Fatalf("Zones(%s) = %v", n, got)
		}
		if country, kind := Class(n); country != "RU" || kind != KindMobile {
			t.Fatalf("Class(%s) = %s %s", n, country, kind)
		}
	}
	if found == 0 {
		t.Error("no range of Primorye in the plan")
	}
}

func TestUnknownRangesGetEveryZoneOfTheCountry(t *testing.T) {
	t.Parallel()
	got := Zones("79351234567")
	for _, z := range []string{"Europe/Kaliningrad", "Europe/Moscow", "Asia/Kamchatka"} {
		if !slices.Contains(got, z) {
			t.Errorf("zones of an unallocated number lack %s: %v", z, got)
		}
	}
	if Zones("999999999999") != nil || Zones("112") != nil || Zones("7900444332x") != nil {
		t.Error("a number of no country has zones")
	}
}

func TestZonesAreTheCallersOwn(t *testing.T) {
	t.Parallel()
	Zones("74951234567")[0] = "Mars/Olympus"
	if got := Zones("74951234567"); got[0] != "Europe/Moscow" {
		t.Errorf("the plan was changed: %v", got)
	}
}

func TestEmbeddedPlanIsSortedAndFoundAtItsEdges(t *testing.T) {
	t.Parallel()
	p := builtin()
	if len(p.ranges) < 14_000 {
		t.Fatalf("%d ranges", len(p.ranges))
	}
	for i, s := range p.ranges {
		for _, n := range []uint64{s.from, s.last()} {
			if got, ok := p.find(n); !ok || !slices.Equal(got.zones, p.places[s.place].zones) {
				t.Fatalf("range %d: %d not found", i, n)
			}
		}
		if i+1 < len(p.ranges) && p.ranges[i+1].from > s.last()+1 {
			if _, ok := p.find(s.last() + 1); ok {
				t.Fatalf("%d is found though it is not allocated", s.last()+1)
			}
		}
	}
	if _, ok := p.find(0); ok {
		t.Error("0 is found")
	}
}

const tinyPlan = "prefix_from,prefix_to,region,tz,kind\n9000000000,9000000009,Тест,Asia/Omsk,mobile\n"

func TestLoadPlanReadsPlainAndGzip(t *testing.T) {
	t.Parallel()
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	w.Write([]byte(tinyPlan))
	w.Close()
	for name, r := range map[string]*bytes.Buffer{"plain": bytes.NewBufferString(tinyPlan), "gzip": &zipped} {
		p, err := LoadPlan(r)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := p.Zones("79000000005"); !slices.Equal(got, []string{"Asia/Omsk"}) {
			t.Errorf("%s: zones %v", name, got)
		}
		if n, err := p.Normalize("89000000005", "RU"); err != nil || n != "79000000005" {
			t.Errorf("%s: %q %v", name, n, err)
		}
		if _, err := p.Normalize("79000000010", "RU"); err == nil {
			t.Errorf("%s: a number outside the plan is valid", name)
		}
		if err := p.Allowed("79000000005", []string{"RU"}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLoadPlanNamesTheLineOfAFault(t *testing.T) {
	t.Parallel()
	head := "prefix_from,prefix_to,region,tz,kind\n"
	ok := "9000000000,9000000009,A,Asia/Omsk,mobile\n"
	for name, c := range map[string]struct{ text, want string }{
		"empty":       {"", "no rows"},
		"header only": {head, "no rows"},
		"overlap":     {head + ok + "9000000009,9000000019,B,Asia/Omsk,mobile\n", "line 3"},
		"unsorted":    {head + ok + "8000000000,8000000019,B,Asia/Omsk,mobile\n", "line 3"},
		"backwards":   {head + "9000000009,9000000000,A,Asia/Omsk,mobile\n", "line 2"},
		"letters":     {head + "900000000x,9000000009,A,Asia/Omsk,mobile\n", "line 2"},
		"short":       {head + "900,909,A,Asia/Omsk,mobile\n", "line 2"},
		"zone":        {head + "9000000000,9000000009,A,Asia/Atlantis,mobile\n", "Asia/Atlantis"},
		"kind":        {head + "9000000000,9000000009,A,Asia/Omsk,pager\n", "kind"},
		"columns":     {head + "9000000000,9000000009\n", "line 2"},
		"bad gzip":    {"\x1f\x8bnonsense", "gzip"},
	} {
		if _, err := LoadPlan(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

func FuzzLoadPlan(f *testing.F) {
	f.Add([]byte(tinyPlan))
	f.Add([]byte("a,b,c,d,e\n\"\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := LoadPlan(bytes.NewReader(b))
		if err == nil {
			p.Zones("79000000005")
		}
	})
}

func TestEveryZoneOfTheLibraryLoads(t *testing.T) {
	t.Parallel()
	for _, region := range []string{"US", "AU", "BR", "UA", "KZ", "DE", "ID"} {
		n := phonenumbers.GetExampleNumber(region)
		zones := Zones(phonenumbers.Format(n, phonenumbers.E164)[1:])
		if len(zones) == 0 {
			t.Errorf("%s has no zones", region)
		}
		for _, z := range zones {
			if _, err := time.LoadLocation(z); err != nil {
				t.Errorf("%s: %v", region, err)
			}
		}
	}
}

func uitoa(n uint64) string {
	b := make([]byte, 10)
	for i := 9; i >= 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return string(b)
}
