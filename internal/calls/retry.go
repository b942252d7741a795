package calls

// MayRetry says whether the callee may be rung through another target after an
// attempt that ended like this. It is the only judge of it: nobody is rung
// twice (DESIGN 5).
//
//   - A 101–199 was seen, or we sent CANCEL: somebody may have been rung.
//   - A 100 came: the INVITE is being worked on, so only a final response says
//     that it is over.
//   - A final response moves on only where it blames the trunk; what the callee
//     (or his network) answered is the answer.
//   - Nothing came at all: yes. Whatever comes late is cancelled or hung up by
//     the line.
func MayRetry(e Ending) bool {
	switch {
	case e.Answered, e.Progress, e.Rang, e.Canceled:
		return false
	case e.Code >= 300:
		return !Judge(e).Charged
	case e.Code >= 200, e.Trying:
		return false
	}
	return e.Transport || e.Timeout
}

// MayFollow says whether a redirection may be followed: a 300, 301 or 302 that
// was the first word about the callee. Whoever sent it rang nobody.
func MayFollow(e Ending) bool {
	switch {
	case e.Answered, e.Progress, e.Rang, e.Canceled, e.Timeout, e.Transport, e.Media:
		return false
	}
	return e.Code >= 300 && e.Code <= 302
}
