package calls

// Presets are the windows and caps that are built in; the configuration may replace
// them and add others.
//
//   - debt_collection: Russian law 230-FZ of 3 July 2016, article 7: not from 22 to 8 on
//     working days, nor from 20 to 9 on days off and holidays, by the debtor's local time; at
//     most once a day, twice a week, eight times a month by telephone. Every charged attempt
//     counts here, though the law counts talks: that is the quiet side. The configuration
//     may say counts: talks instead (docs/decisions/123).
//   - advertising: no law names hours; 9 to 20 and once a day is what is usual (38-FZ,
//     article 18, asks for consent before the first call).
//   - information: the hours of the configuration's own default.
func Presets() map[string]Preset {
	return map[string]Preset{
		"debt_collection": {Window: Window{From: "08:00", To: "22:00", Weekend: Span{From: "09:00", To: "20:00"}},
			Limits: Caps{PerDay: 1, PerWeek: 2, PerMonth: 8}},
		"advertising": {Window: Window{From: "09:00", To: "20:00", Holidays: HolidaysClosed}, Limits: Caps{PerDay: 1}},
		"information": {Window: Window{From: "09:00", To: "21:00"}, Limits: Caps{PerDay: 3}},
	}
}
