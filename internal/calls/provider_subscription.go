package calls

import "time"

// Subscription is how an order for the events of a telephone stands at a provider
// that tells of its subscribers by subscriptions.
type Subscription struct {
	Account  string // "" : of the whole provider
	Provider string
	Employee string // id; "": of everybody, or of our own user agent
	Target   string // the subscriber, as the provider is asked; "": everybody
	ID       string // the provider's; "": there is none
	State    SubscriptionState
	Words    string    // why it is not active, for whoever has to mend it
	Expires  time.Time // zero: there is none
}

// SubscriptionState is where it stands.
type SubscriptionState string

// The states.
const (
	SubscriptionWanted SubscriptionState = "wanted" // not ordered yet
	SubscriptionActive SubscriptionState = "active" // events come
	SubscriptionLost   SubscriptionState = "lost"   // the provider ended it; it is ordered anew
	SubscriptionFailed SubscriptionState = "failed" // it could not be ordered; it is tried again
)
