package voximplant

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func parseList(t testing.TB, file string, parameters ...string) (table, error) {
	t.Helper()
	p := append(parameters, "", "", "", "")
	d, err := dialectOf(p[0], p[1], p[2], p[3])
	if err != nil {
		t.Fatal(err)
	}
	return d.parse([]byte(file))
}

func TestListsAreReadInEveryDialect(t *testing.T) {
	t.Parallel()
	want := [][]string{{"79004443322", `Анна "А"; да`}, {"79004443323", ""}}
	win := []byte("phone;name\n79004443322;\"")
	for _, r := range `Анна ""А""; да` {
		switch {
		case r < 0x80:
			win = append(win, byte(r))
		default:
			win = append(win, byte(0xC0+r-'А'))
		}
	}
	win = append(win, "\"\n79004443323;\n"...)
	for name, c := range map[string]struct {
		file       string
		parameters []string
	}{
		"defaults":     {"phone;name\n79004443322;\"Анна \"\"А\"\"; да\"\n79004443323;\n", nil},
		"CRLF and BOM": {"\xEF\xBB\xBFphone;name\r\n79004443322;\"Анна \"\"А\"\"; да\"\r\n\r\n79004443323;", nil},
		"a short row":  {"phone;name\n79004443322;\"Анна \"\"А\"\"; да\"\n79004443323", nil},
		"commas":       {"phone,name\n79004443322,\"Анна \"\"А\"\"; да\"\n79004443323,\n", []string{"UTF-8", ","}},
		"tabs":         {"phone\tname\n79004443322\t\"Анна \"\"А\"\"; да\"\n79004443323\t\n", []string{"", `\t`}},
		"escapes":      {"phone;name\n79004443322;\"Анна \\\"А\\\"; да\"\n79004443323;\n", []string{"", "", `\`}},
		"quotes":       {"phone;name\n79004443322;'Анна \"А\"; да'\n79004443323;\n", []string{"", "", "", "'"}},
		"windows-1251": {string(win), []string{"windows-1251"}},
	} {
		got, err := parseList(t, c.file, c.parameters...)
		if err != nil || !reflect.DeepEqual(got.rows, want) || !reflect.DeepEqual(got.heads, []string{"phone", "name"}) {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
}

func TestWrongListsAreNamed(t *testing.T) {
	t.Parallel()
	for file, words := range map[string]string{
		"":                 "empty",
		"phone;phone\n1;2": "column 2",
		"phone;\n1;2":      "column 2",
		"phone\n1;2":       "line 2",
		"phone\n\"1":       "no end",
		"phone\n\"1\"x":    "line 2",
		"phone\n\xff\xfe":  "UTF-8",
		"phone\n" + strings.Repeat("1", maxCell+1): "line 2",
		strings.Repeat("a;", maxColumns+1):         "columns",
	} {
		if _, err := parseList(t, file); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%.30q: %v", file, err)
		}
	}
	for _, p := range [][]string{{"koi8-r", "", "", ""}, {"", ";;", "", ""}, {"", "\n", "", ""}, {"", "я", "", ""}, {"", `"`, "", ""}} {
		if _, err := dialectOf(p[0], p[1], p[2], p[3]); err == nil {
			t.Errorf("%q was taken", p)
		}
	}
}

func TestControlColumnsAreReadAndTheOthersAreData(t *testing.T) {
	t.Parallel()
	list, err := parseList(t, "phone;__start_execution_time;__end_execution_time;__start_at;__task_uuid;debt\n79004443322;06:00:00;18:30;1763710200;a:B-1;1000\n")
	if err != nil {
		t.Fatal(err)
	}
	c, data, err := list.control(list.rows[0])
	if err != nil || c.uuid != "a:B-1" || c.from != "06:00" || c.to != "18:30" || !c.at.Equal(time.Unix(1763710200, 0)) {
		t.Fatalf("%+v %v", c, err)
	}
	if !reflect.DeepEqual(data, map[string]string{"phone": "79004443322", "debt": "1000"}) {
		t.Fatal(data)
	}
	for _, file := range []string{"__task_uuid\n" + strings.Repeat("a", 41), "__task_uuid\nя", "__start_at\nsoon", "__start_at\n-1", "__start_execution_time\n06:00",
		"__start_execution_time;__end_execution_time\n25:00;26:00", "__colour\nred"} {
		list, err := parseList(t, file)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := list.control(list.rows[0]); err == nil {
			t.Errorf("%q was taken", file)
		}
	}
}

func FuzzLists(f *testing.F) {
	f.Add([]byte("phone;name\n1;\"a\"\"b\"\n"), ";", `\`)
	f.Add([]byte("\xEF\xBB\xBFa\r\n\r\n\"\""), ",", "")
	f.Add([]byte("a;__start_at\n1;99999999999999999999"), "", "\"")
	f.Fuzz(func(t *testing.T, file []byte, delimiter, escape string) {
		d, err := dialectOf("", delimiter, escape, "")
		if err != nil {
			return
		}
		list, err := d.parse(file)
		if err != nil {
			return
		}
		for _, row := range list.rows {
			if len(row) != len(list.heads) {
				t.Fatal("a row has other columns than the heads")
			}
			_, _, _ = list.control(row)
		}
		d.escape = 0 // as it is written
		again, err := d.parse(d.write(list))
		if err != nil {
			if strings.Contains(err.Error(), "at most") {
				return
			}
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if !reflect.DeepEqual(again.rows, list.rows) {
			t.Fatalf("%q became %q", list.rows, again.rows)
		}
	})
}
