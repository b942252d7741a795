package campaign

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"zvonar/internal/calls"
)

// in1251 is a text in Windows-1251.
func in1251(s string) string {
	var b []byte
	for _, r := range s {
		if i := slices.Index(windows1251, r); i >= 0 {
			b = append(b, byte(0x80+i))
		} else {
			b = append(b, byte(r))
		}
	}
	return string(b)
}

// imported reads a list into a fresh campaign.
func (b *bench) imported(list List, text string) (*Imported, []*calls.Contact) {
	b.Helper()
	c := b.campaign(nil, "")
	list.Country, list.Countries = "RU", []string{"RU"}
	out, err := b.desk.Import(b.Context(), "main", c.ID, list, iotest.HalfReader(strings.NewReader(text)))
	if err != nil {
		b.Fatalf("%.40q: %v", text, err)
	}
	contacts, err := b.contacts(c)
	if err != nil {
		b.Fatal(err)
	}
	return out, contacts
}

func TestAListIsReadWhateverItsShape(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	want := map[string]string{"Имя": "Пётр; «Младший»", "долг": "100"}
	for name, c := range map[string]struct {
		list List
		text string
	}{
		"semicolons":           {List{}, "Телефон;Имя;долг\n+7 (900) 444-33-22;\"Пётр; «Младший»\";100\n"},
		"a mark of the order":  {List{}, "\ufeffphone,Имя,долг\r\n89004443322,Пётр; «Младший»,100"},
		"Windows-1251":         {List{}, in1251("Телефон\tИмя\tдолг\r\n79004443322\tПётр; «Младший»\t100\r\n")},
		"a charset given":      {List{Charset: "windows-1251", Delimiter: '|'}, in1251("to|Имя|долг\n79004443322|Пётр; «Младший»|100\n")},
		"columns given":        {List{Columns: map[string]string{"number": "Мобильный"}}, "id,Мобильный,Имя,долг\n,79004443322,Пётр; «Младший»,100\n"},
		"objects":              {List{}, `{"number":"79004443322","variables":{"Имя":"Пётр; «Младший»"},"долг":100}` + "\n\n"},
		"a field of two lines": {List{}, "\"phone\",Имя,долг\n79004443322,\"Пётр;\n«Младший»\",100\n"},
	} {
		out, contacts := b.imported(c.list, c.text)
		if out.Added != 1 || len(contacts) != 1 {
			t.Errorf("%s: %+v", name, out)
			continue
		}
		if got := contacts[0]; got.Number != "79004443322" || !maps.Equal(got.Variables, want) || got.Zones == "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestAContactMayHaveWhatTheCampaignHasNot(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	at := time.Date(2026, 11, 22, 7, 0, 0, 0, time.UTC)
	for name, text := range map[string]string{
		"csv":    "number,ref,timezone,record_id,manager,not_before,consent_basis,consent_at,consent_category,digits\n79004443322,r-1,Asia/Omsk,17,201@office,2026-11-22T10:00:00+03:00,contract 7,2026-11-22T10:00:00+03:00,debt,\"[{},{\"\"needBlock\"\":\"\"1\"\"}]\"\n",
		"ndjson": `{"to":79004443322,"ref":"r-1","tz":"Asia/Omsk","record":17,"managerPhone":"201@office","not_before":"2026-11-22T10:00:00+03:00","consent_basis":"contract 7","consent_at":"2026-11-22T10:00:00+03:00","consent_category":"debt","digits":[{},{"needBlock":"1"}]}`,
	} {
		_, contacts := b.imported(List{}, text)
		if len(contacts) != 1 {
			t.Fatalf("%s: no contact", name)
		}
		c := contacts[0]
		if c.Ref != "r-1" || c.Zones != "Asia/Omsk" || c.Timezone != "Asia/Omsk" || c.Record != "17" || c.Manager != "201@office" ||
			c.NotBefore == nil || !c.NotBefore.Equal(at) || c.Turn != at.UnixMicro() || len(c.Digits) != 2 || len(c.Variables) > 0 {
			t.Errorf("%s: %+v", name, c)
		}
		if why := c.Consent; why == nil || why.Basis != "contract 7" || why.Category != "debt" || why.At == nil || !why.At.Equal(at) {
			t.Errorf("%s: the consent is %+v", name, why)
		}
	}
}

func TestABrokenLineCostsItselfAndNoOther(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	text := "phone,name,timezone\n" +
		"79004443321,a,\n" + // 2
		"12,b,\n" + // 3: too short
		"\"79004443322,c,\n" + // 4: a quote that is never closed
		"79004443323,\"d\"e,\n" + // 5: something behind a quote
		"79004443324,f,Moscow\n" + // 6: no zone
		",g,\n" + // 7: no number
		strings.Repeat("x", 2*maxLine) + "\n" + // 8: too long
		"79004443325,h,,i\n" + // 9: a column too many
		"74951234567,\"j\nj\",\n" + // 10 and 11
		"\n;;;\n" + // 13: nothing
		"442071234567,k,\n" + // 14: another country
		"79004443326,l,\n" // 15
	out, contacts := b.imported(List{}, text)
	var lines []int64
	for _, f := range out.Faults {
		lines = append(lines, f.Line)
		if f.Words == "" {
			t.Errorf("line %d: no words", f.Line)
		}
	}
	if want := []int64{3, 4, 5, 6, 7, 8, 9, 13, 14}; !slices.Equal(lines, want) {
		t.Errorf("faults in lines %v, want %v: %+v", lines, want, out.Faults)
	}
	var got []string
	for _, c := range contacts {
		got = append(got, fmt.Sprintf("%d:%s", c.Line, c.Number))
	}
	if want := []string{"2:79004443321", "10:74951234567", "15:79004443326"}; !slices.Equal(got, want) {
		t.Errorf("contacts %v, want %v", got, want)
	}
}

func TestTheSameListAgainAddsOnlyWhatIsMissing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.campaign(nil, "")
	var text strings.Builder
	text.WriteString("phone,ref\n")
	for i := range 3000 {
		fmt.Fprintf(&text, "7900%07d,r%d\n", i, i)
	}
	half := text.String()[:text.Len()/2]
	broken := io.MultiReader(strings.NewReader(half[:strings.LastIndexByte(half, '\n')+1]), iotest.ErrReader(errors.New("cut off")))
	list := List{Country: "RU", Countries: []string{"RU"}}
	first, err := b.desk.Import(t.Context(), "main", c.ID, list, broken)
	if err == nil || first.Added < 1000 {
		t.Fatalf("cut off: %+v, %v", first, err)
	}
	second, err := b.desk.Import(t.Context(), "main", c.ID, list, strings.NewReader(text.String()))
	if err != nil || first.Added+second.Added != 3000 || second.Duplicates != first.Added {
		t.Fatalf("%+v then %+v, %v", first, second, err)
	}
	_, counts := b.state(c)
	if counts[calls.CountTotal] != 3000 || counts[calls.CountDuplicates] != first.Added {
		t.Errorf("%v", counts)
	}
	list.DryRun = true
	third, err := b.desk.Import(t.Context(), "main", c.ID, list, strings.NewReader("phone\n79990001122\n1\n"))
	if _, after := b.state(c); err != nil || third.Added != 1 || third.Invalid != 1 || after[calls.CountTotal] != 3000 || after[calls.CountLines] != counts[calls.CountLines] {
		t.Errorf("a dry run: %+v, %v; %v", third, err, after)
	}
}

func TestAListThatCannotBeReadIsRefusedInWords(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.campaign(nil, "")
	for text, list := range map[string]List{
		"name,sum\nAnna,5\n":        {},
		"\xff\xfep\x00":             {},
		"phone\n79004443322\n":      {Columns: map[string]string{"fax": "phone"}},
		"mobile,x\n79004443322,1\n": {Columns: map[string]string{"number": "phone"}},
	} {
		list.Country, list.Countries = "RU", []string{"RU"}
		_, err := b.desk.Import(t.Context(), "main", c.ID, list, strings.NewReader(text))
		if calls.CodeOf(err) != calls.CodeInvalidField {
			t.Errorf("%q: %v", text, err)
		}
	}
	b.move(c, calls.CampaignStop)
	if _, err := b.desk.Import(t.Context(), "main", c.ID, List{}, strings.NewReader("79004443322")); calls.CodeOf(err) != calls.CodeWrongState {
		t.Errorf("a stopped campaign: %v", err)
	}
	if _, err := b.desk.Import(t.Context(), "other", c.ID, List{}, strings.NewReader("79004443322")); !errors.Is(err, calls.ErrNotFound) {
		t.Errorf("another account's: %v", err)
	}
	if out, contacts := b.imported(List{}, "79004443322\n79004443323;left out\n"); len(contacts) != 2 || out.Invalid > 0 {
		t.Errorf("a list without heads: %+v", out)
	}
	if out, _ := b.imported(List{}, ""); out.Lines != 0 {
		t.Errorf("an empty list: %+v", out)
	}
}

// Whatever a list holds, each of its lines is a contact, a fault, or empty, and
// every contact is one that may be called.
func FuzzImport(f *testing.F) {
	f.Add([]byte("phone;name\n+79004443322;\"a\"\"b\n\nc\"\n1;2;3\n"), false)
	f.Add([]byte(in1251("Телефон,Имя\n89004443322,Пётр\n")), false)
	f.Add([]byte(`{"number":"79004443322","variables":{"a":[1]},"digits":[{}]}`+"\n{}"), true)
	f.Fuzz(func(t *testing.T, data []byte, objects bool) {
		text, refused := textOf(bufio.NewReaderSize(bytes.NewReader(data), maxLine), "")
		if refused != nil {
			return
		}
		m := &importer{lines: &lines{r: bufio.NewReaderSize(text, maxLine)}, mapped: map[string]field{},
			read: reader{country: "RU", countries: []string{"RU"}, zones: map[string]error{}}, list: List{Format: "csv"}}
		if objects {
			m.list.Format = "ndjson"
		} else if m.readHeads() != nil {
			return
		}
		for last := int64(0); ; {
			c, at, wrong, err := m.next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil || at <= last {
				t.Fatalf("line %d after %d: %v", at, last, err)
			}
			last = at
			if c == nil {
				continue
			}
			if wrong != nil || len(c.Number) < 10 || strings.Trim(c.Number, "0123456789") != "" || c.Zones == "" || len(c.Variables) > maxVariables {
				t.Fatalf("line %d: %+v, %v", at, c, wrong)
			}
		}
	})
}
