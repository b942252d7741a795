package client

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"zvonar/internal/calls"
)

// Problem is an answer that is not 2xx (RFC 9457).
type Problem struct {
	Type      string             `json:"type"` // "/problems/CODE"
	Title     string             `json:"title"`
	Status    int                `json:"status"`
	Detail    string             `json:"detail"`
	Errors    []calls.FieldError `json:"errors"`
	RequestID string             `json:"request_id"`
}

// maxProblem bounds how much of a refusal is read, in bytes.
const maxProblem = 1 << 20

// Code is the last part of Type, "" where the answer was no problem document.
func (p *Problem) Code() calls.Code {
	code, _ := strings.CutPrefix(p.Type, "/problems/")
	return calls.Code(code)
}

// Error is the sentence for people; Errors has the places.
func (p *Problem) Error() string {
	switch {
	case p.Detail != "":
		return p.Detail
	case p.Title != "":
		return p.Title
	}
	return fmt.Sprintf("the daemon answered with status %d", p.Status)
}

// problemOf reads a refusal. What is not a problem document (a proxy's page, a
// redirect) becomes one with the status alone.
func problemOf(res *http.Response) *Problem {
	p := &Problem{}
	b, err := io.ReadAll(io.LimitReader(res.Body, maxProblem))
	if err != nil || json.Unmarshal(b, p) != nil || p.Type == "" {
		p = &Problem{Detail: fmt.Sprintf("the answer was %d %s and no problem document; is this the address of a zvonar daemon?",
			res.StatusCode, http.StatusText(res.StatusCode))}
	}
	p.Status = res.StatusCode
	return p
}
