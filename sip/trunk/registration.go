package trunk

import (
	"fmt"
	"time"
)

// Registration is what is known of a trunk that we register with.
type Registration struct {
	Wanted  bool      // the configuration asks for it
	Until   time.Time // when it ends unless it is refreshed; zero: we are not registered
	Since   time.Time // when the present state began
	Contact string    // the address that the registrar was told
	Error   string    // why the last REGISTER failed, in words; "": it did not
	Next    time.Time // when the next REGISTER is sent
}

// The times of a registration. A REGISTER without an answer is given up after
// RegisterPatience, in which it is repeated four times over UDP; the next one
// follows after at most maxRetry. So a registrar that comes back hears of every
// trunk within 10 s, whatever it missed.
const (
	RegisterPatience = 8 * time.Second
	DefaultExpires   = 10 * time.Minute
	MinExpires       = 30 * time.Second
	MaxExpires       = 24 * time.Hour

	firstRetry  = time.Second
	maxRetry    = 5 * time.Second
	firstRefuse = 30 * time.Second
	maxRefuse   = 10 * time.Minute
	maxAsked    = 10 * time.Minute // longest Retry-After that is heeded
	leastWait   = time.Second
)

// RefreshIn is when a registration that was granted for so long is refreshed:
// after 75 to 85 % of it, so that trunks which began together drift apart and
// several tries fit before it ends. random is in [0, 1).
func RefreshIn(granted time.Duration, random float64) time.Duration {
	return max(leastWait, time.Duration(float64(granted)*(0.75+0.10*random)))
}

// Trouble is why a REGISTER failed, as far as the next try depends on it.
type Trouble int

// The kinds of trouble.
const (
	Silent  Trouble = iota // no answer, no connection, no address
	Busy                   // 5xx, 408, 480…: it may work in a moment
	Refused                // 403, 404, a wrong password: asking often locks accounts
)

// RetryIn is how long to wait after the fails-th failure in a row (from 1).
// asked is the registrar's Retry-After, 0 where it gave none. random is in [0, 1).
func RetryIn(what Trouble, fails int, asked time.Duration, random float64) time.Duration {
	first, most := firstRetry, maxRetry
	if what == Refused {
		first, most = firstRefuse, maxRefuse
	}
	wait := first
	for range min(fails, 30) - 1 {
		if wait = 2 * wait; wait >= most {
			wait = most
			break
		}
	}
	// Half of it is chance, so that those who failed together come back apart.
	wait = wait/2 + time.Duration(float64(wait)/2*random)
	if asked > 0 {
		asked = min(asked, maxAsked)
		wait = max(wait, asked+time.Duration(float64(asked)/10*random))
	}
	return max(leastWait, wait)
}

// RegisterTrouble reads the final response to a REGISTER that is no 2xx.
func RegisterTrouble(code int) Trouble {
	switch {
	case code == 408 || code == 480 || code == 491 || code >= 500 && code < 600 && code != 501 && code != 505:
		return Busy
	}
	return Refused
}

// RegisterWords says why a REGISTER was refused, and what to do.
func RegisterWords(user, host string, code int, phrase string) string {
	answer := fmt.Sprintf("%s answers %d %s to REGISTER", host, code, phrase)
	switch code {
	case 401, 407:
		return answer + ": the password of " + user + " is wrong, or it is for another realm; check username, password and realm"
	case 403:
		return answer + " for " + user + ": check username and password; the operator may allow other addresses only, or have locked the account"
	case 404, 410:
		return answer + ": it does not know " + user + "; check username and the host of uri"
	case 405, 501:
		return answer + ": it takes no registrations; write register: false"
	case 423:
		return answer + ": it wants a longer registration than it says; set register_expires"
	case 500, 502, 503, 504, 600, 603:
		return answer + ": it is overloaded or broken; ask its operator if this lasts"
	}
	return answer
}
