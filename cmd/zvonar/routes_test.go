package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
)

// reached says by which command line an operation of the API is reached. FILE is a
// file that exists, NEW one that does not.
var reached = map[string]string{
	"POST /v1/calls":                                         "call --to 7 --record 1",
	"GET /v1/calls":                                          "calls list",
	"DELETE /v1/calls":                                       "calls cancel --ref r",
	"GET /v1/calls/{id}":                                     "calls show c",
	"GET /v1/calls/{id}/events":                              "calls follow c",
	"POST /v1/calls/{id}/hangup":                             "calls hangup c",
	"POST /v1/calls/{id}/transfer":                           "calls transfer c 201",
	"POST /v1/calls/{id}/play":                               "calls play c 1",
	"POST /v1/calls/{id}/dtmf":                               "calls dtmf c 1",
	"POST /v1/calls/{id}/record":                             "calls record c",
	"POST /v1/calls/{id}/hold":                               "calls hold c",
	"GET /v1/calls/{id}/recording":                           "calls audio c -",
	"GET /v1/calls/{id}/trace":                               "trace c",
	"POST /v1/calls/{id}/amd/rescore":                        "amd rescore c",
	"PUT /v1/calls/{id}/amd/label":                           "amd label c human",
	"GET /v1/amd/report":                                     "amd report",
	"GET /v1/amd/labels":                                     "amd export NEW",
	"POST /v1/bridges":                                       "bridge 201 7",
	"GET /v1/campaigns":                                      "campaign list",
	"POST /v1/campaigns":                                     "campaign create --record 1",
	"GET /v1/campaigns/{id}":                                 "campaign status m",
	"PATCH /v1/campaigns/{id}":                               "campaign set m --cps 1",
	"DELETE /v1/campaigns/{id}":                              "campaign delete m",
	"POST /v1/campaigns/{id}/start":                          "campaign start m",
	"POST /v1/campaigns/{id}/pause":                          "campaign pause m",
	"POST /v1/campaigns/{id}/resume":                         "campaign resume m",
	"POST /v1/campaigns/{id}/stop":                           "campaign stop m",
	"GET /v1/campaigns/{id}/preflight":                       "campaign preflight m",
	"POST /v1/campaigns/{id}/contacts":                       "campaign import m FILE",
	"GET /v1/campaigns/{id}/contacts":                        "campaign contacts m",
	"GET /v1/campaigns/{id}/contacts/{contact}":              "campaign contacts m 17",
	"GET /v1/campaigns/{id}/export":                          "campaign export m",
	"POST /v1/campaigns/{id}/contacts/{n}/skip":              "campaign skip m 17",
	"POST /v1/campaigns/{id}/contacts/{n}/move":              "campaign move m 17 front",
	"POST /v1/recordings":                                    "recordings add FILE",
	"GET /v1/recordings":                                     "recordings list",
	"GET /v1/recordings/{id}":                                "recordings show r",
	"DELETE /v1/recordings/{id}":                             "recordings cancel r",
	"GET /v1/recordings/{id}/audio":                          "recordings audio r -",
	"GET /v1/recordings/{id}/versions":                       "recordings versions r",
	"GET /v1/recordings/{id}/versions/{version}/audio":       "recordings audio r - --upload 2",
	"GET /v1/recordings/{id}/history":                        "recordings history r",
	"POST /v1/recordings/{id}/approve":                       "recordings approve r",
	"POST /v1/recordings/{id}/reject":                        "recordings reject r --reason x",
	"POST /v1/recordings/{id}/archive":                       "recordings archive r",
	"POST /v1/recordings/{id}/restore":                       "recordings restore r",
	"POST /v1/recordings/{id}/revoke":                        "recordings revoke r --reason x",
	"POST /v1/recordings/{id}/undo":                          "recordings undo r",
	"POST /v1/recordings/{id}/claim":                         "recordings claim r",
	"POST /v1/recordings/{id}/release":                       "recordings release r",
	"POST /v1/recordings/claim":                              "recordings queue --next",
	"GET /v1/fingerprints":                                   "fingerprints list",
	"POST /v1/fingerprints":                                  "fingerprints add FILE --meaning busy",
	"POST /v1/fingerprints/test":                             "fingerprints test FILE",
	"DELETE /v1/fingerprints/{id}":                           "fingerprints remove f",
	"GET /v1/blacklist":                                      "blacklist list",
	"GET /v1/blacklist/{number}":                             "blacklist check 7",
	"PUT /v1/blacklist/{number}":                             "blacklist add 7",
	"DELETE /v1/blacklist/{number}":                          "blacklist remove 7",
	"POST /v1/blacklist/import":                              "blacklist import FILE",
	"GET /v1/blacklist/export":                               "blacklist export",
	"GET /v1/employees":                                      "employees list",
	"POST /v1/employees":                                     "employees add n",
	"DELETE /v1/employees/{id}":                              "employees remove e",
	"GET /v1/groups":                                         "groups list",
	"POST /v1/groups":                                        "groups add n 201",
	"DELETE /v1/groups/{id}":                                 "groups remove g",
	"GET /v1/numbers":                                        "numbers list",
	"POST /v1/numbers":                                       "numbers add 7",
	"DELETE /v1/numbers/{number}":                            "numbers remove 7",
	"POST /v1/numbers/{number}/confirm":                      "numbers confirm 7",
	"GET /v1/attention":                                      "attention list",
	"POST /v1/attention/{id}/take":                           "attention take a",
	"POST /v1/attention/{id}/done":                           "attention done a",
	"GET /v1/stats":                                          "stats",
	"GET /v1/cdr":                                            "cdr export",
	"GET /v1/sms":                                            "sms list",
	"PUT /v1/watched-numbers/{number}":                       "trace watch 7",
	"DELETE /v1/watched-numbers/{number}":                    "trace unwatch 7",
	"GET /v1/watched-numbers":                                "trace watched",
	"GET /v1/subscriptions":                                  "subscriptions",
	"POST /v1/employees/{id}/subscribe":                      "subscriptions again e",
	"GET /v1/trunks":                                         "trunks",
	"GET /v1/providers":                                      "providers list",
	"GET /v1/providers/{name}/samples":                       "providers samples p",
	"POST /v1/providers/{name}/test":                         "providers test p m",
	"POST /v1/providers/{name}/sign":                         "providers sign p m",
	"GET /v1/providers/{name}/tls":                           "providers tls p",
	"PUT /v1/providers/{name}/tls":                           "providers tls p on",
	"POST /v1/providers/{name}/certificates":                 "providers certificates add p FILE",
	"DELETE /v1/providers/{name}/certificates/{fingerprint}": "providers certificates remove p f",
	"GET /v1/providers/{name}/certificate":                   "providers certificates own p",
	"GET /v1/exchanges":                                      "providers log",
	"GET /v1/keys":                                           "providers keys list",
	"POST /v1/keys":                                          "providers keys add mango n",
	"POST /v1/keys/{id}/rotate":                              "providers keys rotate k",
	"DELETE /v1/keys/{id}":                                   "providers keys revoke k",
	"GET /v1/webhooks":                                       "webhooks list",
	"POST /v1/webhooks":                                      "webhooks add http://h",
	"DELETE /v1/webhooks/{id}":                               "webhooks remove w",
	"POST /v1/webhooks/{id}/rotate":                          "webhooks rotate w",
	"GET /v1/webhooks/{id}/deliveries":                       "webhooks deliveries w",
	"POST /v1/webhooks/{id}/test":                            "webhooks test w --type call.digit",
	"POST /v1/webhooks/{id}/replay":                          "webhooks replay w --ids e",
	"GET /v1/tokens":                                         "tokens list",
	"POST /v1/tokens":                                        "tokens add n --role viewer",
	"POST /v1/tokens/{id}/rotate":                            "tokens rotate t",
	"DELETE /v1/tokens/{id}":                                 "tokens revoke t",
	"GET /v1/calls/{id}/amd/audio":                           "amd export NEW",
	"GET /v1/employees/{id}":                                 "employees set e --phone 7",
	"PUT /v1/employees/{id}":                                 "employees set e --phone 7",
	"GET /v1/groups/{id}":                                    "groups set g --ring 5s",
	"PUT /v1/groups/{id}":                                    "groups set g --ring 5s",
	"GET /v1/numbers/{number}":                               "numbers set 7 --pool p",
	"PUT /v1/numbers/{number}":                               "numbers set 7 --pool p",
	"GET /v1/webhooks/{id}":                                  "webhooks set w --off",
	"PUT /v1/webhooks/{id}":                                  "webhooks set w --off",
	"GET /v1/keys/{id}":                                      "providers keys set k --name n",
	"PUT /v1/keys/{id}":                                      "providers keys set k --name n",
	"POST /v1/recordings/{id}/versions":                      "recordings add FILE --version-of r",
	"GET /v1/sms/{id}":                                       "sms show s",
	"GET /v1/events":                                         "events --follow",
	"DELETE /v1/exchanges":                                   "providers log --clear",
	"GET /v1/audit":                                          "audit",
	"POST /v1/erasures":                                      "erase 7",
}

// unreached are operations without a command → why.
var unreached = map[string]string{
	"POST /v1/bot/zvonobot_call":        "a bot's spelling of POST /v1/calls",
	"POST /v1/bot/zvonobot_digits_call": "a bot's spelling of POST /v1/calls",
	"POST /v1/bot/beeline_call":         "a bot's spelling of POST /v1/calls",
	"POST /v1/sms/{id}/report":          "services that send texts report them",
	"GET /v1/recordings/{id}/peaks":     "what a screen draws",
	"POST /v1/recordings/import":        "zvonar recordings import asks it for each clip of an archive that zvonar recordings export wrote",
}

// Whoever adds an operation says how it is reached from the command line, or why not.
func TestEveryOperationIsReachedByACommand(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for path, methods := range published(t).Paths {
		for method := range methods {
			name := strings.ToUpper(method) + " " + path
			known[name] = true
			if (reached[name] == "") == (unreached[name] == "") {
				t.Errorf("%s has neither a command nor a reason to have none, or both", name)
			}
		}
	}
	for name, args := range reached {
		if !known[name] {
			t.Errorf("there is no %s", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkReached(t, name, args)
		})
	}
	for name := range unreached {
		if !known[name] {
			t.Errorf("there is no %s", name)
		}
	}
}

// checkReached runs a command until it asks for name.
func checkReached(t *testing.T, name, args string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	mux := http.NewServeMux()
	var seen atomic.Bool
	mux.HandleFunc(name, func(w http.ResponseWriter, _ *http.Request) {
		seen.Store(true)
		cancel()
		_, _ = io.WriteString(w, `{}`)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, page(`{"id":"x","call_id":"c","label":"human"}`))
	})
	s := httptest.NewServer(mux)
	defer s.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("number\n79161234567\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(args)
	for i, word := range words {
		switch word {
		case "FILE":
			words[i] = file
		case "NEW":
			words[i] = filepath.Join(dir, "new")
		}
	}
	words = slices.Concat(words, []string{"--api", s.URL, "--token", "secret"})
	var said bytes.Buffer
	run(ctx, words, strings.NewReader(""), &said, &said, nil)
	if !seen.Load() {
		t.Errorf("%s does not ask for %s: %s", args, name, said.String())
	}
}
