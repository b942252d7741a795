package timeline

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"zvonar/internal/calls"
)

// sentences has one entry for each published type of event (DESIGN 4.4).
var sentences = map[calls.EventType]func(calls.Event, data) string{
	calls.CallQueued: func(e calls.Event, d data) string {
		if e.Direction == calls.In {
			return sentence("call from", Clean(d.From), with("to ", d.To, ""))
		}
		return sentence("queued: call", Clean(d.To), with("as ", d.From, ""), d.clip("with "))
	},
	calls.CallHeld: func(_ calls.Event, d data) string {
		words := sentence("held back", with("(", d.Gate, ")"), with("until ", moment(d.Until), ""))
		return words + with(": ", d.Text, "")
	},
	calls.CallDialing: func(_ calls.Event, d data) string {
		again := ""
		if d.N > 1 {
			again = fmt.Sprintf("(attempt %d)", d.N)
		}
		return sentence("dialling", Clean(d.Target), with("over trunk ", d.Trunk, ""), with("as ", d.From, ""), again)
	},
	calls.CallRinging:    func(_ calls.Event, d data) string { return sentence("ringing", d.code()) },
	calls.CallEarlyMedia: func(_ calls.Event, d data) string { return sentence("audio before the answer", d.code()) },
	calls.CallAnswered: func(_ calls.Event, d data) string {
		who := "answered"
		if d.Leg == string(calls.RoleManager) {
			who = "the manager answered"
		}
		return sentence(who, "after "+seconds(d.RingMS), with("(", d.Codec, ")"))
	},
	calls.CallAMD: func(_ calls.Event, d data) string {
		words, known := verdicts[d.Verdict]
		if !known {
			words = Clean(d.Verdict)
		}
		return sentence("heard:", words, with("(", d.Cause, ")"))
	},
	calls.CallPlaybackStarted: func(_ calls.Event, d data) string { return sentence("playing", d.clip("")) },
	calls.CallPlaybackFinished: func(_ calls.Event, d data) string {
		return sentence("played", seconds(d.PlayedMS), d.clip("of ")+with(": ", playedTo(d.Reason), ""))
	},
	calls.CallDigit: func(_ calls.Event, d data) string {
		who := "pressed"
		if d.Leg == string(calls.RoleManager) {
			who = "the manager pressed"
		}
		return sentence(who, Clean(d.Digit), with("(", d.Via, ")"))
	},
	calls.CallAction: action,
	calls.CallBridging: func(_ calls.Event, d data) string {
		if d.Via == "refer" {
			return sentence("the trunk is asked to transfer the call to", Clean(d.To))
		}
		if d.Via == "replaces" {
			return sentence("the call is being taken over", with("by ", d.To, ""))
		}
		return sentence("ringing the manager", Clean(d.To))
	},
	calls.CallBridged: func(calls.Event, data) string { return "connected with the manager" },
	calls.CallUnbridged: func(_ calls.Event, d data) string {
		return sentence("connection with the manager ended after", seconds(d.TalkMS), with("by ", d.By, ""), with("(", plain(d.Reason), ")"))
	},
	calls.CallTransferred: func(_ calls.Event, d data) string { return sentence("transferred", with("to ", d.To, "")) },
	calls.CallRouted: func(_ calls.Event, d data) string {
		return sentence("the caller was looked up:", plain(d.Result), with("for ", d.Target, ""), with("(", d.Error, ")"))
	},
	calls.CallRecordingReady: func(_ calls.Event, d data) string {
		return sentence("the capture of the talk is ready,", seconds(d.DurationMS))
	},
	calls.CallNeedsAttention: func(_ calls.Event, d data) string { return "needs a person" + with(": ", plain(d.Why), "") },
	calls.CallCompleted:      completed,
	calls.ProviderCall:       provider,

	calls.SMSQueued: func(_ calls.Event, d data) string {
		return sentence("SMS queued for", Clean(d.To)) + with(": “", d.Text, "”")
	},
	calls.SMSSent:      func(_ calls.Event, d data) string { return sentence("SMS sent", with("to ", d.To, "")) },
	calls.SMSDelivered: func(_ calls.Event, d data) string { return sentence("SMS delivered", with("to ", d.To, "")) },
	calls.SMSFailed: func(_ calls.Event, d data) string {
		return sentence("SMS not sent", with("to ", d.To, "")) + with(": ", d.Error, "")
	},
	calls.NumberBlocked: func(_ calls.Event, d data) string {
		return sentence(Clean(d.Number), "is on the blacklist now", with("(by ", d.Source, ")")) + with(": ", d.Reason, "")
	},
	calls.NumberUnblocked: func(_ calls.Event, d data) string { return sentence(Clean(d.Number), "is off the blacklist") },

	calls.RecordingStarted: func(e calls.Event, d data) string {
		return sentence("recording", name(e), with("“", d.Title, "”"), "is on its way in")
	},
	calls.RecordingUploaded: func(e calls.Event, d data) string {
		return sentence("recording", name(e), with("“", d.Title, "”"), "was uploaded and waits for a moderator")
	},
	calls.RecordingApproved: func(e calls.Event, d data) string {
		return sentence("recording", name(e), "was approved", with("as ", d.RecordID.String(), ""))
	},
	calls.RecordingRejected: func(e calls.Event, d data) string {
		return sentence("recording", name(e), "was rejected") + with(": ", d.Reason, "")
	},
	calls.RecordingRevoked: func(e calls.Event, d data) string {
		return sentence("recording", name(e), "was revoked") + with(": ", d.Reason, "")
	},
	calls.RecordingClaimed: func(e calls.Event, d data) string {
		return sentence("recording", name(e), "is before a moderator") + with(": ", d.ClaimedBy, "")
	},
	calls.RecordingReleased: func(e calls.Event, d data) string {
		return sentence("recording", name(e), "is free for any moderator again")
	},
	calls.RecordingEndorsed: func(e calls.Event, d data) string {
		return sentence("recording", name(e), "has one approval and waits for the second")
	},
	calls.RecordingUndone: func(e calls.Event, d data) string {
		return sentence("the decision on recording", name(e), "was taken back", with("and it is ", d.State, " again"))
	},
	calls.RecordingWasArchived: func(e calls.Event, d data) string {
		return sentence("recording", name(e), "was archived: no new call may play it")
	},
	calls.RecordingRestored: func(e calls.Event, d data) string {
		return sentence("recording", name(e), "is back from the archive")
	},
	calls.RecordingDeleted: func(e calls.Event, d data) string {
		return sentence("recording", name(e), "was deleted: it was kept for as long as retention says")
	},
	calls.TrunkUp: func(e calls.Event, _ data) string { return sentence("trunk", name(e), "is up") },
	calls.TrunkDown: func(e calls.Event, d data) string {
		return sentence("trunk", name(e), "is down") + with(": ", d.Why, "")
	},

	calls.CampaignStarted: func(e calls.Event, _ data) string { return sentence("campaign", name(e), "started") },
	calls.CampaignPaused: func(e calls.Event, d data) string {
		return sentence("campaign", name(e), "paused") + with(": ", d.Reason, "")
	},
	calls.CampaignResumed:  func(e calls.Event, _ data) string { return sentence("campaign", name(e), "goes on") },
	calls.CampaignFinished: func(e calls.Event, _ data) string { return sentence("campaign", name(e), "finished") },
	calls.IntegrationAuth: func(e calls.Event, d data) string {
		return sentence(name(e), "refused our credentials") + with(": ", d.Error, "")
	},
}

// verdicts says who was heard on the line.
var verdicts = map[string]string{
	string(calls.VerdictHuman):        "a person",
	string(calls.VerdictMachine):      "a machine",
	string(calls.VerdictAnnouncement): "an announcement",
	string(calls.VerdictFax):          "a fax",
	string(calls.VerdictSilence):      "nobody",
	string(calls.VerdictUnknown):      "somebody or something, not clear who",
}

// actions says what each action does, and what it did.
var actions = map[string]struct{ does, did string }{
	string(calls.ActionRecord):  {"play recording", "goes on to recording"},
	string(calls.ActionManager): {"connect with", "connects with"},
	string(calls.ActionSMS):     {"send an SMS", "sends an SMS"},
	string(calls.ActionBlock):   {"put on the blacklist", "puts the number on the blacklist"},
	"transfer":                  {"hand over to", "hands over to"},
}

func action(_ calls.Event, d data) string {
	words, known := actions[d.Action]
	if !known {
		words.does, words.did = Clean(d.Action), Clean(d.Action)
	}
	value := ""
	if d.Action == string(calls.ActionRecord) || d.Action == string(calls.ActionManager) || d.Action == "transfer" {
		value = Clean(d.Value)
	}
	who := sentence("digit", Clean(d.Digit))
	if d.Digit == "" {
		who = "a request"
	}
	if d.Result == "failed" {
		return sentence(who, "could not", words.does, value) + with(": ", plain(d.Error), "")
	}
	return sentence(who, words.did, value)
}

// states says what a provider did.
var states = map[string]string{
	"requested": "is asked to call",
	"accepted":  "will call",
	"failed":    "refused",
	"unknown":   "gave no clear answer; the call may come all the same",
	"claimed":   "rang us",
	"foreign":   "tells of a call of its own",
}

func provider(_ calls.Event, d data) string {
	words, known := states[d.State]
	if !known {
		words = Clean(d.State)
	}
	return sentence("provider", Clean(d.Provider), words, with("at extension ", d.Extension, ""), with("(its call ", d.ProviderID, ")")) + with(": ", d.Error, "")
}

func completed(_ calls.Event, d data) string {
	words := sentence("over:", plain(d.Outcome), with("(", plain(d.Reason), ")"), d.code())
	if d.TalkMS > 0 {
		words += ", talked " + seconds(d.TalkMS)
	}
	if digits, ok := d.Digits.(string); ok {
		words += with(", digits ", digits, "")
	}
	return words + with(", ended by ", d.HangupBy, "")
}

// clip names the recording, after before.
func (d data) clip(before string) string {
	c := clip{d.RecordingID, d.RecordID}
	if d.Recording != nil {
		c = *d.Recording
	}
	switch id := c.RecordID.String(); {
	case id != "" && id != "0":
		return with(before+"recording ", id, "")
	default:
		return with(before+"recording ", c.RecordingID, "")
	}
}

func (d data) code() string {
	if d.SIPCode == 0 {
		return ""
	}
	return "(SIP " + strconv.Itoa(d.SIPCode) + ")"
}

// name is the part of the subject after the colon.
func name(e calls.Event) string {
	_, id, _ := strings.Cut(e.Subject, ":")
	return Clean(id)
}

// plain makes a word of a published list readable: no_answer → no answer.
func plain(word string) string { return strings.ReplaceAll(Clean(word), "_", " ") }

// playedTo says why a playback ended.
func playedTo(reason string) string {
	switch reason {
	case "end":
		return "to its end"
	case "digit":
		return "interrupted by a digit"
	case "hangup":
		return "hung up meanwhile"
	}
	return plain(reason)
}

func moment(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 MST")
}
