package calls

import (
	"errors"
	"fmt"
)

// Code is a machine-readable problem name; the API publishes it as
// /problems/CODE (DESIGN 4.3).
type Code string

// The problem codes.
const (
	CodeInvalidNumber        Code = "invalid-number"
	CodeDestinationForbidden Code = "destination-not-allowed"
	CodeUnknownRecording     Code = "unknown-recording"
	CodeRecordingNotApproved Code = "recording-not-approved"
	CodeRecordingTooShort    Code = "recording-too-short"
	CodeRecordingHasDigits   Code = "recording-has-digits"
	CodeBadAudio             Code = "bad-audio"
	CodeBadAction            Code = "bad-action"
	CodeTooManyDigits        Code = "too-many-digits"
	CodeRefConflict          Code = "ref-conflict"
	CodeIdempotencyConflict  Code = "idempotency-conflict"
	CodeForbiddenURL         Code = "forbidden-url"
	CodeInvalidField         Code = "invalid-field"
	CodeWrongState           Code = "wrong-state"
	CodeBadJSON              Code = "bad-json"
	CodeTooLarge             Code = "too-large"
	CodeUnauthorized         Code = "unauthorized"
	CodeForbidden            Code = "forbidden"
	CodeNotFound             Code = "not-found"
	CodeOverloaded           Code = "overloaded"
	CodeInternal             Code = "internal"
)

// FieldError locates one fault in a request body.
type FieldError struct {
	Location string `json:"location"` // "body.digits[3]"
	Message  string `json:"message"`
	Value    any    `json:"value,omitempty"`
}

// Error is a failure with a code for programs and a sentence for people.
type Error struct {
	Code   Code
	Detail string // a sentence that says what to do
	Fields []FieldError
	// Extra is merged into the problem document, e.g. measured_ms.
	Extra map[string]any
	Err   error // cause, for logs only, never shown
}

// Error makes *Error an error.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Detail, e.Err)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Detail)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf builds an Error.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// At adds the place of the fault and returns e.
func (e *Error) At(location string, value any) *Error {
	e.Fields = append(e.Fields, FieldError{Location: location, Message: e.Detail, Value: value})
	return e
}

// CodeOf is the code of err, or CodeInternal.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// ErrNotFound is what the store returns for a row that is not there.
var ErrNotFound = errors.New("not found")
