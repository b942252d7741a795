package salebot

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

const projectKey = "0123abcdEF_-key"

// platform is the API of the platform, written from the reference: it keeps clients,
// their variables and what bots were called back with, and can misbehave.
type platform struct {
	url string

	mu        sync.Mutex
	telephony map[string]int64 // clients of type 13 by number
	holders   map[string][]int64
	whatsapp  string
	nextID    int64
	variables map[int64]map[string]string
	callbacks []string // "client text"
	actions   []string
	faults    map[string]string // by action
	hung      chan struct{}     // gets one, if there is room, when a request begins to hang
}

func newPlatform(t testing.TB) *platform {
	p := &platform{telephony: map[string]int64{}, holders: map[string][]int64{}, nextID: 500, variables: map[int64]map[string]string{}, faults: map[string]string{}, hung: make(chan struct{}, 1)}
	srv := httptest.NewServer(p)
	t.Cleanup(srv.Close)
	p.url = srv.URL + "/api/"
	return p
}

func (p *platform) change(f func(*platform)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p)
}

// ServeHTTP implements http.Handler.
func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rest, ok := strings.CutPrefix(r.URL.Path, "/api/"+projectKey+"/")
	if !ok || r.Method != http.MethodPost {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.actions = append(p.actions, rest)
	switch fault := p.faults[rest]; fault {
	case "":
	case "html":
		_, _ = w.Write([]byte("<html>502</html>"))
		return
	case "429":
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	case "500", "404":
		w.WriteHeader(map[string]int{"500": 500, "404": 404}[fault])
		return
	case "hang":
		select {
		case p.hung <- struct{}{}:
		default:
		}
		_, _ = io.Copy(io.Discard, r.Body) // only then is a client that goes away noticed
		p.mu.Unlock()
		<-r.Context().Done()
		p.mu.Lock()
		return
	case "reset":
		panic(http.ErrAbortHandler)
	default: // the answer itself
		_, _ = w.Write([]byte(fault))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(p.answer(rest, r))
}

// answer does one action; p.mu is held.
func (p *platform) answer(action string, r *http.Request) any {
	type object = map[string]any
	if action == "load_clients" {
		var list []struct {
			PlatformID string `json:"platform_id"`
			GroupID    string `json:"group_id"`
			ClientType int    `json:"client_type"`
		}
		if json.NewDecoder(r.Body).Decode(&list) != nil || len(list) != 1 {
			return object{"status": "fail", "message": "bad list"}
		}
		p.nextID++
		if list[0].ClientType == typeTelephony {
			p.telephony[list[0].PlatformID] = p.nextID
		}
		return object{"status": "success", "items": []object{{"platform_id": list[0].PlatformID, "group_id": list[0].GroupID, "client_type": list[0].ClientType, "status": "success", "id": p.nextID}}}
	}
	var b struct {
		PlatformID string            `json:"platform_id"`
		Q          string            `json:"q"`
		ClientID   int64             `json:"client_id"`
		Message    string            `json:"message"`
		Variables  map[string]string `json:"variables"`
	}
	if json.NewDecoder(r.Body).Decode(&b) != nil {
		return object{"status": "fail", "message": "bad JSON"}
	}
	switch action {
	case "find_client_id_by_platform_id":
		if id := p.telephony[b.PlatformID]; id != 0 {
			return object{"status": "success", "client_id": id}
		}
		return object{"status": "client_not_found"}
	case "find_clients":
		if ids := p.holders[b.Q]; len(ids) > 0 {
			return object{"status": "success", "client_ids": ids}
		}
		return object{"status": "fail", "message": "nobody"}
	case "connected_channels":
		list := []object{{"type": "vk", "status": 1, "id": "7"}, {"type": "whatsapp", "status": 0, "id": "stopped"}}
		if p.whatsapp != "" {
			list = append(list, object{"type": "WhatsApp", "status": 1, "group_id": p.whatsapp})
		}
		return object{"status": "success", "channels": list}
	case "save_variables":
		if p.variables[b.ClientID] == nil {
			p.variables[b.ClientID] = map[string]string{}
		}
		for name, value := range b.Variables {
			p.variables[b.ClientID][name] = value
		}
		return object{"status": "success"}
	case "callback":
		p.callbacks = append(p.callbacks, fmt.Sprintf("%d %s", b.ClientID, b.Message))
		return object{"status": "success"}
	}
	return object{"status": "fail", "message": "no such action"}
}

// log are the actions asked for since it was read last.
func (p *platform) log() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := strings.Join(p.actions, " ")
	p.actions = nil
	return s
}

// told is what bots were called back with since it was read last.
func (p *platform) told() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := strings.Join(p.callbacks, "; ")
	p.callbacks = nil
	return s
}
