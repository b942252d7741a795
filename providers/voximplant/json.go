package voximplant

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// writeJSON answers with v.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // who went away needs no answer
}

func itoa(n int) string { return strconv.Itoa(n) }
