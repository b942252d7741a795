package cdr

import (
	"strconv"
	"strings"
	"time"
)

// The columns of Asterisk's Master.csv (cdr_csv.c, as of Asterisk 20 with
// loguniqueid=yes and loguserfield=yes): accountcode, src, dst, dcontext, clid,
// channel, dstchannel, lastapp, lastdata, start, answer, end, duration, billsec,
// disposition, amaflags, uniqueid, userfield. Texts are quoted, a quote in them is
// doubled; duration and billsec are not. Times are those of UTC (usegmtime=yes).

// dispositions say an outcome in Asterisk's words; what is not here is FAILED.
var dispositions = map[string]string{
	"answered": "ANSWERED", "machine": "ANSWERED", "fax": "ANSWERED",
	"busy": "BUSY", "rejected": "BUSY",
	"no_answer": "NO ANSWER", "missed": "NO ANSWER", "canceled": "NO ANSWER",
	"trunk_error": "CONGESTION",
}

// inQuotes is a text as it stands between quotes; a line is a record.
var inQuotes = strings.NewReplacer(`"`, `""`, "\r", " ", "\n", " ")

// asteriskLine is a record as cdr_csv writes it.
func asteriskLine(r Record) string {
	disposition := dispositions[r.Outcome]
	switch {
	case r.AnsweredAt != "": // whatever came of it
		disposition = "ANSWERED"
	case disposition == "":
		disposition = "FAILED"
	}
	channel, peer := "", channelOf(r.Trunk, r.CallID)
	if r.Direction == "in" {
		channel, peer = peer, ""
	}
	start := asteriskTime(r.CreatedAt)
	if r.RingingAt != "" {
		start = asteriskTime(r.RingingAt)
	}
	clid := r.From
	if clid != "" {
		clid = `"` + r.From + `" <` + r.From + `>`
	}
	var b strings.Builder
	quoted := func(list ...string) {
		for _, s := range list {
			b.WriteString(`"` + inQuotes.Replace(s) + `",`)
		}
	}
	data := ""
	if r.RecordID > 0 {
		data = strconv.FormatInt(r.RecordID, 10)
	}
	quoted(r.Account, r.From, r.To, "zvonar", clid, channel, peer, "Playback", data, start, asteriskTime(r.AnsweredAt), asteriskTime(r.EndedAt))
	b.WriteString(strconv.FormatInt((r.RingMS+r.TalkMS+999)/1000, 10) + "," + strconv.FormatInt(r.BillableMS/1000, 10) + ",")
	quoted(disposition, "DOCUMENTATION", r.CallID, r.Ref)
	return strings.TrimSuffix(b.String(), ",") + "\n"
}

// channelOf names a leg as Asterisk does.
func channelOf(trunk, call string) string {
	if trunk == "" {
		return ""
	}
	return "SIP/" + trunk + "-" + call[max(0, len(call)-8):]
}

// asteriskTime is 2026-11-21 09:30:00.
func asteriskTime(stamp string) string {
	t, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}
