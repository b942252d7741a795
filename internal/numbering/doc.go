// Package numbering knows telephone numbers: how a user's spelling becomes
// digits ([Normalize]), what country and kind of line a number is ([Class]),
// whether we may dial it ([Allowed]), in which time zones its holder may be
// ([Zones]) and when a calling window is open there ([OpenAt]).
//
// Russian numbers are looked up in the state register, which is embedded
// (data/README.md), or in the plan that an operator gave ([Use]); libphonenumber's metadata answers for the rest. The
// library alone would do harm: it puts a third of the Russian mobiles, those of
// Vladivostok and Kamchatka included, on Moscow time.
//
// Ground floor: everyone may call it from any goroutine, nothing here blocks or
// starts a goroutine. The first call parses the table (some milliseconds).
//
// Start reading at normalize.go, then class.go; plan.go is the table, window.go
// the hours, holidays.go the days off, days.go whose day it is.
package numbering
