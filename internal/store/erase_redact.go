package store

import (
	"encoding/json"
	"strings"

	"zvonar/internal/calls"
)

// forget takes the customer out of c and leaves what the call was like.
func forget(c *calls.Call) {
	person := &c.To
	if c.Direction == calls.In {
		person = &c.From
	}
	*person = calls.ErasedText
	c.Metadata, c.Consent, c.Variables = nil, nil, nil
	for id, ref := range c.Flow.Clips {
		if ref.Spoken() {
			ref.Text = calls.ErasedText
			c.Flow.Clips[id] = ref
		}
	}
	erase := func(s *string) {
		if *s != "" {
			*s = calls.ErasedText
		}
	}
	erase(&c.ProviderCallID)
	erase(&c.WebhookURL)
	if c.Hold != nil {
		erase(&c.Hold.Text)
	}
	for i := range c.Actions {
		erase(&c.Actions[i].Error)
		if c.Actions[i].Action == string(calls.ActionSMS) {
			erase(&c.Actions[i].Value)
		}
	}
	forgetTexts(c.Flow.Digits)
}

func forgetTexts(m calls.DigitMap) {
	for _, list := range m {
		for i := range list {
			if list[i].Kind == calls.ActionSMS {
				list[i].Value = calls.ErasedText
			}
			forgetTexts(list[i].Digits)
		}
	}
}

// redactor takes one number out of texts and documents.
type redactor struct{ number string }

// clean is s without the number.
func (r redactor) clean(s string) string { return strings.ReplaceAll(s, r.number, calls.ErasedText) }

// document is a JSON object without the number in its texts. Numbers are
// looked at below the key loose only: elsewhere their form is ours.
func (r redactor) document(doc, loose string) (string, error) {
	if !strings.Contains(doc, r.number) {
		return doc, nil
	}
	tree, err := readTree(doc)
	if err != nil {
		return "", err
	}
	object, _ := tree.(map[string]any)
	for key, v := range object {
		object[key] = r.tree(v, key == loose)
	}
	return writeTree(object)
}

// eventData is the data of an event without the number and, where whole, with
// nothing of the person: of what it tells only keptFields stay.
func (r redactor) eventData(data string, whole, ofCall bool) (string, error) {
	if !whole && !strings.Contains(data, r.number) {
		return data, nil
	}
	tree, err := readTree(data)
	if err != nil {
		return "", err
	}
	if whole {
		tree = keep(tree, ofCall)
	}
	return writeTree(r.tree(tree, true))
}

// tree takes the number out of every text, and with numbers also out of every
// number.
func (r redactor) tree(v any, numbers bool) any {
	switch v := v.(type) {
	case string:
		return r.clean(v)
	case json.Number:
		if numbers && strings.Contains(v.String(), r.number) {
			return calls.ErasedText
		}
	case []any:
		for i := range v {
			v[i] = r.tree(v[i], numbers)
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, member := range v {
			out[r.clean(key)] = r.tree(member, numbers)
		}
		return out
	}
	return v
}
