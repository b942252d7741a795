package numbering

import (
	"testing"

	"zvonar/internal/calls"
)

func TestClassKnowsCountryAndKind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		number, country string
		kind            Kind
	}{
		{"79004443322", "RU", KindMobile},
		{"74242490764", "RU", KindFixed},
		{"74951234567", "RU", KindFixed},
		{"78005553535", "RU", KindTollFree},
		{"78041234567", "RU", KindTollFree},
		{"78031234567", "RU", KindPremium},
		{"78091234567", "RU", KindPremium},
		{"78081234567", "RU", KindShared},
		{"79541010001", "RU", KindSatellite},
		{"77011234567", "KZ", KindMobile},
		{"77172123456", "KZ", KindFixed},
		{"73361234567", "RU", KindFixed}, // Baikonur town is under a Russian code
		{"375291234567", "BY", KindMobile},
		{"996555123456", "KG", KindMobile},
		{"442079460000", "GB", KindFixed},
		{"449091234567", "GB", KindPremium},
		{"447012345678", "GB", KindPremium},
		{"12125551234", "US", KindFixed},
		{"19005551234", "US", KindPremium},
		{"18095551234", "DO", KindFixed},
		{"18765551234", "JM", KindMobile},
		{"80012345678", "", KindTollFree},
		{"80812345678", "", KindShared},
		{"881612345678", "", KindSatellite},
		{"870776123456", "", KindSatellite},
		{"88213123456", "", KindPremium},
		{"883510012345678", "", KindPremium},
		{"979123456789", "", KindPremium},
		{"87812345678901", "", KindPremium},
		{"112", "", KindEmergency},
		{"911", "", KindEmergency},
		{"103", "", KindEmergency},
		{"0890", "", KindUnknown},
		{"79401234567", "RU", KindUnknown}, // Abkhazia: the library calls it a Russian mobile,
		{"", "", KindUnknown},
		{"sip:79004443322", "", KindUnknown},
	} {
		if country, kind := Class(c.number); country != c.country || kind != c.kind {
			t.Errorf("Class(%q) = %q %s, want %q %s", c.number, country, kind, c.country, c.kind)
		}
	}
}

func TestAllowedFollowsTheCountryList(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		number    string
		countries []string
		ok        bool
	}{
		{"79004443322", []string{"RU"}, true},
		{"79004443322", []string{"ru"}, true},
		{"79004443322", []string{"KZ", "RU"}, true},
		{"78005553535", []string{"RU"}, true},
		{"79004443322", nil, false},
		{"79004443322", []string{"KZ"}, false},
		{"77011234567", []string{"RU"}, false},
		{"77011234567", []string{"KZ"}, true},
		{"18095551234", []string{"RU", "US"}, false},
		{"442079460000", []string{"RU"}, false},
	} {
		err := Allowed(c.number, c.countries)
		if (err == nil) != c.ok {
			t.Errorf("Allowed(%s, %v) = %v", c.number, c.countries, err)
		}
		if err != nil && calls.CodeOf(err) != calls.CodeDestinationForbidden {
			t.Errorf("Allowed(%s): code %s", c.number, calls.CodeOf(err))
		}
	}
}

func TestDangerousNumbersAreNeverAllowed(t *testing.T) {
	t.Parallel()
	everything := []string{"RU", "KZ", "US", "GB", "DO", "JM", "JP", "TR", "UA", "AB", "001", "", "ZZ"}
	dangerous := []string{
		"01", "02", "03", "04", "101", "102", "103", "104", "112", "911", "999", "110", "8112", "0890", "5533", "12345",
		"78031234567", "78091234567", "78081234567", "79541010001", "79401234567", "78401234567", "79351234567",
		"881612345678", "88213123456", "883510012345678", "979123456789", "870776123456", "80812345678", "80012345678", "87812345678901", "888123456789",
		"19005551234", "449091234567", "447012345678", "810442079460000", "71044207946", "999999999", "", "+79004443322", "79004443322;x",
	}
	for _, n := range append(dangerous, hostile...) {
		if err := Allowed(n, everything); calls.CodeOf(err) != calls.CodeDestinationForbidden || err == nil {
			t.Errorf("Allowed(%q) = %v, want destination-not-allowed", n, err)
		}
	}
}
