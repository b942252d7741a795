package sipuni

import (
	"encoding/hex"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

// Our calls have ids like call_01J…; software written for the service knows two
// others: orders are 32 hex digits, calls in events are seconds and a number with a
// dot between. All three are the same 128 bits, so nothing has to be remembered.

const callPrefix = "call_"

// entropyBits are the bits of an id behind its milliseconds.
const entropyBits = 80

// orderID is the id of a call as an answer to an order; "" where id is none of ours.
func orderID(id string) string {
	u, err := ulid.ParseStrict(strings.TrimPrefix(id, callPrefix))
	if err != nil {
		return ""
	}
	return hex.EncodeToString(u[:])
}

// eventID is the id of a call in events: 1419783130.15593…
func eventID(id string) string {
	u, err := ulid.ParseStrict(strings.TrimPrefix(id, callPrefix))
	if err != nil {
		return ""
	}
	ms := u.Time()
	rest := new(big.Int).SetUint64(ms % 1000)
	rest.Lsh(rest, entropyBits).Or(rest, new(big.Int).SetBytes(u.Entropy()))
	return strconv.FormatUint(ms/1000, 10) + "." + rest.String()
}

// callOfID is our call of an id in either form, or in our own; ok is false where it
// is none.
func callOfID(s string) (id string, ok bool) {
	const longest = 48
	if len(s) > longest {
		return "", false
	}
	var u ulid.ULID
	switch whole, fraction, dotted := strings.Cut(s, "."); {
	case dotted:
		sec, err := strconv.ParseUint(whole, 10, 40)
		rest, is := new(big.Int).SetString(fraction, 10)
		if err != nil || !is || rest.Sign() < 0 || strings.Trim(fraction, "0123456789") != "" {
			return "", false
		}
		ms := new(big.Int).Rsh(rest, entropyBits)
		if !ms.IsUint64() || ms.Uint64() > 999 || u.SetTime(sec*1000+ms.Uint64()) != nil {
			return "", false
		}
		low := new(big.Int).And(rest, new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), entropyBits), big.NewInt(1)))
		low.FillBytes(u[6:])
	case len(s) == hex.EncodedLen(len(u)):
		raw, err := hex.DecodeString(s)
		if err != nil {
			return "", false
		}
		copy(u[:], raw)
	default:
		parsed, err := ulid.ParseStrict(strings.TrimPrefix(s, callPrefix))
		if err != nil {
			return "", false
		}
		u = parsed
	}
	return callPrefix + u.String(), true
}

// lastIDAt is an id that no call made before t has behind it: where a list of calls,
// newest first, begins at t.
func lastIDAt(t time.Time) string {
	var u ulid.ULID
	if t.UnixMilli() <= 0 || u.SetTime(uint64(t.UnixMilli())) != nil {
		return ""
	}
	return callPrefix + u.String()
}
