package main

import (
	"strings"
	"testing"

	"zvonar/internal/config"
)

func TestRoutersAndExclusionsOfTheConfigurationAreChecked(t *testing.T) {
	t.Parallel()
	const crm = "  - {name: crm, kind: rostelecom, settings: {crm: {url: \"http://127.0.0.1:1\", client_id: a, sign_key: b}}}\n"
	const plain = "  - {name: rt, kind: rostelecom, trunk: main, extension: \"201\", settings: {client_id: a, sign_key: b}}\n"
	const trunk = "trunks: [{name: main, uri: \"sip:127.0.0.1:5070\"}]\n"
	inbound := func(provider string) string {
		return "inbound:\n  - number: \"78005553535\"\n    flow: {record: 1}\n    router: {provider: " + provider + "}\n"
	}
	for text, want := range map[string]string{
		trunk + "providers:\n" + crm + inbound("crm"):         "",
		trunk + "providers:\n" + plain + inbound("rt"):        "inbound[0].router.provider: the provider cannot tell whose caller somebody is",
		trunk + "providers:\n" + crm + plain + inbound("crm"): "",
		trunk + "providers:\n" + plain + inbound("\"\""):      "",
	} {
		cfg, problems := config.Parse("zvonar.yaml", []byte(text), nil)
		if len(problems) > 0 {
			t.Fatalf("%s: %v", text, problems)
		}
		_, err := newClients(cfg, bareHouse(cfg))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
