package numbering

import (
	"slices"

	"github.com/nyaruka/phonenumbers"
)

// Zones lists the IANA time zones in which the holder of a normalised number may
// be. A call must be lawful in all of them ([OpenAt]). A number whose range is
// unknown gets every zone of its country; one of no country gets none, which
// [OpenAt] takes for never.
//
// The slice is the caller's own.
func Zones(number string) []string { return current().Zones(number) }

// Zones is [Zones] by this plan.
func (p *Plan) Zones(number string) []string {
	if len(number) == 11 && number[0] == '7' {
		return slices.Clone(p.zonesUnder7(number))
	}
	n, ok := parse(number)
	if !ok {
		return nil
	}
	zones, err := phonenumbers.GetTimezonesForNumber(n)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(zones), func(z string) bool {
		if z == phonenumbers.UNKNOWN_TIMEZONE {
			return true
		}
		_, err := location(z)
		return err != nil
	})
}

func (p *Plan) zonesUnder7(number string) []string {
	national, ok := nationalOf(number)
	if !ok {
		return nil
	}
	if place, ok := p.find(national); ok {
		return place.zones
	}
	if number[1] == '6' || number[1] == '7' {
		return p.kz
	}
	return p.ru
}
