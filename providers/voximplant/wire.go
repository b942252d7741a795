package voximplant

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// dateLayout is how the Management API writes times, in UTC.
const dateLayout = "2006-01-02 15:04:05"

// errorBody is an error of the API; it comes with HTTP 200.
type errorBody struct {
	Code int    `json:"code"`
	Msg  string `json:"msg"`
}

// envelope is what every answer may have; result is a number, a boolean or a list.
type envelope struct {
	Result json.RawMessage `json:"result,omitempty"`
	Error  *errorBody      `json:"error,omitempty"`
	Errors []errorBody     `json:"errors,omitempty"`
}

// fault is the error of an answer, or nil.
func (e *envelope) fault() *errorBody {
	if e.Error == nil && len(e.Errors) > 0 {
		return &e.Errors[0]
	}
	return e.Error
}

// yes reports whether result says that it was done: 1 or true.
func (e *envelope) yes() bool {
	said := strings.TrimSpace(string(e.Result))
	return said == "1" || said == "true"
}

// started is the answer of StartScenarios.
type started struct {
	Result    json.RawMessage `json:"result"`
	URL       string          `json:"media_session_access_url,omitempty"`
	SecureURL string          `json:"media_session_access_secure_url,omitempty"`
	Session   json.Number     `json:"call_session_history_id,omitempty"`
}

// session is one CallSessionInfo of GetCallHistory.
type session struct {
	ID         json.Number     `json:"call_session_history_id"`
	AccountID  json.Number     `json:"account_id,omitempty"`
	RuleName   string          `json:"rule_name,omitempty"`
	AppName    string          `json:"application_name,omitempty"`
	StartDate  string          `json:"start_date,omitempty"`
	Duration   *int64          `json:"duration,omitempty"` // seconds
	Finish     string          `json:"finish_reason,omitempty"`
	LogURL     string          `json:"log_file_url,omitempty"`
	CustomData string          `json:"custom_data,omitempty"`
	Calls      []sessionCall   `json:"calls,omitempty"`
	Records    []sessionRecord `json:"records,omitempty"`
}

// sessionCall is one CallInfo.
type sessionCall struct {
	ID           json.Number `json:"call_id"`
	StartTime    string      `json:"start_time,omitempty"`
	Duration     *int64      `json:"duration,omitempty"`
	LocalNumber  string      `json:"local_number,omitempty"`
	RemoteNumber string      `json:"remote_number,omitempty"`
	RemoteType   string      `json:"remote_number_type,omitempty"`
	Incoming     bool        `json:"incoming"`
	Successful   bool        `json:"successful"`
	RecordURL    string      `json:"record_url,omitempty"`
	EndReason    string      `json:"end_reason,omitempty"`
	CustomData   string      `json:"custom_data,omitempty"`
}

// sessionRecord is one Record.
type sessionRecord struct {
	ID        json.Number `json:"record_id"`
	StartTime string      `json:"start_time,omitempty"`
	Duration  *int64      `json:"duration,omitempty"`
	URL       string      `json:"record_url,omitempty"`
	FileSize  *int64      `json:"file_size,omitempty"`
}

// history is the answer of GetCallHistory.
type history struct {
	Result     []session `json:"result"`
	Count      int       `json:"count"`
	TotalCount *int      `json:"total_count,omitempty"`
	Timezone   string    `json:"timezone,omitempty"`
}

// fields are the parameters of a method. What is empty is left out, as the API asks.
type fields url.Values

func (f fields) text(name, value string) fields {
	if value != "" {
		f[name] = []string{value}
	}
	return f
}

func (f fields) number(name string, n int64) fields {
	if n != 0 {
		f[name] = []string{strconv.FormatInt(n, 10)}
	}
	return f
}

// flag writes a boolean as the API reads it.
func (f fields) flag(name string, on bool) fields {
	f[name] = []string{strconv.FormatBool(on)}
	return f
}

func (f fields) date(name string, t time.Time) fields {
	if !t.IsZero() {
		f[name] = []string{t.UTC().Format(dateLayout)}
	}
	return f
}

func (f fields) encode() string { return url.Values(f).Encode() }

// parseDate reads a time of the API; the zero time where it is none.
func parseDate(s string) time.Time {
	t, err := time.ParseInLocation(dateLayout, strings.TrimSpace(s), time.UTC)
	if err != nil {
		return time.Time{}
	}
	return t
}
