package store

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"zvonar/internal/calls"
)

// contactDoc is what differs from contact to contact in few lists, short: a
// million of them lie in the database.
type contactDoc struct {
	Variables map[string]string `json:"v,omitempty"`
	Record    calls.ClipID      `json:"r,omitempty"`
	Digits    [][]actionDoc     `json:"d,omitempty"`
	Manager   string            `json:"m,omitempty"`
	NotBefore *time.Time        `json:"b,omitempty"`
	Timezone  string            `json:"z,omitempty"`
	Error     string            `json:"e,omitempty"`
	Consent   *calls.Consent    `json:"c,omitempty"`
}

func packContact(c *calls.Contact) (string, error) {
	d := contactDoc{Variables: c.Variables, Record: c.Record, Digits: packDigits(c.Digits), Manager: c.Manager, NotBefore: storedPtr(c.NotBefore), Timezone: c.Timezone, Error: c.Error}
	if c.Consent != nil {
		consent := *c.Consent
		consent.At = storedPtr(consent.At)
		d.Consent = &consent
	}
	b, err := json.Marshal(d)
	return string(b), err
}

const contactColumns = `campaign, n, account, line, number, ref, state, zones, turn, doc, call_id, outcome, ended_at, result`

func scanContact(sc scanner) (*calls.Contact, error) {
	var c calls.Contact
	var doc, result string
	var ended int64
	if err := sc.Scan(&c.Campaign, &c.N, &c.Account, &c.Line, &c.Number, &c.Ref, &c.State, &c.Zones, &c.Turn, &doc, &c.CallID, &c.Outcome, &ended, &result); err != nil {
		return nil, err
	}
	var d contactDoc
	if err := json.Unmarshal([]byte(doc), &d); err != nil {
		return nil, err
	}
	if result != "" {
		if err := json.Unmarshal([]byte(result), &c.Result); err != nil {
			return nil, err
		}
	}
	c.Variables, c.Record, c.Digits, c.Manager, c.NotBefore, c.Timezone, c.Error = d.Variables, d.Record, unpackDigits(d.Digits), d.Manager, d.NotBefore, d.Timezone, d.Error
	c.Consent = d.Consent
	c.EndedAt = fromMicros(ended)
	return &c, nil
}

// Contact implements calls.ReadTx.
func (t *tx) Contact(account, campaign string, n int64) (*calls.Contact, error) {
	return one(t, scanContact, `SELECT `+contactColumns+` FROM contacts WHERE campaign = ? AND n = ? AND account = ?`, campaign, n, account)
}

// contactsMatching is what follows FROM contacts for a filter.
func contactsMatching(f calls.ContactFilter) (rest string, args []any) {
	var w where
	w.add("account = ?", f.Account)
	w.add("campaign = ?", f.Campaign)
	w.equal("state", string(f.State))
	w.equal("outcome", string(f.Outcome))
	w.equal("number", f.Number)
	if f.Ref != "" { // what ckey of a contact with a ref is made of: found in one step
		w.add("ckey = ?", (&calls.Contact{Ref: f.Ref}).Key())
	}
	w.add("n > ?", f.After)
	return w.sql() + ` ORDER BY n LIMIT ?`, append(w.args, limited(f.Limit, 2000))
}

// Contacts implements calls.ReadTx.
func (t *tx) Contacts(f calls.ContactFilter) ([]*calls.Contact, error) {
	rest, args := contactsMatching(f)
	return many(t, scanContact, `SELECT `+contactColumns+` FROM contacts`+rest, args...)
}

// firstInLine is the first contact that waits of the zone keys after one: the
// lines of a campaign are found by as many steps as there are.
const firstInLine = `SELECT zones, turn FROM contacts WHERE account = ? AND campaign = ? AND state = 'waiting' AND zones > ? ORDER BY zones, turn, n LIMIT 1`

// ContactLines implements calls.ReadTx.
func (t *tx) ContactLines(account, campaign string) (lines []calls.ContactLine, err error) {
	read := func(sc scanner) (l calls.ContactLine, err error) { err = sc.Scan(&l.Zones, &l.Turn); return l, err }
	for after := ""; ; {
		found, err := many(t, read, firstInLine, account, campaign, after)
		if err != nil || len(found) == 0 {
			return lines, err
		}
		lines, after = append(lines, found[0]), found[0].Zones
	}
}

const nextInLine = `SELECT ` + contactColumns + ` FROM contacts WHERE account = ? AND campaign = ? AND state = 'waiting' AND zones = ? AND turn <= ?
	ORDER BY turn, n LIMIT ?`

// NextContacts implements calls.ReadTx.
func (t *tx) NextContacts(account, campaign, zones string, now int64, limit int) ([]*calls.Contact, error) {
	return many(t, scanContact, nextInLine, account, campaign, zones, now, limited(limit, 1000))
}

// CountContacts implements calls.ReadTx.
func (t *tx) CountContacts(account, campaign string) (census calls.ContactCensus, err error) {
	census.ByZones = map[string]int64{}
	err = t.query(func(sc scanner) error {
		var zones string
		var n int64
		err := sc.Scan(&zones, &n)
		census.ByZones[zones] = n
		return err
	}, `SELECT zones, count(*) FROM contacts WHERE account = ? AND campaign = ? AND state = 'waiting' GROUP BY zones`, account, campaign)
	if err != nil {
		return census, err
	}
	census.Blocked, err = one(t, scalar[int64], `SELECT count(*) FROM blacklist b JOIN contacts c ON c.account = b.account AND c.number = b.number
		WHERE b.account = ? AND c.campaign = ? AND c.state = 'waiting'`, account, campaign)
	return census, err
}

// The zone keys of those who are left: of the line from its index alone, of the calls
// that are not over from their contacts. The campaign is looked up, for whose it is
// stands in no index of contacts.
const (
	leftInLine = `SELECT g.zones, g.n, (SELECT c.number FROM contacts c WHERE c.campaign = g.campaign AND c.state = 'waiting' AND c.zones = g.zones ORDER BY c.turn, c.n LIMIT 1), g.turn
		FROM (SELECT campaign, zones, count(*) AS n, min(turn) AS turn FROM contacts
			WHERE campaign = (SELECT id FROM campaigns WHERE id = ? AND account = ?) AND state = 'waiting' GROUP BY campaign, zones) g`
	leftInCalls = `SELECT c.zones, count(*), min(c.number), 0 FROM calls k JOIN contacts c ON c.call_id = k.id AND c.call_id <> ''
		WHERE k.account = ? AND k.campaign = ? AND k.campaign <> '' AND k.is_over = 0 GROUP BY c.zones`
)

// ContactsLeft implements calls.ReadTx.
func (t *tx) ContactsLeft(account, campaign string) ([]calls.ContactsLeft, error) {
	read := func(sc scanner) (l calls.ContactsLeft, err error) {
		err = sc.Scan(&l.Zones, &l.N, &l.Number, &l.Turn)
		return l, err
	}
	list, err := many(t, read, leftInLine, campaign, account)
	if err != nil {
		return nil, err
	}
	called, err := many(t, read, leftInCalls, account, campaign)
	for _, l := range called {
		i := slices.IndexFunc(list, func(m calls.ContactsLeft) bool { return m.Zones == l.Zones })
		if i < 0 {
			list = append(list, l)
			continue
		}
		list[i].N += l.N
	}
	return list, err
}

const lastDone = `SELECT ended_at FROM contacts WHERE account = ? AND campaign = ? AND ended_at > 0 ORDER BY ended_at DESC LIMIT 1`

// LastDone implements calls.ReadTx.
func (t *tx) LastDone(account, campaign string) (int64, error) {
	list, err := many(t, scalar[int64], lastDone, account, campaign)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	return list[0], nil
}

// DoneSince implements calls.ReadTx.
func (t *tx) DoneSince(account, campaign string, since int64) (int64, error) {
	return one(t, scalar[int64], `SELECT count(*) FROM contacts WHERE account = ? AND campaign = ? AND ended_at > 0 AND ended_at >= ?`, account, campaign, max(since, 1))
}

// rowsAtOnce is how many contacts one statement inserts; between two of them the
// unit looks whether somebody waits for it to end.
const (
	rowsAtOnce  = 16
	insertHead  = `INSERT INTO contacts (campaign, n, account, line, number, ref, ckey, state, zones, turn, doc) VALUES `
	insertRow   = `(?, ?, ?, ?, ?, ?, ?, 'waiting', ?, ?, ?)`
	insertTail  = ` ON CONFLICT (campaign, ckey) DO NOTHING`
	insertOne   = insertHead + insertRow + insertTail
	columnsEach = 10
)

var insertMany = insertHead + strings.Repeat(insertRow+", ", rowsAtOnce-1) + insertRow + insertTail

// AddContacts implements calls.Tx.
func (t *tx) AddContacts(account, campaign string, list []*calls.Contact) (taken, added int, err error) {
	last, err := many(t, scalar[int64], `SELECT n FROM campaign_counts WHERE account = ? AND campaign = ? AND name = ?`, account, campaign, calls.CountNext)
	if err != nil {
		return 0, 0, err
	}
	n := int64(0)
	if len(last) > 0 {
		n = last[0]
	}
	args := make([]any, 0, rowsAtOnce*columnsEach)
	for taken < len(list) && (taken == 0 || !t.awaited()) {
		size, query := rowsAtOnce, insertMany
		if len(list)-taken < rowsAtOnce {
			size, query = 1, insertOne
		}
		args = args[:0]
		for _, c := range list[taken : taken+size] {
			n++
			c.Account, c.Campaign, c.N, c.State = account, campaign, n, calls.ContactWaiting
			doc, err := packContact(c)
			if err != nil {
				return taken, added, err
			}
			args = append(args, campaign, n, account, c.Line, c.Number, c.Ref, c.Key(), c.Zones, c.Turn, doc)
		}
		k, err := t.exec(query, args...)
		if err != nil {
			return taken, added, err
		}
		taken, added = taken+size, added+int(k)
	}
	return taken, added, t.AddCounts(account, campaign, calls.CampaignCounts{calls.CountNext: int64(taken), calls.CountTotal: int64(added)})
}

// TakeContact implements calls.Tx.
func (t *tx) TakeContact(account, campaign string, n int64, callID string) error {
	err := changedOne(t.exec(`UPDATE contacts SET state = 'calling', call_id = ? WHERE account = ? AND campaign = ? AND n = ? AND state = 'waiting'`,
		callID, account, campaign, n))
	if err != nil {
		return err
	}
	return t.AddCounts(account, campaign, calls.CampaignCounts{calls.CountCalling: 1})
}

// DropContact implements calls.Tx.
func (t *tx) DropContact(account, campaign string, n int64, to calls.ContactState, why string) error {
	count := map[calls.ContactState]string{calls.ContactSkipped: calls.CountSkipped, calls.ContactFailed: calls.CountFailed}[to]
	if count == "" {
		return calls.Errorf(calls.CodeInternal, "a contact does not become %q that way", to)
	}
	c, err := t.Contact(account, campaign, n)
	if err != nil {
		return err
	}
	c.Error = why
	doc, err := packContact(c)
	if err != nil {
		return err
	}
	if err := changedOne(t.exec(`UPDATE contacts SET state = ?, doc = ? WHERE account = ? AND campaign = ? AND n = ? AND state = 'waiting'`,
		string(to), doc, account, campaign, n)); err != nil {
		return err
	}
	return t.AddCounts(account, campaign, calls.CampaignCounts{count: 1})
}

// PlaceContact implements calls.Tx.
func (t *tx) PlaceContact(account, campaign string, n, turn int64) error {
	return changedOne(t.exec(`UPDATE contacts SET turn = ? WHERE account = ? AND campaign = ? AND n = ? AND state = 'waiting'`, turn, account, campaign, n))
}

const contactsOfNumber = `SELECT ` + contactColumns + ` FROM contacts WHERE account = ? AND number = ? LIMIT ?`

// contacts erases the number from the lists of campaigns. Nobody calls it from
// there any more; that a line was there, and what came of it, stays.
func (x *erasure) contacts(limit int) (more bool, err error) {
	list, err := many(x.t, scanContact, contactsOfNumber, x.Account, x.Number, limit)
	for _, c := range list {
		if err == nil && c.State == calls.ContactWaiting {
			err = x.t.DropContact(c.Account, c.Campaign, c.N, calls.ContactSkipped, "")
		}
		if err == nil {
			_, err = x.t.exec(`UPDATE contacts SET number = ?, ref = ?, ckey = ?, zones = '', doc = '{}' WHERE account = ? AND campaign = ? AND n = ?`,
				calls.ErasedText, x.clean(c.Ref), "e"+strconv.FormatInt(c.N, 10), c.Account, c.Campaign, c.N)
		}
	}
	return len(list) > 0, err
}
