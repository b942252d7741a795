package config

import (
	"fmt"
	"strings"
	"testing"
)

// faults lists, for each way to be wrong, where it is told and in which words.
var faults = []struct {
	name, yaml string
	want       []string // "line:column path: part of the message"
}{
	{"not YAML", "node: a\nhttp: {listen: [\n", []string{"2:16 : not YAML"}},
	{"tabs", "log:\n\tlevel: info\n", []string{"2:1 : not YAML"}},
	{"control characters", "node: a\x00b\n", []string{"0:0 : control character at byte 8"}},
	{"brackets without end", "node: a\negress: " + strings.Repeat("[", 1000), []string{"0:0 : line 2 is nested too deep"}},
	{"an indent without end", "node: a\n" + strings.Repeat("- ", 1000), []string{"0:0 : line 2 is nested too deep"}},
	{"two documents", "node: a\n---\nnode: b\n", []string{"3:1 : second document"}},
	{"a list instead of keys", "- node\n", []string{"1:1 : must be keys with values"}},
	{"an unknown key", "nodes: a\n", []string{"1:1 nodes: did you mean node?"}},
	{"an unknown key deep inside", "http:\n  tls:\n    crt: x\n", []string{"3:5 http.tls.crt: did you mean cert?"}},
	{"a key given twice", "node: a\nlog: {level: info}\nnode: b\n", []string{"3:1 node: given twice, first in line 1"}},
	{"an anchor and an alias", "node: &n a\ndata_dir: *n\n", []string{"1:7 node: anchors", "2:11 data_dir: anchors"}},
	{"a merge key", "<<: {node: a}\n", []string{"1:1 : only plain keys"}},
	{"a value instead of keys", "http: 127.0.0.1:8080\n", []string{"1:7 http: must be keys with values"}},
	{"a value instead of a list", "tokens: bot\n", []string{"1:9 tokens: must be a list"}},
	{"keys instead of a value", "node: {a: b}\n", []string{"1:7 node: must be one value"}},
	{"an empty element", "egress:\n  allow:\n    -\n", []string{"3:5 egress.allow[0]: empty"}},

	{"a bad name", "node: a b\n", []string{"1:7 node: a name has"}},
	{"another store", "store: mysql\n", []string{"1:8 store: not known"}},
	{"the URL of another server", "store: mysql://u:topsecret@h/db\n", []string{"1:8 store: not known"}},
	{"two stores", "store: postgres://h/db\nstore_file: /no/such\n", []string{"2:13 store_file: given twice"}},
	{"a number that is none", "dialer: {max_attempts_per_day: few}\n", []string{"1:32 dialer.max_attempts_per_day: not a whole number"}},
	{"a duration without unit", "drain_timeout: 30\n", []string{"1:16 drain_timeout: not a duration"}},
	{"a negative duration", "drain_timeout: -5s\n", []string{"1:16 drain_timeout: not a duration"}},
	{"an endless duration", "drain_timeout: 99999999d\n", []string{"1:16 drain_timeout: not a duration"}},
	{"a lease that a pause would end", "node_lease: 1s\n", []string{"1:13 node_lease: outside"}},
	{"a drain that is too long", "drain_timeout: 2h\n", []string{"1:16 drain_timeout: outside"}},
	{"a log level", "log: {level: loud}\n", []string{"1:14 log.level: write one of: debug"}},
	{"a directory that is a file", "data_dir: /etc/hostname/data\n", []string{"1:11 data_dir: is a file"}},
	{"no directory", "data_dir: \"\"\n", []string{"1:11 data_dir: a directory is needed"}},

	{"an address without port", "http: {listen: 127.0.0.1}\n", []string{"1:16 http.listen: not an address"}},
	{"a host name", "admin: {listen: \"example.com:80\"}\n", []string{"1:17 admin.listen: does not begin with an IP address"}},
	{"the same address twice", "http: {listen: \"127.0.0.1:9090\"}\n", []string{"1:1 admin.listen: the same address"}},
	{"an open daemon", "http:\n  listen: 0.0.0.0:8080\n", []string{"2:11 http.listen: no tokens", "2:11 http.listen: no TLS"}},
	{"an open daemon with tokens", "http: {listen: \":8080\"}\ntokens: [{name: bot, token: 0123456789abcdef, roles: [caller]}]\n", []string{"1:16 http.listen: no TLS"}},
	{"a certificate without key", "http: {tls: {cert: x}}\n", []string{"1:20 http.tls.cert: without its key"}},
	{"a key without certificate", "http: {tls: {key: x}}\n", []string{"1:19 http.tls.key: without a certificate"}},
	{"certificates that are not there", "http: {tls: {cert: /no/cert, key: /no/key}}\n", []string{"1:20 http.tls.cert: there is no file /no/cert", "1:35 http.tls.key: there is no file /no/key"}},
	{"a client authority alone", "http: {tls: {client_ca: x}}\n", []string{"1:25 http.tls.client_ca: without TLS"}},

	{"a short token", "tokens: [{name: bot, token: abc, roles: [caller]}]\n", []string{"1:29 tokens[0].token: 16 to 256 characters"}},
	{"a token without anything", "tokens: [{name: bot}]\n", []string{"1:10 tokens[0].token: needs its secret", "1:10 tokens[0].roles: may nothing"}},
	{"an unknown role", "tokens: [{name: bot, token: 0123456789abcdef, roles: [caller, root]}]\n", []string{"1:63 tokens[0].roles[1]: \"root\" is not known"}},
	{"two tokens of one name", "tokens:\n  - {name: a, token: 0123456789abcdef, roles: [caller]}\n  - {name: a, token: 0123456789abcdeX, roles: [caller]}\n", []string{"3:12 tokens[1].name: the same as that of tokens[0]"}},
	{"a secret missing its file", "tokens: [{name: a, token_file: /no/such, roles: [admin]}]\n", []string{"1:32 tokens[0].token_file: there is no file"}},
	{"a secret given twice", "tokens: [{name: a, token: 0123456789abcdef, token_file: /no/such, roles: [admin]}]\n", []string{"1:57 tokens[0].token_file: given twice"}},

	{"no SIP listener", "sip: {listen: []}\n", []string{"1:15 sip.listen: needs an address"}},
	{"SIP over TLS without a certificate", "sip: {listen: [\"tls://127.0.0.1:5061\"]}\n", []string{"1:16 sip.listen[0]: needs a certificate"}},
	{"a key of SIP alone", "sip: {tls: {key: x}}\n", []string{"1:18 sip.tls.key: without a certificate"}},
	{"SIP over WebSocket", "sip: {listen: [\"wss://127.0.0.1:5061\"]}\n", []string{"1:16 sip.listen[0]: WebSocket is not available in this version"}},
	{"a SIP listener without scheme", "sip: {listen: [\"127.0.0.1:5060\"]}\n", []string{"1:16 sip.listen[0]: write it like udp://"}},
	{"a SIP listener by name", "sip: {listen: [\"udp://localhost:5060\"]}\n", []string{"1:16 sip.listen[0]: an IP address and a port"}},
	{"a wildcard without advertise", "sip: {listen: [\"udp://0.0.0.0:5060\"]}\nmedia: {ip: 0.0.0.0}\n", []string{"1:16 sip.listen[0]: set sip.advertise", "2:13 media.ip: set media.advertise"}},
	{"an address that is none", "media: {ip: here, advertise: there}\n", []string{"1:13 media.ip: not an IP address", "1:30 media.advertise: not an IP address"}},
	{"an address nobody can send to", "media: {advertise: 0.0.0.0}\n", []string{"1:20 media.advertise: nobody can send"}},
	{"ports that are no range", "media: {ports: 20000}\n", []string{"1:16 media.ports: not a range"}},
	{"an odd first port", "media: {ports: 20001-20100}\n", []string{"1:16 media.ports: begin with 20002"}},
	{"ports backwards", "media: {ports: 20100-20000}\n", []string{"1:16 media.ports: ends before it begins"}},
	{"privileged ports", "media: {ports: 80-90}\n", []string{"1:16 media.ports: below 1024"}},
	{"SIP among the ports for RTP", "media: {ports: 5000-6000}\n", []string{"1:16 media.ports: holds port 5060"}},
	{"an unknown codec", "media: {codecs: [pcma]}\n", []string{"1:18 media.codecs[0]: did you mean PCMA?"}},

	{"a trunk without anything", "trunks:\n  - {}\n", []string{"2:5 trunks[0].name: a name is needed", "2:5 trunks[0].uri: is needed"}},
	{"realm", "trunks:\n  - name: m\n    uri: sip:h\n    realm: " + strings.Repeat("r", 300) + "\n", []string{"4:12 trunks[0].realm: a realm has at most 256 bytes"}},
	{"registration", "trunks:\n  - name: m\n    uri: sip:h\n    register: true\n", []string{"2:5 trunks[0].username: a trunk with register: true needs the username that its registrar knows us by"}},
	{"a user in a trunk's address", "trunks: [{name: m, uri: \"sip:me:topsecret@host\"}]\n", []string{"1:25 trunks[0].uri: must not have a user part"}},
	{"a trunk over TLS that is not", "trunks: [{name: m, uri: \"sips:host;transport=tcp\"}, {name: n, uri: \"sip:host;transport=ws\"}]\n", []string{"1:25 trunks[0].uri: sips: means TLS", "1:68 trunks[1].uri: transport \"ws\" is not available"}},
	{"an authority that is not there", "trunks: [{name: m, uri: \"sips:host\", ca: /nowhere/ca.pem}]\n", []string{"1:42 trunks[0].ca: /nowhere/ca.pem"}},
	{"a trunk's address that is none", "trunks: [{name: m, uri: \"http://host\"}, {name: n, uri: \"sip:host:99999\"}, {name: o, uri: \"sip:[::1\"}]\n",
		[]string{"1:25 trunks[0].uri: does not begin with sip:", "1:56 trunks[1].uri: not a host with an optional port", "1:90 trunks[2].uri: not a host with an optional port"}},
	{"two trunks of one name", "trunks: [{name: m, uri: \"sip:h\"}, {name: m, uri: \"sip:i\"}]\n", []string{"1:42 trunks[1].name: the same as that of trunks[0]"}},
	{"a password without username", "trunks: [{name: m, uri: \"sip:h\", password: topsecret}]\n", []string{"1:10 trunks[0].username: without a username"}},
	{"networks", "trunks: [{name: m, uri: \"sip:h\", accept_from: [10.0.0.1/8, here, 0.0.0.0/0]}]\n",
		[]string{"1:48 trunks[0].accept_from[0]: did you mean 10.0.0.0/8?", "1:60 trunks[0].accept_from[1]: neither an address nor a network", "1:66 trunks[0].accept_from[2]: is everybody"}},
	{"caller numbers", "trunks: [{name: m, uri: \"sip:h\", numbers: [+7800, \"7800\", 7800]}]\n",
		[]string{"1:44 trunks[0].numbers[0]: not a number", "1:59 trunks[0].numbers[2]: the same as that of trunks[0].numbers[1]"}},
	{"limits of a trunk", "trunks: [{name: m, uri: \"sip:h\", max_calls: -1, max_cps: 1e9}]\n", []string{"1:45 trunks[0].max_calls: outside", "1:58 trunks[0].max_cps: outside"}},
	{"limits of a provider", "providers: [{name: m, kind: voice, max_calls: -1, max_cps: 1e9, report_timeout: 1s, match_header: \"X Y\"}]\n", []string{"1:47 providers[0].max_calls: outside", "1:60 providers[0].max_cps: outside", "1:81 providers[0].report_timeout: ", "1:99 providers[0].match_header: "}},

	{"an inbound number without flow", "inbound: [{number: \"7800\"}]\n", []string{"1:11 inbound[0]: the flow that runs is missing"}},
	{"an inbound trunk that is not there", "inbound: [{number: \"7800\", trunk: m, flow: {record: 1}}]\n", []string{"1:35 inbound[0].trunk: there is no trunk \"m\""}},
	{"a router that is not there", "inbound:\n  - number: \"7800\"\n    flow: {record: 1}\n    router: {provider: crm, budget: 20s, pause: 1ms, errors: -1}\n",
		[]string{"4:24 inbound[0].router.provider: there is no provider \"crm\"", "4:37 inbound[0].router.budget: 20s is outside", "4:49 inbound[0].router.pause: 1ms is outside", "4:62 inbound[0].router.errors: -1 is outside"}},
	{"a router without a provider", "inbound:\n  - number: \"7800\"\n    flow: {record: 1}\n    router: {fallback: \"group:sales\"}\n", []string{"4:13 inbound[0].router: the provider that is asked is missing"}},
	{"a flow with an unknown action", "inbound:\n  - number: 7800\n    flow:\n      record: 1460168\n      digits:\n        - {}\n        - {recrd: 5}\n",
		[]string{"7:11 inbound[0].flow.digits[1]: "}},
	{"a flow with an unknown option", "inbound:\n  - number: 7800\n    flow: {record: 1, lop: true}\n", []string{"3:23 inbound[0].flow.lop: "}},
	{"a flow with a key given twice", "inbound:\n  - number: 7800\n    flow: {record: 1, record: 2}\n", []string{"3:23 inbound[0].flow.record: given twice"}},
	{"an anchor in a flow", "inbound:\n  - number: 7800\n    flow: {record: &x 1}\n", []string{"3:20 inbound[0].flow.record: anchors"}},

	{"a webhook without anything", "webhooks: [{}]\n", []string{"1:12 webhooks[0].url: whole address", "1:12 webhooks[0].secret: whsec_"}},
	{"a webhook with a bad secret", "webhooks: [{url: \"http://h/x\", secret: topsecret}]\n", []string{"1:40 webhooks[0].secret: make one with"}},
	{"a webhook with an unknown type", "webhooks: [{url: \"http://h/x\", secret: whsec_Y2hhbmdlLW1lLWNoYW5nZS1tZQ==, types: [call.gone]}]\n", []string{"1:84 webhooks[0].types[0]: no event type"}},
	{"an exception of the guard", "egress: {allow: [10.0.0.0/8, \"http://x\"]}\n", []string{"1:30 egress.allow[1]: not a network"}},

	{"clips that are too short", "recordings: {min_duration: 3s}\n", []string{"1:28 recordings.min_duration: outside 7s"}},
	{"a first record_id", "recordings: {first_id: 0}\n", []string{"1:24 recordings.first_id: outside"}},
	{"a window", "dialer:\n  window: {from: \"9:00\", to: \"21:00\"}\n", []string{"2:11 dialer.window: two times of day"}},
	{"a window that is never open", "dialer: {window: {from: \"09:00\", to: \"09:00\"}}\n", []string{"1:18 dialer.window: never open"}},
	{"a window at night", "dialer: {window: {from: \"21:00\", to: \"09:00\"}}\n", []string{"1:18 dialer.window: the other way round"}},
	{"countries", "dialer: {countries: [ru, XX, RU, RU]}\n", []string{"1:22 dialer.countries[0]: not a country", "1:26 dialer.countries[1]: not a country", "1:34 dialer.countries[3]: the same"}},
	{"no countries", "dialer: {countries: []}\n", []string{"1:21 dialer.countries: no country may be called"}},
	{"times of a call", "dialer: {ring_timeout: 1s, max_duration: 9h}\n", []string{"1:24 dialer.ring_timeout: outside", "1:42 dialer.max_duration: outside"}},
	{"another sender", "sms: {sender: smpp}\n", []string{"1:15 sms.sender: write one of: file"}},
	{"a sender by HTTP without anything", "sms: {sender: http}\n", []string{"1:6 sms.http.url: is needed"}},
	{"a sender by HTTP that cannot be", "sms:\n  sender: http\n  http:\n    url: \"https://{{.To}}/topsecret\"\n    method: GET\n    body: topsecret\n    headers: {\"X y\": topsecret}\n    statuses: [200, 404]\n    success: {equals: ok}\n    timeout: 1m\n    parallel: 0\n",
		[]string{"4:10 sms.http.url: a host that is written out", "6:11 sms.http.body: a GET has no body", "7:22 sms.http.headers.X y: the name of a header", "8:21 sms.http.statuses[1]: can never mean",
			"9:14 sms.http.success: set path too", "10:14 sms.http.timeout: outside", "11:15 sms.http.parallel: outside"}},
	{"reports that nobody could read", "sms: {reports: {secret: topsecret, by: us, delivered: [], failed: [x]}}\n",
		[]string{"1:16 sms.reports: set both", "1:25 sms.reports.secret: a secret of an address", "1:40 sms.reports.by: write one of", "1:55 sms.reports.delivered: no status"}},
	{"a status with two meanings", "sms: {reports: {secret: topsecret-topsecret-topsecret, id: {path: id}, status: {path: s}, delivered: [\"2\"], failed: [\"1\", \"2\"]}}\n",
		[]string{"1:123 sms.reports.failed[1]: both delivered and failed"}},
	{"accounts", "accounts: [shop, main, shop, a b]\n", []string{"1:18 accounts[1]: always there", "1:24 accounts[2]: the same", "1:30 accounts[3]: a name has"}},
	{"accounts that are not there", "accounts: [shop]\ntokens: [{name: a, token: 0123456789abcdef, roles: [admin], account: shp, allow_from: [0.0.0.0/0]}]\ntrunks: [{name: m, uri: \"sip:h\", account: shop}]\ninbound: [{number: \"7\", trunk: m, account: main, flow: {record: 1}}]\n",
		[]string{"2:70 tokens[0].account: did you mean shop?", "2:88 tokens[0].allow_from[0]: is everybody", "4:44 inbound[0].account: cannot be of another"}},
	{"no streams", "http: {streams: {max: 0, per_token: -1}}\n", []string{"1:23 http.streams.max: 0 is outside", "1:37 http.streams.per_token: -1"}},
	{"events of an hour", "retention: {events: 1h}\n", []string{"1:21 retention.events: 1h0m0s is less than a day"}},
	{"caps of nothing", "dialer: {presets: {x: {window: {from: \"09:00\", to: \"20:00\"}, limits: {per_day: 1, counts: rings}}}}\n", []string{"1:91 dialer.presets.x.limits.counts: \"rings\" is counted by nobody; write attempts or talks"}},
	{"campaigns of an hour", "retention: {campaigns: 1h}\n", []string{"1:24 retention.campaigns: 1h0m0s is less than a day"}},
	{"an audit log of a minute", "retention: {audit: 1m}\n", []string{"1:20 retention.audit"}},

	{"a speech service beside a program", "recordings: {tts: {command: [say], url: \"ftp://x\", headers: {\"a b\": c}}}\n", []string{"1:41 recordings.tts.url: must begin with http", "1:41 recordings.tts.url: leave one of them out", "1:69 recordings.tts.headers.a b: the name of a header"}},
	{"a provider without anything", "providers: [{}]\n", []string{"1:13 providers[0].name: a name", "1:13 providers[0].url: is needed", "1:13 providers[0]: trunk", "1:13 providers[0].extension: not a number or extension"}},
	{"a provider's details", "trunks: [{name: m, uri: \"sip:h\"}]\nproviders:\n  - name: p\n    kind: http\n    url: \"https://{{.To}}.example\"\n    method: get\n    trunk: n\n    extension: \"201\"\n    ready: soon\n    timeout: 2m\n    expect_timeout: 1s\n    success: {equals: ok}\n    headers: {\"X y\": z}\n",
		[]string{"5:10 providers[0].url: a host that is written out", "6:13 providers[0].method: did you mean GET?", "7:12 providers[0].trunk: there is no trunk",
			"9:12 providers[0].ready: write one of", "10:14 providers[0].timeout: outside", "11:21 providers[0].expect_timeout: outside", "12:14 providers[0].success: set path too", "13:22 providers[0].headers.X y: the name of a header"}},
	{"a GET with a body", "trunks: [{name: m, uri: \"sip:h\"}]\nproviders: [{name: p, url: \"http://h\", method: GET, body: x, trunk: m, extension: e}]\n", []string{"2:59 providers[0].body: a GET has no body"}},
}

func TestEveryFaultIsToldWithItsPlace(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range faults {
		t.Run(c.name, func(t *testing.T) {
			cfg, problems := Parse("zvonar.yaml", []byte(c.yaml), nil)
			if cfg != nil {
				t.Fatal("the configuration was taken")
			}
			for i, p := range problems {
				if strings.Contains(p.Detail(), "topsecret") {
					t.Errorf("shows a secret: %s", p.Detail())
				}
				if i >= len(c.want) {
					t.Errorf("not expected: %s", p)
					continue
				}
				head, message, _ := strings.Cut(c.want[i], ": ")
				if got := fmt.Sprintf("%d:%d %s", p.Line, p.Column, p.Path); got != head || !strings.Contains(p.Message, message) {
					t.Errorf("got  %s: %s\nwant %s", got, p.Message, c.want[i])
				}
			}
			for _, missing := range c.want[min(len(problems), len(c.want)):] {
				t.Errorf("not told: %s", missing)
			}
		})
	}
}

func TestFaultsOfOneFileAreToldTogetherInTheirOrder(t *testing.T) {
	t.Chdir(t.TempDir())
	_, problems := Parse("z.yaml", []byte("zzz: 1\nnode: a b\nmedia:\n  ports: 1\n"), []string{"ZVONAR_NOPE=1"})
	var places []string
	for _, p := range problems {
		places = append(places, fmt.Sprintf("%s:%d", p.File, p.Line))
	}
	if got, want := strings.Join(places, " "), "z.yaml:1 z.yaml:2 z.yaml:4 environment:0"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAnExcerptPointsAtThePlaceAndHidesSecrets(t *testing.T) {
	t.Chdir(t.TempDir())
	_, problems := Parse("z.yaml", []byte("log: {level: loud}\ntokens: [{name: a b, token: topsecret0123456, roles: [admin]}]\n"), nil)
	if len(problems) != 2 {
		t.Fatal(problems)
	}
	want := "z.yaml:1:14: log.level: \"loud\" is not known; write one of: debug, info, warn, error\n" +
		"     1 | log: {level: loud}\n" +
		"       |              ^"
	if got := problems[0].Detail(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := problems[1].Detail(); strings.Contains(got, "topsecret") {
		t.Errorf("shows a secret: %s", got)
	}
}
