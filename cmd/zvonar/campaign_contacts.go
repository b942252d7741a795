package main

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/client"
)

type campaignContactsCmd struct {
	campaignID
	Contact string `arg:"" optional:"" help:"Show only this one, by its n or ref, and why it is not called; ref:57 is a ref that is a number." placeholder:"CONTACT"`
	State   string `help:"Only these: waiting, calling, done, skipped, failed." placeholder:"STATE"`
	Outcome string `help:"Only these: answered, busy, …" placeholder:"OUTCOME"`
	Number  string `help:"Only this number." placeholder:"NUMBER"`
	Why     bool   `help:"Tell of each why it is not called yet."`
	Limit   int    `help:"At most so many (default ${default})." default:"50" placeholder:"N"`
}

// Run lists contacts, or shows one.
func (c *campaignContactsCmd) Run(ctx context.Context, a *app) error {
	remote, err := c.client(a)
	if err != nil {
		return err
	}
	if c.Contact != "" {
		t, err := remote.Contact(ctx, c.ID, c.Contact)
		if err != nil {
			return err
		}
		if c.JSON {
			return a.json(t)
		}
		return showContact(a, t)
	}
	filter := url.Values{}
	for name, value := range map[string]string{"state": c.State, "outcome": c.Outcome, "number": c.Number} {
		if value != "" {
			filter.Set(name, value)
		}
	}
	if c.Why {
		filter.Set("why", "true")
	}
	list, err := remote.Contacts(ctx, c.ID, filter, c.Limit)
	if err != nil {
		return err
	}
	if c.JSON {
		return jsonLines(a, list)
	}
	head := []string{"N", "NUMBER", "REF", "STATE", "OUTCOME", "ATTEMPTS", "ENDED", "CALL"}
	if c.Why {
		head = append(head, "WHY")
	}
	rows := make([][]string, 0, len(list))
	for _, t := range list {
		row := []string{strconv.FormatInt(t.N, 10), t.Number, value(t.Ref), string(t.State), value(t.Outcome), strconv.Itoa(t.Attempts), stamp(t.EndedAt), value(t.CallID)}
		if c.Why {
			row = append(row, whyOf(t))
		}
		rows = append(rows, row)
	}
	return a.table(head, rows)
}

// whyOf is on one line why a contact is not called, or why no call could be made of it.
func whyOf(t client.Contact) string {
	switch {
	case t.Hold != nil:
		return holdLine(t.Hold)
	case t.Error != nil:
		return *t.Error
	}
	return ""
}

// holdLine is a hold on one line.
func holdLine(h *calls.HoldView) string {
	until := ""
	if !time.Time(h.Until).IsZero() {
		until = " until " + stamp(h.Until)
	}
	return string(h.Gate) + until + ": " + h.Text
}

// showContact tells all of a contact to a person.
func showContact(a *app, t client.Contact) error {
	lines := []string{fmt.Sprintf("contact %d is %s", t.N, t.State)}
	add := func(name, value string) {
		if value != "" {
			lines = append(lines, fmt.Sprintf("%-13s %s", name, value))
		}
	}
	add("number", t.Number)
	add("ref", value(t.Ref))
	add("why", whyOf(t))
	add("call", value(t.CallID))
	add("outcome", strings.TrimSuffix(value(t.Outcome)+", "+value(t.Reason), ", "))
	if t.Attempts > 0 {
		add("attempts", strconv.Itoa(t.Attempts))
	}
	add("answered", stamp(t.Answered))
	add("ended", stamp(t.EndedAt))
	add("talk", span(t.TalkMS))
	add("digits", t.Digits)
	add("verdict", value(t.Verdict))
	add("time zone", value(t.Timezone))
	add("not before", stamp(t.NotBefore))
	add("recording", value(t.RecordID))
	add("manager", value(t.Manager))
	if t.Consent != nil {
		add("consent", strings.Join(slices.DeleteFunc([]string{value(t.Consent.Basis), value(t.Consent.Category), stamp(t.Consent.At)}, func(s string) bool { return s == "" }), ", "))
	}
	for _, name := range slices.Sorted(maps.Keys(t.Variables)) {
		add("{"+name+"}", t.Variables[name])
	}
	for _, line := range lines {
		if err := a.say("%s", line); err != nil {
			return err
		}
	}
	return nil
}
