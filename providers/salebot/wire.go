package salebot

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// answer is what the platform says to a request: an object, whose status may be a
// failure in a 200.
type answer struct{ value any }

// readAnswer reads JSON; an error says that it is none.
func readAnswer(text []byte) (answer, error) {
	v, err := providers.ParseJSON(text)
	if err != nil {
		return answer{}, errors.New("the answer is not JSON")
	}
	return answer{v}, nil
}

// failure is why the platform did not do it; "": it did. missing: it has no such
// client.
func (a answer) failure() (words string, missing bool) {
	status, has := providers.Lookup(a.value, "status")
	status = strings.ToLower(calls.Clean(status, 100))
	switch {
	case !has || status == "success" || status == "ok" || status == "true" || status == "1":
		return "", false
	case status == "client_not_found":
		return status, true
	}
	if message, has := providers.Lookup(a.value, "message"); has {
		status += ": " + calls.Clean(message, 200)
	}
	// Not found as "order 5 not found" is a failure, and none of the client.
	return status, false
}

// client is the id in an answer of a search; 0: none. The ways of search name it
// differently.
func (a answer) client() int64 {
	for _, path := range []string{"client_id", "id", "client.id", "client_ids.0", "clients.0.id", "0.id", "0"} {
		if text, has := providers.Lookup(a.value, path); has {
			if id, err := strconv.ParseInt(text, 10, 64); err == nil && id > 0 {
				return id
			}
		}
	}
	return 0
}

// clients are the ids in the answer of find_clients.
func (a answer) clients() (ids []int64) {
	const most = 100
	for i := range most {
		text, has := providers.Lookup(a.value, "client_ids."+strconv.Itoa(i))
		if !has {
			break
		}
		if id, err := strconv.ParseInt(text, 10, 64); err == nil && id > 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

// made is the id in the answer of load_clients, whose only item it is.
func (a answer) made() (int64, bool) {
	for _, path := range []string{"items.0.id", "0.id"} {
		if text, has := providers.Lookup(a.value, path); has {
			if id, err := strconv.ParseInt(text, 10, 64); err == nil && id > 0 {
				return id, true
			}
		}
	}
	return 0, false
}

// messenger is the WhatsApp bot that is connected and started, or "": the answer of
// connected_channels is a list of channels somewhere in it, or an object by kinds.
func (a answer) messenger() string { return messengerIn(a.value, "", 0) }

func messengerIn(v any, under string, depth int) string {
	const deepest = 6
	if depth > deepest {
		return ""
	}
	switch x := v.(type) {
	case []any:
		for _, el := range x {
			if id := messengerIn(el, under, depth+1); id != "" {
				return id
			}
		}
	case map[string]any:
		kind := strings.ToLower(under)
		for _, name := range []string{"type", "client_type", "messenger", "channel"} {
			if text, has := providers.Lookup(x, name); has {
				kind = strings.ToLower(text)
				break
			}
		}
		status, _ := providers.Lookup(x, "status")
		if status == "1" && (strings.Contains(kind, "whatsapp") || kind == strconv.Itoa(typeWhatsApp)) {
			for _, name := range []string{"group_id", "bot_id", "id", "phone", "name"} {
				if id, has := providers.Lookup(x, name); has && id != "" && id != "null" {
					return id
				}
			}
		}
		for name, el := range x {
			if id := messengerIn(el, name, depth+1); id != "" {
				return id
			}
		}
	}
	return ""
}

// body is a request as JSON.
func body(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil { // our own plain values
		return []byte(`{}`)
	}
	return raw
}
