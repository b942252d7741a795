package salebot

// Types of the platform's clients.
const (
	typeTelephony = 13
	typeWhatsApp  = 6
)

// found is what the platform has answered so far of whose call it is; nil: not asked.
type found struct {
	telephony *int64  // client of telephony with this number; 0: there is none
	variables []int64 // clients with the number in a variable, as the platform lists them
	searched  bool    // variables was asked
	messenger *string // the connected WhatsApp bot; "": none is connected
}

// step is what to do next.
type step int

// The steps, in the order of the platform's own rule.
const (
	askTelephony step = iota // is there a telephony client?
	askVariables             // has anybody the number in a variable?
	askMessenger             // is a messenger connected?
	makeWhatsApp             // make a client of the messenger
	makeTelephony
	known // client is the one
)

// match is the platform's rule of whose call it is: the telephony client with the
// number; else the first of all clients who has it in any variable; else a new
// client, of WhatsApp where a messenger is connected, of telephony where none is. It
// says what to ask next until it knows.
func match(f found) (next step, client int64) {
	switch {
	case f.telephony == nil:
		return askTelephony, 0
	case *f.telephony != 0:
		return known, *f.telephony
	case !f.searched:
		return askVariables, 0
	case len(f.variables) > 0:
		return known, f.variables[0]
	case f.messenger == nil:
		return askMessenger, 0
	case *f.messenger != "":
		return makeWhatsApp, 0
	}
	return makeTelephony, 0
}

// numberOf writes a number as the platform wants it: digits only, the country's code
// first, eleven at least. ok is false where that cannot be.
func numberOf(s string) (n string, ok bool) {
	for _, r := range s {
		if r >= '0' && r <= '9' {
			n += string(r)
		}
	}
	const least, most = 11, 15
	switch {
	case len(n) == least && n[0] == '8':
		n = "7" + n[1:]
	case len(n) == least-1 && (n[0] == '9' || n[0] == '4' || n[0] == '8'):
		n = "7" + n
	}
	return n, len(n) >= least && len(n) <= most && n[0] != '0'
}
