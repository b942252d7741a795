package voximplant

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// samples are the requests of the debug console. Those to the service are how its call
// lists are used by people, too.
var samples = []providers.Sample{
	{Method: "GetAccountInfo", Outgoing: true, Title: "Does the account's key work?", Body: `{}`},
	{Method: "StartScenarios", Outgoing: true, Title: "Start the scenario of a rule (a real session!)", Body: `{"rule_id": 1, "script_custom_data": "{\"to\":\"79004443322\"}"}`},
	{Method: "CreateCallList", Outgoing: true, Title: "Have Voximplant call a list by itself", Body: `{"rule_id": 1, "priority": 0, "max_simultaneous": 10, "num_attempts": 3, "interval_seconds": 300, "name": "October",
 "contacts": [{"phone": "79004443322", "name": "Anna", "__task_uuid": "order-1", "__start_execution_time": "06:00:00", "__end_execution_time": "18:00:00"}]}`},
	{Method: "AppendToCallList", Outgoing: true, Title: "Add tasks to a list", Body: `{"list_id": 1, "contacts": [{"phone": "79004443322", "name": "Boris", "__task_uuid": "order-2"}]}`},
	{Method: "GetCallLists", Outgoing: true, Title: "The lists of the account", Body: `{"is_active": true, "count": 20}`},
	{Method: "GetCallListDetails", Outgoing: true, Title: "How the tasks of a list get on", Body: `{"list_id": 1, "output": "json", "count": 100}`},
	{Method: "StopCallListProcessing", Outgoing: true, Title: "Stop a list", Body: `{"list_id": 1}`},
	{Method: "RecoverCallList", Outgoing: true, Title: "Go on with a list that was stopped", Body: `{"list_id": 1}`},
	{Method: "GetCallHistory", Outgoing: true, Title: "What became of sessions", Body: `{"from_date": "2026-11-21 00:00:00", "to_date": "2026-11-22 00:00:00", "with_calls": true, "with_records": true, "count": 20}`},
	{Method: "StartScenarios", Title: "Ask our facade for a call", Body: `{"rule_id": 1, "script_custom_data": "{\"to\":\"79004443322\"}"}`},
	{Method: "GetCallHistory", Title: "Ask our facade for the last calls", Body: `{"from_date": "2026-11-21 00:00:00", "to_date": "2026-11-22 00:00:00", "with_calls": true}`},
}

// methods are those that may be sent from the console.
var methods = func() map[string]bool {
	m := map[string]bool{}
	for _, s := range samples {
		m[s.Method] = m[s.Method] || s.Outgoing
	}
	return m
}()

// Test implements providers.Tester: body is an object of the parameters, by the names
// of the API; contacts, a list of objects, become the file of a call list.
func (c *client) Test(ctx context.Context, method string, body []byte) (*providers.Answer, error) {
	if !methods[method] {
		return nil, calls.Errorf(calls.CodeInvalidField, "the method %q is not sent from here", calls.Clean(method, 64))
	}
	f, file, err := parameters(body)
	if err != nil {
		return nil, err
	}
	return c.api.send(ctx, method, f, file, providers.Label{Test: true})
}

// parameters reads the object of a method's parameters.
func parameters(body []byte) (fields, []byte, error) {
	var given map[string]any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&given); err != nil {
		return nil, nil, calls.Errorf(calls.CodeBadJSON, "the parameters are an object: {\"rule_id\": 1}")
	}
	f := fields{}
	var file []byte
	for name, v := range given {
		if name == "contacts" {
			var err error
			if file, err = contactFile(v); err != nil {
				return nil, nil, calls.Errorf(calls.CodeInvalidField, "contacts: %v", err)
			}
			continue
		}
		text, err := parameter(v)
		if err != nil {
			return nil, nil, calls.Errorf(calls.CodeInvalidField, "%s: %v", calls.Clean(name, 64), err)
		}
		f.text(name, text)
	}
	return f, file, nil
}

// parameter writes a value as the API reads it: lists are joined by semicolons.
func parameter(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case json.Number:
		return v.String(), nil
	case bool:
		return fmt.Sprint(v), nil
	case []any:
		parts := make([]string, 0, len(v))
		for _, one := range v {
			text, err := parameter(one)
			if err != nil {
				return "", err
			}
			parts = append(parts, text)
		}
		return strings.Join(parts, ";"), nil
	}
	return "", fmt.Errorf("a parameter is a text, a number, a boolean or a list")
}

// contactFile writes the contacts of a list as the CSV that the API takes.
func contactFile(v any) ([]byte, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("must be a list of objects")
	}
	objects := make([]map[string]any, 0, len(list))
	for _, one := range list {
		o, ok := one.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("must be a list of objects")
		}
		objects = append(objects, o)
	}
	t, err := tableOf(objects)
	if err != nil {
		return nil, err
	}
	for i, row := range t.rows {
		if _, _, err := t.control(row); err != nil {
			return nil, fmt.Errorf("%d: %w", i, err)
		}
	}
	d, err := dialectOf("", "", "", "")
	if err != nil {
		return nil, err
	}
	return d.write(t), nil
}
