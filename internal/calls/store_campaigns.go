package calls

// CampaignReads reads campaigns and their contacts.
type CampaignReads interface {
	Campaign(account, id string) (*Campaign, error)            // account "" = any
	Campaigns(CampaignFilter) ([]*Campaign, error)             // newest first
	CampaignCounts(account, id string) (CampaignCounts, error) // empty where there is none
	// LiveOfCampaign counts its calls that are not over, by status.
	LiveOfCampaign(account, id string) (map[Status]int64, error)
	// CampaignsWithCalls lists the campaigns, of every account, with calls that are
	// not over.
	CampaignsWithCalls() ([]CampaignName, error)

	Contact(account, campaign string, n int64) (*Contact, error)
	Contacts(ContactFilter) ([]*Contact, error) // by N ascending
	// ContactLines tells, for each zone key of the contacts that wait, the turn of
	// its first one.
	ContactLines(account, campaign string) ([]ContactLine, error)
	// NextContacts lists those in line of one zone key whose turn has come at now
	// (Unix microseconds), first of the line first, at most limit.
	NextContacts(account, campaign, zones string, now int64, limit int) ([]*Contact, error)
	// CountContacts counts those that wait, by zone key, and how many of them are
	// on the blacklist. It reads the whole line.
	CountContacts(account, campaign string) (ContactCensus, error)
	// ContactsLeft counts those that are not behind, by zone key: who waits, and whose
	// call is not over. It reads all of them: some hundred milliseconds for a million.
	ContactsLeft(account, campaign string) ([]ContactsLeft, error)
	// DoneSince counts the contacts whose call ended at or after t (Unix microseconds).
	DoneSince(account, campaign string, t int64) (int64, error)
	// LastDone is when the last call of a contact ended (Unix microseconds); 0: none did.
	LastDone(account, campaign string) (int64, error)
}

// CampaignWrites changes them.
type CampaignWrites interface {
	InsertCampaign(*Campaign) error
	UpdateCampaign(*Campaign) error
	// DeleteCampaign removes up to limit of its contacts or, where none is left,
	// the campaign itself; more tells whether anything is left.
	DeleteCampaign(account, id string, limit int) (more bool, err error)
	// AddCounts adds to the counts of a campaign.
	AddCounts(account, id string, c CampaignCounts) error

	// AddContacts adds contacts of one campaign that wait, gives each its N and
	// counts them. Those whose Key is there already are left out. Where other units
	// wait it stops early: taken says how many of the list it has dealt with.
	AddContacts(account, campaign string, list []*Contact) (taken, added int, err error)
	// TakeContact gives a contact that waits its call; ErrNotFound where it does
	// not wait any more: somebody else has it.
	TakeContact(account, campaign string, n int64, callID string) error
	// SettleContact brings what a call that is over came to into its contact and
	// into the counts, once however often it is told. Calls of no contact are
	// left alone.
	SettleContact(*Call) error
	// DropContact takes a contact that waits out of the line, skipped or failed,
	// and counts it; ErrNotFound where it does not wait.
	DropContact(account, campaign string, n int64, to ContactState, why string) error
	// PlaceContact moves a contact that waits to a turn; ErrNotFound where it does not wait.
	PlaceContact(account, campaign string, n, turn int64) error
}

// CampaignFilter selects campaigns. Zero fields do not filter.
type CampaignFilter struct {
	Account string
	State   CampaignState
	Live    bool   // running or paused, or with a time to start
	Cursor  string // id of the last one seen
	Limit   int
}

// ContactFilter selects contacts of one campaign. Zero fields do not filter.
type ContactFilter struct {
	Account, Campaign string
	State             ContactState
	Outcome           Outcome
	Number, Ref       string
	After             int64 // N of the last one seen
	Limit             int
}

// ContactLine is the line of one zone key.
type ContactLine struct {
	Zones string
	Turn  int64 // of the first one in it
}

// ContactCensus counts contacts that wait.
type ContactCensus struct {
	ByZones map[string]int64
	Blocked int64
}

// ContactsLeft are the contacts of one zone key that are not behind.
type ContactsLeft struct {
	Zones  string
	N      int64
	Number string // of one of them
	Turn   int64  // of the first that waits; 0 where none does
}

// CampaignName names a campaign.
type CampaignName struct{ Account, ID string }
