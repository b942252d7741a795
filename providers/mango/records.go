package mango

import (
	"net/url"
	"strconv"
	"time"
)

// The actions of a recording.
const (
	actionDownload = "download"
	actionPlay     = "play"
)

// recordLink is an address that gives the sound of a recording for a while, to
// whoever has it. The cabinet must allow such links.
func (c *client) recordLink(recording string) string {
	expires := c.house.Clock.Now().Add(time.Duration(c.set.RecordLife))
	return linkTo(c.set.URL, recording, actionDownload, c.set.Key, expires, signLink(c.set.Key, expires, recording, c.set.Salt))
}

// linkTo writes the address of a recording below base.
func linkTo(base, recording, action, key string, expires time.Time, signature string) string {
	return base + "queries/recording/link/" + url.PathEscape(recording) + "/" + action + "/" + url.PathEscape(key) + "/" +
		strconv.FormatInt(expires.Unix(), 10) + "/" + signature
}
