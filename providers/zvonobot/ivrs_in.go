package zvonobot

import (
	"encoding/json"
	"fmt"
	"strconv"

	"zvonar/internal/calls"
)

// recordIn is record{id} or record{text,gender} as it comes in.
type recordIn struct {
	ID     text    `json:"id"`
	Text   text    `json:"text"`
	Gender *number `json:"gender"`
}

// ivrIn is an item of ivrs as it comes in.
type ivrIn struct {
	Digit        number     `json:"digit"`
	Record       *recordIn  `json:"record"`
	RecordID     text       `json:"recordId"`
	OldRecordID  text       `json:"record_id"`
	ManagerPhone text       `json:"managerPhone"`
	SMSText      text       `json:"smsText"`
	NeedBlock    number     `json:"needBlock"`
	Recognize    number     `json:"recognize"`
	WebhookURL   text       `json:"webhookUrl"`
	Parameters   parameters `json:"webhookParameters"`
	IVRs         []ivrIn    `json:"ivrs"`
}

// parameters is webhookParameters: a text that holds JSON, or, from clients that
// do not know better, the JSON itself.
type parameters string

// UnmarshalJSON reads a string, or keeps any other JSON as its text.
func (p *parameters) UnmarshalJSON(b []byte) error {
	var s string
	switch {
	case string(b) == "null":
		*p = ""
	case json.Unmarshal(b, &s) == nil:
		*p = parameters(s)
	default:
		*p = parameters(b)
	}
	return nil
}

// field is a fault in a field of the request, in its client's own names.
type field struct{ name, message string }

// Error makes *field an error.
func (f *field) Error() string { return f.name + ": " + f.message }

func faulty(name, format string, args ...any) *field {
	return &field{name, fmt.Sprintf(format, args...)}
}

// menu is what a list of items comes to.
type menu struct {
	// block is the clip that is heard after a block; blocks and silent count the
	// blocking items with and without one: our flows have one clip for all.
	block          string
	blocks, silent int
}

// readMenu turns ivrs into a map of digits. clip says by which name our library knows
// a record of theirs.
func readMenu(items []ivrIn, clip func(text) (string, error)) (calls.DigitMap, string, error) {
	var m menu
	digits, err := m.read(items, "ivrs", 1, clip)
	if err != nil {
		return nil, "", err
	}
	if m.blocks > 0 && m.silent > 0 {
		return nil, "", faulty("ivrs", "needBlock with a record and needBlock without one cannot stand in one call: give all of them the same record, or none")
	}
	return digits, m.block, nil
}

func (m *menu) read(items []ivrIn, at string, depth int, clip func(text) (string, error)) (calls.DigitMap, error) {
	if depth > calls.MaxDepth {
		return nil, faulty("ivrs", "menus may be nested to a depth of %d", calls.MaxDepth)
	}
	var out calls.DigitMap
	seen := map[number]bool{}
	for i, it := range items {
		where := fmt.Sprintf("%s[%d]", at, i)
		if it.Digit < 0 || it.Digit > 9 || seen[it.Digit] {
			return nil, faulty("ivrs", "%s.digit must be 0 to 9, each once", where)
		}
		seen[it.Digit] = true
		actions, err := m.actions(it, where, depth, clip)
		if err != nil {
			return nil, err
		}
		for len(out) <= int(it.Digit) {
			out = append(out, nil)
		}
		out[it.Digit] = actions
	}
	return out, nil
}

// actions is what one digit does, in our order: an SMS, then a manager, then the clip
// or the block, which end a list.
func (m *menu) actions(it ivrIn, where string, depth int, clip func(text) (string, error)) (list []calls.Action, err error) {
	record, err := it.record(where)
	if err != nil {
		return nil, err
	}
	var name string
	if record != "" {
		if name, err = clip(record); err != nil {
			return nil, err
		}
	}
	switch {
	case it.Recognize.on():
		return nil, faulty("ivrs", "%s.recognize: speech is not recognised here, only digits", where)
	case name != "" && it.ManagerPhone != "":
		return nil, faulty("ivrs", "%s has both record and managerPhone: say one of them", where)
	case len(it.IVRs) > 0 && (name == "" || it.NeedBlock.on()):
		return nil, faulty("ivrs", "%s.ivrs: a menu below needs the record that reads it out, and no needBlock", where)
	}
	if it.SMSText != "" {
		list = append(list, calls.Action{Kind: calls.ActionSMS, Value: string(it.SMSText)})
	}
	if it.ManagerPhone != "" {
		list = append(list, calls.Action{Kind: calls.ActionManager, Value: string(it.ManagerPhone)})
	}
	if it.NeedBlock.on() {
		return append(list, calls.Action{Kind: calls.ActionBlock, Value: "1"}), m.blocked(name, where)
	}
	if name == "" {
		return list, nil
	}
	a := calls.Action{Kind: calls.ActionRecord, Value: name}
	if len(it.IVRs) > 0 {
		a.Digits, err = m.read(it.IVRs, where+".ivrs", depth+1, clip)
	}
	return append(list, a), err
}

// blocked notes what is heard after a block.
func (m *menu) blocked(name, where string) error {
	switch {
	case name == "":
		m.silent++
	case m.block != "" && m.block != name:
		return faulty("ivrs", "%s: all needBlock of one call have the same record", where)
	default:
		m.block = name
		m.blocks++
	}
	return nil
}

// record is the record of an item, in any spelling.
func (it ivrIn) record(where string) (text, error) {
	switch {
	case it.Record != nil && it.Record.ID != "":
		return it.Record.ID, nil
	case it.Record != nil && it.Record.Text != "":
		return "", faulty("ivrs", "%s.record.text: only the record of the call itself may be a text; make one of it with createRecord and name its id", where)
	case it.RecordID != "":
		return it.RecordID, nil
	}
	return it.OldRecordID, nil
}

// into puts one item without a menu below it into a map.
func (it ivrIn) into(m *calls.DigitMap, clip func(text) (string, error)) error {
	if clip == nil {
		clip = func(id text) (string, error) { return string(id), nil }
	}
	one, _, err := readMenu([]ivrIn{it}, clip)
	if err != nil {
		return err
	}
	for len(*m) < len(one) {
		*m = append(*m, nil)
	}
	(*m)[len(one)-1] = one[len(one)-1]
	return nil
}

// checkFlow has the domain check a flow: the values of actions and how deep it goes.
// A record may be missing where a text takes its place.
func checkFlow(record string, digits calls.DigitMap, block string, capture bool) (calls.Flow, error) {
	doc := map[string]any{"record": orText(record, "text"), "capture": capture}
	if len(digits) > 0 {
		doc["digits"] = digits
	}
	if block != "" {
		doc["block_record"] = block
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		return calls.Flow{}, err
	}
	flow, bad := calls.ParseFlow(raw, "ivrs")
	if bad != nil {
		return flow, faulty("ivrs", "%s", bad.Detail)
	}
	flow.Record = calls.ClipID(record)
	return flow, nil
}

// hookNode is an item as the sink of digits walks it: which digits tell of themselves,
// and which menu comes after which.
type hookNode struct {
	Digit      int        `json:"d"`
	Hook       bool       `json:"h,omitempty"`
	Parameters string     `json:"p,omitempty"`
	Next       []hookNode `json:"n,omitempty"`
}

// hooksOf lists the addresses that digits are told to, in the order of their first
// item, with the tree of each.
func hooksOf(items []ivrIn, phone string) (urls []string, trees map[string][]hookNode) {
	seen := map[string]bool{}
	var find func([]ivrIn)
	find = func(items []ivrIn) {
		for _, it := range items {
			if u := string(it.WebhookURL); u != "" && !seen[u] {
				seen[u] = true
				urls = append(urls, u)
			}
			find(it.IVRs)
		}
	}
	find(items)
	trees = map[string][]hookNode{}
	for _, u := range urls {
		trees[u] = treeFor(items, u, phone)
	}
	return urls, trees
}

func treeFor(items []ivrIn, url, phone string) (out []hookNode) {
	for _, it := range items {
		n := hookNode{Digit: int(it.Digit), Next: treeFor(it.IVRs, url, phone)}
		if string(it.WebhookURL) == url {
			n.Hook, n.Parameters = true, filled(string(it.Parameters), phone)
		}
		out = append(out, n)
	}
	return out
}

// walk finds the item that the last of some digits chose; nil: none did. A digit that
// means nothing leaves the menu as it is, and so does one with no menu below.
func walk(tree []hookNode, digits string) *hookNode {
	at := tree
	var last *hookNode
	for _, d := range digits {
		last = nil
		for i := range at {
			if strconv.Itoa(at[i].Digit) == string(d) {
				last = &at[i]
			}
		}
		if last != nil && len(last.Next) > 0 {
			at = last.Next
		}
	}
	return last
}
