package numbering

import (
	"slices"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"zvonar/internal/calls"
)

// Kind is what sort of line a number reaches.
type Kind string

// The kinds of line.
const (
	KindMobile    Kind = "mobile"
	KindFixed     Kind = "fixed" // also where a plan does not tell mobile from fixed, and VoIP
	KindTollFree  Kind = "tollfree"
	KindPremium   Kind = "premium" // also personal numbers (+44 70…), which cost as much
	KindSatellite Kind = "satellite"
	KindEmergency Kind = "emergency"
	KindShared    Kind = "shared" // shared cost and company-wide numbers
	KindUnknown   Kind = "unknown"
)

// emergency are numbers that reach help somewhere in the world. Only numbers
// too short for a numbering plan are compared with them.
var emergency = []string{
	"01", "02", "03", "04", "000", "100", "101", "102", "103", "104", "105", "106", "107", "108", "109",
	"110", "111", "112", "113", "114", "115", "116", "117", "118", "119", "120", "122", "123", "190", "191", "192", "193",
	"911", "933", "988", "995", "997", "998", "999",
}

// special are the codes whose kind the metadata does not tell, or tells wrongly:
// country codes that belong to no country and ranges within plans. First match wins.
var special = []struct {
	prefix string
	kind   Kind
}{
	{"7803", KindPremium},
	{"7809", KindPremium},
	{"7808", KindShared},    // the metadata says personal
	{"7954", KindSatellite}, // GlobalTel
	{"800", KindTollFree},   // universal international freephone
	{"808", KindShared},     // international shared cost
	{"870", KindSatellite},  // Inmarsat
	{"878", KindPremium},    // universal personal telecommunications
	{"881", KindSatellite},  // global mobile satellite systems
	{"882", KindPremium},    // international networks
	{"883", KindPremium},
	{"888", KindUnknown}, // disaster relief, withdrawn
	{"979", KindPremium}, // international premium rate
}

// neverDialled says why a kind of line is refused whatever the configuration
// allows (reliability T1). Kinds that are not here are up to the country list.
var neverDialled = map[Kind]string{
	KindPremium:   "premium-rate and personal numbers are never called",
	KindSatellite: "satellite numbers are never called",
	KindEmergency: "emergency and short numbers are never called",
	KindShared:    "shared-cost numbers are never called",
	KindUnknown:   "a number whose kind of line is unknown is never called",
}

// Class says in which country (ISO 3166 alpha-2) a normalised number is and what
// kind of line it reaches. The country is "" where there is none: global
// networks and numbers of no plan.
func Class(number string) (country string, kind Kind) { return current().Class(number) }

// Country is the country (ISO 3166 alpha-2) of a normalised number, "" where there
// is none.
func Country(number string) string {
	if len(number) == 11 && number[0] == '7' {
		if number[1] == '6' || number[1] == '7' {
			return "KZ"
		}
		return "RU"
	}
	country, _ := Class(number)
	return country
}

// Class is [Class] by this plan.
func (p *Plan) Class(number string) (country string, kind Kind) {
	if len(number) < minDigits {
		if slices.Contains(emergency, number) {
			return "", KindEmergency
		}
		return "", KindUnknown
	}
	for _, s := range special {
		if strings.HasPrefix(number, s.prefix) {
			if number[0] == '7' {
				return "RU", s.kind
			}
			return "", s.kind
		}
	}
	if national, ok := russian(number); ok {
		return p.russian(national)
	}
	n, ok := parse(number)
	if !ok || !phonenumbers.IsValidNumber(n) {
		return "", KindUnknown
	}
	if number[0] == '7' {
		country = "KZ"
	} else if country = phonenumbers.GetRegionCodeForNumber(n); len(country) != 2 {
		country = ""
	}
	return country, kindOf(phonenumbers.GetNumberType(n))
}

// russian prefers the register, which knows what is allocated, except in 80x,
// whose codes it does not tell apart.
func (p *Plan) russian(national uint64) (country string, kind Kind) {
	code := codeOf(national)
	if !code.valid {
		return "", KindUnknown
	}
	place, ok := p.find(national)
	switch {
	case !ok:
		return "RU", KindUnknown
	case national/100_000_000 == 80:
		return "RU", code.kind
	}
	return "RU", place.kind
}

func kindOf(t phonenumbers.PhoneNumberType) Kind {
	switch t {
	case phonenumbers.MOBILE:
		return KindMobile
	case phonenumbers.FIXED_LINE, phonenumbers.FIXED_LINE_OR_MOBILE, phonenumbers.VOIP:
		return KindFixed
	case phonenumbers.TOLL_FREE:
		return KindTollFree
	case phonenumbers.PREMIUM_RATE, phonenumbers.PERSONAL_NUMBER:
		return KindPremium
	case phonenumbers.SHARED_COST, phonenumbers.UAN:
		return KindShared
	}
	return KindUnknown
}

// Allowed reports with an Error (destination-not-allowed) that number must not
// be dialled: its country is not among countries (ISO codes; an empty list
// allows nothing), or it is an emergency, short, premium, satellite or
// shared-cost number, which no list can allow. number is normalised already; a
// number of no plan is refused too.
func Allowed(number string, countries []string) error { return current().Allowed(number, countries) }

// Allowed is [Allowed] by this plan.
func (p *Plan) Allowed(number string, countries []string) error {
	country, kind := p.Class(number)
	if why, never := neverDialled[kind]; never {
		return calls.Errorf(calls.CodeDestinationForbidden, "%s", why)
	}
	if country == "" {
		return calls.Errorf(calls.CodeDestinationForbidden, "numbers of international networks are never called")
	}
	if !slices.ContainsFunc(countries, func(c string) bool { return strings.EqualFold(c, country) }) {
		return calls.Errorf(calls.CodeDestinationForbidden,
			"calls to %s are not allowed here: an operator may add it to dialer.countries", country)
	}
	return nil
}
