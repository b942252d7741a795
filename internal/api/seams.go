package api

import (
	"context"
	"io"
	"net/url"

	"zvonar/internal/calls"
	"zvonar/internal/engine"
	"zvonar/internal/outbox"
	"zvonar/recordings"
)

// Engine is what the API asks of the engine; engine.API has these methods.
type Engine interface {
	Submit(ctx context.Context, r engine.CallRequest) (call *calls.Call, replayed bool, err error)
	Hangup(ctx context.Context, account, id string) (*calls.Call, error)
	Cancel(ctx context.Context, account, ref, series string) ([]*calls.Call, error)
	Transfer(ctx context.Context, account, id, target string) (*calls.Call, error)
	Play(ctx context.Context, account, id string, clip calls.ClipID) (*calls.Call, error)
	SendDigits(ctx context.Context, account, id string, role calls.Role, digits string) (*calls.Call, error)
	Hold(ctx context.Context, account, id string, role calls.Role, on bool) (*calls.Call, error)
	Record(ctx context.Context, account, id string, on bool) (*calls.Call, error)
	Why(c *calls.Call) *calls.Hold
	WhyContact(tx calls.ReadTx, c *calls.Campaign, t *calls.Contact) (*calls.Hold, error)
	Block(ctx context.Context, entry calls.BlockEntry) (added bool, err error)
	Unblock(ctx context.Context, account, number, scope string) (removed bool, err error)
	BlockMany(ctx context.Context, entries []calls.BlockEntry) (added int, err error)
}

// Recordings is the library of clips. Errors are *calls.Error where they are
// the asker's to mend.
type Recordings interface {
	// Add reads one clip from r, checks and stores it as pending.
	Add(ctx context.Context, account, title, actor string, system bool, r io.Reader) (*calls.Recording, error)
	// AddText has a text read aloud and takes it likewise.
	AddText(ctx context.Context, account, actor string, s recordings.Spoken) (*calls.Recording, error)
	// NewDictation names a recording that will be dictated, Draft writes its row,
	// Abandon ends it before it came to be.
	NewDictation(title string) (id string, err error)
	Draft(tx calls.Tx, account, title, actor, id, call string) (*calls.Recording, error)
	Abandon(ctx context.Context, account, id, actor string) error
	// AddVersion reads a new version of a recording likewise.
	AddVersion(ctx context.Context, account, id, actor string, r io.Reader) (*calls.Recording, error)
	// Import takes a recording of another zvonar with what was decided there.
	Import(ctx context.Context, account, actor string, m recordings.Imported, r io.Reader) (*calls.Recording, error)
	Approve(context.Context, recordings.Decision) (*calls.Recording, error)
	Reject(context.Context, recordings.Decision) (*calls.Recording, error)
	Archive(context.Context, recordings.Decision) (*calls.Recording, error)
	Restore(context.Context, recordings.Decision) (*calls.Recording, error)
	Revoke(context.Context, recordings.Decision) (*calls.Recording, error)
	// Undo takes the last decision back.
	Undo(ctx context.Context, account, id, actor string) (*calls.Recording, error)
	// Claim gives a pending recording to one moderator, ClaimNext the oldest that
	// waits for him, Release gives it back.
	Claim(ctx context.Context, account, id, actor string) (*calls.Recording, error)
	ClaimNext(ctx context.Context, account, actor string) (*calls.Recording, error)
	Release(ctx context.Context, account, id, actor string) (*calls.Recording, error)
	// Open gives the stored WAV, OpenWide its 16 kHz form; the caller closes it.
	Open(ctx context.Context, rec *calls.Recording) (io.ReadSeekCloser, error)
	OpenWide(ctx context.Context, rec *calls.Recording) (io.ReadSeekCloser, error)
	// Peaks gives its outline.
	Peaks(ctx context.Context, rec *calls.Recording, points int) (*recordings.Peaks, error)
}

// Jobs takes recordings in while nobody waits. Errors as of Recordings.
type Jobs interface {
	Add(ctx context.Context, account, title, actor string, system bool, r io.Reader) (*calls.Recording, error)
	AddText(ctx context.Context, account, actor string, s recordings.Spoken) (*calls.Recording, error)
	// Cancel ends a job; wrong-state where this node has none of this recording.
	Cancel(id, actor string) error
	// Progress is from 0 to 1; false: this node has no job of this recording.
	Progress(id string) (float64, bool)
}

// Fingerprints are the known announcements of accounts. Errors are *calls.Error
// where they are the asker's to mend.
type Fingerprints interface {
	// Add makes an announcement known by a recording of it.
	Add(ctx context.Context, account, actor, title string, meaning calls.Meaning, file calls.SoundFile) (*calls.Fingerprint, error)
	Remove(ctx context.Context, account, id string) error
	// Test tells what would be heard in a file.
	Test(ctx context.Context, account string, file calls.SoundFile) ([]calls.HeardAt, error)
}

// Texts takes delivery reports; outbox.SMS has these methods. Errors:
// calls.ErrNotFound, wrong-state.
type Texts interface {
	Report(ctx context.Context, account, id string, r outbox.TextReport) (*calls.SMS, error)
	ReportByProvider(ctx context.Context, providerID string, r outbox.TextReport) (*calls.SMS, error)
}

// TextReport is a delivery report as a service sent it.
type TextReport struct {
	ID        string // of the text
	Final     bool   // false: the text is on its way
	Delivered bool
	Error     string // the service's words
}

// TextCallback is how a service without a token tells of texts.
type TextCallback struct {
	Secret string // last part of the address
	OwnIDs bool   // reports name our ids, not the service's
	// Read understands one report; its errors' words are sent back.
	Read func(contentType string, body []byte, query url.Values) (TextReport, error)
}

// URLGuard decides whether a URL that arrived by API may be spoken to. The
// error says why not.
type URLGuard interface {
	Check(ctx context.Context, url string) error
}

// TrunkTarget is one address of a trunk.
type TrunkTarget struct {
	Address string      `json:"address" example:"192.0.2.1:5060"`
	State   string      `json:"state" enum:"up,down,unknown"`
	Since   calls.Stamp `json:"since"`
	RTTMS   float64     `json:"rtt_ms" doc:"of the last OPTIONS that was answered; 0: none was"`
	Error   string      `json:"error"`
}

// TrunkStatus is one trunk as GET /v1/trunks shows it.
type TrunkStatus struct {
	Name     string        `json:"name"`
	URI      string        `json:"uri"`
	Numbers  []string      `json:"numbers" nullable:"false" doc:"caller numbers; the first is used where a call names none"`
	Codecs   []string      `json:"codecs" nullable:"false"`
	MaxCalls int           `json:"max_calls" doc:"channels; 0 is no limit"`
	MaxCPS   float64       `json:"max_cps" doc:"new calls a second; 0 is no limit"`
	Calls    int           `json:"calls" doc:"channels in use now"`
	State    string        `json:"state" enum:"up,down,unknown" doc:"whether it can be used; unknown: nothing has shown it yet, calls are tried"`
	Reason   string        `json:"reason" doc:"why it is not up, and what to do"`
	Register bool          `json:"register" doc:"whether we register with it"`
	Contact  string        `json:"contact" doc:"the address that its registrar was told"`
	Targets  []TrunkTarget `json:"targets" nullable:"false" doc:"its addresses, as the DNS orders them"`
	// RegisteredUntil is zero where we are not registered.
	RegisteredUntil calls.Stamp `json:"registered_until"`
	NextRegister    calls.Stamp `json:"next_register" doc:"when the next REGISTER is sent"`
	Account         string      `json:"-"` // whose calls it carries; "": everybody's
}
