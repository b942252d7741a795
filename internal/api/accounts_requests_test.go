package api

import ()

// A request for what is not the asker's: where its id goes, and what it sends.
// Every operation of the API with a path parameter or a body is in
// foreignRequests; one that is not there fails the test, so that nobody adds an
// endpoint without thinking of whose data it gives.
type foreignRequest struct {
	path string            // the path with the foreign id in it; "" where the operation has none
	body string            // a valid body; "" is none
	more map[string]string // bodies, or header pairs as "Name: value", that name a foreign id, with a word of the expected problem
	want int               // 0: 404
	why  string            // where want is no refusal
}

const freeCall = `"to":"79004443322"`

var foreignRequests = map[string]foreignRequest{
	"GET /v1/calls/{id}":         {path: "/v1/calls/foreign-call"},
	"GET /v1/calls/{id}/events":  {path: "/v1/calls/foreign-call/events"},
	"POST /v1/calls/{id}/hangup": {path: "/v1/calls/foreign-call/hangup"},
	"POST /v1/calls/{id}/transfer": {path: "/v1/calls/foreign-call/transfer", body: `{"target":"74951234567"}`,
		more: map[string]string{`{"target":"201@foreign-trunk"}`: "bad-action"}},
	"POST /v1/calls/{id}/play":            {path: "/v1/calls/foreign-call/play", body: `{"record_id":"own-recording"}`},
	"POST /v1/calls/{id}/dtmf":            {path: "/v1/calls/foreign-call/dtmf", body: `{"digits":"1"}`},
	"POST /v1/calls/{id}/record":          {path: "/v1/calls/foreign-call/record", body: `{"on":true}`},
	"POST /v1/calls/{id}/amd/rescore":     {path: "/v1/calls/foreign-call/amd/rescore"},
	"PUT /v1/calls/{id}/amd/label":        {path: "/v1/calls/foreign-call/amd/label", body: `{"label":"human"}`},
	"GET /v1/calls/{id}/amd/audio":        {path: "/v1/calls/foreign-call/amd/audio"},
	"GET /v1/calls/{id}/trace":            {path: "/v1/calls/foreign-call/trace"},
	"PUT /v1/watched-numbers/{number}":    {path: "/v1/watched-numbers/79004443322"},
	"DELETE /v1/watched-numbers/{number}": {path: "/v1/watched-numbers/79004443322"},
	"GET /v1/calls/{id}/recording":        {path: "/v1/calls/foreign-call/recording"},
	"POST /v1/calls/{id}/hold":            {path: "/v1/calls/foreign-call/hold", body: `{"on":true}`},
	"POST /v1/employees/{id}/subscribe":   {path: "/v1/employees/emp_foreign/subscribe"},
	"POST /v1/bot/beeline_call":           {body: `{"client_phone":"79004443322","user":"9990001122"}`, want: 200, why: "nobody of ours has that number: status 0"},
	"POST /v1/bridges": {body: `{"first":"74951234567","second":"79004443322"}`, want: 202, why: "a call of ours",
		more: map[string]string{
			`{"first":"201@foreign-trunk","second":"79004443322"}`:                   "bad-action",
			`{"first":"74951234567","second":"79004443322","record_id":7700077}`:     "unknown-recording",
			`{"first":"74951234567","second":"79004443322","trunk":"foreign-trunk"}`: "invalid-field",
			`{"first":"74951234567","second":"79004443322","from":"78009990000"}`:    "invalid-field",
		}},
	"POST /v1/calls": {body: `{` + freeCall + `,"recording_id":"own-recording","ref":"foreign-ref"}`, want: 202, why: "a ref is unique in an account: the foreign live call of this ref is none of ours",
		more: map[string]string{
			`{` + freeCall + `,"record_id":7700077}`:                                                                                        "unknown-recording",
			`{` + freeCall + `,"recording_id":"foreign-recording"}`:                                                                         "unknown-recording",
			`{` + freeCall + `,"recording_id":"own-recording","digits":[{"record":"7700077"}]}`:                                             "unknown-recording",
			`{` + freeCall + `,"recording_id":"own-recording","digits":[{"managerPhone":"201@foreign-trunk"}]}`:                             "bad-action",
			`{` + freeCall + `,"recording_id":"own-recording","trunk":"foreign-trunk"}`:                                                     "invalid-field",
			`{` + freeCall + `,"recording_id":"own-recording","from":"78009990000"}`:                                                        "invalid-field",
			`{` + freeCall + `,"recording_id":"own-recording","employee":"emp_foreign"}`:                                                    "invalid-field",
			`{` + freeCall + `,"recording_id":"own-recording","from":"` + foreignNumber + `"}`:                                              "invalid-field",
			`{` + freeCall + `,"recording_id":"own-recording","digits":[{"managerPhone":"group:foreign-group"}]}`:                           "bad-action",
			`{` + freeCall + `,"recording_id":"own-recording","provider":"foreign-provider"}`:                                               "invalid-field",
			`{` + freeCall + `,"flow":{"record":"own-recording","sms_record":7700077}}`:                                                     "unknown-recording",
			`{` + freeCall + `,"flow":{"record":"own-recording","manager":{"busy_record":7700077}}}`:                                        "unknown-recording",
			`{` + freeCall + `,"flow":{"record":"own-recording","digits":[{},{"record":"own-recording","digits":[{"record":"7700077"}]}]}}`: "unknown-recording",
		}},
	"DELETE /v1/calls":                                 {path: "/v1/calls?ref=foreign-ref", want: 200, why: "an empty list: nothing of this ref is ours"},
	"GET /v1/recordings/{id}":                          {path: "/v1/recordings/7700077"},
	"GET /v1/recordings/{id}/audio":                    {path: "/v1/recordings/foreign-recording/audio"},
	"GET /v1/recordings/{id}/peaks":                    {path: "/v1/recordings/7700077/peaks"},
	"POST /v1/recordings/{id}/approve":                 {path: "/v1/recordings/foreign-pending/approve"},
	"POST /v1/recordings/{id}/reject":                  {path: "/v1/recordings/foreign-pending/reject", body: `{"reason":"mine now"}`},
	"POST /v1/recordings/{id}/claim":                   {path: "/v1/recordings/foreign-pending/claim"},
	"POST /v1/recordings/{id}/release":                 {path: "/v1/recordings/foreign-pending/release"},
	"POST /v1/recordings/{id}/archive":                 {path: "/v1/recordings/foreign-recording/archive"},
	"POST /v1/recordings/{id}/restore":                 {path: "/v1/recordings/foreign-recording/restore"},
	"POST /v1/recordings/{id}/revoke":                  {path: "/v1/recordings/7700077/revoke", body: `{"reason":"mine now"}`},
	"POST /v1/recordings/{id}/undo":                    {path: "/v1/recordings/foreign-recording/undo"},
	"GET /v1/recordings/{id}/versions":                 {path: "/v1/recordings/foreign-recording/versions"},
	"GET /v1/recordings/{id}/history":                  {path: "/v1/recordings/foreign-recording/history"},
	"GET /v1/recordings/{id}/versions/{version}/audio": {path: "/v1/recordings/foreign-recording/versions/1/audio"},
	"POST /v1/recordings/import":                       {want: 422, why: "a form that names nothing that is there; this test sends none"},
	"POST /v1/recordings/{id}/versions":                {path: "/v1/recordings/foreign-recording/versions"},
	"POST /v1/recordings":                              {want: 422, why: "a form that names nothing that is there; this test sends none"},
	"POST /v1/fingerprints":                            {want: 422, why: "a form that names nothing that is there; this test sends none"},
	"POST /v1/fingerprints/test":                       {want: 422, why: "the same"},
	"DELETE /v1/fingerprints/{id}":                     {path: "/v1/fingerprints/foreign-fingerprint"},
	"GET /v1/blacklist/{number}":                       {path: "/v1/blacklist/" + foreignNumber},
	"DELETE /v1/blacklist/{number}":                    {path: "/v1/blacklist/" + foreignNumber},
	"PUT /v1/blacklist/{number}":                       {path: "/v1/blacklist/79990001133", body: `{"reason":"mine"}`, want: 201, why: "an entry of ours; the foreign one of the same number stays"},
	"POST /v1/blacklist/import":                        {body: "79990001144,mine\n", want: 200, why: "entries of ours; the foreign one of the same number stays"},
	"DELETE /v1/recordings/{id}":                       {path: "/v1/recordings/foreign-pending"},
	"GET /v1/employees/{id}":                           {path: "/v1/employees/emp_foreign"},
	"PUT /v1/employees/{id}":                           {path: "/v1/employees/emp_foreign", body: `{"name":"mine"}`},
	"DELETE /v1/employees/{id}":                        {path: "/v1/employees/emp_foreign"},
	"POST /v1/employees":                               {body: `{"name":"x","extension":"299"}`, want: 201, why: "an employee of ours; the foreign one of this extension stays", more: map[string]string{`{"name":"x","trunk":"foreign-trunk"}`: "invalid-field", `{"name":"x","record_id":"foreign-recording"}`: "unknown-recording"}},
	"GET /v1/groups/{id}":                              {path: "/v1/groups/foreign-group"},
	"PUT /v1/groups/{id}":                              {path: "/v1/groups/foreign-group", body: `{"members":["299"]}`},
	"DELETE /v1/groups/{id}":                           {path: "/v1/groups/foreign-group"},
	"POST /v1/groups":                                  {body: `{"name":"foreign-group","members":["emp_foreign"]}`, want: 422, why: "his employee is none of ours"},
	"GET /v1/numbers/{number}":                         {path: "/v1/numbers/" + foreignNumber},
	"PUT /v1/numbers/{number}":                         {path: "/v1/numbers/" + foreignNumber, body: `{"title":"mine"}`},
	"DELETE /v1/numbers/{number}":                      {path: "/v1/numbers/" + foreignNumber},
	"POST /v1/numbers/{number}/confirm":                {path: "/v1/numbers/" + foreignNumber + "/confirm", body: `{"by":"operator"}`},
	"POST /v1/numbers":                                 {body: `{"number":"79990001133","employee":"emp_foreign"}`, want: 422, why: "his employee is none of ours"},
	"POST /v1/attention/{id}/take":                     {path: "/v1/attention/evt_foreign/take"},
	"POST /v1/attention/{id}/done":                     {path: "/v1/attention/evt_foreign/done"},
	"DELETE /v1/webhooks/{id}":                         {path: "/v1/webhooks/foreign-webhook"},
	"GET /v1/webhooks/{id}/deliveries":                 {path: "/v1/webhooks/foreign-webhook/deliveries"},
	"POST /v1/webhooks/{id}/replay":                    {path: "/v1/webhooks/foreign-webhook/replay", body: `{"ids":["foreign-event"]}`},
	"POST /v1/webhooks/{id}/test":                      {path: "/v1/webhooks/foreign-webhook/test", body: `{}`},
	"POST /v1/webhooks/{id}/rotate":                    {path: "/v1/webhooks/foreign-webhook/rotate"},
	"PUT /v1/webhooks/{id}":                            {path: "/v1/webhooks/foreign-webhook", body: `{"url":"https://example.com/mine"}`},
	"PATCH /v1/webhooks/{id}":                          {path: "/v1/webhooks/foreign-webhook", body: `{"disabled":true}`},
	"GET /v1/webhooks/{id}":                            {path: "/v1/webhooks/foreign-webhook"},
	"POST /v1/webhooks":                                {body: `{"url":"https://192.0.2.1/mine"}`, want: 422, why: "the guard refuses the address; the body names nothing that is there"},
	"POST /v1/tokens/{id}/rotate":                      {path: "/v1/tokens/tok_foreign/rotate"},
	"DELETE /v1/tokens/{id}":                           {path: "/v1/tokens/tok_foreign"},
	"POST /v1/tokens":                                  {body: `{"name":"x","roles":["viewer"],"account":"foreign"}`, want: 422, why: "another account looks like none"},
	"GET /v1/sms/{id}":                                 {path: "/v1/sms/foreign-text"},
	"POST /v1/sms/{id}/report":                         {path: "/v1/sms/foreign-text/report", body: `{"state":"delivered"}`},
	"POST /v1/erasures":                                {body: `{"number":"` + "79990001133" + `"}`, want: -1, why: "erases in the asker's account only; the foreign rows are compared afterwards"},
}

// foreignQueries says what a query parameter may name. Each parameter of every
// list is tried with it; one that is not here fails the test.
var foreignQueries = map[string]string{
	"cursor": "foreign-zzz", "format": "json", "for": "10m", "limit": "500", "after": "0", "event": "foreign-event", "before": "9999", "types": "call.queued,sms.sent", "status": "queued", "outcome": "busy", "state": "pending", "order": "oldest",
	"to": foreignNumber, "ref": "foreign-ref", "series": "foreign-series", "campaign": "foreign-campaign", "call": "foreign-call", "account": foreign,
	"kind": "missed", "scope": "account", "days": "30", "group_by": "trunk,metadata.key", "zone": "UTC",
	"provider": "foreign-provider", "method": "foreign-method", "direction": "in", "call_id": "foreign-call",
	"trunk": "foreign-trunk", "rate": "16000", "points": "100",
	"actor": "foreign-actor", "action": "foreign", "object": "foreign-call", "number": foreignNumber, "from": "2026-01-01T00:00:00Z", "since": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z", "subject": "call:foreign-call",
}

// askOnce sends the request of the table and its variants.
func (h *house) askOnce(name, method string, known foreignRequest, path, token string) {
	h.t.Helper()
	url := known.path
	if url == "" {
		url = path
	}
	want := known.want
	if want == 0 {
		want = 404
	}
	if want < 404 && want > 0 && known.why == "" {
		h.t.Errorf("%s: say why this is no refusal", name)
	}
	header := as(token)
	if name != "POST /v1/bridges" { // whose calls are those of POST /v1/calls, which shows it
		header = append(header, "Idempotency-Key", "foreign-key")
	}
	got := h.do(method, url, known.body, header...)
	if got.code != want && want > 0 && got.code != 403 {
		h.t.Errorf("%s: %d, want %d: %s", name, got.code, want, got.body)
	}
	h.withoutForeign(name, got)
	for body, problem := range known.more {
		got := h.do(method, url, body, as(token)...)
		if got.code != 422 || got.problem() != problem {
			h.t.Errorf("%s with %s: %d %s; want 422 %s", name, body, got.code, got.body, problem)
		}
	}
}
