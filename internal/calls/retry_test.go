package calls

import "testing"

func TestNobodyIsRungThroughASecondTargetWhoMayHaveRung(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		end  Ending
		want bool
	}{
		"silence":                     {Ending{Timeout: true}, true},
		"could not be sent":           {Ending{Transport: true}, true},
		"100, then silence":           {Ending{Trying: true, Timeout: true}, false},
		"100, then the line broke":    {Ending{Trying: true, Transport: true}, false},
		"100, then 503":               {Ending{Trying: true, Code: 503}, true},
		"503 at once":                 {Ending{Code: 503}, true},
		"503 with the cause of busy":  {Ending{Code: 503, Q850: 17}, false},
		"no circuit":                  {Ending{Code: 503, Q850: 34}, true},
		"wrong password":              {Ending{Code: 403}, true},
		"no common codec":             {Ending{Code: 488, Media: true}, true},
		"183, then 503":               {Ending{Progress: true, Rang: true, Code: 503}, false},
		"199, then 503":               {Ending{Progress: true, Code: 503}, false},
		"180, then silence":           {Ending{Progress: true, Rang: true, Timeout: true}, false},
		"cancelled before any answer": {Ending{Canceled: true, Timeout: true}, false},
		"cancelled, 487":              {Ending{Canceled: true, Code: 487}, false},
		"busy":                        {Ending{Code: 486}, false},
		"refused by the person":       {Ending{Code: 603}, false},
		"no such number":              {Ending{Code: 404}, false},
		"redirected":                  {Ending{Code: 302}, false},
		"200 without audio for us":    {Ending{Code: 200, Media: true}, false},
		"answered":                    {Ending{Answered: true, Code: 200}, false},
		"nothing known":               {Ending{}, false},
	} {
		if got := MayRetry(tc.end); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// Whatever else is known: a provisional response, a CANCEL or a 2xx forbids it,
// and after a 100 without a final response nothing allows it.
func TestWhatForbidsASecondTargetForbidsItAlways(t *testing.T) {
	t.Parallel()
	for bits := range 1 << 8 {
		flag := func(i int) bool { return bits>>i&1 == 1 }
		for _, code := range []int{0, 200, 302, 404, 408, 480, 486, 487, 500, 503, 603} {
			e := Ending{Code: code, Answered: flag(0), Rang: flag(1), Canceled: flag(2), Timeout: flag(3), Transport: flag(4), Media: flag(5), Trying: flag(6), Progress: flag(7)}
			forbidden := e.Answered || e.Rang || e.Progress || e.Canceled || code >= 200 && code < 300 || e.Trying && code == 0
			if MayRetry(e) && (forbidden || code >= 300 && Judge(e).Charged) {
				t.Fatalf("%+v may be tried again", e)
			}
		}
	}
}
