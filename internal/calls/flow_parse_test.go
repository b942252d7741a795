package calls

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestStrictDigitsAreRead(t *testing.T) {
	t.Parallel()
	m, err := ParseDigits(json.RawMessage(`[{"record":"1460168"},{},{"managerPhone":74242490764},{"smsText":"Привет"},{"needBlock":1},{"record":17}]`), "body.digits")
	if err != nil {
		t.Fatal(err)
	}
	want := DigitMap{
		{{Kind: ActionRecord, Value: "1460168"}}, nil, {{Kind: ActionManager, Value: "74242490764"}},
		{{Kind: ActionSMS, Value: "Привет"}}, {{Kind: ActionBlock, Value: "1"}}, {{Kind: ActionRecord, Value: "17"}},
	}
	if !reflect.DeepEqual(m, want) {
		t.Errorf("got %v", m)
	}
	for _, empty := range []string{"", "null", " null ", "[]"} {
		if m, err := ParseDigits(json.RawMessage(empty), "body.digits"); err != nil || !m.Empty() {
			t.Errorf("%q: %v %v, want an empty map", empty, m, err)
		}
	}
}

func TestFaultyDigitsAreRefusedWithTheirPlace(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("я", 1001)
	for name, c := range map[string]struct {
		in, location, words string
		code                Code
	}{
		"eleven elements":         {`[{},{},{},{},{},{},{},{},{},{},{}]`, "body.digits", "11 elements", CodeTooManyDigits},
		"unknown key":             {`[{},{"recrod":"1"}]`, "body.digits[1]", `no action "recrod"`, CodeBadAction},
		"other case":              {`[{"Record":"1"}]`, "body.digits[0]", `no action "Record"`, CodeBadAction},
		"two keys":                {`[{"record":"1","smsText":"x"}]`, "body.digits[0]", "both record and smsText", CodeBadAction},
		"a key twice":             {`[{"record":"1","record":"2"}]`, "body.digits[0]", "twice", CodeBadAction},
		"a key twice, escaped":    {`[{"record":"1","rec\u006frd":"2"}]`, "body.digits[0]", "twice", CodeBadAction},
		"wrong type":              {`[{"record":true}]`, "body.digits[0]", "string or a whole number", CodeBadAction},
		"an object as value":      {`[{"record":{"id":1}}]`, "body.digits[0]", "string or a whole number", CodeBadAction},
		"null as value":           {`[{"record":null}]`, "body.digits[0]", "string or a whole number", CodeBadAction},
		"a fraction":              {`[{"record":1.5}]`, "body.digits[0]", "string or a whole number", CodeBadAction},
		"a negative":              {`[{"record":-1}]`, "body.digits[0]", "string or a whole number", CodeBadAction},
		"empty record":            {`[{"record":""}]`, "body.digits[0]", "empty", CodeBadAction},
		"a path as record":        {`[{"record":"../../etc/passwd"}]`, "body.digits[0]", "not the name", CodeBadAction},
		"a very long record":      {`[{"record":"` + strings.Repeat("1", 65) + `"}]`, "body.digits[0]", "not the name", CodeBadAction},
		"empty manager":           {`[{"managerPhone":" "}]`, "body.digits[0]", "empty", CodeBadAction},
		"manager with CRLF":       {`[{"managerPhone":"7424\r\nX: y"}]`, "body.digits[0]", "control", CodeBadAction},
		"manager with NUL":        {`[{"managerPhone":"7424\u0000"}]`, "body.digits[0]", "control", CodeBadAction},
		"long manager":            {`[{"managerPhone":"` + strings.Repeat("7", 65) + `"}]`, "body.digits[0]", "longer", CodeBadAction},
		"empty sms":               {`[{"smsText":""}]`, "body.digits[0]", "empty", CodeBadAction},
		"long sms":                {`[{"smsText":"` + long + `"}]`, "body.digits[0]", "longer", CodeBadAction},
		"sms with escape":         {`[{"smsText":"\u001b[2J"}]`, "body.digits[0]", "control", CodeBadAction},
		"sms with half a pair":    {`[{"smsText":"\ud800"}]`, "body.digits[0]", "control", CodeBadAction},
		"needBlock 0":             {`[{"needBlock":"0"}]`, "body.digits[0]", `must be "1", "campaign" or "number"`, CodeBadAction},
		"an element null":         {`[null]`, "body.digits[0]", "object", CodeBadAction},
		"an element string":       {`["1460168"]`, "body.digits[0]", "object", CodeBadAction},
		"an object of digits":     {`{"1":{"record":"1"}}`, "body.digits", "array", CodeBadAction},
		"lists are for flows":     {`[{"actions":[{"smsText":"x"}]}]`, "body.digits[0]", `no action "actions"`, CodeBadAction},
		"nested are for flows":    {`[{"record":"1","digits":[]}]`, "body.digits[0]", `no action "digits"`, CodeBadAction},
		"broken JSON":             {`[{"record":"1"}`, "body.digits", "not JSON", CodeBadJSON},
		"something after the end": {`[] []`, "body.digits", "not JSON", CodeBadJSON},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := ParseDigits(json.RawMessage(c.in), "body.digits")
			if err == nil {
				t.Fatalf("accepted as %v", m)
			}
			if err.Code != c.code || len(err.Fields) == 0 || err.Fields[0].Location != c.location || !strings.Contains(err.Fields[0].Message, c.words) {
				t.Errorf("got %s %+v", err.Code, err.Fields)
			}
		})
	}
}

func TestAllFaultsAreReportedTogether(t *testing.T) {
	t.Parallel()
	_, err := ParseDigits(json.RawMessage(`[{"a":1},{"record":"1"},{"record":""},{},{},{},{},{},{},{},{}]`), "body.digits")
	if err == nil || err.Code != CodeTooManyDigits || len(err.Fields) != 3 {
		t.Fatalf("got %+v", err)
	}
	_, err = ParseFlow(json.RawMessage(`{"record":"","digits":[{"x":"1"}],"repeats":0,"manager":{"confirm":"maybe"},"volume":11}`), "body.flow")
	if err == nil {
		t.Fatal("accepted")
	}
	var places []string
	for _, f := range err.Fields {
		places = append(places, f.Location)
	}
	slices.Sort(places)
	want := []string{"body.flow.digits[0]", "body.flow.manager.confirm", "body.flow.record", "body.flow.repeats", "body.flow.volume"}
	if !slices.Equal(places, want) {
		t.Errorf("faults at %v, want %v", places, want)
	}
}

func TestFlowOptionsHaveTheirDefaults(t *testing.T) {
	t.Parallel()
	f, err := ParseFlow(json.RawMessage(`{"record":1460168,"digits":[],"invalid_record":null}`), "body.flow")
	if err != nil {
		t.Fatal(err)
	}
	want := DefaultFlow()
	want.Record, want.Digits = "1460168", DigitMap{}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("got %+v", f)
	}
}

func TestEveryFlowOptionIsRead(t *testing.T) {
	t.Parallel()
	f, err := ParseFlow(json.RawMessage(`{"record":"1","digits":[{"smsText":"x"}],"loop":true,"repeats":3,"digit_timeout":"7s","max_invalid":2,"barge_in":false,
		"invalid_record":"2","sms_record":"3","block_record":"4","manager":{"ring_timeout":"1m","confirm":"digit","busy_record":5,"confirm_record":"6"},
		"capture":false,"amd":{"mode":"off","on_machine":"hangup","message_record":"7"}}`), "body.flow")
	if err != nil {
		t.Fatal(err)
	}
	want := Flow{
		Record: "1", Digits: DigitMap{{{Kind: ActionSMS, Value: "x"}}}, Loop: true, Repeats: 3, DigitTimeout: Duration(7 * time.Second), MaxInvalid: 2,
		InvalidRecord: "2", SMSRecord: "3", BlockRecord: "4",
		Manager: ManagerOptions{RingTimeout: Duration(time.Minute), Confirm: ConfirmDigit, BusyRecord: "5", ConfirmRecord: "6"},
		AMD:     AMDOptions{Mode: "off", OnMachine: "hangup", MessageRecord: "7"},
	}
	if !reflect.DeepEqual(f, want) {
		t.Errorf("got %+v", f)
	}
	if got, want := f.ClipIDs(), []ClipID{"1", "2", "3", "4", "5", "6", "7"}; !slices.Equal(got, want) {
		t.Errorf("ClipIDs = %v, want %v", got, want)
	}
	if f, err := ParseFlow(json.RawMessage(`{"answer_only":true}`), "body.flow"); err != nil || !f.AnswerOnly {
		t.Errorf("answer_only without a record: %+v %v", f, err)
	}
}

func TestFaultyFlowsAreRefused(t *testing.T) {
	t.Parallel()
	deep := `{"record":"1","digits":` + strings.Repeat(`[{"record":"1","digits":`, 5) + `[]` + strings.Repeat(`}]`, 5) + `}`
	for name, c := range map[string]struct {
		in, location string
		code         Code
	}{
		"nothing":                 {``, "body.flow", CodeInvalidField},
		"null":                    {`null`, "body.flow", CodeInvalidField},
		"a list":                  {`[]`, "body.flow", CodeInvalidField},
		"no record":               {`{"digits":[]}`, "body.flow.record", CodeInvalidField},
		"record and answer_only":  {`{"record":"1","answer_only":true}`, "body.flow.record", CodeInvalidField},
		"a key twice":             {`{"record":"1","record":"2"}`, "body.flow", CodeInvalidField},
		"repeats 0":               {`{"record":"1","repeats":0}`, "body.flow.repeats", CodeInvalidField},
		"repeats 11":              {`{"record":"1","repeats":11}`, "body.flow.repeats", CodeInvalidField},
		"repeats as text":         {`{"record":"1","repeats":"2"}`, "body.flow.repeats", CodeInvalidField},
		"max_invalid 11":          {`{"record":"1","max_invalid":11}`, "body.flow.max_invalid", CodeInvalidField},
		"digit_timeout too short": {`{"record":"1","digit_timeout":"999ms"}`, "body.flow.digit_timeout", CodeInvalidField},
		"digit_timeout too long":  {`{"record":"1","digit_timeout":"61s"}`, "body.flow.digit_timeout", CodeInvalidField},
		"digit_timeout a number":  {`{"record":"1","digit_timeout":5}`, "body.flow.digit_timeout", CodeInvalidField},
		"ring_timeout too short":  {`{"record":"1","manager":{"ring_timeout":"4s"}}`, "body.flow.manager.ring_timeout", CodeInvalidField},
		"ring_timeout too long":   {`{"record":"1","manager":{"ring_timeout":"121s"}}`, "body.flow.manager.ring_timeout", CodeInvalidField},
		"unknown manager option":  {`{"record":"1","manager":{"ring":"4s"}}`, "body.flow.manager.ring", CodeInvalidField},
		"loop as text":            {`{"record":"1","loop":"yes"}`, "body.flow.loop", CodeInvalidField},
		"amd without its message": {`{"record":"1","amd":{"mode":"async","on_machine":"message"}}`, "body.flow.amd.message_record", CodeInvalidField},
		"amd unheard of":          {`{"record":"1","amd":{"mode":"on"}}`, "body.flow.amd.mode", CodeInvalidField},
		"too deep":                {deep, "body.flow.digits[0].digits[0].digits[0].digits[0].digits[0].digits", CodeBadAction},
		"eleven nested":           {`{"record":"1","digits":[{"record":"2","digits":[{},{},{},{},{},{},{},{},{},{},{}]}]}`, "body.flow.digits[0].digits", CodeTooManyDigits},
		"digits beside sms":       {`{"record":"1","digits":[{"smsText":"2","digits":[]}]}`, "body.flow.digits[0]", CodeBadAction},
		"digits alone":            {`{"record":"1","digits":[{"digits":[]}]}`, "body.flow.digits[0]", CodeBadAction},
		"no actions":              {`{"record":"1","digits":[{"actions":[]}]}`, "body.flow.digits[0].actions", CodeBadAction},
		"actions and a kind":      {`{"record":"1","digits":[{"actions":[],"record":"1"}]}`, "body.flow.digits[0]", CodeBadAction},
		"record before the last":  {`{"record":"1","digits":[{"actions":[{"record":"1"},{"smsText":"x"}]}]}`, "body.flow.digits[0].actions[0]", CodeBadAction},
		"an empty one of several": {`{"record":"1","digits":[{"actions":[{}]}]}`, "body.flow.digits[0].actions[0]", CodeBadAction},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := ParseFlow(json.RawMessage(c.in), "body.flow")
			if err == nil {
				t.Fatalf("accepted as %+v", f)
			}
			if err.Code != c.code || err.Fields[0].Location != c.location {
				t.Errorf("got %s at %s: %s", err.Code, err.Fields[0].Location, err.Fields[0].Message)
			}
		})
	}
}

const treeFlow = `{"record":"1","digits":[
	{"record":"2","digits":[{"record":"3","digits":[]},{"managerPhone":"+7 (424) 249-07-64"}]},
	{"actions":[{"smsText":"x"},{"managerPhone":"201@office"},{"record":"4","digits":[{"managerPhone":"5"}]}]},{},{"needBlock":"1"}]}`

func TestTreesAreReadToTheirLeaves(t *testing.T) {
	t.Parallel()
	f, err := ParseFlow(json.RawMessage(treeFlow), "body.flow")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := f.ClipIDs(), []ClipID{"1", "2", "3", "4"}; !slices.Equal(got, want) {
		t.Errorf("ClipIDs = %v, want %v", got, want)
	}
	for id, want := range map[ClipID]string{"1": "record", "77": ""} {
		if got := f.PlaceOf(id); got != want {
			t.Errorf("PlaceOf(%s) = %q, want %q", id, got, want)
		}
	}
	if got := f.PlaceOf("4"); !strings.HasPrefix(got, "digits[1].actions[") {
		t.Errorf("PlaceOf(4) = %q", got)
	}
}

func TestStoredFlowsComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	f, err := ParseFlow(json.RawMessage(treeFlow), "body.flow")
	if err != nil {
		t.Fatal(err)
	}
	f.Clips = map[ClipID]RecordingRef{"1": {RecordingID: "rec_1", RecordID: 1, SHA256: "ab"}}
	roundTrip(t, f)
	if b, _ := json.Marshal(DigitMap(nil)); string(b) != "[]" {
		t.Errorf("a nil map is written as %s", b)
	}
	b, _ := json.Marshal(DigitMap{nil, {{Kind: ActionRecord, Value: "1460168"}}, {{Kind: ActionSMS, Value: "a"}, {Kind: ActionBlock, Value: "1"}}})
	if want := `[{},{"record":"1460168"},{"actions":[{"smsText":"a"},{"needBlock":"1"}]}]`; string(b) != want {
		t.Errorf("written as %s, want %s", b, want)
	}
	var a Action
	if err := json.Unmarshal([]byte(`{"record":"2","digits":[{"smsText":"x"}]}`), &a); err != nil || a.Kind != ActionRecord || a.Digits[0][0].Value != "x" {
		t.Errorf("an action alone: %+v %v", a, err)
	}
	for _, bad := range []string{`3`, `{}`, `{"x":"1"}`, `{"record":"1","record":"2"}`} {
		if err := json.Unmarshal([]byte(bad), &a); err == nil {
			t.Errorf("%s was read as an action", bad)
		}
	}
}

func roundTrip(t *testing.T, f Flow) {
	t.Helper()
	b, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	var back Flow
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	again, err := json.Marshal(back)
	if err != nil || string(again) != string(b) {
		t.Fatalf("written as %s, read and written again as %s (%v)", b, again, err)
	}
	if len(f.Digits) > 0 && !reflect.DeepEqual(f.Digits, back.Digits) {
		t.Fatalf("the tree came back changed: %v, was %v", back.Digits, f.Digits)
	}
}

func TestHostileBodiesGetAShortAnswer(t *testing.T) {
	t.Parallel()
	wide := `[` + strings.Repeat(`{"actions":[`+strings.Repeat(`{"smsText":"x"},`, 9)+`{"record":"1","digits":[]}]},`, 9) + `{}]`
	wide = strings.ReplaceAll(wide, `"digits":[]`, `"digits":`+wide)
	wide = strings.ReplaceAll(wide, `"digits":[]`, `"digits":`+`[{"record":"1"},{"record":"1"}]`)
	for name, in := range map[string]string{
		"cut off, deep":      strings.Repeat(`[{"record":"1","digits":`, 5000),
		"valid and deep":     `{"record":"1","digits":` + strings.Repeat(`[{"record":"1","digits":`, 4000) + `[]` + strings.Repeat(`}]`, 4000) + `}`,
		"many elements":      `{"record":"1","digits":[` + strings.Repeat(`{},`, 300000) + `{}]}`,
		"long wrong values":  `{"digits":[{"actions":[` + strings.Repeat(`{"x":"`+strings.Repeat("y", 100000)+`"},`, 9) + `{"x":1}]}]}`,
		"a thousand options": thousandOptions(),
		"too many actions":   `{"record":"1","digits":` + wide + `}`,
		"a long key":         `{"` + strings.Repeat("k", 100000) + `":1}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseFlow(json.RawMessage(in), "body.flow")
			if err == nil {
				t.Fatal("accepted")
			}
			answer, _ := json.Marshal(err.Fields)
			if len(err.Fields) > maxFaults || len(answer) > 64<<10 {
				t.Errorf("%d faults in %d bytes", len(err.Fields), len(answer))
			}
		})
	}
}

func thousandOptions() string {
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, `"option%d":1,`, i)
	}
	return `{` + b.String() + `"record":"1"}`
}

func FuzzParseFlow(f *testing.F) {
	f.Add([]byte(treeFlow))
	f.Add([]byte(`{"record":1,"digits":[{"record":"1","record":"2"}],"amd":{"mode":"off"},"manager":{"confirm":"digit"}}`))
	f.Add([]byte(`{"answer_only":true,"digits":null}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		flow, err := ParseFlow(raw, "body.flow")
		if err != nil {
			if len(err.Fields) == 0 || err.Detail == "" || err.Code == "" {
				t.Fatalf("an error that says nothing: %+v", err)
			}
			return
		}
		if len(flow.Digits) > maxDigits {
			t.Fatal("more than ten digits")
		}
		roundTrip(t, flow)
	})
}

func FuzzParseDigits(f *testing.F) {
	f.Add([]byte(`[{"record":"1460168"},{"managerPhone":"74242490764"},{"smsText":"x"},{"needBlock":"1"},{}]`))
	f.Add([]byte(`[[],{"a":1},null,"x",{"record":1e9}]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := ParseDigits(raw, "body.digits")
		if err != nil {
			return
		}
		for i, list := range m {
			if len(list) > 1 || len(list) == 1 && list[0].Digits != nil {
				t.Fatalf("digit %d of the strict form is a tree: %v", i, list)
			}
		}
		roundTrip(t, Flow{Record: "1", Digits: m})
	})
}
