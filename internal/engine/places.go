package engine

import "fmt"

// actionPlace names action i of the n of a digit as calls.ParseDigits does.
func actionPlace(location string, digit, i, n int) string {
	at := fmt.Sprintf("%s[%d]", location, digit)
	if n > 1 {
		at = fmt.Sprintf("%s.actions[%d]", at, i)
	}
	return at
}

// placeInBody turns a place within a flow into one within the request.
func placeInBody(r CallRequest, place string) string {
	switch {
	case r.Flow != nil:
		return "body.flow." + place
	case place == "record":
		return "body.record_id"
	default:
		return "body." + place
	}
}
